"""What is wrong with a watch at the moment, and what the log says of it."""

import time

from kube9_operator import logs
from kube9_operator.watch.client import ApiError


class Trouble:
    """One line in the log when a trouble begins, and one when it is over, with how often and how long."""

    def __init__(self, log: logs.Logger) -> None:
        self._log = log
        self.why = ""
        self._times = 0
        self._since = 0.0

    def begins(self, why: str, error: ApiError) -> None:
        """Notes a failure; says so in the log where it is not the one already known."""
        if not self._times:
            self._since = time.monotonic()
        self._times += 1
        if why != self.why:
            self._log.warning("watch.trouble", why=why, error=logs.one_line(error))
        self.why = why

    def over(self) -> None:
        """Notes that the watch works; says so where it did not."""
        if self._times:
            seconds = round(time.monotonic() - self._since, 1)
            self._log.info("watch.restored", why=self.why, times=self._times, seconds=seconds)
        self.why, self._times = "", 0
