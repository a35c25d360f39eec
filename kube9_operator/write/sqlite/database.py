"""The connection: opens the database, sets it up, checkpoints its WAL. The only importer of apsw here; no SQL of the tables."""

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.supervise.exits import CannotStart
from kube9_schema import DATABASE_NAME
from kube9_schema.files import NotAFile, refuse_others

FILE_NAME = DATABASE_NAME
CACHE_KIB = 8 * 1024
"""The writer's page cache. Twice as much does not write a million events faster, see docs/benchmarks.md."""
WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""If a long reader has made the WAL grow, it is cut to this size afterwards."""
CHECKPOINT_PAGES = 4_000
"""The WAL is written back when it has this many pages."""
WAL_PART = 16
"""The WAL may take at most this part of the size limit."""
PAGE_BYTES = 4_096
PARTS = ("", "-wal", "-shm", "-journal")
"""The files of a database that SQLite may open, by the end of their names."""
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24

Connection = apsw.Connection

REFUSED = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, OverflowError, UnicodeEncodeError)
"""Raised by a row that the database refuses because of its content."""


class Damaged(Exception):
    """Damage that was found outside of SQLite. The text says what it is."""


DAMAGE = (apsw.CorruptError, apsw.NotADBError, Damaged, UnicodeDecodeError)
"""Raised if the file is damaged, or is not a database. The last one means that a text in it is not UTF-8."""

BUSY = apsw.BusyError
FULL = apsw.FullError

TROUBLE = (apsw.Error, OSError)
"""Raised if something else is wrong with the file: it is locked, the disk is full, an I/O error."""


PERMANENT = frozenset(
    (errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS)
)
"""Errors after which waiting does not make a path writable. A full disk, too many open files or an I/O error may pass."""


def is_of_content(error: Exception) -> bool:
    """Whether an error is caused by the content of an item, and not by the file or a lack of memory.

    That is so if the database refuses it, or if the error is unexpected.
    """
    return isinstance(error, REFUSED) or not isinstance(error, (*DAMAGE, *TROUBLE, MemoryError))


def connect(folder: str, busy_seconds: float) -> Connection:
    """Opens the database in `folder`, or creates it. Its content does not change, not even when it is closed.

    Raises CannotStart if it cannot be written, one of DAMAGE if it is not a database.
    """
    path = Path(folder) / FILE_NAME
    refuse_all_but_files(path, PARTS)
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(int(busy_seconds * 1000))
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        _keep_wal(connection)
        if connection.readonly("main"):
            raise apsw.ReadOnlyError("the file is read-only")
        connection.pragma("schema_version")  # reads the file's header
    except (apsw.CantOpenError, apsw.PermissionsError, apsw.ReadOnlyError) as error:
        if isinstance(error, apsw.CantOpenError) and _may_pass(path):
            raise
        raise CannotStart(not_writable(path, str(error))) from None
    return connection


def _may_pass(path: Path) -> bool:
    """Whether the reason why the file cannot be opened may pass. SQLite does not tell the system's error."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
    except OSError as error:
        return error.errno not in PERMANENT
    return False


def open_readonly(path: str) -> Connection:
    """Opens a database for a process that only reads."""
    for part in PARTS:
        refuse_others(path + part)
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5_000)
    connection.pragma("cache_size", -2_048)
    return connection


def leave_wal(connection: Connection) -> None:
    """Closes the database without a checkpoint, so that the WAL is not written into a damaged file."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()


def prepare(connection: Connection) -> None:
    """Sets up the connection and, if it is new, the file."""
    # Before the first table is created. Lets incremental_vacuum give space back after retention.
    connection.pragma("auto_vacuum", "INCREMENTAL")
    # Readers and the writer do not wait for each other. https://sqlite.org/wal.html
    mode = connection.pragma("journal_mode", "WAL")
    if mode != "wal":
        raise CannotStart(f"{connection.filename}: this file system does not support a write-ahead log (journal mode {mode})")
    # A commit survives the death of the process. A power cut may undo the last commits together with their versions, so
    # their events are read again. https://sqlite.org/pragma.html#pragma_synchronous
    connection.pragma("synchronous", "NORMAL")
    connection.pragma("cache_size", -CACHE_KIB)
    connection.pragma("journal_size_limit", WAL_LIMIT_BYTES)
    connection.wal_autocheckpoint(CHECKPOINT_PAGES)
    # The root file system may be read-only.
    connection.pragma("temp_store", "MEMORY")
    # A string in double quotes is a mistake. https://sqlite.org/quirks.html
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def bound(connection: Connection, max_bytes: int) -> int:
    """Limits the WAL for a size limit of the database; returns at how many pages it is written back."""
    limit = wal_limit_bytes(max_bytes)
    connection.pragma("journal_size_limit", limit)
    pages = min(CHECKPOINT_PAGES, limit // 2 // PAGE_BYTES)
    connection.wal_autocheckpoint(pages)
    return pages


def for_checkpoints(path: str) -> Connection:
    """Opens the same database again, to write its WAL back."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    _keep_wal(connection)
    connection.pragma("schema_version")
    return connection


def checkpoint(connection: Connection) -> bool:
    """Writes the WAL back, as far as no reader needs the older pages, and without waiting.

    Says whether everything was written back: then the WAL starts over. Raises BUSY if another connection is doing it.
    """
    pages, written = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    return bool(written >= pages)


def wal_state(connection: Connection) -> tuple[int, int]:
    """How many frames of the WAL are in use, and how many of these are written back. It neither waits nor writes.

    https://sqlite.org/c3ref/c_checkpoint_full.html
    """
    frames, written = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    return max(0, frames), max(0, written)


def shorten_wal(connection: Connection) -> None:
    """Cuts the WAL after its frames in use. Only for the writer, between two transactions."""
    frames, _ = wal_state(connection)
    wal = f"{connection.filename}-wal"
    if frames and os.stat(wal).st_size > wal_bytes(frames):
        os.truncate(wal, wal_bytes(frames))


def wal_bytes(frames: int) -> int:
    """How many bytes this many frames take on the disk. https://sqlite.org/fileformat2.html#the_write_ahead_log"""
    return WAL_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + PAGE_BYTES) if frames else 0


def wal_limit_bytes(max_bytes: int) -> int:
    """The size to which the WAL is cut."""
    return min(WAL_LIMIT_BYTES, max_bytes // WAL_PART)


def _keep_wal(connection: Connection) -> None:
    """Keeps -wal and -shm after a clean close: readers that cannot write to the folder need them.

    https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlpersistwal
    """
    flag = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(flag))


def one(connection: Connection, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
    """The first row of a query, or None."""
    row: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
    return row


def rows(connection: Connection, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return found


def refuse_all_but_files(path: Path, parts: tuple[str, ...]) -> None:
    """Raises CannotStart if a path is not a regular file: opening a pipe, for example, would wait."""
    for part in parts:
        one = path.with_name(path.name + part)
        try:
            refuse_others(one)
        except NotAFile as error:
            raise CannotStart(f"{one} cannot be opened: {error.strerror}") from None
        except OSError:
            pass  # opening it meets the same error, and handles it


def not_writable(path: Path, why: str) -> str:
    """One line that says why a path cannot be written, and who owns it."""
    file = f"the file is {_owner(path)}, " if path.exists() else ""
    return f"{path} cannot be written by uid {os.getuid()} ({why}); {file}the folder is {_owner(path.parent)}"


def _owner(path: Path) -> str:
    try:
        return f"owned by uid {path.stat().st_uid}, mode {path.stat().st_mode & 0o777:o}"
    except OSError as error:
        return error.strerror or "not there"
