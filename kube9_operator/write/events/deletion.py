"""Deletes events with everything that belongs to them alone, in small transactions.

Each transaction also records the event about the deletion, and the gap if there is one. Words, which anything may use, are
deleted by `sweep`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from kube9_operator.clock import now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.observation import ERROR, SEVERITIES
from kube9_operator.model.tally import OTHER, SINK_RECORDS, Tally
from kube9_operator.write.counters import OPERATIONS
from kube9_operator.write.events.bounds import printable
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.eviction_floor import EvictionFloor
from kube9_operator.write.events.filing import Filing
from kube9_operator.write.events.gap_text import UNSENT
from kube9_operator.write.events.shares import CONTRIBUTOR_BYTES, EVENT_BYTES
from kube9_operator.write.events.sweep import CONTRIBUTORS_AT_ONCE, Sweep
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Session
from kube9_operator.write.sqlite.space import Space
from kube9_schema.gaps import DELETED_FOR_SIZE, SINK

MOST_AT_ONCE = 100
LEAST_AT_ONCE = 5
AIM_SECONDS = 0.008
"""Events in one transaction: half as many after a transaction that took longer, more again after shorter ones."""
MOST_NAMESPACES_NAMED = 10
"""Namespaces that an event names; the others are counted together."""
LEFTOVER_MOST_BYTES = 300
"""What the contributors of an event may take that stay after the event was deleted for its size: two or three contributors.
More would keep the space that is to be freed.
"""
COUNTED_MOST = 20_000
"""Contributors of one event that are counted, some 3 ms. If there are more, `shares` has to measure again."""

DELETED = "kube9_events_deleted_total"

UNUSED_OBJECT = """SELECT owner FROM objects WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM events WHERE object = ?1) AND NOT EXISTS (SELECT 1 FROM objects WHERE owner = ?1)
    AND NOT EXISTS (SELECT 1 FROM controllers WHERE object = ?1)"""


class Run(msgspec.Struct):
    """Everything that is deleted for one reason in one go. One event describes it, and grows with it."""

    reason: str
    severity: int
    title: str
    why: str
    at_ms: int
    for_size: bool = False
    deleted: Counter[str] = msgspec.field(default_factory=Counter)
    """By severity."""
    namespaces: Counter[str] = msgspec.field(default_factory=Counter)
    """By namespace, only if it is for size."""
    gap: tuple[int, int] = (2**62, 0)
    """From the first to the last of what was deleted, in ms since 1970."""


class Deleted(NamedTuple):
    """An event that was deleted, as far as others need to know."""

    object: int
    severity: int
    first_ms: int
    last_ms: int
    recorded_ms: int
    primary_statuses: int
    namespace: int
    bytes: int = 0
    """What it took, as `shares` estimates; only if it was deleted for its size."""


class Freed(NamedTuple):
    """What one transaction freed."""

    events: int = 0
    expected_bytes: int = 0
    """What the deleted events took, as `shares` estimates."""
    pages: int = 0
    """By how many the pages in use became fewer."""


class Deletion:
    """Deletes events for retention and for the size limit."""

    def __init__(
        self,
        session: Session,
        coverage: Coverage,
        floor: EvictionFloor,
        filing: Filing,
        sweep: Sweep,
        space: Space,
        tally: Tally,
        listed_ms: int,
        ages_ms: tuple[int, int],
        settled_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`listed_ms`: so long after its last recording an Event may be listed again. `ages_ms`: how long events are kept.

        Events recorded from `settled_ms` on are not known to be in another store; None without a sink.
        """
        self._session = session
        self._connection = session.connection
        self._execute = session.connection.execute
        self._coverage = coverage
        self._floor = floor
        self._filing = filing
        self._sweep = sweep
        self._space = space
        self._tally = tally
        self._listed_ms = listed_ms
        self._ages_ms = ages_ms
        self._settled_ms = settled_ms
        self.at_once = MOST_AT_ONCE

    def delete(self, ids: list[int], run: Run) -> Freed:
        """Deletes these events in one transaction. If there is no room for it, the next ones delete fewer."""
        if not ids:
            return Freed()
        try:
            return self._delete(ids, run)
        except database.FULL:
            self.at_once = max(LEAST_AT_ONCE, len(ids) // 2)
            raise

    def _delete(self, ids: list[int], run: Run) -> Freed:
        at_ms, began, used = now_ms(), time.monotonic(), self._space.used()
        with self._session.transaction(at_ms):
            deleted = self.delete_rows(ids, at_ms, for_size=run.for_size)
            total = run.deleted + Counter(SEVERITIES[each.severity] for each in deleted)
            gap, namespaces = self._record(deleted, total, run) if deleted else (run.gap, run.namespaces)
        run.gap, run.namespaces = gap, namespaces
        for severity, number in (total - run.deleted).items():
            self._tally.add(DELETED, severity, number=number)
        self._tally.add(OPERATIONS, "delete", number=(total - run.deleted).total())
        run.deleted = total
        slow = time.monotonic() - began > AIM_SECONDS
        self.at_once = max(LEAST_AT_ONCE, len(ids) // 2) if slow else min(MOST_AT_ONCE, self.at_once + LEAST_AT_ONCE)
        return Freed(len(deleted), sum(each.bytes for each in deleted), used - self._space.used())

    def record_run(self, run: Run, description: str, count: int, metadata: dict[str, dict[str, int]] | None = None) -> None:
        """Records the event about a run as it is now, in the transaction of the caller."""
        event = operator_event.observation(
            run.reason, run.severity, run.title, description, run.at_ms, metadata, operator_event.SYSTEM
        )
        self._coverage.record_operator_event(msgspec.structs.replace(event, count=count, last_ms=max(run.at_ms, now_ms())))

    def delete_rows(self, ids: Iterable[int], now_ms: int, *, for_size: bool = False) -> list[Deleted]:
        """Deletes events, and objects that no other event is about, in the transaction of the caller.

        Returns the events that were there. Contributors stay as long as their Event, or the status they are from, may be
        listed again: otherwise it would come back as something new. If events are deleted for their size, only a few
        contributors stay, because the eviction floor prevents that too.
        """
        deleted = []
        room = CONTRIBUTORS_AT_ONCE
        for event in ids:
            row = one(
                self._connection,
                "SELECT object, severity, first_ms, last_ms, recorded_ms, lead_statuses, namespace FROM events WHERE id = ?",
                (event,),
            )
            if row is None:
                continue
            found = Deleted(*row)
            until_ms = found.recorded_ms + self._listed_ms
            if found.primary_statuses:  # a pod may stand for months; after this time its past is too old to be recorded again
                until_ms = max(until_ms, found.last_ms + self._ages_ms[found.severity >= ERROR])
            if for_size:
                parts = self._contributors_bytes(event)
                until_ms = until_ms if parts <= LEFTOVER_MOST_BYTES else 0
                found = found._replace(bytes=EVENT_BYTES + self._texts_bytes(event) + parts)
            if until_ms <= now_ms:
                room -= self._sweep.delete_contributors(event, room)
            if until_ms > now_ms or room < 0:
                self._execute("INSERT OR REPLACE INTO leftovers (event, until_ms) VALUES (?, ?)", (event, until_ms))
                room = max(room, 0)
            self._execute("DELETE FROM texts WHERE event = ?", (event,))
            self._filing.delete(event)
            self._delete_object(found.object)
            self._delete_controller(event)
            deleted.append(found)
        if deleted:
            self._sweep.deleted_something()
        return deleted

    def _contributors_bytes(self, event: int) -> int:
        sql = """SELECT count(*), coalesce(sum(length), 0)
            FROM (SELECT length(steps) AS length FROM contributors WHERE event = ? LIMIT ?)"""
        number, steps = one(self._connection, sql, (event, COUNTED_MOST)) or (0, 0)
        return int(number) * CONTRIBUTOR_BYTES + int(steps)

    def _texts_bytes(self, event: int) -> int:
        sql = "SELECT coalesce(octet_length(description), 0) + octet_length(metadata) FROM texts WHERE event = ?"
        row = one(self._connection, sql, (event,))
        return int(row[0]) if row else 0

    def _delete_controller(self, event: int) -> None:
        row = one(self._connection, "DELETE FROM controllers WHERE event = ? RETURNING object", (event,))
        if row is not None:
            self._delete_object(row[0])

    def _delete_object(self, number: int | None) -> None:
        """Deletes an object that no event is about and that owns none, and then perhaps its owner."""
        while number is not None:
            row = one(self._connection, UNUSED_OBJECT, (number,))
            if row is None:
                return
            self._filing.delete_object(number)
            number = row[0]

    def _record(self, deleted: list[Deleted], total: Counter[str], run: Run) -> tuple[tuple[int, int], Counter[str]]:
        """Records what a run has deleted. Returns its gap and its namespaces; they become true with the commit."""
        figures = ", ".join(f"{total[name]} {name}" for name in SEVERITIES if total[name])
        metadata = {"deleted": dict(total)}
        gap, namespaces = run.gap, run.namespaces.copy()
        if run.for_size:
            begin_ms, end_ms = min(each.first_ms for each in deleted), max(each.last_ms for each in deleted)
            gap = (min(run.gap[0], begin_ms), max(run.gap[1], end_ms))
            self._coverage.add_gap_of_all(*gap, DELETED_FOR_SIZE)
            self._record_unsent(deleted)
            metadata["namespaces"] = self._count_namespaces(deleted, namespaces, gap[0])
        self.record_run(run, f"{figures}: {run.why}", total.total(), metadata)
        return gap, namespaces

    def _record_unsent(self, deleted: list[Deleted]) -> None:
        """Counts what another store never got, and records when that was."""
        settled_ms = self._settled_ms()
        unsent = [each for each in deleted if settled_ms is not None and each.recorded_ms >= settled_ms]
        if unsent:
            begin_ms, end_ms = min(each.first_ms for each in unsent), max(each.last_ms for each in unsent)
            self._coverage.add_gap(SINK, begin_ms, end_ms, UNSENT)
            self._tally.add(SINK_RECORDS, "unsent", number=len(unsent))

    def _count_namespaces(self, deleted: list[Deleted], namespaces: Counter[str], from_ms: int) -> dict[str, int]:
        """Raises the eviction floor of each namespace, and adds how many events it lost to `namespaces`.

        Returns the figures of the namespaces that lost most, and of all others together.
        """
        until: dict[tuple[int, int], int] = {}
        for each in deleted:
            key = each.namespace, each.severity
            until[key] = max(until.get(key, 0), min(each.last_ms, each.recorded_ms))
        words = {namespace: self._word(namespace) for namespace, _ in until}
        for (namespace, severity), until_ms in until.items():
            self._floor.rise(words[namespace], severity, until_ms, from_ms)
        for each in deleted:
            shown = printable(words[each.namespace])
            if shown not in namespaces and len(namespaces) >= 10 * MOST_NAMESPACES_NAMED:
                shown = OTHER
            namespaces[shown] += 1
        named = dict(namespaces.most_common(MOST_NAMESPACES_NAMED))
        rest = namespaces.total() - sum(named.values())
        return named | ({OTHER: named.get(OTHER, 0) + rest} if rest else {})

    def _word(self, number: int) -> str:
        row = one(self._connection, "SELECT word FROM words WHERE id = ?", (number,))
        return str(row[0]) if row else ""
