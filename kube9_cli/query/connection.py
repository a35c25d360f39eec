"""Opens the database read-only and runs SQL. The only module of the CLI that imports apsw."""

from __future__ import annotations

import os
import time

import apsw

from kube9_cli.errors import QueryError, damaged, too_long
from kube9_cli.query.files import uri
from kube9_schema import SCHEMA_VERSION, ids
from kube9_schema.facts import MOVE_UNTIL

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from kube9_cli.central.fleet import Fleet
    from kube9_cli.selection import Selection

HEAP_BYTES = 16 * 1024 * 1024
"""The limit of SQLite's heap. A reader shares the pod's memory with the operator."""
CACHE_KIB = 2_000
"""SQLite's own default for its page cache."""
STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's virtual machine between two looks at the clock, about a millisecond's work."""
ANSWER_BYTES = 24 * 1024 * 1024
"""The memory that the rows of one query may take in Python. SQLite's heap does not include it."""
ROW_BYTES = 64
LOCKED_SECONDS = 5.0
"""So long it waits for a lock, but no longer than half of the time of the query: that it was locked must be said in time."""
MAX_ERROR_CHARACTERS = 500
MAX_WORD_CHARACTERS = 1_000
MAX_WORDS = 5_000
"""So many words are remembered: those of one page, five for each of a thousand events."""

MAX_PATTERN = 300

AT_ONCE = 500
"""So many numbers are in a list of one query."""
LIMITS = {
    # No row that is read here is larger than 32 KiB.
    apsw.SQLITE_LIMIT_LENGTH: 64 * 1024,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 64 * 1024,
    apsw.SQLITE_LIMIT_COLUMN: 64,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 64,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 8,
    apsw.SQLITE_LIMIT_VDBE_OP: 20_000,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: 8,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    # One comparison with some patterns can take hours, during which the progress handler is not called. Ours take linear time:
    # they have a text between two signs for any characters.
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: MAX_PATTERN,
    # A summary of a thousand groups has a value for each, and for a hundred that are equal to the last.
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: 1_200,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}
"""Our queries need no more: https://sqlite.org/limits.html."""
SETTINGS = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
)
"""SQLite advises these for a database from an untrusted source: https://sqlite.org/security.html."""
TABLES = (
    *("schema_version", "facts", "words", "objects", "events", "texts", "contributors", "controllers", "sources"),
    *("gaps", "books", "dead_letters", "service_pods", "mirror_pods", "series", "periods", "totals", "causes", "problems"),
    *("signatures", "unsigned_events"),
    *("insights", "insight_evidence", "states", "baselines", "slices", "lasting"),
    *("assessment_checks", "assessments", "assessment_results", "collections", "collection_types"),
)
"""The tables that are read."""
STRANGE = f"""SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND lower(name) IN {TABLES}
    AND (type <> 'table' OR EXISTS (SELECT 1 FROM pragma_table_xinfo(pragma_table_list.name) WHERE hidden <> 0)) LIMIT 1"""  # noqa: S608
"""Finds a table of ours that computes its values: a view, a virtual table, a generated column."""

Types = tuple[tuple[type, ...], ...]
"""For each column, the types that its values may have."""
WHOLE, WHOLE_OR_NONE, TEXT, TEXT_OR_NONE = (int,), (int, type(None)), (str,), (str, type(None))


VERSION = """SELECT max(version), (SELECT count(*) FROM pragma_table_info('schema_version') WHERE name = 'description')
    FROM schema_version"""
"""The schema version, and whether alto9/kube9-operator wrote the database: its table has a column `description`."""


class Snapshot:
    """A transaction for reading, as a context manager. (The module contextlib takes a millisecond.)"""

    def __init__(self, connection: apsw.Connection, begin: Callable[[], object]) -> None:
        self._connection, self._begin = connection, begin

    def __enter__(self) -> None:
        self._begin()

    def __exit__(self, *_: object) -> None:
        try:
            self._connection.execute("COMMIT")
        except apsw.Error:
            return  # what it has read is right all the same


class Database:
    """A read-only connection with a deadline. Methods raise QueryError, and no other error.

    A question first says which events it is about (`load`). A file has all of them; `kube9_cli.central.copy` fetches them.
    """

    heap_bytes = HEAP_BYTES
    fleet: Fleet | None = None
    """The clusters that the events are of; None if they are those of a file, which is about one cluster."""

    def __init__(self, path: str, timeout_seconds: float, waited: Callable[[], float], cache_kib: int = CACHE_KIB) -> None:
        """`waited` gives the seconds that do not count: those spent waiting for a reader."""
        self._path = path
        self._cache_kib = cache_kib
        self._timeout_seconds = timeout_seconds
        self._words: dict[int, str] = {0: ""}
        self._waited = waited
        self._functions = 0
        self.renewed: Callable[[], None] = lambda: None
        """Is called when the deadline is renewed."""
        apsw.hard_heap_limit(self.heap_bytes)
        self.renew()
        self._open()

    def _open(self) -> None:
        """Opens the file and checks that it is a database of this release. Raises QueryError."""
        path = self._path
        self._connection = self._opened(uri(path))
        strange = self.all(STRANGE)
        if strange:
            raise QueryError(
                "The database cannot be read", f"{path}: {strange[0][0]} is not a table as the operator creates it"
            )
        version, is_original = self.all(VERSION, (), (WHOLE_OR_NONE, WHOLE))[0]
        if is_original:
            raise QueryError(
                "The database belongs to another program",
                f"{path} was written by alto9/kube9-operator (its schema {version}); kube9-cli cannot read it",
            )
        if version is None:
            raise QueryError("The database is empty", f"{path}: the operator has not created its tables yet")
        if version > SCHEMA_VERSION:
            raise QueryError(
                "The database is newer than this program",
                f"{path} has schema version {version}, and kube9-cli reads {SCHEMA_VERSION}; use a newer kube9-cli",
            )
        if version < SCHEMA_VERSION:
            raise QueryError(
                "The database is older than this program",
                f"{path} has schema version {version}, and kube9-cli reads {SCHEMA_VERSION}; "
                "an operator of this release migrates it when it starts",
            )

    def renew(self) -> None:
        """Gives the next query the whole time again."""
        self._deadline = time.monotonic() - self._waited() + self._timeout_seconds
        self.renewed()

    def reopen(self) -> None:
        """Opens the database again: another file may be in its place, or a writer where there was none. Raises QueryError."""
        self.close()
        self._words = {0: ""}
        self.renew()
        self._open()

    def close(self) -> None:
        """Closes the connection and its files."""
        try:
            self._connection.close()
        except apsw.Error:
            return  # what it has read is right all the same

    def _opened(self, uri: str) -> apsw.Connection:
        """A connection that runs nothing that the file defines, and stops at the deadline."""
        try:
            connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            for setting, value in SETTINGS:
                connection.config(setting, value)
            for limit, most in LIMITS.items():
                connection.limit(limit, most)
            connection.set_busy_timeout(int(min(self._timeout_seconds / 2, LOCKED_SECONDS) * 1000))
            connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
            connection.execute("PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0")
            if self._cache_kib != CACHE_KIB:
                connection.execute(f"PRAGMA cache_size = -{self._cache_kib}")
        except Exception as error:
            raise self._explain(error) from None
        return connection

    def _is_late(self) -> bool:
        return time.monotonic() - self._waited() > self._deadline

    def look_at_the_clock(self) -> None:
        """Raises QueryError if the time is over. It is called while Python works on rows, when SQLite does not look itself."""
        if self._is_late():
            raise too_long(self._timeout_seconds)

    def all(self, sql: str, values: tuple[Any, ...] = (), types: Types = ()) -> list[tuple[Any, ...]]:
        """The rows of a query, from one snapshot of the database that ends with the call.

        Raises QueryError also for a value of a type that its column does not have.
        """
        return list(self.each(sql, values, types))

    def bounded(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The same for a query whose caller bounds what it gives. It takes a third of the time."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except Exception as error:
            raise self._explain(error) from None

    def each(self, sql: str, values: tuple[Any, ...], types: Types) -> Iterator[tuple[Any, ...]]:
        """The same, row by row: the query is open until the last one."""
        room = ANSWER_BYTES
        for row in self.stream(sql, values, types):
            for value in row:
                if type(value) is str or type(value) is bytes:
                    room -= len(value)
            room -= ROW_BYTES
            if room < 0:
                raise QueryError(
                    "The query needs too much memory",
                    f"its rows take more than {ANSWER_BYTES // 2**20} MiB; select fewer events",
                )
            yield row

    def stream(self, sql: str, values: tuple[Any, ...], types: Types) -> Iterator[tuple[Any, ...]]:
        """The same for any number of rows, none of which the caller keeps."""
        usual: tuple[type, ...] = ()
        try:
            for row in self._connection.execute(sql, values):
                found = tuple(map(type, row))
                if found != usual:
                    for kind, allowed in zip(found, types, strict=False):
                        if kind not in allowed:
                            raise damaged(f"{self._path}: found {kind.__name__} instead of {allowed[0].__name__}: {sql[:200]}")
                    usual = found
                yield row
        except QueryError:
            raise
        except Exception as error:
            raise self._explain(error) from None

    def numbers(self, sql: str, values: tuple[Any, ...]) -> Iterator[int]:
        """The whole numbers that a query of one column finds, one by one, however many there are."""
        try:
            for (value,) in self._connection.execute(sql, values):
                if type(value) is not int:
                    raise damaged(f"{self._path}: found {type(value).__name__} instead of int: {sql[:200]}")
                yield value
        except QueryError:
            raise
        except Exception as error:
            raise self._explain(error) from None

    def snapshot(self) -> Snapshot:
        """All queries inside see one snapshot of the database. It must be short, because the WAL cannot restart meanwhile."""
        return Snapshot(self._connection, lambda: self.all("BEGIN"))

    def function(self, made: Callable[..., bool]) -> str:
        """Makes a pure function callable in SQL, and returns the name that it has there."""
        self._functions += 1
        name = f"kube9_test_{self._functions}"
        self._connection.create_scalar_function(name, made, deterministic=True)
        return name

    def word(self, number: int) -> str:
        """A word by its id. Words are few and repeat, so they are remembered."""
        known = self._words.get(number)
        if known is None:
            found = self.all("SELECT word FROM words WHERE id = ?", (number,), (TEXT,))
            if not found or len(found[0][0]) > MAX_WORD_CHARACTERS:
                raise damaged(f"{self._path}: word {number} {'is too long' if found else 'does not exist'}")
            if len(self._words) >= MAX_WORDS:
                self._words = {0: ""}
            known = self._words[number] = found[0][0]
        return known

    def words(self, numbers: Iterable[int]) -> list[str]:
        """The words of these ids. One call for each would cost an export a twentieth of its time."""
        known = self._words
        return [known[number] if number in known else self.word(number) for number in numbers]

    def load(self, selection: Selection, first: int | None = None, counted: bool = False) -> None:
        """Makes the events of a selection available; of these at least the `first` that were last seen, if it is not None.

        If they are to be `counted`, `total` knows how many there are.
        """

    def load_ids(self, numbers: Iterable[int]) -> None:
        """Makes events available by their ids, as `schema.ids` decodes them."""

    def total(self) -> int | None:
        """How many events the selection has that was last loaded; None if all of them are here, so that they can be counted."""
        return None

    def number(self, number: int) -> int:
        """The number that an event has here, by its id. Raises QueryError if events of several clusters have this id."""
        return number

    def shown_id(self, number: int) -> str:
        """The id of an event as clients see it."""
        return ids.encode(number)

    def newest_id(self) -> int:
        """The greatest number of an event of the selection that was last loaded."""
        found: int = self.all("SELECT coalesce(max(id), 0) FROM events", (), (WHOLE,))[0][0]
        return found

    def names(self, field: str, sql: str) -> list[str]:  # noqa: ARG002  # a store knows it by its field
        """The recorded values of a field, which `sql` selects."""
        return [row[0] for row in self.all(sql, (), (TEXT,))]

    def is_moved(self) -> bool:
        """Whether all events are in the tables of this release. After an upgrade, the operator moves them while it runs."""
        return not self.all("SELECT 1 FROM facts WHERE name = ?", (MOVE_UNTIL,))

    def size_bytes(self) -> int:
        """The size of the database and its WAL."""
        sizes = 0
        for end in ("", "-wal"):
            try:
                sizes += os.stat(self._path + end).st_size
            except FileNotFoundError:
                continue
        return sizes

    def _explain(self, error: Exception) -> QueryError:
        why = f"{self._path}: {error}"[:MAX_ERROR_CHARACTERS]
        if isinstance(error, apsw.BusyError):  # also if the time is over: the lock is the cause
            return QueryError("The database is locked", f"{why}; try again")
        if isinstance(error, apsw.InterruptError) or self._is_late():
            return too_long(self._timeout_seconds)
        if isinstance(error, apsw.NoMemError | MemoryError):
            return QueryError(
                "The query needs too much memory", f"the limit is {self.heap_bytes // 2**20} MiB; select fewer events"
            )
        if isinstance(error, apsw.FullError):  # of a database that is only read, nothing else can be full
            details = f"SQLite could not write one ({error}); select fewer events, or set SQLITE_TMPDIR to a larger folder"
            return QueryError("There is no room for temporary files", details)
        if isinstance(error, apsw.CorruptError | apsw.TooBigError | UnicodeDecodeError):
            return damaged(why)
        if isinstance(error, apsw.SQLError) and "no such table" in str(error):
            hint = "" if os.path.exists(self._path + "-wal") else "; if this is a copy, copy kube9.db-wal too"
            return QueryError("The database is empty or incomplete", f"{why}{hint}")
        hint = ""
        if isinstance(error, apsw.CantOpenError) and not os.path.exists(self._path + "-shm"):
            hint = "; to read a copy with a kube9.db-wal, its folder must be writable"
        return QueryError("The database cannot be read", f"{why}{hint}")


class Scratch(Database):
    """An empty database with the tables of this release, for events that come from elsewhere: in memory as far as they fit."""

    heap_bytes = 160 * 1024 * 1024
    cache_bytes = 96 * 1024 * 1024

    def _open(self) -> None:
        from importlib import resources  # only where it is needed

        files = (one for one in resources.files("kube9_schema").iterdir() if one.name.endswith(".sql"))
        try:
            self._connection = apsw.Connection("")  # a temporary file, which is removed when it is closed
            self._connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
            self._connection.execute(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -{self.cache_bytes // 1024}")
            for file in sorted(files, key=lambda one: one.name):
                self._connection.execute(file.read_text(encoding="utf-8"))
        except Exception as error:
            raise self._explain(error) from None

    def write(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Runs a statement for each of these rows of values. Raises QueryError."""
        try:
            self._connection.executemany(sql, rows)
        except QueryError:
            raise
        except Exception as error:
            raise self._explain(error) from None


def number(facts: dict[str, Any], name: str) -> int | None:
    """A fact that is a number; None if it is absent. Raises QueryError for anything else."""
    value = facts.get(name)
    if value is None or isinstance(value, int):
        return value
    raise damaged(f"the fact {name} is not a whole number")


def lists(numbers: Sequence[int]) -> Iterator[str]:
    """Numbers as lists for SQL, each of them short enough for the limits of a query."""
    for at in range(0, len(numbers), AT_ONCE):
        yield ", ".join(map(str, numbers[at : at + AT_ONCE]))
