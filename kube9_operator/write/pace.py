"""Slow disks: beats in the midst of a long commit while it makes progress, smaller batches, and what health says of it."""

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
"""Of SQLite's machine, between two notes that it makes progress: some microseconds' work, or some reads of a slow disk."""
MAX_BATCH, LEAST_BATCH = 2_000, 100
"""Items in one transaction: some 50 ms. A smaller batch writes more pages an item, so it is not made smaller than that."""
SHOWN_SECONDS = 60.0


class Pace:
    """Of one writer: how large its batches are, by how long they take."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._slow = deadlines.hang / 2
        self._aim = deadlines.hang / 4
        self._began = self._ended = self._seconds = 0.0
        self.most = MAX_BATCH
        """How many items the next batch may have: half as many after a slow one, more again after quick ones."""

    @contextlib.contextmanager
    def commit(self) -> Iterator[None]:
        """A transaction of the writer."""
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
        """What health says of a disk that is so slow that recording lags; '' where it is not. From any thread."""
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
    """Beats for the block, in a thread of its own, while the block makes progress: SQLite computes, or writes to file or
    WAL. A block that hangs makes none, and is found. `report` is called in that thread, and must not use the connection.
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
    """Changes with everything that is written to it."""
    try:
        found = os.stat(file)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
