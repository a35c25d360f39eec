"""Whether the files that were opened are still where they were. What belongs to one that another took the place of must not be
taken for a part of that one: it would damage it. A WAL that was removed is still open here, and is put back.
"""

import contextlib
import os

from kube9_operator import logs
from kube9_operator.supervise import exits
from kube9_operator.write.sqlite import database

WAL_PARTS = ("-wal", "-shm")
"""Files beside the database that belong to it while it is open."""
PARTS = ("", *WAL_PARTS)

COPIED_AT_ONCE = 2**20
OPEN_FILES = "/proc/self/fd"


class Place:
    """Of a database that was opened just now."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts = {part: _identity(path + part) for part in PARTS}

    def look(self) -> None:
        """Raises Damaged where the file has been removed, Replaced where there is another now, WalRemoved where that is so of
        its WAL or the index of that.
        """
        with contextlib.suppress(OSError):  # it cannot be said just now
            now = _identity(self._path)
            if now is None:
                raise database.Damaged("the file has been removed")
            if now != self._parts[""]:
                raise Replaced(self)
            for part in WAL_PARTS:
                if self._parts[part] is not None and not self._is_there(part):
                    raise WalRemoved(self, self._path + part)

    def leave(self, connection: database.Connection) -> None:
        """Writes what is in the WAL into the file that was opened, wherever it is now, and closes it. Takes away the WAL and
        what else is beside the other one, if that has not brought its own.
        """
        logs.get().error("database.replaced", path=self._path)
        with contextlib.suppress(*database.TROUBLE):
            database.checkpoint(connection)
            connection.close()
        for part in WAL_PARTS:
            if self._is_there(part):
                self._remove(part)

    def put_back(self, connection: database.Connection) -> None:
        """Puts the WAL back where it was, and closes the database as it is: the next one to open it finds all of it, as after a
        kill. Where there is no room for that, writes it back into the file.

        An index that is not of this WAL goes: who opens the database next makes it anew.
        """
        logs.get().error("database.wal_removed", path=self._path)
        if not self._is_there("-wal") and not self._copy_wal():
            with contextlib.suppress(*database.TROUBLE):
                logs.get().warning("database.wal_written_back", whole=database.checkpoint(connection))
            for part in WAL_PARTS:
                self._remove(part)
        elif not self._is_there("-shm"):
            self._remove("-shm")
        database.leave_wal(connection)

    def _is_there(self, part: str) -> bool:
        return _identity(self._path + part) == self._parts[part]

    def _remove(self, part: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path + part)

    def _copy_wal(self) -> bool:
        """Whether what is still open of the WAL could be copied to its place."""
        copy = f"{self._path}-wal.copy"
        try:
            with open(copy, "wb") as target:
                wal, at = self._open_wal(), 0
                while piece := os.pread(wal, COPIED_AT_ONCE, at):
                    at += target.write(piece)
                target.flush()
                os.fsync(target.fileno())
            os.rename(copy, f"{self._path}-wal")
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(copy)
            return False
        return True

    def _open_wal(self) -> int:
        """SQLite's descriptor of it, which is left as it is. Raises OSError where there is none."""
        for name in os.listdir(OPEN_FILES):
            with contextlib.suppress(OSError):
                if _known_by(os.fstat(int(name))) == self._parts["-wal"]:
                    return int(name)
        raise FileNotFoundError("the WAL is not open")


class Displaced(exits.BeginAgain):
    """The files that were opened are not where they were. `leave` has to close the connection to them."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(what)
        self._place = place

    def leave(self, connection: database.Connection) -> None:
        """Closes it, so that the next one to open the database finds all there is."""
        self._place.put_back(connection)


class Replaced(Displaced):
    """Another file is in the place of the one that was opened."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, "the database file has been replaced: what is there now is opened")

    def leave(self, connection: database.Connection) -> None:
        """Leaves both files sound."""
        self._place.leave(connection)


class WalRemoved(Displaced):
    """The WAL, or its index, has been removed or replaced."""

    def __init__(self, place: Place, path: str) -> None:
        super().__init__(place, f"{path} has been removed: what it had is put back")


def _identity(path: str) -> tuple[int, int] | None:
    """By what the system knows a file; None where there is none."""
    try:
        return _known_by(os.stat(path))
    except FileNotFoundError:
        return None


def _known_by(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
