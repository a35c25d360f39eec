"""Whether the API server can be reached at all, told once for all watches of a process."""

import threading
import time
from collections.abc import Callable

from kube9_operator import logs
from kube9_operator.text import redact

MAX_ADDRESS_CHARACTERS = 500


class Reach:
    """One line in the log when no connection can be made any more, and one when there is an answer again.

    A server that goes away breaks off every watch first. What breaks off is therefore held back until it is known whether the
    server is still there: where it is not, that is the news.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._times = 0
        self._since = 0.0
        self._held: dict[object, Callable[[bool], None]] = {}

    def asks(self, address: str) -> None:
        """This is the server that is asked from now on."""
        address, _ = redact.text(address, MAX_ADDRESS_CHARACTERS)
        with self._lock:
            if address != self._address:
                logs.get().info("api.server", address=address)
            self._address = address

    def failed(self, error: Exception) -> None:
        """No connection could be made."""
        with self._lock:
            if not self._times:
                self._since = time.monotonic()
                logs.get().warning("api.unreachable", address=self._address, error=logs.one_line(error))
            self._times += 1
            self._tell(aloud=False)

    def answered(self) -> None:
        """The server has given an answer, whatever it says."""
        with self._lock:
            if self._times:
                seconds = round(time.monotonic() - self._since, 1)
                logs.get().info("api.reached", address=self._address, times=self._times, seconds=seconds)
            self._times = 0
            self._tell(aloud=True)

    def hold(self, whose: object, tell: Callable[[bool], None]) -> None:
        """Keeps what one has to tell; it is told whether aloud."""
        with self._lock:
            self._held[whose] = tell

    def let_go(self) -> None:
        """It is not that the server cannot be reached."""
        with self._lock:
            self._tell(aloud=True)

    def _tell(self, aloud: bool) -> None:
        for tell in self._held.values():
            tell(aloud)
        self._held = {}
