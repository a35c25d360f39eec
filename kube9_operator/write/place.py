"""Whether the file that was opened is still where it was. What belongs to one that another took the place of must not be taken
for a part of that one: it would damage it.
"""

import contextlib
import os

from kube9_operator import child, logs
from kube9_operator.write import database
from kube9_operator.write.damage import PARTS


class Place:
    """Of a database that was opened just now."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts = {part: _identity(path + part) for part in PARTS}

    def look(self) -> None:
        """Raises Damaged where the file has been removed, Replaced where there is another now."""
        with contextlib.suppress(OSError):  # it cannot be said just now
            now = _identity(self._path)
            if now is None:
                raise database.Damaged("the file has been removed")
            if now != self._parts[""]:
                raise Replaced(self)

    def leave(self, connection: database.Connection) -> None:
        """Writes what is in the WAL into the file that was opened, wherever it is now, and closes it. Takes away the WAL and
        what else is beside the other one, if that has not brought its own.
        """
        logs.get().error("database.replaced", path=self._path)
        with contextlib.suppress(*database.TROUBLE):
            database.checkpoint(connection)
            connection.close()
        for part in PARTS[1:]:
            with contextlib.suppress(OSError):
                if _identity(self._path + part) == self._parts[part]:
                    os.unlink(self._path + part)


class Replaced(child.BeginAgain):
    """Another file is in the place of the one that was opened."""

    def __init__(self, place: Place) -> None:
        super().__init__("the database file has been replaced: what is there now is opened")
        self.place = place


def _identity(path: str) -> tuple[int, int] | None:
    """By what the system knows a file; None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
