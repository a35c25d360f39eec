"""The end of a pipe of findings in a side process: hands findings to the writer, and knows which are committed."""

import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection

from kube9_operator.model.findings import Finding, Numbered, encode
from kube9_operator.supervise.link import Link, Outgoing
from kube9_operator.supervise.messages import Acknowledged

MAX_UNCOMMITTED = 32
"""So many findings may be on their way. `send` waits while there are more."""
WAIT_SECONDS = 0.05


class Findings:
    """Sends findings in order. Each is kept until it is committed, and is sent again to the next writer if it has to be.

    A side process makes one, with its link and the pipe that it was started with:

        findings = Findings(link, pipe)
        findings.send(InsightFrame(…))
        if findings.flush(): …  # everything is in the database
    """

    def __init__(self, link: Link, pipe: Connection) -> None:
        self._link = link
        self._sent = 0
        self._committed = 0
        # A thread, because writing to a full pipe waits until the writer has room.
        threading.Thread(target=self._deliver, args=(pipe,), name="findings", daemon=True).start()

    def send(self, finding: Finding) -> bool:
        """Hands a finding to the writer, and returns True. Waits while too many are not committed yet.

        Returns False if this process has to stop first. Raises ValueError if the finding is too large.
        """
        data = encode(Numbered(self._sent + 1, finding))
        if not self._wait(lambda: self._sent - self._committed < MAX_UNCOMMITTED):
            return False
        self._sent += 1
        self._link.pipes.put(Outgoing(self._sent, data))
        return True

    def flush(self) -> bool:
        """Waits until every finding is committed, and returns True. Returns False if this process has to stop first."""
        return self._wait(lambda: self._sent == self._committed)

    def _wait(self, is_done: Callable[[], bool]) -> bool:
        while not is_done():
            self._link.beat("waiting for the writer")
            if self._link.stop.wait(WAIT_SECONDS):
                return False
        return True

    def _deliver(self, first: Connection) -> None:
        """Runs in the thread: writes findings, notes which are committed, and goes over to a new pipe."""
        pipe: Connection | None = first
        uncommitted: deque[Outgoing] = deque()
        while True:
            order = self._link.pipes.get()
            unsent: list[Outgoing] = []
            if isinstance(order, Acknowledged):
                while uncommitted and uncommitted[0].number <= order.number:
                    self._committed = uncommitted.popleft().number
            elif isinstance(order, Outgoing):
                uncommitted.append(order)
                unsent = [order]
            else:
                if pipe is not None:
                    pipe.close()
                pipe = Connection(order.descriptor, readable=False)
                unsent = list(uncommitted)
            for outgoing in unsent:
                if pipe is not None and not _written(pipe, outgoing.data):
                    pipe.close()
                    pipe = None  # the writer is gone, and a new pipe comes


def _written(pipe: Connection, data: bytes) -> bool:
    """Writes to a pipe, and returns whether somebody can still read it."""
    try:
        pipe.send_bytes(data)
    except OSError:
        return False
    return True
