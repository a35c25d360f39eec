"""Asks the database. The only importer of apsw in the CLI; opens it so that nothing can be changed."""

import contextlib
import heapq
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apsw

SCHEMA_VERSION = 4
"""The newest schema that this program reads; compared with schema/ by a test."""
HEAP_BYTES = 16 * 1024 * 1024
"""SQLite's heap: a reader shares the pod's memory with the operator."""
STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine, between two looks at the clock: costs nothing (a millisecond's work)."""
STEP_BYTES, MAX_STEPS = 10, 200


class QueryError(Exception):
    """The question cannot be answered: `code` for programs, `exit_code` of the process, `details` for the user."""

    def __init__(self, error: str, details: str, code: str = "DATABASE_UNUSABLE", exit_code: int = 1) -> None:
        super().__init__(error)
        self.details, self.code, self.exit_code = details, code, exit_code


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


MAX_OWNERS = 8
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
        apsw.hard_heap_limit(HEAP_BYTES)
        try:
            self._connection = apsw.Connection(_uri(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            self._connection.set_busy_timeout(int(min(timeout_seconds, 5.0) * 1000))
            self._connection.set_progress_handler(lambda: time.monotonic() - waited() > self._deadline, STEPS_BETWEEN_LOOKS)
            version = self._connection.execute("SELECT max(version) FROM schema_version").get
        except (apsw.Error, ValueError) as error:
            raise self._explain(error) from None
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

    def all(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Each call sees one state of the database, and holds it no longer than it takes."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except (apsw.Error, ValueError, OverflowError) as error:
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
        rows = self.all(EVENTS.format(", ".join("?" * len(ids))), tuple(ids))
        found = {row[WORDS]: Row._make((*map(self._word, row[:WORDS]), *row[WORDS:])) for row in rows}
        return [found[event] for event in ids if event in found]

    def _word(self, number: int) -> str:
        """A word by its number: few, and the same in many events."""
        known = self._words.get(number)
        if known is None:
            known = self._words[number] = self.all("SELECT word FROM words WHERE id = ?", (number,))[0][0]
        return known

    def owners(self, event_id: int) -> list[tuple[str, str]]:
        """Kind and name of what controls the event's object, of what controls that, and so on."""
        return [(str(kind), str(name)) for kind, name in self.all(OWNERS, (event_id, MAX_OWNERS))]

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
        """Each step of each contributor that counts: when, and by how much. In any order, one contributor at a time."""
        leads = self.all("SELECT 1 FROM contributors WHERE event = ? AND flags & 1 LIMIT 1", (event_id,))
        sql = "SELECT base, steps FROM contributors WHERE event = ? AND flags & 1 = ?"
        try:
            for before, steps in self._connection.execute(sql, (event_id, len(leads))):
                for at in range(0, len(steps), STEP_BYTES):
                    ms, count = (
                        int.from_bytes(steps[at : at + 6], "big"),
                        int.from_bytes(steps[at + 6 : at + STEP_BYTES], "big"),
                    )
                    yield ms, max(1, count - before)
                    before = count
        except apsw.Error as error:
            raise self._explain(error) from None

    def size_bytes(self) -> int:
        """Of the database and its WAL."""
        sizes = 0
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                sizes += os.stat(self._path + end).st_size
        return sizes

    def _explain(self, error: Exception) -> QueryError:
        if isinstance(error, apsw.InterruptError):
            details = f"it took longer than --timeout {self._timeout_seconds:g}; ask for less, or allow more"
            return QueryError("The query took too long", details, "TIMEOUT", 2)
        if isinstance(error, apsw.NoMemError):
            return QueryError("The query needs too much memory", f"it is capped at {HEAP_BYTES // 2**20} MiB; ask for less")
        if isinstance(error, apsw.BusyError):
            return QueryError("The database is locked", f"{self._path}: {error}; try again")
        if isinstance(error, apsw.CorruptError | UnicodeDecodeError):
            return QueryError("The database is damaged", f"{self._path}: {error}")
        if isinstance(error, apsw.SQLError) and "no such table" in str(error):
            hint = "" if os.path.exists(self._path + "-wal") else "; if it is a copy, kube9.db-wal belongs to it"
            return QueryError("The database has no history yet", f"{self._path}: {error}{hint}")
        hint = ""
        if isinstance(error, apsw.CantOpenError) and not os.path.exists(self._path + "-shm"):
            hint = "; to read a copy with its kube9.db-wal its folder must be writable"
        return QueryError("The database cannot be read", f"{self._path}: {error}{hint}")


def _without_waiting(path: str, flags: int) -> int:
    """A pipe would be waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def _has_wal(path: str) -> bool:
    """Whether some of the history may be in a -wal file."""
    try:
        return os.stat(path + "-wal").st_size > 0 or os.path.exists(path + "-shm")
    except OSError:
        return os.path.exists(path + "-wal")


def _uri(path: str) -> str:
    """How to open the file so that neither it nor its folder is changed. Raises QueryError where it may not be read."""
    part = path
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise QueryError("There is no database to read", f"{path}: Not a file")
        for part in (path + "-wal", path + "-shm"):
            with contextlib.suppress(FileNotFoundError), open(part, "rb"):
                pass
    except PermissionError:
        # Where the folder may not even be searched, its own owner is what there is to say.
        folder = os.path.dirname(path) or "."
        seen = part if os.access(folder, os.X_OK) else folder
        details = f"{seen}, owned by uid {os.stat(seen).st_uid}, may not be read by uid {os.getuid()}"
        raise QueryError("Not permitted to read the database", details, "NOT_PERMITTED", 3) from None
    except OSError as error:
        raise QueryError("There is no database to read", f"{path}: {error.strerror}") from None
    quoted = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # A writer keeps its -wal and -shm files for good, so where there is none there is no writer, and the file cannot change.
    # Opened otherwise, SQLite would leave files of this user behind, which could keep the operator from writing.
    unchanging = "" if _has_wal(path) else "&immutable=1"
    return f"file:{quoted}?mode=ro{unchanging}"
