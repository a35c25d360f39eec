"""The child's end of its control pipe: heartbeats and reports go out, orders and operator events come in."""

import os
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.supervise.exits import EXIT_ORPHANED
from kube9_operator.supervise.messages import ABANDON, FLUSH, Beat, Message, OutboxBatch, decode_batch, encode


class Link:
    """A child's end of its control pipe. `stop` is set when it is to end; `abandon` says that nothing is worth flushing."""

    def __init__(self, connection: Connection, deadlines: Deadlines) -> None:
        self.stop = threading.Event()
        self.abandon = False
        self.tally = Tally()
        """What this process counts for /metrics; goes with every beat."""
        self._sending = threading.Lock()
        self.told: queue.SimpleQueue[OutboxBatch] = queue.SimpleQueue()
        """What the supervisor has told so far and nobody has taken."""
        self._connection = connection
        self._deadlines = deadlines
        self._last = Beat("", deadlines.hang)
        self._last_beat = 0.0
        threading.Thread(target=self._listen, name="control", daemon=True).start()

    def beat(self, phase: str = "running", deadline: float | None = None, report: Callable[[], Message] | None = None) -> None:
        """Says that the loop turns; to be called every turn, sends no more than needed. What `report` gives goes with it."""
        now = time.monotonic()
        if phase == self._last.phase and now - self._last_beat < self._deadlines.beat:
            return
        self._last, self._last_beat = Beat(phase, self._deadlines.hang if deadline is None else deadline), now
        self.send(self._last)
        self.send(self.tally.report())
        if report is not None:
            self.send(report())

    def again(self, report: Message | None = None) -> None:
        """From another thread: says that the loop, which is at something long, makes progress."""
        if time.monotonic() - self._last_beat >= self._deadlines.beat:
            self.send(self._last)
            if report is not None:
                self.send(report)

    def send(self, message: Message) -> None:
        """Sends a message to the supervisor; one that has gone ends this process by `_listen`, not here."""
        try:
            with self._sending:
                self._connection.send_bytes(encode(message))
        except OSError:
            self.stop.set()

    def _listen(self) -> None:
        try:
            while (word := self._connection.recv_bytes()) not in (FLUSH, ABANDON):
                self.told.put(decode_batch(word))
            self.abandon = word == ABANDON
            self.stop.set()
            if not self.abandon:
                self._connection.recv_bytes()
        except (EOFError, OSError):
            pass
        # Nothing is worth flushing, or the pipe is closed because the supervisor has died: this process may be stuck in a
        # queue that another's death has damaged, and must end all the same.
        self.abandon = True
        self.stop.set()
        time.sleep(self._deadlines.orphan_exit)
        os._exit(EXIT_ORPHANED)
