"""Checks the database files once a second, in a thread of its own: a volume that hangs blocks only that thread."""

import threading
import time
from pathlib import Path

from kube9_operator.model.deadlines import Deadlines
from kube9_schema.files import open_file

SQLITE_MAGIC = b"SQLite format 3\0"


class Volume:
    """The result of the last check. Reading it never waits."""

    def __init__(self, database: Path, limit_bytes: int, deadlines: Deadlines) -> None:
        self._database = database
        self._deadlines = deadlines
        self._checked_at = 0.0
        self._why = "not checked yet"
        self.size_bytes = 0
        """The size of the database with its write-ahead log."""
        self.limit_bytes = limit_bytes
        """The size limit of both."""

    def begin(self) -> None:
        """Starts the thread, which runs until the process ends."""
        threading.Thread(target=self._check_forever, name="volume", daemon=True).start()

    def unreadable(self) -> str:
        """Returns why the database cannot be read; '' if it can, whether or not it can be written."""
        hangs = self._checked_at and time.monotonic() - self._checked_at > self._deadlines.volume_stale
        return "the volume does not answer" if hangs else self._why

    def check(self) -> None:
        """Checks once."""
        try:
            with open(open_file(self._database), "rb") as file:
                is_database = file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
            self._why = "" if is_database else "the file is not a SQLite database yet"
            self.size_bytes = sum(path.stat().st_size for path in self._files() if path.exists())
        except OSError as error:
            self._why = error.strerror or type(error).__name__
        self._checked_at = time.monotonic()

    def _files(self) -> tuple[Path, ...]:
        return self._database, self._database.with_name(f"{self._database.name}-wal")

    def _check_forever(self) -> None:
        while True:
            self.check()
            time.sleep(self._deadlines.volume_check)
