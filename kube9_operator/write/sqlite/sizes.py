"""Whether the files of the database are long enough: another program may have cut one while it is open."""

import os

from kube9_operator.supervise import exits
from kube9_operator.write.sqlite import database

MAGIC = b"\x37\x7f\x06"
"""The first bytes of a WAL, see https://sqlite.org/fileformat2.html#the_write_ahead_log. If it was cut to nothing and written
again, zeros are there instead.
"""


class WalCut(exits.BeginAgain):
    """The WAL was cut. Only the file is left, as after a power cut."""


class Sizes:
    """The sizes of one open database, in the writer's thread."""

    def __init__(self, connection: database.Connection) -> None:
        self._connection = connection
        self._path = connection.filename
        self._least = min(os.stat(self._path).st_size, self._wanted()) if self._path else 0  # '' is a database in memory

    def committed(self) -> None:
        """Notes a commit: the file may be shortened to the size of the database after any of them."""
        try:
            self._least = min(self._least, self._wanted())
        except database.TROUBLE:
            self._least = 0  # not known until all is written back

    def check(self) -> None:
        """Raises Damaged if the file is too short for its pages, WalCut if the WAL is too short for its frames."""
        try:
            self._check_wal()
            self._check_file()
        except database.DAMAGE:
            raise
        except database.TROUBLE:
            pass  # not known at the moment; the next commit meets the trouble too

    def _check_wal(self) -> None:
        before = database.wal_state(self._connection)
        with open(f"{self._path}-wal", "rb") as wal:  # of the three files the only one on which SQLite has no lock
            whole = os.fstat(wal.fileno()).st_size >= database.wal_bytes(before[0]) and (not before[0] or wal.read(3) == MAGIC)
        # Another program may have written it back and emptied it meanwhile.
        if not whole and database.wal_state(self._connection) == before:
            raise WalCut("the WAL was cut: its events are read again, as far as the API server still has them")

    def _check_file(self) -> None:
        frames, written = database.wal_state(self._connection)
        wanted = self._wanted()
        if frames == written:
            self._least = wanted
        found = os.stat(self._path).st_size
        if found < min(self._least, wanted):
            raise database.Damaged(f"the file was cut to {found} bytes")

    def _wanted(self) -> int:
        return int(self._connection.pragma("page_count")) * database.PAGE_BYTES
