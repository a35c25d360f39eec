"""Whether the files of the database are as long as they have to be: somebody may have cut one of them while it is open."""

import os

from kube9_operator.supervise import exits
from kube9_operator.write.sqlite import database

MAGIC = b"\x37\x7f\x06"
"""What a WAL begins with, see https://sqlite.org/fileformat2.html#the_write_ahead_log. What is written to one that was cut to
nothing comes after a hole.
"""


class WalCut(exits.BeginAgain):
    """What the WAL had beyond the file is gone: the file alone is what is left, as after a power cut."""


class Sizes:
    """Of one open database, in the writer's thread."""

    def __init__(self, connection: database.Connection) -> None:
        self._connection = connection
        self._path = connection.filename
        self._least = min(os.stat(self._path).st_size, self._wanted()) if self._path else 0  # '' is one in memory

    def committed(self) -> None:
        """To be called after each commit: a file is shortened to what the database took after one of them."""
        try:
            self._least = min(self._least, self._wanted())
        except database.TROUBLE:
            self._least = 0  # it is not known until all is written back

    def look(self) -> None:
        """Raises Damaged where the file is too short for the pages in it, WalCut where the WAL is for its frames."""
        try:
            self._look_at_wal()
            self._look_at_file()
        except database.DAMAGE:
            raise
        except database.TROUBLE:
            pass  # it cannot be said just now: the next commit meets it too

    def _look_at_wal(self) -> None:
        before = database.wal_state(self._connection)
        with open(f"{self._path}-wal", "rb") as wal:  # of the three files the only one on which SQLite has no lock
            whole = os.fstat(wal.fileno()).st_size >= database.wal_bytes(before[0]) and (not before[0] or wal.read(3) == MAGIC)
        # Another program may have written it back and emptied it meanwhile.
        if not whole and database.wal_state(self._connection) == before:
            raise WalCut("the WAL was cut: what it had is read again, as far as the API server still has it")

    def _look_at_file(self) -> None:
        frames, written = database.wal_state(self._connection)
        wanted = self._wanted()
        if frames == written:
            self._least = wanted
        found = os.stat(self._path).st_size
        if found < min(self._least, wanted):
            raise database.Damaged(f"the file was cut to {found} bytes")

    def _wanted(self) -> int:
        return int(self._connection.pragma("page_count")) * database.PAGE_BYTES
