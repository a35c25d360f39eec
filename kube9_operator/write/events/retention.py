"""When events are deleted: by age every few hours, and by size whenever the database nears its limit.

It works in steps of some milliseconds between the writer's batches.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import ERROR, INFO, WARNING
from kube9_operator.model.tally import Tally
from kube9_operator.settings import Settings
from kube9_operator.write import assessments, collections
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.deletion import LEAST_AT_ONCE, Deletion, Run
from kube9_operator.write.events.shares import Shares
from kube9_operator.write.events.size_limit import FULL, PRESSED, SizeLimit
from kube9_operator.write.events.store import Store
from kube9_operator.write.events.sweep import Sweep
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Session
from kube9_operator.write.sqlite.space import Space

STEP_SECONDS, PRESSED_SECONDS = 0.01, 0.03
"""After this time a step ends at its next pause. The writer may be held up for 50 ms; the longer time is for a lack of room."""
SCANNED_AT_ONCE = 2_000
DAY_MS = 86_400_000
CLOCK_MS = DAY_MS
"""If our clock differs from the API server's by this much, nothing is deleted by age."""
FRESH_SECONDS = 900.0
"""How long the API server's time is usable: a watch receives it every 90 s."""

EXPIRED = """SELECT id FROM events WHERE id > ? AND id <= ?
    AND recorded_ms < CASE WHEN severity >= ? THEN ? ELSE ? END"""


class Retention:
    """Deletes what is due, step by step. After trouble with the file it tries again later; a step raises only DAMAGE."""

    def __init__(
        self,
        session: Session,
        store: Store,
        coverage: Coverage,
        settings: Settings,
        deadlines: Deadlines,
        tally: Tally,
        give_way: Callable[[], bool] = lambda: False,
        settled_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`give_way` frees what is worth less than events, if the volume is short of space, and says whether it could.

        Events recorded from `settled_ms` on are not deleted by age, because another store may not have them.
        """
        self._session = session
        self._give_way = give_way
        self._settled_ms = settled_ms
        self._connection = session.connection
        max_bytes = settings.database_max_mib * 2**20
        self.space = Space(session.connection, Path(settings.database_folder), max_bytes)
        self._ages_ms = (settings.info_warning_days * DAY_MS, settings.error_critical_days * DAY_MS)
        self._sweep = Sweep(session, store.names, store.filing)
        listed_ms = 2 * settings.event_ttl_seconds * 1000
        self._deletion = Deletion(
            *(session, coverage, store.eviction_floor, store.filing, self._sweep, self.space, tally, listed_ms, self._ages_ms),
            settled_ms,
        )
        shares = Shares(session.connection, store.grown)
        self._size_limit = SizeLimit(
            session.connection, self._deletion, self._sweep, shares, self.space, store.bounds, deadlines, max_bytes
        )
        self._insights = Insights(session.connection, max_bytes)
        self._deadlines = deadlines
        self._log = logs.get()
        self._aging: Iterator[None] | None = None
        self._shrinking: Iterator[None] | None = None
        self._aging_at = self._looking_at = time.monotonic()
        self._server_ms, self._server_at = 0, 0.0
        self._clock_off = False
        self._full = 0
        self.pressed = False
        """The database nears its limit: batches should be small."""

    def busy(self) -> bool:
        """Whether there is more to delete at once."""
        return self._shrinking is not None or self._aging is not None

    def full(self) -> bool:
        """Whether new items have to wait, because deleting does not keep up. Not if nothing more can be deleted."""
        return self._shrinking is not None and self.space.used() > self._full

    def can_wait(self) -> bool:
        """Whether only deletion by age is due, which may wait a minute."""
        return self._aging is not None and self._shrinking is None and time.monotonic() < self._looking_at

    def server_says(self, server_ms: int) -> None:
        """Notes the API server's time."""
        self._server_ms, self._server_at = server_ms, time.monotonic()

    def step(self) -> None:
        """Does what is due, for some 10 ms."""
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
            self._shrinking = self._aging = None
            self._aging_at = time.monotonic() + self._deadlines.retention_retry
            # Fewer events at once may have room.
            fewer = isinstance(error, database.FULL) and self._deletion.at_once > LEAST_AT_ONCE
            self._looking_at = time.monotonic() + self._deadlines.size_look if fewer else self._aging_at
            self._log.warning("retention.failed", error=logs.one_line(error))

    def _begin(self) -> None:
        now = time.monotonic()
        if self._shrinking is None and now >= self._looking_at:
            self._looking_at = now + self._deadlines.size_look
            room = self.space.room()
            self._full = int(room.limit * FULL)
            self.pressed = self._size_limit.pressed(room)
            if room.used <= room.limit * PRESSED:
                self._size_limit.relieved()
                if self.pressed and self._give_way():  # only the volume is short
                    return
            if (self.pressed or room.used + room.free > room.limit) and self._size_limit.may_try():
                self._shrinking = self._size_limit.shrink()
        if self._aging is None and now >= self._aging_at and self._clock_agrees():
            self._aging_at = now + self._deadlines.retention
            self._aging = self._age()

    def _clock_agrees(self) -> bool:
        """Whether the API server's time is known, and agrees with our clock."""
        waited = time.monotonic() - self._server_at
        if not self._server_ms or waited > FRESH_SECONDS:
            return False
        off_ms = now_ms() - self._server_ms - int(waited * 1000)
        was_off, self._clock_off = self._clock_off, abs(off_ms) >= CLOCK_MS
        if self._clock_off and not was_off:
            why = "our clock differs from the API server's"
            self._log.warning("retention.stopped", why=why, clock_off_seconds=off_ms // 1000)
            run = Run("ClockOff", WARNING, "Clock is off", "nothing is deleted by age until they agree", now_ms())
            with self._session.transaction(run.at_ms):
                self._deletion.record_run(
                    run, f"The operator's clock and the API server's differ by {abs(off_ms) // 1000} s: {run.why}", 1
                )
        elif was_off and not self._clock_off:
            self._log.info("retention.restored", clock_off_seconds=off_ms // 1000)
        return not self._clock_off

    # By age

    def _age(self) -> Iterator[None]:
        """Looks at every event, in the order of ids; then sweeps what is unused, and gives space back to the volume."""
        began, began_ms = time.monotonic(), now_ms()
        settled_ms = self._settled_ms()
        latest_ms = began_ms if settled_ms is None else settled_ms
        info, error = (min(began_ms - age, latest_ms) for age in self._ages_ms)
        run = Run("RetentionDeleted", INFO, "Retention deleted events", "not seen for longer than they are kept", began_ms)
        after = -1
        while (last := self._sweep.id_after("events", after, SCANNED_AT_ONCE)) is not None:
            ids = [row[0] for row in database.rows(self._connection, EXPIRED, (after, last, ERROR, error, info))]
            while ids:
                taken, ids = ids[: self._deletion.at_once], ids[self._deletion.at_once :]
                self._deletion.delete(taken, run)
                yield
            after = last
            yield
        yield from self._delete_insights(error)
        yield from self._delete_while(assessments.delete_expired, began_ms)
        yield from self._delete_while(collections.delete_expired, began_ms)
        yield from self._sweep.all(began_ms)
        yield from self._size_limit.give_back(0)
        found = {"deleted": dict(run.deleted), "seconds": round(time.monotonic() - began, 1)}
        self._log.info("retention.done", **found, size_mib=round(self.space.bytes() / 2**20, 1))

    def _delete_while(self, delete: Callable[[database.Connection, int], bool], at_ms: int) -> Iterator[None]:
        """Deletes what is older than it is kept, some at a time: `delete` says whether it has found any."""
        found = True
        while found:
            with self._session.transaction(now_ms()):
                found = delete(self._connection, at_ms)
            yield

    def _delete_insights(self, before_ms: int) -> Iterator[None]:
        """Deletes insights that have been resolved for as long as the most severe events are kept."""
        found = True
        while found:
            with self._session.transaction(now_ms()):
                found = self._insights.delete_expired(before_ms)
            yield
