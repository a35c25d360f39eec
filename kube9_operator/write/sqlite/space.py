"""How much the database takes, how much it may take, and how much the file system has left. It only measures."""

import os
from pathlib import Path
from typing import NamedTuple

from kube9_operator.write.sqlite import database

FLOOR_PART, FLOOR_MOST_BYTES = 20, 64 * 1024 * 1024
"""Free space that is kept: a twentieth of the file system, up to this."""


TIGHT_BYTES = 8 * 1024 * 1024


class Room(NamedTuple):
    """How much the database takes, in pages."""

    used: int
    free: int
    """Empty pages of the file, which will be used again."""
    limit: int
    short: int
    """How many pages the file system lacks of the free space that is kept."""


class Space:
    """The space of one open database."""

    def __init__(self, connection: database.Connection, folder: Path, max_bytes: int) -> None:
        self._connection = connection
        self._folder = folder
        self._max_bytes = max_bytes

    def room(self) -> Room:
        """The current figures. The WAL counts up to a quarter of the limit: deleting does not free what a long reader holds."""
        page = self._pragma("page_size")
        share = min(max(self._wal_bytes(), database.wal_limit_bytes(self._max_bytes)), self._max_bytes // 4)
        found = os.statvfs(self._folder)
        floor = min(found.f_blocks * found.f_frsize // FLOOR_PART, FLOOR_MOST_BYTES)
        short = max(0, floor - found.f_bavail * found.f_frsize) // page
        return Room(self.used(), self.free(), (self._max_bytes - share) // page, short)

    def used(self) -> int:
        """Pages in use."""
        return self._pragma("page_count") - self.free()

    def free(self) -> int:
        """Empty pages of the file."""
        return self._pragma("freelist_count")

    def bytes(self) -> int:
        """The size of the database and its WAL."""
        return self._pragma("page_count") * self._pragma("page_size") + self._wal_bytes()

    def _wal_bytes(self) -> int:
        try:
            return (self._folder / f"{database.FILE_NAME}-wal").stat().st_size
        except OSError:
            return 0

    def _pragma(self, name: str) -> int:
        return int(self._connection.pragma(name))
