"""Slow disks: smaller batches, heartbeats during a long commit that makes progress, and what health says."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import Message
from kube9_operator.write.sqlite import database

STEPS = 1_000
"""Steps of SQLite's virtual machine between two notes of progress: some microseconds, or some reads of a slow disk."""
MAX_BATCH, LEAST_BATCH = 2_000, 100
"""Most and fewest items in one transaction. The most take some 50 ms; smaller batches write more pages for each item."""
SHOWN_SECONDS = 60.0


class Pace:
    """Adapts the size of batches to the time that they take."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._slow = deadlines.hang / 2
        self._aim = deadlines.hang / 4
        self._began = self._ended = self._seconds = 0.0
        self.most = MAX_BATCH
        """How many items the next batch may have: half as many after a slow batch, more again after fast ones."""

    @contextlib.contextmanager
    def commit(self) -> Iterator[None]:
        """Measures a transaction of the writer."""
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._ended = time.monotonic()
            self._seconds, self._began = self._ended - self._began, 0.0
            if self._seconds > self._aim:
                self.most = max(LEAST_BATCH, self.most // 2)
            elif self._seconds < self._aim / 4:
                self.most = min(MAX_BATCH, self.most + self.most // 4)

    def slow(self) -> str:
        """What health says about a disk that is so slow that recording lags; '' if it is not. May be called from any thread."""
        began, now = self._began, time.monotonic()
        if began and now - began > self._slow:
            return f"the disk is slow: a commit has been under way for {now - began:.0f} s"
        if self._seconds > self._slow and now - self._ended < SHOWN_SECONDS:
            return f"the disk is slow: a commit took {self._seconds:.0f} s"
        return ""


@contextlib.contextmanager
def beating(
    link: Link, connection: database.Connection, every_seconds: float, report: Callable[[], Message | None] = lambda: None
) -> Iterator[None]:
    """Sends heartbeats during the block, from another thread, as long as the block makes progress.

    Progress means that SQLite computes, or writes to the file or the WAL. `report` is called in the other thread and must not
    use the connection.
    """
    steps, over = [0], threading.Event()

    def step() -> bool:
        steps[0] += 1
        return False

    def watch(files: tuple[str, ...]) -> None:
        before: tuple[object, ...] = ()
        while not over.wait(every_seconds):
            now = (steps[0], *(_written(file) for file in files))
            if before not in ((), now):
                link.beat_from_thread(report())
            before = now

    connection.set_progress_handler(step, STEPS)
    name = connection.filename
    thread = threading.Thread(target=watch, args=((name, f"{name}-wal"),), name="beats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        with contextlib.suppress(*database.TROUBLE):  # closed meanwhile
            connection.set_progress_handler(None)


def _written(file: str) -> tuple[int, int]:
    """A value that changes with every write to the file."""
    try:
        found = os.stat(file)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
