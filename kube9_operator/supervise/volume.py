"""Looks at the database's files from time to time, in a thread of its own: a volume that hangs holds up nothing but this."""

import threading
import time
from pathlib import Path

from kube9_schema.files import open_file

LOOK_SECONDS = 1.0
STALE_SECONDS = 10.0
"""A look that has not come back for this long says that the volume hangs."""
SQLITE_MAGIC = b"SQLite format 3\0"


class Volume:
    """What the last look found. Reading it never waits."""

    def __init__(self, database: Path, limit_bytes: int) -> None:
        self._database = database
        self._looked = 0.0
        self._why = "not looked at yet"
        self.size_bytes = 0
        """Of the database with its write-ahead log."""
        self.limit_bytes = limit_bytes
        """What these may take."""

    def begin(self) -> None:
        """Looks again and again, until the process ends."""
        threading.Thread(target=self._look_for_ever, name="volume", daemon=True).start()

    def unreadable(self) -> str:
        """Why the database cannot be read, '' where it can, whoever writes it or does not."""
        hangs = self._looked and time.monotonic() - self._looked > STALE_SECONDS
        return "the volume does not answer" if hangs else self._why

    def look(self) -> None:
        """Looks once."""
        try:
            with open(open_file(self._database), "rb") as file:
                whole = file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
            self._why = "" if whole else "the file is no database yet"
            self.size_bytes = sum(path.stat().st_size for path in self._files() if path.exists())
        except OSError as error:
            self._why = error.strerror or type(error).__name__
        self._looked = time.monotonic()

    def _files(self) -> tuple[Path, ...]:
        return self._database, self._database.with_name(f"{self._database.name}-wal")

    def _look_for_ever(self) -> None:
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)
