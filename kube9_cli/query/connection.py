"""Asks the database. The only importer of apsw in the CLI; opens it so that nothing can be changed."""

import contextlib
import heapq
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apsw

from kube9_cli.errors import QueryError, damaged, too_long
from kube9_cli.files import uri

SCHEMA_VERSION = 5
"""The newest schema that this program reads; compared with schema/ by a test."""
HEAP_BYTES = 16 * 1024 * 1024
"""SQLite's heap: a reader shares the pod's memory with the operator."""
STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine, between two looks at the clock: costs nothing (a millisecond's work)."""
STEP_BYTES, MAX_STEPS = 10, 200
ANSWER_BYTES = 24 * 1024 * 1024
"""What the rows of one query may take in Python, which SQLite's heap does not count."""
ROW_BYTES = 64
MAX_ERROR_CHARACTERS = 500
MAX_WORD_CHARACTERS = 1_000
MAX_WORDS = 5_000
"""Are remembered: those of a page at most, five in each of a thousand events."""

LIMITS = {
    # The operator writes no row that is larger than 32 KiB of those that are read here.
    apsw.SQLITE_LIMIT_LENGTH: 64 * 1024,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 64 * 1024,
    apsw.SQLITE_LIMIT_COLUMN: 64,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 64,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 8,
    apsw.SQLITE_LIMIT_VDBE_OP: 20_000,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: 8,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    # One comparison with a pattern can take hours, in which nobody looks at the clock.
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1,
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: 1_000,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}
"""Ours need no more: https://sqlite.org/limits.html."""
SETTINGS = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DML, 0),
    (apsw.SQLITE_DBCONFIG_DQS_DDL, 0),
)
"""As SQLite advises for a database that anybody may have written: https://sqlite.org/security.html."""
TABLES = (
    *("schema_version", "facts", "words", "objects", "events", "tallies", "texts", "contributors", "controllers", "sources"),
    *("gaps", "books", "dead_letters"),
)
"""That are read."""
STRANGE = f"""SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND lower(name) IN {TABLES}
    AND (type <> 'table' OR EXISTS (SELECT 1 FROM pragma_table_xinfo(pragma_table_list.name) WHERE hidden <> 0)) LIMIT 1"""  # noqa: S608
"""A table of ours that computes what it seems to hold: a view, a virtual table, a generated column."""

Types = tuple[tuple[type, ...], ...]
"""Of each column what its values may be."""
WHOLE, WHOLE_OR_NONE, TEXT, TEXT_OR_NONE = (int,), (int, type(None)), (str,), (str, type(None))


class Row(NamedTuple):
    """An event as it is kept, its words in full; '' for what is absent. Times in ms since 1970."""

    title: str
    kind: str
    namespace: str
    reason: str
    node: str
    id: int
    type: int
    severity: int
    created_ms: int
    first_ms: int
    last_ms: int
    times: int
    """How often it happened, the column count."""
    name: str
    description: str | None
    metadata: str


WORDS = 5
"""The first columns of a Row, and of what EVENTS selects, are numbers of words."""
EVENTS = """SELECT e.title, e.kind, e.namespace, e.reason, e.node, e.id, e.type, e.severity, e.created_ms, e.first_ms,
    e.last_ms, e.count, o.name, t.description, t.metadata
    FROM events e JOIN texts t ON t.event = e.id JOIN objects o ON o.id = e.object WHERE e.id IN ({})"""
COUNTED = "SELECT count, lead_events, lead_statuses FROM events WHERE id = ?"
"""How often an event happened, by which account."""
VERSION = """SELECT max(version), (SELECT count(*) FROM pragma_table_info('schema_version') WHERE name = 'description')
    FROM schema_version"""
"""The schema version, and whether it is of alto9/kube9-operator, which has a table of the same name with a description."""
MAX_OWNERS = 8
EVENT: Types = (*((WHOLE,) * 12), TEXT, TEXT_OR_NONE, TEXT)
OWNERS = """WITH RECURSIVE chain (object, far) AS (
    SELECT coalesce(c.object, o.owner), 1 FROM events e JOIN objects o ON o.id = e.object
        LEFT JOIN controllers c ON c.event = e.id WHERE e.id = ?1
    UNION ALL SELECT o.owner, far + 1 FROM chain JOIN objects o ON o.id = chain.object WHERE far < ?2)
    SELECT k.word, o.name FROM chain JOIN objects o ON o.id = chain.object JOIN words k ON k.id = o.kind ORDER BY far"""
"""Of an event about a quota those that it stopped."""


class Database:
    """A read-only connection that gives up at a deadline. Every method raises QueryError, and nothing else, for trouble."""

    def __init__(self, path: str, timeout_seconds: float, waited: Callable[[], float]) -> None:
        """`waited` gives seconds that do not count: those in which somebody has read the answer."""
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._words: dict[int, str] = {0: ""}
        self._waited = waited
        apsw.hard_heap_limit(HEAP_BYTES)
        self._connection = self._opened(uri(path))
        strange = self.all(STRANGE)
        if strange:
            raise QueryError("The database cannot be read", f"{path}: {strange[0][0]} is not a table as the operator makes it")
        version, is_original = self.all(VERSION, (), (WHOLE_OR_NONE, WHOLE))[0]
        if is_original:
            raise QueryError(
                "The database is of another program",
                f"{path} was written by alto9/kube9-operator (its schema {version}), which kube9-cli cannot read",
            )
        if version is None:
            raise QueryError("The database has no history yet", f"{path}: no migration has been applied")
        if version > SCHEMA_VERSION:
            raise QueryError(
                "The database is newer than this program",
                f"{path} has schema version {version}, kube9-cli reads up to {SCHEMA_VERSION}",
            )
        if version < SCHEMA_VERSION:
            raise QueryError(
                "The database is older than this program",
                f"{path} has schema version {version}, kube9-cli reads {SCHEMA_VERSION}: an operator that starts migrates it",
            )

    def close(self) -> None:
        """Closes the connection, and with it the files."""
        with contextlib.suppress(apsw.Error):
            self._connection.close()

    def _opened(self, uri: str) -> apsw.Connection:
        """A connection on which nothing that the file says is carried out, nor anything without end."""
        try:
            connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            for setting, value in SETTINGS:
                connection.config(setting, value)
            for limit, most in LIMITS.items():
                connection.limit(limit, most)
            connection.set_busy_timeout(int(min(self._timeout_seconds, 5.0) * 1000))
            connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)
            connection.execute("PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0")
        except Exception as error:
            raise self._explain(error) from None
        return connection

    def _is_late(self) -> bool:
        return time.monotonic() - self._waited() > self._deadline

    def look_at_the_clock(self) -> None:
        """Raises QueryError where the time is over. To be called where rows are worked on, outside of SQLite."""
        if self._is_late():
            raise too_long(self._timeout_seconds)

    def all(self, sql: str, values: tuple[Any, ...] = (), types: Types = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Each call sees one state of the database, and holds it no longer than it takes.

        Raises QueryError too where a value is not of its column's types.
        """
        return list(self._each(sql, values, types))

    def _each(self, sql: str, values: tuple[Any, ...], types: Types) -> Iterator[tuple[Any, ...]]:
        room = ANSWER_BYTES
        try:
            for row in self._connection.execute(sql, values):
                for value in row:
                    if type(value) is str or type(value) is bytes:
                        room -= len(value)
                room -= ROW_BYTES
                if room < 0:
                    raise QueryError("The query needs too much memory", f"its rows take more than {ANSWER_BYTES // 2**20} MiB")
                for value, allowed in zip(row, types, strict=False):
                    if type(value) not in allowed:
                        raise damaged(f"{self._path}: {type(value).__name__} where {allowed[0].__name__} belongs: {sql[:200]}")
                yield row
        except QueryError:
            raise
        except Exception as error:
            raise self._explain(error) from None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is asked meanwhile sees one state of the database. To be kept short: the writer's WAL grows by it."""
        self.all("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(apsw.Error):
                self._connection.execute("COMMIT")

    def events(self, ids: list[int]) -> list[Row]:
        """The events of these ids, some hundred, that are there, in this order."""
        rows = self.all(EVENTS.format(", ".join("?" * len(ids))), tuple(ids), EVENT)
        found = {row[WORDS]: Row._make((*map(self._word, row[:WORDS]), *row[WORDS:])) for row in rows}
        return [found[event] for event in ids if event in found]

    def _word(self, number: int) -> str:
        """A word by its number: few, and the same in many events."""
        known = self._words.get(number)
        if known is None:
            found = self.all("SELECT word FROM words WHERE id = ?", (number,), (TEXT,))
            if not found or len(found[0][0]) > MAX_WORD_CHARACTERS:
                raise damaged(f"{self._path}: {'a word is too long' if found else 'no such word'}: {number}")
            if len(self._words) >= MAX_WORDS:
                self._words = {0: ""}
            known = self._words[number] = found[0][0]
        return known

    def owners(self, event_id: int) -> list[tuple[str, str]]:
        """Kind and name of what controls the event's object, of what controls that, and so on."""
        return [(kind, name) for kind, name in self.all(OWNERS, (event_id, MAX_OWNERS), (TEXT, TEXT))]

    def occurrences(self, event_id: int) -> list[tuple[int, int]]:
        """When the count was seen to rise, in ms since 1970, and what it was then: the first and the newest 199, in order."""
        first: tuple[int, int] | None = None
        newest: list[tuple[int, int]] = []
        total = 0
        for rise in self._rises(event_id):
            total += rise[1]
            first = min(first or rise, rise)
            (heapq.heappush if len(newest) < MAX_STEPS else heapq.heappushpop)(newest, rise)
        found: list[tuple[int, int]] = []
        for ms, rise_then in sorted(newest, reverse=True):
            found.append((ms, total))
            total -= rise_then
        found.reverse()
        if first is not None and total:  # more than are kept: the first stands for those before
            found[0] = (first[0], first[1])
        return found

    def _rises(self, event_id: int) -> Iterator[tuple[int, int]]:
        """Each step of each contributor that counts: when, and by how much. In any order, one contributor at a time.

        An event's count is the sum of its Events, or that of its statuses, or that of one secondary contributor: only the steps
        of these add up to it.
        """
        found = self.all(COUNTED, (event_id,), (WHOLE, WHOLE, WHOLE))
        count, of_events, of_statuses = found[0] if found else (0, 0, 0)
        primary = bool(of_events or of_statuses)
        flags = (3 if of_statuses == count else 1) if primary else 0
        sql = "SELECT base, steps FROM contributors WHERE event = ? AND flags & 3 = ?"
        if not primary:
            sql = "SELECT base, steps FROM contributors WHERE event = ? AND flags & 1 = ? ORDER BY count - base DESC LIMIT 1"
        for before, steps in self._each(sql, (event_id, flags), (WHOLE, (bytes,))):
            self.look_at_the_clock()
            for at in range(0, len(steps), STEP_BYTES):
                ms, count = (
                    int.from_bytes(steps[at : at + 6], "big"),
                    int.from_bytes(steps[at + 6 : at + STEP_BYTES], "big"),
                )
                yield ms, max(1, count - before)
                before = count

    def size_bytes(self) -> int:
        """Of the database and its WAL."""
        sizes = 0
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                sizes += os.stat(self._path + end).st_size
        return sizes

    def _explain(self, error: Exception) -> QueryError:
        why = f"{self._path}: {error}"[:MAX_ERROR_CHARACTERS]
        if isinstance(error, apsw.InterruptError) or self._is_late():
            return too_long(self._timeout_seconds)
        if isinstance(error, apsw.NoMemError | MemoryError):
            return QueryError("The query needs too much memory", f"it is capped at {HEAP_BYTES // 2**20} MiB; ask for less")
        if isinstance(error, apsw.BusyError):
            return QueryError("The database is locked", f"{why}; try again")
        if isinstance(error, apsw.CorruptError | apsw.TooBigError | UnicodeDecodeError):
            return damaged(why)
        if isinstance(error, apsw.SQLError) and "no such table" in str(error):
            hint = "" if os.path.exists(self._path + "-wal") else "; if it is a copy, kube9.db-wal belongs to it"
            return QueryError("The database has no history yet", f"{why}{hint}")
        hint = ""
        if isinstance(error, apsw.CantOpenError) and not os.path.exists(self._path + "-shm"):
            hint = "; to read a copy with its kube9.db-wal its folder must be writable"
        return QueryError("The database cannot be read", f"{why}{hint}")
