"""Asks the database. The only importer of apsw in the CLI; opens it so that nothing can be changed."""

import contextlib
import heapq
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from kube9_cli.arguments import Filters

SCHEMA_VERSION = 3
"""The newest schema that this program reads; compared with schema/ by a test."""
HEAP_BYTES = 16 * 1024 * 1024
"""SQLite's heap: a reader shares the pod's memory with the operator."""
STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine, between two looks at the clock: costs nothing (a millisecond's work)."""
MS_IN_HOUR = 3_600_000
SORTED_AT_MOST = 5_000
"""Up to this many matches are found by the filter's index and sorted; more by walking the ids."""
NEAR = 1_000
"""Up to this offset a page is walked to; one further away is found by the counts of the hours before it."""
STEP_BYTES, MAX_STEPS = 10, 200


class QueryError(Exception):
    """The question cannot be answered: `code` for programs, `exit_code` of the process, `details` for the user."""

    def __init__(self, error: str, details: str, code: str = "DATABASE_UNUSABLE", exit_code: int = 1) -> None:
        super().__init__(error)
        self.details, self.code, self.exit_code = details, code, exit_code


class Matches(NamedTuple):
    """How many events match, and the ids of the asked page in order."""

    total: int
    ids: list[int]


class Database:
    """A read-only connection that gives up at a deadline. Every method raises QueryError, and nothing else, for trouble."""

    def __init__(self, path: str, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        apsw.hard_heap_limit(HEAP_BYTES)
        try:
            self._connection = apsw.Connection(_uri(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            self._connection.set_busy_timeout(int(min(timeout_seconds, 5.0) * 1000))
            self._connection.set_progress_handler(lambda: time.monotonic() > self._deadline, STEPS_BETWEEN_LOOKS)
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

    def all(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Each call sees one state of the database, and holds it no longer than it takes."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except (apsw.Error, ValueError, OverflowError) as error:
            raise self._explain(error) from None

    def match(self, filters: Filters, order: str, limit: int, offset: int) -> Matches:
        """Which events match, newest first, in one state of the database."""
        self.all("BEGIN")
        try:
            return self._match(filters, order, limit, offset)
        finally:
            with contextlib.suppress(apsw.Error):
                self._connection.execute("COMMIT")

    def _match(self, filters: Filters, order: str, limit: int, offset: int) -> Matches:
        found = self._conditions(filters)
        if found is None:
            return Matches(0, [])
        index, where, values = found
        if order == "seen" and not values:
            total = self.all("SELECT count(*) FROM events")[0][0]
            return Matches(total, self._newest("events_recent", "1", (), limit, offset))
        if order == "seen" and offset <= NEAR and index != "events_by_object":
            # The first pages are at the beginning of the index: found there at once, or after a walk that counts them all.
            ids = self._newest(index, where, values, limit, offset)
            if len(ids) < limit and (ids or not offset):
                return Matches(offset + len(ids), ids)
            return Matches(self._count(index, where, values, filters), ids)
        # One walk of the index counts the matches of each hour; then only the hours of the page are read and sorted.
        hours = self.all(
            f"SELECT last_hour, count(*) FROM events INDEXED BY {index} WHERE {where} "  # noqa: S608
            "GROUP BY last_hour ORDER BY last_hour DESC",
            values,
        )
        total = sum(count for _, count in hours)
        if order == "created":
            by = f"INDEXED BY {index}" if total <= SORTED_AT_MOST else "NOT INDEXED"
            sql = f"SELECT id FROM events {by} WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608
            return Matches(total, [row[0] for row in self.all(sql, (*values, limit, offset))])
        while hours and hours[0][1] <= offset:
            offset -= hours.pop(0)[1]
        if not hours:
            return Matches(total, [])
        wanted = offset + limit
        for hour, count in hours:
            oldest, wanted = hour, wanted - count
            if wanted <= 0:
                break
        page = (*values, oldest, hours[0][0])
        return Matches(total, self._newest(index, f"{where} AND last_hour BETWEEN ? AND ?", page, limit, offset))

    def _count(self, index: str, where: str, values: tuple[Any, ...], filters: Filters) -> int:
        """How many match. Hours that lie within the asked time as a whole are counted from the index alone."""
        pieces: list[tuple[str, tuple[int, ...]]] = [("1", ())]
        since, until = (None if ms is None else ms // MS_IN_HOUR for ms in (filters.since_ms, filters.until_ms))
        if since is not None and until is not None and since < until:
            within = ("last_hour > ? AND last_hour < ?", (since, until))
            pieces = [within, ("last_hour = ?", (since,)), ("last_hour >= ?", (until,))]
        elif since is not None and until is None:
            pieces = [("last_hour > ?", (since,)), ("last_hour = ?", (since,))]
        elif until is not None and since is None:
            pieces = [("last_hour < ?", (until,)), ("last_hour >= ?", (until,))]
        plain = self._conditions(filters._replace(since_ms=None, until_ms=None)) if len(pieces) > 1 else None
        total = 0
        for number, (hours, bounds) in enumerate(pieces):
            piece, given = (plain[1], plain[2]) if plain and number == 0 else (where, values)
            sql = f"SELECT count(*) FROM events INDEXED BY {index} WHERE {hours} AND {piece}"  # noqa: S608
            total += self.all(sql, (*bounds, *given))[0][0]
        return int(total)

    def _newest(self, index: str, where: str, values: tuple[Any, ...], limit: int, offset: int) -> list[int]:
        sql = (
            f"SELECT id FROM events INDEXED BY {index} WHERE {where} "  # noqa: S608
            "ORDER BY last_hour DESC, last_ms DESC, id DESC LIMIT ? OFFSET ?"
        )
        return [row[0] for row in self.all(sql, (*values, limit, offset))]

    def _conditions(self, filters: Filters) -> tuple[str, str, tuple[Any, ...]] | None:
        """The index, the WHERE clause and its values; None where nothing can match.

        A time is compared by its hour first, which is in the index: only rows of that very hour are looked up for the rest.
        """
        index, where, values = "events_recent", ["1"], list[Any]()
        for column, allowed in (("type", filters.types), ("severity", filters.severities)):
            if allowed is not None:
                where.append(f"{column} IN ({', '.join('?' * len(allowed))})")
                values += allowed
        for column, word in (("kind", filters.kind), ("namespace", filters.namespace)):
            if word is not None:
                known = self.all("SELECT id FROM words WHERE word = ?", (word,))
                if not known and column == "kind":  # as kubectl takes it: pod, Pod
                    known = self.all("SELECT id FROM words WHERE word = ? COLLATE NOCASE", (word,))
                if not known:
                    return None
                where.append(f"{column} IN ({', '.join('?' * len(known))})")
                values += [row[0] for row in known]
                index = "events_by_namespace" if column == "namespace" else index
        oldest, newest = self.all("SELECT (SELECT min(last_hour) FROM events), (SELECT max(last_hour) FROM events)")[0]
        if filters.since_ms is not None and filters.since_ms // MS_IN_HOUR >= (oldest or 0):  # otherwise all match
            hour = filters.since_ms // MS_IN_HOUR
            where.append("last_hour >= ? AND (last_hour > ? OR last_ms >= ?)")
            values += (hour, hour, filters.since_ms)
        if filters.until_ms is not None and filters.until_ms // MS_IN_HOUR <= (newest or 0):
            hour = filters.until_ms // MS_IN_HOUR
            where.append("(first_hour < ? OR (first_hour = ? AND first_ms < ?))")
            values += (hour, hour, filters.until_ms)
        if filters.name is not None:
            where.append("object IN (SELECT id FROM objects WHERE name = ?)")
            values.append(filters.name)
            index = "events_by_object"
        return index, " AND ".join(where), tuple(values)

    def event(self, event_id: int) -> tuple[Any, ...] | None:
        """The columns of EVENT of one event, or None where it is not there."""
        rows = self.all(EVENT, (event_id,))
        return rows[0] if rows else None

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
        return QueryError("The database cannot be read", f"{self._path}: {error}")


EVENT = """SELECT e.id, e.type, e.severity, ti.word, t.description, k.word, n.word, o.name, r.word, nd.word,
    e.created_ms, e.first_ms, e.last_ms, e.count, t.metadata
    FROM events e JOIN texts t ON t.event = e.id JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind
    JOIN words n ON n.id = e.namespace JOIN words r ON r.id = e.reason JOIN words nd ON nd.id = e.node
    JOIN words ti ON ti.id = e.title WHERE e.id = ?"""


def _uri(path: str) -> str:
    """How to open the file so that neither it nor its folder is changed. Raises QueryError where it may not be read."""
    try:
        with open(path, "rb"):
            pass
    except PermissionError:
        # Where the folder may not even be searched, its own owner is what there is to say.
        seen = path if os.access(os.path.dirname(path), os.X_OK) else os.path.dirname(path)
        details = f"{seen}, owned by uid {os.stat(seen).st_uid}, may not be read by uid {os.getuid()}"
        raise QueryError("Not permitted to read the database", details, "NOT_PERMITTED", 3) from None
    except OSError as error:
        raise QueryError("There is no database to read", f"{path}: {error.strerror}") from None
    quoted = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # A writer keeps its -wal file for good, so where there is none there is no writer, and the file cannot change. Opened
    # otherwise, SQLite would leave files of this user behind, which could keep the operator from writing.
    unchanging = "" if os.path.exists(path + "-wal") else "&immutable=1"
    return f"file:{quoted}?mode=ro{unchanging}"
