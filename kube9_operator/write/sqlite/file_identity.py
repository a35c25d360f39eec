"""File identity: are the files on disk still the ones that were opened?

If the database was replaced, the WAL of the old one would damage the new one. A WAL that was removed is still open here, and
is put back.
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


class FileIdentity:
    """The identity of a database that was opened just now."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts = {part: _file_id(path + part) for part in PARTS}

    def check(self) -> None:
        """Raises Damaged if the file was removed, Replaced if there is another one, WalRemoved if the WAL or its index is not
        the one that was opened.
        """
        with contextlib.suppress(OSError):  # not known at the moment
            now = _file_id(self._path)
            if now is None:
                raise database.Damaged("the file has been removed")
            if now != self._parts[""]:
                raise Replaced(self)
            for part in WAL_PARTS:
                if self._parts[part] is not None and not self._is_there(part):
                    raise WalRemoved(self, self._path + part)

    def leave(self, connection: database.Connection) -> None:
        """Writes the WAL into the file that was opened, wherever it is now, and closes it.

        Removes the WAL and its index from beside the other file, unless that has brought its own.
        """
        logs.get().error("database.replaced", path=self._path)
        with contextlib.suppress(*database.TROUBLE):
            database.checkpoint(connection)
            connection.close()
        for part in WAL_PARTS:
            if self._is_there(part):
                self._remove(part)

    def put_back(self, connection: database.Connection) -> None:
        """Puts the WAL back where it was, and closes the database without a checkpoint, as a kill would.

        If there is no room for that, it writes the WAL back into the file. It removes an index of another WAL: the next
        process that opens the database makes a new one.
        """
        logs.get().error("wal.removed", path=self._path)
        if not self._is_there("-wal") and not self._copy_wal():
            with contextlib.suppress(*database.TROUBLE):
                logs.get().warning("wal.written_back", whole=database.checkpoint(connection))
            for part in WAL_PARTS:
                self._remove(part)
        elif not self._is_there("-shm"):
            self._remove("-shm")
        database.leave_wal(connection)

    def _is_there(self, part: str) -> bool:
        return _file_id(self._path + part) == self._parts[part]

    def _remove(self, part: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path + part)

    def _copy_wal(self) -> bool:
        """Copies the open WAL to its place. Says whether it could."""
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
        """SQLite's descriptor of the WAL, which is only read. Raises OSError if there is none."""
        for name in os.listdir(OPEN_FILES):
            with contextlib.suppress(OSError):
                if _device_and_inode(os.fstat(int(name))) == self._parts["-wal"]:
                    return int(name)
        raise FileNotFoundError("the WAL is not open")


class Displaced(exits.BeginAgain):
    """The files that were opened are not where they were. The connection is closed by `leave`."""

    def __init__(self, identity: FileIdentity, what: str) -> None:
        super().__init__(what)
        self._identity = identity

    def leave(self, connection: database.Connection) -> None:
        """Closes the connection, so that the next one finds everything."""
        self._identity.put_back(connection)


class Replaced(Displaced):
    """Another file is in the place of the one that was opened."""

    def __init__(self, identity: FileIdentity) -> None:
        super().__init__(identity, "the database file has been replaced: the new file is opened")

    def leave(self, connection: database.Connection) -> None:
        """Leaves both files sound."""
        self._identity.leave(connection)


class WalRemoved(Displaced):
    """The WAL, or its index, has been removed or replaced."""

    def __init__(self, identity: FileIdentity, path: str) -> None:
        super().__init__(identity, f"{path} has been removed: it is put back")


def _file_id(path: str) -> tuple[int, int] | None:
    """Device and inode of a file; None if there is none."""
    try:
        return _device_and_inode(os.stat(path))
    except FileNotFoundError:
        return None


def _device_and_inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
