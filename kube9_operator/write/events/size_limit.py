"""What is deleted when the database nears its size limit: first what nothing needs, then events.

Events are deleted from the namespaces that take more than their share, there the least severe and oldest first. What a
deletion has freed is measured: if it frees nothing, it ends, and health says so.
"""

import time
from collections.abc import Generator, Iterator

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.deletion import Deletion, Run
from kube9_operator.write.events.shares import Shares
from kube9_operator.write.events.sweep import Sweep
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.database import PAGE_BYTES
from kube9_operator.write.sqlite.space import Room, Space

FULL, PRESSED, RELIEVED = 0.95, 0.90, 0.85
"""Parts of the room for the database: new items wait above the first, deleting begins above the second, ends at the third."""
FLOOR_KEEPS = 4
"""If something else fills the disk, events are deleted only down to this part of the limit, and only info and warning. If
something else fills the database, events keep this part, severe or not: to delete them would be in vain.
"""
VACUUMED_AT_ONCE = 64
"""Pages, some 2 ms."""
LEFTOVER_BYTES, LEFTOVERS_PART = 150, 4
"""Contributors of deleted events, some 150 bytes each, take no more than this part of the limit."""
UNUSED_PART = 64
"""If words take more than this part of the limit, they are swept before events are deleted. Dead letters are cut to it."""
FREES_PART, PACKS_PART = 8, 2
"""Deleting has freed nothing if it freed less than the first part of what the events took. If it freed less than the second
part, half-empty pages are packed.
"""
PASS_LEAST, PASS_MOST = 0.01, 0.15
"""Parts of all events that are deleted in one pass."""
STUCK_SECONDS = 5.0
"""When it is tried again after deleting has freed nothing."""

PERIOD_FROM = """SELECT p.start_ms, (SELECT min(start_ms) FROM periods WHERE start_ms > p.start_ms) FROM periods p
    WHERE p.start_ms >= (SELECT max(start_ms) FROM periods WHERE start_ms <= ?) AND EXISTS (
    SELECT 1 FROM series s CROSS JOIN totals t ON t.of_first = 0 AND t.period = p.id AND t.series = s.id
    WHERE s.namespace = ? AND s.severity = ? AND s.type <> ?) ORDER BY p.start_ms LIMIT 1"""
WALK = """SELECT id, last_ms FROM events INDEXED BY events_by_time WHERE last_ms >= ? AND last_ms < ?
    AND series IN (SELECT id FROM series WHERE namespace = ? AND severity = ? AND type <> ? AND count > 0)
    ORDER BY last_ms, id LIMIT ?"""
"""Events of the type system describe what was deleted, and are few."""
END_MS = 2**62


class SizeLimit:
    """Keeps the database within its size limit."""

    def __init__(
        self,
        connection: database.Connection,
        deletion: Deletion,
        sweep: Sweep,
        shares: Shares,
        space: Space,
        bounds: Bounds,
        deadlines: Deadlines,
        max_bytes: int,
    ) -> None:
        self._connection = connection
        self._deletion = deletion
        self._sweep = sweep
        self._shares = shares
        self._space = space
        self._bounds = bounds
        self._deadlines = deadlines
        self._max_bytes = max_bytes
        self.leftovers_most = max_bytes // LEFTOVERS_PART // LEFTOVER_BYTES
        self._walked: dict[tuple[int, int], int] = {}
        """For each namespace and severity the time, in ms since 1970, before which no events are left."""
        self._spent: set[int] = set()
        """Namespaces that have nothing more to give in this pass."""
        self._run: Run | None = None
        self._ended_at = 0.0
        self._again_at = 0.0

    def pressed(self, room: Room) -> bool:
        """Whether something has to be deleted."""
        return room.used > room.limit * PRESSED or (room.short > 0 and room.used > room.limit // FLOOR_KEEPS)

    def relieved(self) -> None:
        """Notes that there is room, for whatever reason."""
        self._bounds.notice = ""

    def may_try(self) -> bool:
        """Whether to try now: not just after deleting has freed nothing."""
        return time.monotonic() >= self._again_at

    def shrink(self) -> Iterator[None]:
        """Frees what nothing needs, then deletes events until there is room again, or nothing more can be freed."""
        first = self._space.room()
        if not self.pressed(first):  # only empty pages are too many
            yield from self.give_back(first.limit - first.used)
            return
        enough = min(int(first.limit * RELIEVED), first.used - first.short)
        severities: tuple[int, ...] = (INFO, WARNING, ERROR, CRITICAL)
        if first.used <= first.limit * PRESSED:  # only the file system is short
            enough, severities = max(enough, first.limit // FLOOR_KEEPS), (INFO, WARNING)
        run = self.run()
        before = run.deleted.total()
        yield from self._free_unused(enough)
        self._walked.clear()
        self._spent.clear()
        frees = True
        while frees and self._space.used() > enough:
            yield from self._shares.measure()
            frees = yield from self._one_pass(enough, severities, run)
        yield from self._delete_leftovers(enough, 0)
        self._ended_at = time.monotonic()
        self._again_at = self._ended_at + STUCK_SECONDS if self._space.used() > enough else 0.0
        yield from self.give_back(0 if first.short else first.limit - self._space.used())
        self._judge(first, severities)
        if run.deleted.total() > before:
            figures = {"deleted": dict(run.deleted), "namespaces": dict(run.namespaces)}
            logs.get().warning("size_limit.deleted", **figures, size_mib=self._size_mib())

    def _judge(self, first: Room, severities: tuple[int, ...]) -> None:
        """Reports if the limit is exceeded although everything was deleted that frees space."""
        stuck = CRITICAL in severities and self._space.used() > first.limit * PRESSED
        reported = self._bounds.notice
        self._bounds.notice = "the database is over its size limit, and deleting events frees nothing more" if stuck else ""
        if stuck and not reported:
            logs.get().error("size_limit.stuck", size_mib=self._size_mib(), limit_mib=self._max_bytes // 2**20)

    def _size_mib(self) -> float:
        return round(self._space.bytes() / 2**20, 1)

    def run(self) -> Run:
        """The current run. It ends when nothing had to be deleted for a while."""
        if self._run is None or time.monotonic() - self._ended_at > self._deadlines.size_quiet:
            why = "the database had reached its size limit"
            self._run = Run("SizeLimitDeleted", WARNING, "Size limit deleted events", why, now_ms(), for_size=True)
        return self._run

    # What nothing needs

    def _free_unused(self, enough: int) -> Iterator[None]:
        """Deletes contributors of deleted events, dead letters and unused words, until there is room."""
        yield from self._delete_leftovers(enough, self.leftovers_most)
        while self._space.used() > enough and self._sweep.delete_dead_letters(self._max_bytes // UNUSED_PART):
            yield
        if self._space.used() > enough and self._sweep.words_take_more_than(self._max_bytes // UNUSED_PART):
            yield from self._sweep.words()

    def _delete_leftovers(self, enough: int, most: int) -> Iterator[None]:
        """Deletes contributors of deleted events until there is room, or only `most` of these events have any."""
        number = self._sweep.leftovers()
        while number > most and self._space.used() > enough:
            number -= self._sweep.delete_leftovers_early()
            yield

    # Events

    def _one_pass(self, enough: int, severities: tuple[int, ...], run: Run) -> Generator[None, None, bool]:
        """Deletes events of each namespace that takes more than its share. Says whether that has freed something."""
        total, used = self._shares.total(), self._space.used()
        # In proportion, because pages hold more than the estimates: indexes and empty space.
        wanted = total * min(max((used - enough) / used, PASS_LEAST), PASS_MOST)
        wanted = min(int(wanted), total - self._max_bytes // FLOOR_KEEPS)
        if wanted <= 0:
            return False
        expected, freed, first, last, spent = 0, 0, 2**63 - 1, 0, len(self._spent)
        for namespace, give in self._shares.over(wanted, self._spent):
            given = 0
            for ids in self._oldest(namespace, severities):
                done = self._deletion.delete(ids, run)
                if done.events:
                    first, last = min(first, ids[0]), max(last, ids[-1])
                    self._shares.deleted(namespace, done.expected_bytes)
                given, expected, freed = given + done.expected_bytes, expected + done.expected_bytes, freed + done.pages
                yield
                if given >= give or self._space.used() <= enough:
                    break
            else:
                self._spent.add(namespace)
            if self._space.used() <= enough:
                return True
        if not expected:
            return len(self._spent) > spent  # then the next largest give
        freed += yield from self._measured(self._free_left_behind(enough))
        if freed * PAGE_BYTES * PACKS_PART < expected:
            freed += yield from self._measured(self._sweep.pack(first, last))
        return freed * PAGE_BYTES * FREES_PART >= expected

    def _free_left_behind(self, enough: int) -> Iterator[None]:
        """Deletes what deleted events have left behind, because nothing needs it now."""
        while self._sweep.delete_overdue_leftovers():
            self._shares.doubt()
            yield
        yield from self._free_unused(enough)

    def _measured(self, work: Iterator[None]) -> Generator[None, None, int]:
        """Does the work step by step; returns how many pages became free in the steps, whatever was written in between."""
        freed, ended = 0, False
        while not ended:
            used = self._space.used()
            ended = next(work, True) is True
            freed += used - self._space.used()
            if not ended:
                yield
        return freed

    def _oldest(self, namespace: int, severities: tuple[int, ...]) -> Iterator[list[int]]:
        """Yields ids of a namespace in small lists: by severity, then by last time, then by id. An empty list is a pause.

        The caller deletes what it takes.
        """
        for severity in severities:
            # From where it ended last; then from the beginning, because older events may have come since.
            for begin in {self._walked.get((namespace, severity), 0): None, 0: None}:
                of = (namespace, severity, operator_event.SYSTEM)
                while row := database.one(self._connection, PERIOD_FROM, (begin, *of)):
                    end_ms = END_MS if row[1] is None else row[1]
                    for ids, last_ms in self._of_period(max(begin, row[0]), end_ms, of):
                        self._walked[namespace, severity] = last_ms
                        yield ids
                    yield []
                    if row[1] is None:
                        break
                    begin = end_ms

    def _of_period(self, begin: int, end_ms: int, of: tuple[int, int, int]) -> Iterator[tuple[list[int], int]]:
        """Yields ids of a period in order, in small lists, each with the time of its last one."""
        before: list[int] = []
        while found := database.rows(self._connection, WALK, (begin, end_ms, *of, self._deletion.at_once)):
            ids = [event for event, _ in found]
            if ids == before:  # they could not be deleted
                return
            before, begin = ids, found[-1][1]
            yield ids, begin

    def give_back(self, free: int) -> Iterator[None]:
        """Gives empty pages back to the file system, except for this many."""
        while self._space.free() > max(free, 0):
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUMED_AT_ONCE})").fetchall()
            yield
