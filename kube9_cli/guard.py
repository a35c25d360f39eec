"""Keeps the time limit of an answer from outside: whatever a crafted database or a volume that hangs makes SQLite or Python do,
the process ends. SQLite's progress handler, and looks at the clock between rows, end it before that with better manners.
"""

import _thread
import os
import time
from collections.abc import Callable

GRACE_SECONDS = 1.0
"""For the polite way."""


class Guard:
    """Ends the process when its time is over, unless it has had its last word before."""

    def __init__(self, seconds: float, waited: Callable[[], float], last_words: bytes, exit_code: int) -> None:
        """`waited` gives seconds that do not count; `last_words` go to stderr."""
        self._until = time.monotonic() + seconds + GRACE_SECONDS
        self._waited = waited
        self._last_words, self._exit_code = last_words, exit_code
        self._last_word = _thread.allocate_lock()
        # Not a threading.Thread: that module takes 2 ms to import. It goes with the process.
        _thread.start_new_thread(self._watch, ())

    def done(self) -> None:
        """To be called before anything is said of how it ended; does not come back where the time was over."""
        self._last_word.acquire()

    def _watch(self) -> None:
        while (left := self._until + self._waited() - time.monotonic()) > 0:
            time.sleep(left)
        if self._last_word.acquire(blocking=False):
            os.write(2, self._last_words)
            os._exit(self._exit_code)
