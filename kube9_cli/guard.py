"""Ends the process when its time is over, whatever a crafted database or a hanging volume makes SQLite or Python do.

Normally SQLite's progress handler, or a look at the clock between rows, ends a query earlier, with an ordinary error.
"""

from __future__ import annotations

import _thread
import os
import time

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 1.0
"""Leaves time for the ordinary error."""


class Guard:
    """Ends the process when its time is over, unless `done` was called before."""

    def __init__(self, seconds: float, waited: Callable[[], float], message: bytes, exit_code: int) -> None:
        """`waited` gives the seconds that do not count; `message` is written to stderr."""
        self._seconds, self._waited = seconds, waited
        self.renew()
        self._message, self._exit_code = message, exit_code
        self._ended = _thread.allocate_lock()
        # Not a threading.Thread: that module takes 2 ms to import. The thread ends with the process.
        _thread.start_new_thread(self._watch, ())

    def renew(self) -> None:
        """Gives the process its whole time again."""
        self._until = time.monotonic() - self._waited() + self._seconds + GRACE_SECONDS

    def done(self) -> None:
        """Stops the guard before the result is reported. Does not return if the time was over."""
        self._ended.acquire()

    def _watch(self) -> None:
        while (left := self._until + self._waited() - time.monotonic()) > 0:
            time.sleep(left)
        if self._ended.acquire(blocking=False):
            try:
                os.write(2, self._message)
            finally:  # also if stderr cannot be written
                os._exit(self._exit_code)
