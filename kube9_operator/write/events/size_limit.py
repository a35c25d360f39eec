"""What goes when the database nears its size limit, as slices: first what nothing needs, then events.

Events go from the namespaces that take more than their share, there the least severe and oldest first. What deleting has freed
is measured: where it frees nothing, it ends and says so.
"""

import heapq
import time
from collections.abc import Generator, Iterator

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.deletion import Deletion, Round
from kube9_operator.write.events.eraser import Eraser
from kube9_operator.write.events.shares import Shares
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.database import PAGE_BYTES
from kube9_operator.write.sqlite.space import Room, Space

FULL, PRESSED, RELIEVED = 0.95, 0.90, 0.85
"""Parts of the room for the database at which nothing more is taken until there is room, and deleting begins, and ends."""
FLOOR_KEEPS = 4
"""Where others fill the disk, no more is deleted than down to this part of the limit, and nothing severe. Events keep as much,
severe or not, where something else fills the database: to delete them would be in vain.
"""
CHOSEN_AT_ONCE = 5_000
SCANNED_AT_ONCE = 2_000
VACUUMED_AT_ONCE = 64
"""Pages, some 2 ms."""
LEFTOVER_BYTES, LEFTOVERS_PART = 150, 4
"""What the contributors of deleted events take, each some 150 bytes, is no more than this part of the limit."""
UNUSED_PART = 64
"""Words are swept before events go where they take more than this part of the limit, dead letters are cut down to it."""
FREES_PART, PACKS_PART = 8, 2
"""Deleting frees nothing where it is less than this part of what the events took; half-empty pages are packed where less."""
PASS_LEAST, PASS_MOST = 0.01, 0.15
"""Parts of all events that go in one pass."""
STUCK_SECONDS = 5.0
"""It is tried again after this long."""

WALK = """SELECT first_hour, kind, severity, type, id FROM events INDEXED BY events_by_namespace
    WHERE namespace = ? AND last_hour = ? AND (first_hour, kind, severity, type, id) > (?, ?, ?, ?, ?)
    ORDER BY first_hour, kind, severity, type, id LIMIT ?"""
DAY_FROM = "SELECT min(day) FROM tallies WHERE of_first = 0 AND day >= ?"
OF_DAY = "SELECT 1 FROM tallies WHERE of_first = 0 AND day = ? AND namespace = ? AND severity = ? AND type <> ? LIMIT 1"
HOUR_FROM = "SELECT min(last_hour) FROM events WHERE namespace = ? AND last_hour >= ? AND last_hour < ?"
HOURS = 24


class SizeLimit:
    """Of one writer."""

    def __init__(
        self,
        connection: database.Connection,
        deletion: Deletion,
        eraser: Eraser,
        shares: Shares,
        space: Space,
        bounds: Bounds,
        deadlines: Deadlines,
        max_bytes: int,
    ) -> None:
        self._connection = connection
        self._deletion = deletion
        self._eraser = eraser
        self._shares = shares
        self._space = space
        self._bounds = bounds
        self._deadlines = deadlines
        self._max_bytes = max_bytes
        self.leftovers_most = max_bytes // LEFTOVERS_PART // LEFTOVER_BYTES
        self._walked: dict[tuple[int, int], int] = {}
        """By namespace and severity the hour up to which nothing of it was left."""
        self._spent: set[int] = set()
        """Namespaces that have nothing more to give in this go."""
        self._round: Round | None = None
        self._ended_at = 0.0
        self._again_at = 0.0

    def pressed(self, room: Room) -> bool:
        """Whether something has to be deleted."""
        return room.used > room.limit * PRESSED or (room.short > 0 and room.used > room.limit // FLOOR_KEEPS)

    def relieved(self) -> None:
        """There is room, however it came."""
        self._bounds.notice = ""

    def may_try(self) -> bool:
        """Whether it is worth trying: not just after deleting has freed nothing."""
        return time.monotonic() >= self._again_at

    def shrink(self) -> Iterator[None]:
        """Frees what is free first, then deletes events until there is room again, or nothing more can be freed."""
        first = self._space.room()
        if not self.pressed(first):  # pages that nothing is in are all that is too much
            yield from self.give_back(first.limit - first.used)
            return
        enough = min(int(first.limit * RELIEVED), first.used - first.short)
        severities: tuple[int, ...] = (INFO, WARNING, ERROR, CRITICAL)
        if first.used <= first.limit * PRESSED:  # only the file system is short
            enough, severities = max(enough, first.limit // FLOOR_KEEPS), (INFO, WARNING)
        told = self.round()
        before = told.deleted.total()
        yield from self._free_unused(enough)
        self._walked.clear()
        self._spent.clear()
        frees = True
        while frees and self._space.used() > enough:
            yield from self._shares.measure()
            frees = yield from self._one_pass(enough, severities, told)
        yield from self._forget_leftovers(enough, 0)
        self._ended_at = time.monotonic()
        self._again_at = self._ended_at + STUCK_SECONDS if self._space.used() > enough else 0.0
        yield from self.give_back(0 if first.short else first.limit - self._space.used())
        self._judge(first, severities)
        if told.deleted.total() > before:
            size_mib = round(self._space.bytes() / 2**20, 1)
            logs.get().warning("size.deleted", deleted=dict(told.deleted), namespaces=dict(told.namespaces), size_mib=size_mib)

    def _judge(self, first: Room, severities: tuple[int, ...]) -> None:
        """Says so where the limit is not kept although all was deleted that frees something."""
        stuck = CRITICAL in severities and self._space.used() > first.limit * PRESSED
        said = self._bounds.notice
        self._bounds.notice = "the database is over its size limit, and deleting events frees nothing more" if stuck else ""
        if stuck and not said:
            logs.get().error("size.stuck", size_mib=round(self._space.bytes() / 2**20, 1), limit_mib=self._max_bytes // 2**20)

    def round(self) -> Round:
        """One as long as it goes on: it ends when nothing had to be deleted for a while."""
        if self._round is None or time.monotonic() - self._ended_at > self._deadlines.size_quiet:
            why = "the database had reached its limit of size"
            self._round = Round("SizeLimitDeleted", WARNING, "Size limit deleted events", why, now_ms(), for_size=True)
        return self._round

    # What nothing needs

    def _free_unused(self, enough: int) -> Iterator[None]:
        """Contributors of deleted events, dead letters, and words: as far as there is no room."""
        yield from self._forget_leftovers(enough, self.leftovers_most)
        while self._space.used() > enough and self._eraser.drop_dead_letters(self._max_bytes // UNUSED_PART):
            yield
        if self._space.used() > enough and self._eraser.words_may_go(self._max_bytes // UNUSED_PART):
            yield from self._eraser.sweep_words()

    def _forget_leftovers(self, enough: int, most: int) -> Iterator[None]:
        """Until there is room, or no more than so many events have contributors and nothing else."""
        number = self._eraser.leftovers()
        while number > most and self._space.used() > enough:
            number -= self._eraser.forget_leftovers()
            yield

    # Events

    def _one_pass(self, enough: int, severities: tuple[int, ...], told: Round) -> Generator[None, None, bool]:
        """Each namespace that takes more than its share gives; says whether that has freed something."""
        total, used = self._shares.total(), self._space.used()
        # By parts of what there is, because pages hold more than the estimates: indexes, and space that nothing is in.
        wanted = total * min(max((used - enough) / used, PASS_LEAST), PASS_MOST)
        wanted = min(int(wanted), total - self._max_bytes // FLOOR_KEEPS)
        if wanted <= 0:
            return False
        expected, freed, first, last, spent = 0, 0, 2**63 - 1, 0, len(self._spent)
        for namespace, give in self._shares.over(wanted, self._spent):
            given = 0
            for ids in self._oldest(namespace, severities):
                done = self._deletion.delete(ids, told)
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
            return len(self._spent) > spent  # the next largest are asked
        freed += yield from self._measured(self._free_left_behind(enough))
        if freed * PAGE_BYTES * PACKS_PART < expected:
            freed += yield from self._measured(self._eraser.pack(first, last))
        return freed * PAGE_BYTES * FREES_PART >= expected

    def _free_left_behind(self, enough: int) -> Iterator[None]:
        """Frees what deleted events have left, which nothing needs now."""
        while self._eraser.forget_due():
            self._shares.doubt()
            yield
        yield from self._free_unused(enough)

    def _measured(self, work: Iterator[None]) -> Generator[None, None, int]:
        """Does the work in its slices; returns how many pages became free in them, whatever was written in between."""
        freed, ended = 0, False
        while not ended:
            used = self._space.used()
            ended = next(work, True) is True
            freed += used - self._space.used()
            if not ended:
                yield
        return freed

    def _oldest(self, namespace: int, severities: tuple[int, ...]) -> Iterator[list[int]]:
        """Ids of a namespace in small lists: by severity, then by the hour in which they were last seen, then by id. Empty ones
        are pauses.
        """
        for severity in severities:
            # From where it ended last; then from the beginning, because what is older may have come since.
            for begin in {self._walked.get((namespace, severity), 0): None, 0: None}:
                ids, since = list[int](), begin
                while (hour := self._hour_from(namespace, severity, begin)) is not None:
                    chosen = yield from self._of_hour(namespace, hour, severity)
                    begin = hour if len(chosen) == CHOSEN_AT_ONCE else hour + 1
                    ids, since = ids + chosen, since if ids else hour
                    while len(ids) >= self._deletion.at_once or (ids and begin == hour):
                        taken, ids = ids[: self._deletion.at_once], ids[self._deletion.at_once :]
                        yield taken
                    self._walked[namespace, severity] = since if ids else begin
                yield ids

    def _hour_from(self, namespace: int, severity: int, hour: int) -> int | None:
        """The next hour with events of a namespace, on a day that has some of this severity."""
        while (row := database.one(self._connection, DAY_FROM, (hour // HOURS,))) and row[0] is not None:
            day: int = row[0]
            if database.one(self._connection, OF_DAY, (day, namespace, severity, operator_event.SYSTEM)):
                found = database.one(self._connection, HOUR_FROM, (namespace, hour, (day + 1) * HOURS))
                if found and found[0] is not None:
                    return int(found[0])
            hour = (day + 1) * HOURS
        return None

    def _of_hour(self, namespace: int, hour: int, severity: int) -> Generator[list[int], None, list[int]]:
        """The first ids of this hour and severity, in order. The index has another, so all of the hour are looked at."""
        chosen: list[int] = []  # negative: a heap whose first is the greatest id
        place: tuple[int, ...] = (-1, -1, -1, -1, -1)
        while found := database.rows(self._connection, WALK, (namespace, hour, *place, SCANNED_AT_ONCE)):
            for _, _, of_severity, of_type, event in found:
                if of_severity == severity and of_type != operator_event.SYSTEM:  # they tell of what was deleted, and are few
                    (heapq.heappush if len(chosen) < CHOSEN_AT_ONCE else heapq.heappushpop)(chosen, -event)
            place = found[-1]
            yield []
        return sorted(-one for one in chosen)

    def give_back(self, free: int) -> Iterator[None]:
        """Gives pages that nothing is in back to the file system, but for so many."""
        while self._space.free() > max(free, 0):
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUMED_AT_ONCE})").fetchall()
            yield
