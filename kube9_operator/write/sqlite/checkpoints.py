"""Checkpoints: writes the WAL back into the database, in a thread with a connection of its own.

The writer does not wait for the disk, which took up to 0.3 s for 4,000 pages when it was busy. There is no SQL here.
"""

import contextlib
import threading
import time
from collections.abc import Callable

from kube9_operator import logs
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.file_identity import Displaced, FileIdentity
from kube9_operator.write.sqlite.sizes import Sizes

SELF_HELP = 2
"""If the thread does not keep up, the writer itself writes back, from this many times the pages on."""
MOST = 4
"""From this many times on it waits for the thread first, because on a small volume the WAL must not outgrow its part."""
WAIT_SECONDS = 1.0
END_SECONDS = 2.0


class Checkpoints:
    """Checkpoints of one open database, from the next commit of its connection until `close`."""

    def __init__(
        self, connection: database.Connection, pages: int, every_seconds: float, noted: Callable[[int], None] | None = None
    ) -> None:
        """Writes back when the WAL has this many pages, and every `every_seconds`. `noted` gets the pages after each commit."""
        self._connection = connection
        self._path = connection.filename
        self._identity = FileIdentity(self._path)
        self._sizes = Sizes(connection)
        self._noted = noted
        self._pages = self._least = pages
        self._every_seconds = every_seconds
        self._next = time.monotonic() + every_seconds
        self._in_wal = self._commits = self._written_back = 0
        self._due = threading.Event()
        self._at_it = threading.Lock()
        self._over = False
        self._mine: database.Connection | None = None
        self._trouble = ""
        self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
        connection.set_wal_hook(self._committed)

    def check_files(self) -> None:
        """Raises if the files are not as they were: see FileIdentity and Sizes."""
        if self._path:  # a database in memory has no files
            self._identity.check()
            self._sizes.check()

    def behind(self) -> bool:
        """Whether the WAL has grown so much that work that can wait should wait.

        The WAL starts over only when all of it is written back and no transaction is open.
        """
        return self._left() >= self._pages

    def step(self) -> None:
        """Has even a small WAL written back from time to time, so that a copy of the file alone is not far behind."""
        if self._left() and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every_seconds
            self._least = 1
            self._wake()

    def write_back_now(self) -> None:
        """Writes back in the calling thread, because the WAL starting over may make room."""
        if self._is_left() and not self._try(self._connection, WAIT_SECONDS) and self._trouble:
            # A transaction that found no room may have left something behind in the WAL.
            with contextlib.suppress(OSError, *database.TROUBLE):
                database.shorten_wal(self._connection)

    def close(self) -> None:
        """Ends the thread and closes its connection. The writer's connection, closed last, then writes everything back."""
        self._over = True
        self._due.set()
        if self._mine is not None:
            with contextlib.suppress(*database.TROUBLE):  # closed meanwhile
                self._mine.interrupt()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _committed(self, connection: database.Connection, _schema: str, pages: int) -> int:
        """Called by SQLite after each commit, in the writer's thread. https://sqlite.org/c3ref/wal_hook.html"""
        self._in_wal, self._commits = pages, self._commits + 1
        self._sizes.committed()
        if self._noted is not None:
            self._noted(pages)
        if pages >= self._pages * SELF_HELP:
            self._try(connection, WAIT_SECONDS if pages >= self._pages * MOST else 0.001)
        elif pages >= self._pages and not self._over:
            self._wake()
        return 0

    def _left(self) -> int:
        """The pages of the WAL; 0 if all are written back.

        The writer's thread sets the number of pages; the other one sets up to which commit it has written them back. It is
        wrong at most until the next commit.
        """
        return self._in_wal if self._written_back < self._commits else 0

    def _is_left(self) -> bool:
        """Whether anything is left in the WAL, even of another process' commit."""
        if self._left():
            return True
        with contextlib.suppress(*database.TROUBLE):
            frames, written = database.wal_state(self._connection)
            return frames != written
        return False

    def _wake(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._due.set()

    def _work(self) -> None:
        """Writes back until nothing was committed meanwhile, or the writer does it itself. A small WAL is written back once."""
        while self._due.wait() and not self._over:
            self._due.clear()
            least, self._least = self._least, self._pages
            while not self._over and least <= self._left() < self._pages * SELF_HELP and self._try():
                least = self._pages
        if self._mine is not None:
            self._mine.close()

    def _try(self, connection: database.Connection | None = None, wait_seconds: float = -1) -> bool:
        """Writes back what there is. Says whether more was committed meanwhile, so that another try is worth it.

        If nothing was, a reader may keep the rest. Trouble is logged once: if it matters, the writer meets it too.
        """
        if not self._at_it.acquire(timeout=wait_seconds):
            return False
        try:
            before = self._commits
            if database.checkpoint(connection or self._own()):
                self._written_back = before
            self._set_trouble("")
            return before != self._commits
        except (database.BUSY, database.Damaged, Displaced):  # the writer itself checks the files
            return False
        except database.TROUBLE as error:
            self._set_trouble(logs.one_line(error))
            return False
        finally:
            self._at_it.release()

    def _own(self) -> database.Connection:
        if self._mine is None:
            self._identity.check()  # the WAL does not belong to another file
            self._mine = database.for_checkpoints(self._path)
        return self._mine

    def _set_trouble(self, trouble: str) -> None:
        if trouble and not self._trouble and not self._over:
            logs.get().warning("checkpoint.failed", error=trouble)
        elif self._trouble and not trouble:
            logs.get().info("checkpoint.restored")
        self._trouble = trouble
