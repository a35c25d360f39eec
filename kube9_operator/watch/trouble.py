"""What is wrong with a watch at the moment, and what the log says of it."""

import time
from functools import partial

from kube9_operator import logs
from kube9_operator.watch.client import UNREACHABLE, ApiError
from kube9_operator.watch.reach import Reach


class Trouble:
    """One line in the log when a trouble begins, and one when it is over, with how often and how long. Where the server cannot
    be reached, which `Reach` says for all watches, these are for who debugs.
    """

    def __init__(self, log: logs.Logger, reach: Reach) -> None:
        self._log = log
        self._reach = reach
        self.why = ""
        self._told = ""
        """What was told last but to who debugs."""
        self._times = 0
        self._since = 0.0

    def begins(self, why: str, error: ApiError) -> None:
        """Notes a failure; says so in the log where it is not the one already known."""
        if not self._times:
            self._since = time.monotonic()
        self._times += 1
        is_new, self.why = why != self.why, why
        tell = partial(self._tell, why, logs.one_line(error))
        if error.status == 0:
            self._reach.hold(self, tell)
            if not is_new:
                self._reach.let_go()
        elif is_new:
            tell(error.status != UNREACHABLE)

    def over(self) -> None:
        """Notes that the watch works; says so where it did not."""
        if self._times:
            seconds = round(time.monotonic() - self._since, 1)
            say = self._log.info if self._told else self._log.debug
            say("watch.restored", why=self.why, times=self._times, seconds=seconds)
        self.why, self._told, self._times = "", "", 0

    def _tell(self, why: str, error: str, aloud: bool) -> None:
        if not aloud:
            self._log.debug("watch.trouble", why=why, error=error)
        elif why != self._told:
            self._told = why
            self._log.warning("watch.trouble", why=why, error=error)
