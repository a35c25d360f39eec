"""The child's end of its control pipe: heartbeats and reports go out, orders and operator events come in."""

import os
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import NamedTuple

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.supervise.exits import EXIT_ORPHANED
from kube9_operator.supervise.messages import (
    ABANDON,
    FLUSH,
    Acknowledged,
    Heartbeat,
    Message,
    NewPipe,
    OutboxBatch,
    decode_order,
    encode,
)


class GivenPipe(NamedTuple):
    """A pipe of findings, and the file descriptor of our end of it."""

    order: NewPipe
    descriptor: int


class Outgoing(NamedTuple):
    """An encoded finding with its number, that a side process sends."""

    number: int
    data: bytes


class Link:
    """`stop` is set when the child must end. `abandon` says that it must end without flushing."""

    def __init__(self, connection: Connection, deadlines: Deadlines) -> None:
        self.stop = threading.Event()
        self.abandon = False
        self.tally = Tally()
        """The counters of this process for /metrics. They are sent with every heartbeat."""
        self.batches: queue.SimpleQueue[OutboxBatch] = queue.SimpleQueue()
        """Batches from the supervisor that nobody has taken yet."""
        self.pipes: queue.SimpleQueue[GivenPipe | Acknowledged | Outgoing] = queue.SimpleQueue()
        """For the writer and side processes: what the supervisor says about pipes of findings, and what this process sends."""
        self._sending = threading.Lock()
        self._connection = connection
        self._deadlines = deadlines
        self._last = Heartbeat("", deadlines.hang)
        self._last_sent = 0.0
        threading.Thread(target=self._receive, name="control", daemon=True).start()

    def beat(self, phase: str = "running", deadline: float | None = None, report: Callable[[], Message] | None = None) -> None:
        """Sends a heartbeat, the counters and `report()` if they are due. The main loop calls this in every turn.

        A new phase is sent at once. `deadline` is the time until the next heartbeat, in seconds.
        """
        now = time.monotonic()
        if phase == self._last.phase and now - self._last_sent < self._deadlines.beat:
            return
        self._last, self._last_sent = Heartbeat(phase, self._deadlines.hang if deadline is None else deadline), now
        self.send(self._last)
        self.send(self.tally.report())
        if report is not None:
            self.send(report())

    def beat_from_thread(self, report: Message | None = None) -> None:
        """Repeats the last heartbeat while the main loop is busy with something long that makes progress."""
        if time.monotonic() - self._last_sent >= self._deadlines.beat:
            self.send(self._last)
            if report is not None:
                self.send(report)

    def send(self, message: Message) -> None:
        """Sends a message to the supervisor. If the supervisor is gone, `_receive` ends this process."""
        try:
            with self._sending:
                self._connection.send_bytes(encode(message))
        except OSError:
            self.stop.set()

    def _receive(self) -> None:
        try:
            while (data := self._connection.recv_bytes()) not in (FLUSH, ABANDON):
                order = decode_order(data)
                if isinstance(order, OutboxBatch):
                    self.batches.put(order)
                elif isinstance(order, NewPipe):
                    descriptor = reduction.recv_handle(self._connection)
                    os.set_inheritable(descriptor, False)
                    self.pipes.put(GivenPipe(order, descriptor))
                else:
                    self.pipes.put(order)
            self.abandon = data == ABANDON
            self.stop.set()
            if not self.abandon:
                self._connection.recv_bytes()
        except (EOFError, OSError):
            pass
        # Either the order is to abandon, or the pipe is closed because the supervisor died. This process may be stuck in a
        # queue that another process damaged when it died, so it is ended from here.
        self.abandon = True
        self.stop.set()
        time.sleep(self._deadlines.orphan_exit)
        os._exit(EXIT_ORPHANED)
