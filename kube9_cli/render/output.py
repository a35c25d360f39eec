"""Writes to stdout, and waits for a slow reader, but not for ever.

When a client of the API's exec closes its WebSocket, containerd neither reads on nor closes the pipe. A query whose answer does
not fit into the pipe would stay in the pod for good.
"""

from __future__ import annotations

import io
import os
import select
import time

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

PIECE_BYTES = 4096
"""So many bytes fit into a pipe that poll() calls writable (PIPE_BUF; pipe(7))."""
HELD_BYTES = 256 * 1024
"""An answer of up to this size is written when it is complete. If it fails, nothing reaches stdout."""
PATIENCE = 10.0
"""Times --timeout, five minutes by default, because somebody may use a pager. A waiting process takes about 10 MiB."""


class Output(io.RawIOBase):
    """A file descriptor to write to. Raises TimeoutError if nobody reads for `patience_seconds`."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.patience_seconds = 300.0
        self._waited_seconds = 0.0
        self._waits_since: float | None = None

    @property
    def waited_seconds(self) -> float:
        """How long it has waited for readers, including the current wait. This is not the query's time."""
        since = self._waits_since
        return self._waited_seconds + (0.0 if since is None else time.monotonic() - since)

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Writes a part of the data; returns how many bytes."""
        self._waits_since = time.monotonic()
        ready = self._poll.poll(self.patience_seconds * 1000)
        # In this order, the guard's thread never sees more seconds than it has waited.
        waited, self._waits_since = time.monotonic() - self._waits_since, None
        self._waited_seconds += waited
        if not ready:
            raise TimeoutError(f"nobody has read it for {self.patience_seconds:g} seconds")
        return os.write(self._descriptor, memoryview(data)[:PIECE_BYTES])
