"""Whether the API server can be reached, as one process sees it. The supervisor says in the log what concerns all of them."""

import threading
import time

from kube9_operator import logs
from kube9_operator.text import redact

MAX_ADDRESS_CHARACTERS = 500


class Reach:
    """Names the server that is asked, and for who debugs also when no connection can be made any more and when there is an
    answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._times = 0
        self._since = 0.0

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
                logs.get().debug("api.unreachable", address=self._address, error=logs.one_line(error))
            self._times += 1

    def answered(self) -> None:
        """The server has given an answer, whatever it says."""
        with self._lock:
            if self._times:
                seconds = round(time.monotonic() - self._since, 1)
                logs.get().debug("api.reached", address=self._address, times=self._times, seconds=seconds)
            self._times = 0
