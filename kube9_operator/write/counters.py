"""What the writer counts for /metrics: only what is committed. No SQL, no clock."""

from collections import Counter

from kube9_operator.model.observation import EVENT_TYPES, SEVERITIES, Observation
from kube9_operator.model.tally import BY_NAMESPACE, BY_REASON, LAG, PROCESSING, FirstLabels, Tally
from kube9_operator.write.events.bounds import printable
from kube9_operator.write.sqlite.session import Participant

OPERATIONS = "kube9_database_operations_total"
ERRORS = "kube9_events_errors_total"
REDACTED = "kube9_secrets_redacted_total"
Begun = tuple[int, int, str, str]
"""Type, severity, namespace and reason of new events."""


class EventCounts(Participant):
    """Events that a transaction begins and updates, and the transactions. Published with each commit."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._first_labels = FirstLabels()
        self._begun: Counter[Begun] = Counter()
        self._updated = 0
        self._before: tuple[Counter[Begun], int] = (Counter(), 0)

    def event_begun(self, event_type: int, severity: int, namespace: str, reason: str) -> None:
        """Counts a new event."""
        self._begun[event_type, severity, namespace, reason] += 1

    def event_updated(self) -> None:
        """Counts an update of an event."""
        self._updated += 1

    def savepoint_begins(self) -> None:
        """Remembers what is counted up to here."""
        self._before = (self._begun.copy(), self._updated)

    def savepoint_rolled_back(self) -> None:
        """Goes back to what was counted when the savepoint began."""
        self._begun, self._updated = self._before

    def rolled_back(self) -> None:
        """Nothing of the transaction counts."""
        self._begun.clear()
        self._updated = 0

    def committed(self) -> None:
        """Adds what the transaction did to the figures of the process."""
        # Added up first: in a flood, the new events of a transaction have many reasons in many namespaces.
        begun: Counter[tuple[str, str, int]] = Counter()
        for (event_type, severity, namespace, reason), number in self._begun.items():
            begun["kube9_events_total", EVENT_TYPES[event_type], severity] += number
            begun[BY_NAMESPACE, namespace, severity] += number
            begun[BY_REASON, reason, severity] += number
        for (metric, label, severity), number in begun.items():
            labels = self._first_labels.bounded(metric, (printable(label), SEVERITIES[severity]))
            self._tally.add(metric, *labels, number=number)
        self._tally.add(OPERATIONS, "insert", number=self._begun.total())
        self._tally.add(OPERATIONS, "update", number=self._updated)
        self._tally.add(OPERATIONS, "commit")
        self.rolled_back()


class BatchCounts:
    """The figures of one batch, collected while it is applied and published after its commit."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._recorded_last_ms: list[int] = []
        self._redacted = 0

    def applied(self, observation: Observation, outcome: str) -> None:
        """Counts an observation and what became of it."""
        self._outcomes[outcome] += 1
        self._redacted += observation.redacted
        if outcome in ("stored", "updated"):
            self._recorded_last_ms.append(observation.last_ms)

    def redacted(self, number: int) -> None:
        """Counts secrets that were taken out of states."""
        self._redacted += number

    def publish(self, tally: Tally, seconds: float, now_ms: int) -> None:
        """Adds the figures to those of the process. The batch was committed `seconds` after it was taken."""
        if self._redacted:
            tally.add(REDACTED, number=self._redacted)
        tally.observe(LAG, *(max(0, now_ms - last_ms) / 1000 for last_ms in self._recorded_last_ms))
        if self._outcomes:
            tally.observe(PROCESSING, seconds)


def count_rollback(tally: Tally) -> None:
    """Counts a batch that was rolled back because the database could not be written."""
    tally.add(OPERATIONS, "rollback")
    tally.add(ERRORS, "database")


def count_missed(tally: Tally, number: int) -> None:
    """Counts Events that a list shows, and that the watch has not delivered."""
    tally.add(ERRORS, "missed", number=number)
