"""What is wrong with a watch, and what the log says about it."""

from kube9_operator import logs
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.supervise.messages import Problem
from kube9_operator.watch.answers import Meaning
from kube9_operator.watch.errors import ApiError, BrokenAnswer, CredentialsFailed, Expired, TlsFailed, Unreachable


class WatchProblem:
    """The problem of one watch.

    The supervisor logs it, once for all watches that have it. Lines about a single watch are logged at level debug.

    When a server goes away, every watch breaks off first. So a broken answer counts as a problem only if the next attempt gives
    one too. By then it is known whether the server is there.
    """

    def __init__(self, log: logs.Logger, source: str, clock: Clock = SYSTEM) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self.why = ""
        """What is wrong; '' if nothing is."""
        self._problem: Problem | None = None
        self._is_known = False
        """Whether anything is known about the watch since the process began."""
        self._was_refused = False
        self._times = 0
        self._since = 0.0

    def reported(self) -> dict[str, Problem | None]:
        """Returns what the supervisor is to log, under the name of the source; empty as long as nothing is known about it."""
        return {self._source: self._problem} if self._is_known else {}

    def failed(self, found: Meaning, error: ApiError) -> None:
        """Notes a failure, and what it means."""
        if not self._times:
            self._since = self._clock.monotonic()
        self._times += 1
        is_new, self.why = found.why != self.why, found.why
        if is_new:
            self._log.debug("watch.failed", why=found.why, error=logs.one_line(error))
        self._was_refused = isinstance(error, CredentialsFailed | TlsFailed | Unreachable) or (
            error.status >= 400 and not isinstance(error, Expired)
        )
        if not (is_new and isinstance(error, BrokenAnswer)):
            self._problem = Problem(found.why, logs.one_line(error), found.of_all)
            self._is_known = True

    def accepted(self) -> None:
        """Notes that the server has begun to answer the watch. A refusal is over then, and so is a server that could not be
        reached. What goes wrong within the answer is over when the watch delivers.
        """
        self._is_known = True
        if self._was_refused:
            self._problem = None

    def over(self) -> None:
        """Notes that the watch works."""
        if self._times:
            seconds = round(self._clock.monotonic() - self._since, 1)
            self._log.debug("watch.restored", why=self.why, times=self._times, seconds=seconds)
        self.why, self._problem, self._is_known, self._times = "", None, True, 0
