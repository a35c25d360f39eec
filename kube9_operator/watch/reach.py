"""Logs which API server a process talks to, and whether it can be reached. The supervisor logs what concerns all processes."""

import threading
import time

from kube9_operator import logs
from kube9_operator.text import redact

MAX_ADDRESS_CHARACTERS = 500


class Reach:
    """What one process knows about reaching the server. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._times = 0
        self._since = 0.0

    def asks(self, address: str) -> None:
        """Notes the address of the server, and logs a new one."""
        address, _ = redact.text(address, MAX_ADDRESS_CHARACTERS)
        with self._lock:
            if address != self._address:
                logs.get().info("api.server", address=address)
            self._address = address

    def failed(self, error: Exception) -> None:
        """Notes that no connection could be made; the first failure is logged at level debug."""
        with self._lock:
            if not self._times:
                self._since = time.monotonic()
                logs.get().debug("api.unreachable", address=self._address, error=logs.one_line(error))
            self._times += 1

    def answered(self) -> None:
        """Notes that the server has answered, with any status; the end of failures is logged at level debug."""
        with self._lock:
            if self._times:
                seconds = round(time.monotonic() - self._since, 1)
                logs.get().debug("api.reached", address=self._address, times=self._times, seconds=seconds)
            self._times = 0
