"""Whether there is room for one more commit while a reader keeps the WAL from starting over.

The WAL has to be written back into the file in the end, which needs room too. On a volume that the WAL has filled this would
fail for good, so writing stops before. It also stops when the database and its WAL reach the size limit.
"""

import contextlib
import os
from pathlib import Path

from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.space import TIGHT_BYTES

SPARE_BYTES, SPARE_PART = 2**20, 64
"""Stays free beyond what is needed: this much, or this part of a small volume."""
LOCKS = "/proc/locks"
READER_BYTES = range(123, 128)
"""A reader locks one of these bytes of the WAL index. https://sqlite.org/walformat.html#wal_locks"""
MIB = 2**20


class Headroom:
    """The headroom of one open database, in the writer's thread."""

    def __init__(self, connection: database.Connection, max_bytes: int) -> None:
        self._connection = connection
        self._path = Path(connection.filename)
        self._wal = Path(f"{connection.filename}-wal")
        self._max_bytes = max_bytes
        self._frames = 0
        self._grows = 0
        """The most that a commit has added to the WAL lately, in bytes."""

    def committed(self, frames: int) -> None:
        """Notes a commit, and how many frames the WAL has after it."""
        added = database.wal_bytes(frames - self._frames if frames > self._frames else frames)
        self._frames = frames
        self._grows = max(added, self._grows * 15 // 16)

    def lacks(self, behind: bool) -> str:
        """Why nothing can be written now; '' if there is room. `behind`: the WAL has at least as many pages as it should."""
        frames, written = database.wal_state(self._connection)
        if written == frames:
            return ""
        wal = self._wal.stat().st_size
        file = self._path.stat().st_size
        pages = int(self._connection.pragma("page_count")) * database.PAGE_BYTES
        next_wal = max(wal, database.wal_bytes(frames) + self._grows)
        volume = os.statvfs(self._path.parent)
        free, spare = volume.f_bavail * volume.f_frsize, min(SPARE_BYTES, volume.f_blocks * volume.f_frsize // SPARE_PART)
        # Room for the rest of the WAL in the file, and for the next commit in both.
        needed = max(0, pages - file) + self._grows + next_wal - wal
        if free < needed + (TIGHT_BYTES if behind else spare):
            return f"the volume is full: {free / MIB:.1f} MiB are left, and {needed / MIB:.1f} are needed to write the WAL back"
        if behind and max(file, pages) + self._grows + next_wal > self._max_bytes:
            return f"the database and its WAL have reached DATABASE_MAX_SIZE_MIB={self._max_bytes // MIB}"
        return ""

    def readers(self) -> str:
        """Names the processes that read the database now, as far as the kernel knows them."""
        found = []
        with contextlib.suppress(OSError, ValueError, IndexError):
            index = os.stat(f"{self._path}-shm")
            of_index = f"{os.major(index.st_dev):02x}:{os.minor(index.st_dev):02x}:{index.st_ino}"
            for line in Path(LOCKS).read_text(encoding="ascii", errors="replace").splitlines():
                _, kind, _, _, process, file, first, last, *_ = line.split()
                reads = kind == "POSIX" and file == of_index and last != "EOF"
                if reads and range(max(int(first), READER_BYTES[0]), min(int(last), READER_BYTES[-1]) + 1):
                    found.append(int(process))
        others = sorted(set(found) - {os.getpid()})
        return ", ".join(f"process {one} ({_name(one)})" for one in others if one > 0)


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "of another container"
