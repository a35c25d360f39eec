"""What is deleted, and when: by age, every few hours, and by size, whenever the database nears its limit. In pieces of some
milliseconds between the writer's batches; each piece commits what it took together with the event and the gap that tell of it.
"""

import heapq
import time
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from kube9_operator import logs, own
from kube9_operator.clock import now_ms
from kube9_operator.deadlines import Deadlines
from kube9_operator.frame import CRITICAL, ERROR, INFO, SEVERITIES, WARNING
from kube9_operator.settings import Settings
from kube9_operator.tally import Tally
from kube9_operator.write import database
from kube9_operator.write.counted import OPERATIONS
from kube9_operator.write.eraser import Eraser
from kube9_operator.write.ledger import Ledger
from kube9_operator.write.space import Space
from kube9_operator.write.store import Store

STEP_SECONDS, PRESSED_SECONDS = 0.01, 0.03
"""After this long a step ends at its next pause; the writer may be held for 50 ms. The longer one is for want of room."""
ERASED_AT_ONCE = 100
ERASED_LEAST = 5
ERASING_SECONDS = 0.008
"""Events in one transaction: half as many after one that took longer, up to the most again after shorter ones."""
SCANNED_AT_ONCE = 2_000
VACUUMED_AT_ONCE = 64
"""Pages, some 2 ms."""
DAY_MS = 86_400_000
CLOCK_MS = DAY_MS
"""Our clock this far off the API server's deletes nothing by age."""
FRESH_SECONDS = 900.0
"""What the API server said of the time longer ago than this says nothing: a watch asks every 90 s."""

FULL, PRESSED, RELIEVED = 0.95, 0.90, 0.85
"""Parts of the room for the database at which nothing more is taken until there is room, and deleting begins, and ends."""
FLOOR_KEEPS = 4
"""Where others fill the disk, no more is deleted than down to this part of the limit, and nothing severe."""
CHOSEN_AT_ONCE = 5_000
LEFTOVER_BYTES, LEFTOVERS_PART = 150, 4
"""What the contributors of deleted events take, each some 150 bytes, is no more than this part of the limit."""

DELETED = "kube9_retention_deleted_total"
REASON_SIZE = "deleted to keep the database within its limit of size, the least severe and oldest first"

WALK = """SELECT first_hour, namespace, kind, severity, type, id FROM events INDEXED BY events_recent
    WHERE last_hour = ? AND (first_hour, namespace, kind, severity, type, id) > (?, ?, ?, ?, ?, ?)
    ORDER BY first_hour, namespace, kind, severity, type, id LIMIT ?"""
EXPIRED = """SELECT id FROM events WHERE id > ? AND id <= ?
    AND recorded_ms < CASE WHEN severity >= ? THEN ? ELSE ? END"""


class Round(msgspec.Struct):
    """What is deleted for one reason in one go: one event tells of it, and grows with it."""

    reason: str
    severity: int
    title: str
    why: str
    at_ms: int
    deleted: Counter[str] = msgspec.field(default_factory=Counter)
    """By severity."""
    gap: tuple[int, int] = (2**62, 0)
    """From the first to the last of what was deleted, in ms since 1970."""


class Retention:
    """Deletes what is due, step by step. A step may raise nothing but what ends the writer: trouble with the file waits."""

    def __init__(
        self,
        connection: database.Connection,
        store: Store,
        ledger: Ledger,
        settings: Settings,
        deadlines: Deadlines,
        tally: Tally,
    ) -> None:
        self._connection = connection
        self._tally = tally
        self._store = store
        self._ledger = ledger
        self.space = Space(connection, Path(settings.database_folder), settings.database_max_mib * 2**20)
        self._ages_ms = (settings.info_warning_days * DAY_MS, settings.error_critical_days * DAY_MS)
        self._leftovers_most = settings.database_max_mib * 2**20 // LEFTOVERS_PART // LEFTOVER_BYTES
        self._eraser = Eraser(connection, store, 2 * settings.event_ttl_seconds * 1000, self._ages_ms)
        self._deadlines = deadlines
        self._log = logs.get()
        self._aging: Iterator[None] | None = None
        self._shrinking: Iterator[None] | None = None
        self._aging_at = self._looking_at = time.monotonic()
        self._walked: dict[int, int] = {}
        self._server_ms, self._server_at = 0, 0.0
        self._clock_off = False
        self._at_once = ERASED_AT_ONCE
        self._full = 0
        self._by_size: Round | None = None
        self._by_size_at = 0.0
        self.pressed = False
        """The database nears its limit: batches should be small."""

    def busy(self) -> bool:
        """Whether there is something to go on with at once."""
        return self._shrinking is not None or self._aging is not None

    def full(self) -> bool:
        """Whether deleting does not keep up with what comes: it has to wait. Not where nothing more can be deleted."""
        return self._shrinking is not None and self.space.used() > self._full

    def can_wait(self) -> bool:
        """Whether nothing is due but what is too old, for which a minute is no matter."""
        return self._aging is not None and self._shrinking is None and time.monotonic() < self._looking_at

    def server_says(self, server_ms: int) -> None:
        """Notes the API server's own time."""
        self._server_ms, self._server_at = server_ms, time.monotonic()

    def step(self) -> None:
        """Does what is due for some 10 ms; to be called between batches."""
        try:
            self._begin()
            until = time.monotonic() + (PRESSED_SECONDS if self._shrinking else STEP_SECONDS)
            while time.monotonic() < until and (work := self._shrinking or self._aging):
                ended = next(work, True)
                if ended and work is self._shrinking:
                    self._shrinking = None
                elif ended:
                    self._aging = None
        except database.DAMAGE:
            raise
        except database.TROUBLE as error:
            self._store.forget()
            self._shrinking = self._aging = None
            self._looking_at = self._aging_at = time.monotonic() + self._deadlines.retention_retry
            self._log.warning("retention.failed", error=logs.one_line(error))

    def _begin(self) -> None:
        now = time.monotonic()
        if self._shrinking is None and now >= self._looking_at:
            self._looking_at = now + self._deadlines.size_look
            room = self.space.room()
            self._full = int(room.limit * FULL)
            self.pressed = room.used > room.limit * PRESSED or (room.short > 0 and room.used > room.limit // FLOOR_KEEPS)
            if self.pressed or room.used + room.free > room.limit:
                self._shrinking = self._shrink()
        if self._aging is None and now >= self._aging_at and self._clock_agrees():
            self._aging_at = now + self._deadlines.retention
            self._aging = self._age()

    def _clock_agrees(self) -> bool:
        """Whether the API server has said lately that it is about as late as we take it to be."""
        waited = time.monotonic() - self._server_at
        if not self._server_ms or waited > FRESH_SECONDS:
            return False
        off_ms = now_ms() - self._server_ms - int(waited * 1000)
        was_off, self._clock_off = self._clock_off, abs(off_ms) >= CLOCK_MS
        if self._clock_off and not was_off:
            self._log.warning("retention.stopped", why="our clock is not the API server's", clock_off_seconds=off_ms // 1000)
            told = Round("ClockOff", WARNING, "Clock is off", "nothing is deleted by age until it agrees", now_ms())
            with database.transaction(self._connection):
                self._store.begin(told.at_ms)
                self._tell(told, f"Our clock is {abs(off_ms) // 1000} s off the API server's: {told.why}", 1)
                self._store.finish()
        elif was_off and not self._clock_off:
            self._log.info("retention.restored", clock_off_seconds=off_ms // 1000)
        return not self._clock_off

    # By age

    def _age(self) -> Iterator[None]:
        """One round: looks at every event, in the order of ids; then what nothing refers to goes, and space is given back."""
        began, began_ms = time.monotonic(), now_ms()
        info, error = (began_ms - age for age in self._ages_ms)
        told = Round("RetentionDeleted", INFO, "Retention deleted events", "not seen for longer than they are kept", began_ms)
        self._walked.clear()
        after = -1
        while (last := self._eraser.id_after("events", after, SCANNED_AT_ONCE)) is not None:
            ids = [row[0] for row in database.rows(self._connection, EXPIRED, (after, last, ERROR, error, info))]
            while ids:
                taken, ids = ids[: self._at_once], ids[self._at_once :]
                self._erase(taken, told)
                yield
            after = last
            yield
        yield from self._eraser.sweep(began_ms)
        yield from self._give_back(0)
        found = {"deleted": dict(told.deleted), "seconds": round(time.monotonic() - began, 1)}
        self._log.info("retention.done", **found, size_mib=round(self.space.bytes() / 2**20, 1))

    # By size

    def _shrink(self) -> Iterator[None]:
        """Deletes the least severe, oldest first, until there is room again."""
        first = self.space.room()
        enough = min(int(first.limit * RELIEVED), first.used - first.short)
        severities: tuple[int, ...] = (INFO, WARNING, ERROR, CRITICAL)
        if first.used <= first.limit * PRESSED:  # only the file system is short
            enough, severities = max(enough, first.limit // FLOOR_KEEPS), (INFO, WARNING)
        told = self._round_by_size()
        before = told.deleted.total()
        yield from self._forget_leftovers(enough, self._leftovers_most)
        for ids in self._oldest(severities):
            if self.space.used() <= enough:
                break
            self._erase(ids, told)
            yield
        yield from self._forget_leftovers(enough, 0)
        self._by_size_at = time.monotonic()
        yield from self._give_back(0 if first.short else first.limit - self.space.used())
        if told.deleted.total() > before:
            self._log.warning("size.deleted", deleted=dict(told.deleted), size_mib=round(self.space.bytes() / 2**20, 1))

    def _forget_leftovers(self, enough: int, most: int) -> Iterator[None]:
        """Until there is room, or no more than so many events have contributors and nothing else."""
        number = self._eraser.leftovers()
        while number > most and self.space.used() > enough:
            number -= self._eraser.forget_leftovers()
            yield

    def _round_by_size(self) -> Round:
        """One as long as it goes on: it ends when nothing had to be deleted for a while."""
        if self._by_size is None or time.monotonic() - self._by_size_at > self._deadlines.size_quiet:
            why = "the database had reached its limit of size"
            self._by_size = Round("SizeLimitDeleted", WARNING, "Size limit deleted events", why, now_ms())
        return self._by_size

    def _oldest(self, severities: tuple[int, ...]) -> Iterator[list[int]]:
        """Ids in small lists: by severity, then by the hour in which they were last seen, then by id. Empty ones are pauses."""
        for severity in severities:
            # From where it ended last; then from the beginning, because what is older may have come since.
            for begin in {self._walked.get(severity, -1): None, -1: None}:
                while (hour := self._hour_from(begin)) is not None:
                    self._walked[severity] = hour
                    ids = yield from self._of_hour(hour, severity)
                    begin = hour if len(ids) == CHOSEN_AT_ONCE else hour + 1
                    while ids:
                        taken, ids = ids[: self._at_once], ids[self._at_once :]
                        yield taken

    def _hour_from(self, hour: int) -> int | None:
        row = database.one(self._connection, "SELECT min(last_hour) FROM events WHERE last_hour >= ?", (hour,))
        return row[0] if row else None

    def _of_hour(self, hour: int, severity: int) -> Generator[list[int], None, list[int]]:
        """The first ids of this hour and severity, in order. The index has another, so all of the hour are looked at."""
        chosen: list[int] = []  # negative: a heap whose first is the greatest id
        place: tuple[int, ...] = (-1, -1, -1, -1, -1, -1)
        while found := database.rows(self._connection, WALK, (hour, *place, SCANNED_AT_ONCE)):
            for row in found:
                if row[3] == severity and row[4] != own.SYSTEM:  # they tell of what was deleted, and are few
                    (heapq.heappush if len(chosen) < CHOSEN_AT_ONCE else heapq.heappushpop)(chosen, -row[5])
            place = found[-1]
            yield []
        return sorted(-one for one in chosen)

    # Both

    def _erase(self, ids: list[int], told: Round) -> None:
        """Deletes events in one transaction with what tells of it."""
        if not ids:
            return
        at_ms, began = now_ms(), time.monotonic()
        with database.transaction(self._connection):
            self._store.begin(at_ms)
            erased = self._eraser.erase(ids, at_ms)
            new = told.deleted + Counter(SEVERITIES[one.severity] for one in erased)
            if erased:
                figures = ", ".join(f"{new[name]} {name}" for name in SEVERITIES if new[name])
                self._tell(told, f"{figures}: {told.why}", new.total(), dict(new))
                if told is self._by_size:
                    begin, end = min(one.first_ms for one in erased), max(one.last_ms for one in erased)
                    told.gap = (min(told.gap[0], begin), max(told.gap[1], end))
                    self._ledger.deleted(*told.gap, REASON_SIZE)
                    for one in erased:
                        self._store.given_up.note(one.severity, min(one.last_ms, one.recorded_ms), told.gap[0])
            self._store.finish()
        for severity, number in (new - told.deleted).items():
            self._tally.add(DELETED, severity, number=number)
        self._tally.add(OPERATIONS, "delete", number=(new - told.deleted).total())
        told.deleted = new
        slow = time.monotonic() - began > ERASING_SECONDS
        self._at_once = max(ERASED_LEAST, len(ids) // 2) if slow else min(ERASED_AT_ONCE, self._at_once + ERASED_LEAST)

    def _tell(self, told: Round, description: str, count: int, figures: dict[str, int] | None = None) -> None:
        metadata = {"deleted": figures} if figures else None
        happened = own.happened(told.reason, told.severity, told.title, description, told.at_ms, metadata, own.SYSTEM)
        seen = msgspec.structs.replace(happened, count=count, last_ms=max(told.at_ms, now_ms()))
        self._ledger.happened(seen)

    def _give_back(self, free: int) -> Iterator[None]:
        """Gives pages that nothing is in back to the file system, but for so many."""
        while self.space.free() > max(free, 0):
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUMED_AT_ONCE})").fetchall()
            yield
