"""What has ended in a transaction (assessments, collections): it is counted and reported when the transaction is durable."""

from abc import abstractmethod
from typing import Generic, TypeVar

from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import AssessmentReport, CollectionReport
from kube9_operator.write.sqlite.session import Participant, Session

Run = TypeVar("Run")
Report = TypeVar("Report", AssessmentReport, CollectionReport)


class EndedRuns(Participant, Generic[Run, Report]):
    """The runs that have ended in the transaction."""

    def __init__(self, session: Session, link: Link) -> None:
        self._link = link
        self._ended: list[Run] = []
        self._ended_before = 0
        """How many had ended when the savepoint began."""
        self._report: Report | None = None
        session.register(self)

    @abstractmethod
    def report(self) -> Report:
        """Returns what the status ConfigMap and the metrics say."""

    @abstractmethod
    def count(self, run: Run) -> None:
        """Counts a run in the metrics."""

    def begin(self, _now_ms: int) -> None:
        """Forgets what had ended before."""
        self._ended.clear()

    def savepoint_begins(self) -> None:
        """Remembers what has ended."""
        self._ended_before = len(self._ended)

    def savepoint_rolled_back(self) -> None:
        """Forgets what has ended since."""
        del self._ended[self._ended_before :]

    def before_commit(self) -> None:
        """Makes the report, if there is something new."""
        self._report = self.report() if self._ended else None

    def committed(self) -> None:
        """Counts what has ended, and reports it."""
        for run in self._ended:
            self.count(run)
        if self._report:
            self._link.send(self._report)
