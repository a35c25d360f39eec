"""Opens the database for writing and holds it alone. The only importer of apsw on this side; no SQL of the tables."""

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.supervise.exits import CannotStart
from kube9_schema import DATABASE_NAME
from kube9_schema.files import NotAFile, refuse_others

FILE_NAME = DATABASE_NAME
CACHE_KIB = 8 * 1024
"""Of the writer. With twice as much a million events are written no faster, see docs/benchmarks.md."""
WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""A WAL that a long reader let grow is cut to this when it can be."""
CHECKPOINT_PAGES = 4_000
"""The WAL is written back when it has so many."""
WAL_PART = 16
"""The WAL may take no more than this part of what the database may take."""
PAGE_BYTES = 4_096
PARTS = ("", "-wal", "-shm", "-journal")
"""Of a database the files that SQLite may open."""
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24

Connection = apsw.Connection

REFUSED = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, OverflowError, UnicodeEncodeError)
"""What a row raises that the database refuses for its content."""


class Damaged(Exception):
    """Damage that somebody else has found; its text says what."""


DAMAGE = (apsw.CorruptError, apsw.NotADBError, Damaged, UnicodeDecodeError)
"""What says that the file is damaged, or no database at all; the last that a text in it is none."""

BUSY = apsw.BusyError
FULL = apsw.FullError

TROUBLE = (apsw.Error, OSError)
"""What else may go wrong with the file: locked, full, an I/O error."""


LASTING = frozenset(
    (errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS)
)
"""What the system says of a path that no waiting makes writable. A full disk, too many open files or an I/O error may pass."""


def is_of_content(error: Exception) -> bool:
    """Whether neither the file nor memory is known to be the cause, but what was to be done: it is refused, or nobody thought
    of it.
    """
    return isinstance(error, REFUSED) or not isinstance(error, (*DAMAGE, *TROUBLE, MemoryError))


def connect(folder: str, busy_seconds: float) -> Connection:
    """The database in `folder`, made where there is none; nothing of it is changed yet, nor when it is closed.

    Raises CannotStart where it may not be written, one of DAMAGE where it is no database.
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
    """Whether what keeps the file from being opened may be over later: SQLite does not say what the system said."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
    except OSError as error:
        return error.errno not in LASTING
    return False


def open_readonly(path: str) -> Connection:
    """A database to be read by a process of its own."""
    for part in PARTS:
        refuse_others(path + part)
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5_000)
    connection.pragma("cache_size", -2_048)
    return connection


def leave_wal(connection: Connection) -> None:
    """Closes the database as it is: nothing of its WAL is written into a file that is damaged."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()


def prepare(connection: Connection) -> None:
    """Settings of the connection and, where the file is new, of the file."""
    # Before the first table: lets incremental_vacuum give space back after retention.
    connection.pragma("auto_vacuum", "INCREMENTAL")
    # Readers and the writer do not wait for each other. https://sqlite.org/wal.html
    mode = connection.pragma("journal_mode", "WAL")
    if mode != "wal":
        raise CannotStart(f"{connection.filename}: this file system cannot keep a write-ahead log (journal mode {mode})")
    # A commit survives the death of the process; a power cut may take the last ones, and with them the versions they
    # carried, so that they are read again. https://sqlite.org/pragma.html#pragma_synchronous
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
    """Keeps the WAL small beside a database that may take so much; returns how many pages of it are to be written back."""
    limit = wal_limit_bytes(max_bytes)
    connection.pragma("journal_size_limit", limit)
    pages = min(CHECKPOINT_PAGES, limit // 2 // PAGE_BYTES)
    connection.wal_autocheckpoint(pages)
    return pages


def for_checkpoints(path: str) -> Connection:
    """The same database once more, to write its WAL back."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    _keep_wal(connection)
    connection.pragma("schema_version")
    return connection


def checkpoint(connection: Connection) -> bool:
    """Writes back what is in the WAL, as far as nobody reads what was before, and without waiting for anybody.

    Says whether that was all: then the WAL begins anew. Raises BUSY where another connection is at it.
    """
    pages, written = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    return bool(written >= pages)


def wal_state(connection: Connection) -> tuple[int, int]:
    """How many frames of the WAL are in use, and how many of these are written back. Does nothing: neither waits nor writes.

    https://sqlite.org/c3ref/c_checkpoint_full.html
    """
    frames, written = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    return max(0, frames), max(0, written)


def shorten_wal(connection: Connection) -> None:
    """Cuts what the WAL has beyond its frames in use. Only for the writer, between two transactions."""
    frames, _ = wal_state(connection)
    wal = f"{connection.filename}-wal"
    if frames and os.stat(wal).st_size > wal_bytes(frames):
        os.truncate(wal, wal_bytes(frames))


def wal_bytes(frames: int) -> int:
    """What so many frames take on the disk. https://sqlite.org/fileformat2.html#the_write_ahead_log"""
    return WAL_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + PAGE_BYTES) if frames else 0


def wal_limit_bytes(max_bytes: int) -> int:
    """To what the WAL is cut when it can be."""
    return min(WAL_LIMIT_BYTES, max_bytes // WAL_PART)


def _keep_wal(connection: Connection) -> None:
    """Lets -wal and -shm stay after a clean close: readers that may not write the folder need them.

    https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlpersistwal
    """
    flag = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(flag))


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """One transaction. IMMEDIATE: a deferred one that turns writer fails with BUSY_SNAPSHOT, whatever the timeout."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


def one(connection: Connection, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
    """The first row of a query, or None."""
    row: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
    return row


def rows(connection: Connection, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return found


def refuse_all_but_files(path: Path, parts: tuple[str, ...]) -> None:
    """Raises CannotStart where there is a pipe, a folder or the like in the place of a file: it would be waited for."""
    for part in parts:
        one = path.with_name(path.name + part)
        try:
            refuse_others(one)
        except NotAFile as error:
            raise CannotStart(f"{one} cannot be opened: {error.strerror}") from None
        except OSError:
            pass  # what opens it meets it, and knows what to do


def not_writable(path: Path, why: str) -> str:
    """One line that says who may not write what."""
    file = f"the file is {_owner(path)}, " if path.exists() else ""
    return f"{path} cannot be written by uid {os.getuid()} ({why}); {file}the folder is {_owner(path.parent)}"


def _owner(path: Path) -> str:
    try:
        return f"owned by uid {path.stat().st_uid}, mode {path.stat().st_mode & 0o777:o}"
    except OSError as error:
        return error.strerror or "not there"
