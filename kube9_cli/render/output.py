"""stdout, which waits for whoever reads it, though not for ever.

Where a client of the API's exec closes its WebSocket, containerd neither reads on nor closes the pipe. A query with more to
say than the pipe takes would stay in the pod for good.
"""

import io
import os
import select
import time
from typing import Any

PIECE_BYTES = 4096
"""Of a pipe that poll() calls writable, so many can be written without waiting (PIPE_BUF; pipe(7))."""
HELD_BYTES = 256 * 1024
"""An answer of up to so many is written when it is whole: of one that fails nothing reaches stdout."""
PATIENCE = 10.0
"""Times --timeout, five minutes by default: somebody may read in a pager. What waits meanwhile has some 10 MiB."""


class Output(io.RawIOBase):
    """A descriptor to write to. Raises TimeoutError where none of it is taken for so long."""

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
        """For readers so far, also while it waits: not the query's time."""
        since = self._waits_since
        return self._waited_seconds + (0.0 if since is None else time.monotonic() - since)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal's."""
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Writes some of it; returns how much."""
        self._waits_since = time.monotonic()
        ready = self._poll.poll(self.patience_seconds * 1000)
        # In this order it never seems to have waited longer than it has.
        waited, self._waits_since = time.monotonic() - self._waits_since, None
        self._waited_seconds += waited
        if not ready:
            raise TimeoutError(f"nobody has read on for {self.patience_seconds:g} s")
        return os.write(self._descriptor, memoryview(data)[:PIECE_BYTES])
