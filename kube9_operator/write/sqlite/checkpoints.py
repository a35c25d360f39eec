"""Writes the WAL back into the database in a thread with a connection of its own, so that the writer does not wait for the
disk: 4,000 pages took up to 0.3 s on a busy one. No SQL: the writer alone changes anything.
"""

import contextlib
import threading
import time
from collections.abc import Callable

from kube9_operator import logs
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.file_identity import Displaced, Place
from kube9_operator.write.sqlite.sizes import Sizes

SELF_HELP = 2
"""Where the thread does not keep up, the writer itself takes what is left from this many times the pages on."""
MOST = 4
"""… and from this many times on it waits for the thread first: on a small volume the WAL may not outgrow its part."""
WAIT_SECONDS = 1.0
END_SECONDS = 2.0


class Checkpoints:
    """Of one open database, from its connection's next commit on, until `close`."""

    def __init__(
        self, connection: database.Connection, pages: int, every_seconds: float, noted: Callable[[int], None] | None = None
    ) -> None:
        """When the WAL has so many pages, they are written back; and `every_seconds` whatever it has. `noted` is called after
        each commit, with its pages.
        """
        self._connection = connection
        self._path = connection.filename
        self._place = Place(self._path)
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

    def look(self) -> None:
        """Raises what says that the files are not as they were: see Place and Sizes."""
        if self._path:  # one in memory has no files
            self._place.look()
            self._sizes.look()

    def behind(self) -> bool:
        """Whether the WAL has grown so much that what can wait should: it begins anew only when all of it is written back,
        and the writer is not in the midst of a transaction.
        """
        return self._left() >= self._pages

    def step(self) -> None:
        """To be called often: has a little written back too, so that a copy of the file alone is not far behind."""
        if self._left() and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every_seconds
            self._least = 1
            self._wake()

    def help(self) -> None:
        """To be called where nothing is committed for want of room: what is in the WAL already may make some."""
        if self._is_left() and not self._try(self._connection, WAIT_SECONDS) and self._trouble:
            # A transaction that found no room may have left something behind in the WAL.
            with contextlib.suppress(OSError, *database.TROUBLE):
                database.shorten_wal(self._connection)

    def close(self) -> None:
        """To be called before the writer's connection is closed, which is to be the last: that writes everything back."""
        self._over = True
        self._due.set()
        if self._mine is not None:
            with contextlib.suppress(*database.TROUBLE):  # closed meanwhile
                self._mine.interrupt()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _committed(self, connection: database.Connection, _schema: str, pages: int) -> int:
        """After each commit, in the writer's thread. https://sqlite.org/c3ref/wal_hook.html"""
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
        """The pages of the WAL, 0 where all is written back. Only the writer's thread says how many there are: the other one
        says up to which commit it has written them back, and is wrong for no longer than until the next.
        """
        return self._in_wal if self._written_back < self._commits else 0

    def _is_left(self) -> bool:
        """Whether anything is left in the WAL, also of another process' commit, which nobody here has noted."""
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
        """Again and again, less each time, until nothing was committed meanwhile, or the writer helps itself; a little once."""
        while self._due.wait() and not self._over:
            self._due.clear()
            least, self._least = self._least, self._pages
            while not self._over and least <= self._left() < self._pages * SELF_HELP and self._try():
                least = self._pages
        if self._mine is not None:
            self._mine.close()

    def _try(self, connection: database.Connection | None = None, wait_seconds: float = -1) -> bool:
        """Writes back what there is; says whether more was committed meanwhile: otherwise somebody reads what was before, and
        another try is not worth it at once. Trouble is said once: where it matters the writer meets it too.
        """
        if not self._at_it.acquire(timeout=wait_seconds):
            return False
        try:
            before = self._commits
            if database.checkpoint(connection or self._own()):
                self._written_back = before
            self._says("")
            return before != self._commits
        except (database.BUSY, database.Damaged, Displaced):  # the writer itself looks where the file is
            return False
        except database.TROUBLE as error:
            self._says(logs.one_line(error))
            return False
        finally:
            self._at_it.release()

    def _own(self) -> database.Connection:
        if self._mine is None:
            self._place.look()  # with another file the WAL has nothing to do
            self._mine = database.for_checkpoints(self._path)
        return self._mine

    def _says(self, trouble: str) -> None:
        if trouble and not self._trouble and not self._over:
            logs.get().warning("checkpoint.failed", error=trouble)
        elif self._trouble and not trouble:
            logs.get().info("checkpoint.restored")
        self._trouble = trouble
