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
        self.waited_seconds = 0.0
        """For readers so far: not the query's time."""

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
        began = time.monotonic()
        ready = self._poll.poll(self.patience_seconds * 1000)
        self.waited_seconds += time.monotonic() - began
        if not ready:
            raise TimeoutError(f"nobody has read on for {self.patience_seconds:g} s")
        return os.write(self._descriptor, memoryview(data)[:PIECE_BYTES])
