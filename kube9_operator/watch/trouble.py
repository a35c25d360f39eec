"""What is wrong with a watch at the moment, and what of it the log is to say."""

import time

from kube9_operator import logs
from kube9_operator.supervise.messages import Problem
from kube9_operator.watch.answers import Meaning
from kube9_operator.watch.client import CREDENTIALS, TLS, UNREACHABLE, ApiError

EXPIRED = 410


class Trouble:
    """The trouble of one watch. The supervisor says it in the log, once for all watches that have it; the lines of a single
    watch are for who debugs.

    A server that goes away breaks off every watch first. What breaks off is a problem only when that happens again: by then it
    is known whether the server is still there.
    """

    def __init__(self, log: logs.Logger, source: str) -> None:
        self._log = log
        self._source = source
        self.why = ""
        self._problem: Problem | None = None
        self._is_known = False
        """Whether anything is known of the watch since the process began."""
        self._is_of_asking = False
        self._times = 0
        self._since = 0.0

    def problems(self) -> dict[str, Problem | None]:
        """What the log is to say of this source, under its name; empty as long as nothing is known of it."""
        return {self._source: self._problem} if self._is_known else {}

    def begins(self, found: Meaning, error: ApiError) -> None:
        """Notes a failure, and what it means."""
        if not self._times:
            self._since = time.monotonic()
        self._times += 1
        is_new, self.why = found.why != self.why, found.why
        if is_new:
            self._log.debug("watch.trouble", why=found.why, error=logs.one_line(error))
        self._is_of_asking = error.status in (CREDENTIALS, TLS, UNREACHABLE) or 400 <= error.status != EXPIRED
        if not (is_new and error.status == 0):
            self._problem = Problem(found.why, logs.one_line(error), found.of_all)
            self._is_known = True

    def accepted(self) -> None:
        """Notes that the server has begun to answer the watch. Whoever was refused, or could not reach it, is not any more;
        what goes wrong in the answer is over when the watch delivers.
        """
        self._is_known = True
        if self._is_of_asking:
            self._problem = None

    def over(self) -> None:
        """Notes that the watch works."""
        if self._times:
            seconds = round(time.monotonic() - self._since, 1)
            self._log.debug("watch.restored", why=self.why, times=self._times, seconds=seconds)
        self.why, self._problem, self._is_known, self._times = "", None, True, 0
