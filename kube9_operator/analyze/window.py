"""Keeps the window of the last day in memory, and reads what has changed: in slices, so that no snapshot is long.

A long snapshot would keep the WAL from starting over. So each query reads a bounded number of rows, and ends.
"""

from bisect import insort
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from kube9_cli.query.connection import TEXT, WHOLE, Database
from kube9_operator.analyze import gaps as recorded_gaps
from kube9_operator.analyze.history import RecordHistory
from kube9_operator.analyze.model import INFO_REASONS, WINDOW_MS, Record, Window
from kube9_operator.analyze.records import Read, Records
from kube9_operator.analyze.states import StoredStates
from kube9_operator.model.ref import Ref
from kube9_schema import facts
from kube9_schema.intervals import MS_IN_HOUR

MOST = 1_400
"""Events that are kept, the newest, some 3 KB each. Before these, the window has a gap of all sources."""
FIRST, LAST = 3, 7
"""Of one owner, reason, node and hour so many events are kept: those that were recorded first, and those recorded last."""
SLICE = 1_000
"""Entries of the index that one query walks over, some milliseconds."""
READ_AT_ONCE = 200
RECENT_MS = 900_000
"""Nearly all changes are of events that were last seen this shortly ago. The others are found by a full look."""
FULL_LOOKS = 10
"""Every so many looks is a full one: it compares all events of the window with those in memory."""
MOST_ONGOING = 5_000

BOUND = "SELECT last_ms FROM events INDEXED BY events_by_time WHERE series IS NOT NULL AND last_ms < ? ORDER BY last_ms DESC"
BEFORE = f"{BOUND} LIMIT 1 OFFSET {SLICE - 1}"
PART = """SELECT id, last_ms, first_ms, count, severity, text_hash, recorded_ms, object, reason, node
    FROM events INDEXED BY events_by_time WHERE series IS NOT NULL AND last_ms >= ? AND last_ms < ? AND recorded_ms >= ?
    AND type = 0 AND (severity > 0 OR reason IN ({}))"""
ONGOING = "SELECT key_hash, uid, name, source FROM lasting LIMIT ?"
CONFIRMED = "SELECT source, proved_until_ms FROM sources WHERE proved_until_ms IS NOT NULL"
END_MS = 2**62

Group = tuple[int, int, int, int]
"""Owner, reason, node, and the hour of the first time."""


class Seen(NamedTuple):
    """An event of the window, before its texts are read."""

    last_ms: int
    stamp: int
    """A hash of what changes when the event does: a number takes a tenth of the memory of its parts."""
    group: Group


class WindowReader:
    """Reads from one database. `pause` is called between slices."""

    def __init__(self, database: Database, pause: Callable[[], None]) -> None:
        self._database = database
        self._pause = pause
        self._records = Records(database)
        self._states = StoredStates(database)
        self._held: dict[int, Read] = {}
        self._stamps: dict[int, int] = {}
        """Of the events that are held, as they were read."""
        self._seen: dict[int, Seen] = {}
        self._groups: dict[Group, list[int]] = {}
        self._of = -1
        """When the record began whose events are held."""
        self._looks = 0
        self._changed_since_ms = 0
        self._left_out_ms = 0
        """Up to this time events are left out, because there are too many."""
        self.reads = 0
        """How many events were read with their texts."""

    def read(self, now_ms: int) -> Window:
        """The window as it is now. Raises QueryError."""
        database = self._database
        begin_ms, since_ms = recorded_gaps.fact(database, facts.FIRST_START), now_ms - WINDOW_MS
        if begin_ms != self._of:
            self._forget()
            self._of = begin_ms
        self._states.forget()
        changed_since_ms = recorded_gaps.fact(database, facts.LAST_COMMIT)
        gaps = recorded_gaps.gaps(database, since_ms, now_ms)
        if self._looks % FULL_LOOKS == 0:
            self._look(since_ms, 0)
        else:
            self._look(max(since_ms, now_ms - RECENT_MS), self._changed_since_ms)
        self._looks += 1
        self._changed_since_ms = changed_since_ms
        self._drop_old(since_ms)
        self._read_changed()
        self._records.forget()  # thousands of objects; the few of the next look are read again
        left_out_ms = now_ms if not database.is_moved() else self._left_out_ms
        if left_out_ms > since_ms:
            gaps = {
                source: recorded_gaps.joined([*spans, (since_ms, left_out_ms)], since_ms, now_ms)
                for source, spans in gaps.items()
            }
        history = RecordHistory(database, self._records, now_ms)
        rules_since_ms = recorded_gaps.fact(database, facts.RULES_SINCE)
        return Window(now_ms, begin_ms, self._all_records(), gaps, self._states, history, rules_since_ms)

    def owners(self, number: int) -> list[Ref]:
        """The object of an event, and its owners, the nearest first; none of an event that is not in the window."""
        held = self._held.get(number)
        return [] if held is None else [held.record.object, *held.owners]

    def node(self, number: int) -> str:
        """The node of an event; '' if it is unknown."""
        held = self._held.get(number)
        return "" if held is None else held.record.node

    def _forget(self) -> None:
        self._held.clear()
        self._stamps.clear()
        self._seen.clear()
        self._groups.clear()
        self._records.forget()
        self._looks = self._changed_since_ms = self._left_out_ms = 0

    # Which events

    def _look(self, since_ms: int, changed_since_ms: int) -> None:
        """Finds the events that were last seen since a time, the newest first; only those that have changed since a time.

        Without the latter it is a full look: what it does not find is gone, or is older than what there is room for.
        """
        is_full = changed_since_ms == 0
        if is_full:
            self._seen.clear()
            self._groups.clear()
            self._left_out_ms = 0
        reasons = self._numbers(INFO_REASONS)
        upper_ms = END_MS
        while upper_ms > since_ms and not (is_full and len(self._seen) >= MOST):
            bound = self._database.all(BEFORE, (upper_ms,), (WHOLE,))
            lower_ms = max(since_ms, bound[0][0]) if bound else since_ms
            rows = self._database.all(PART.format(reasons), (lower_ms, upper_ms, changed_since_ms), (WHOLE,) * 10)
            self._records.load(row[7] for row in rows)
            for number, *stamp, about, reason, node in rows:
                group = self._records.top(about), reason, node, stamp[1] // MS_IN_HOUR
                self._keep(number, Seen(stamp[0], hash((*stamp, group[0])), group))
            upper_ms = lower_ms
            self._pause()
        if is_full:
            self._left_out_ms = upper_ms if upper_ms > since_ms else 0
        if len(self._seen) > MOST:
            by_time = sorted(self._seen, key=lambda number: (self._seen[number].last_ms, number))
            for number in by_time[: len(by_time) - MOST]:
                self._left_out_ms = max(self._left_out_ms, self._seen[number].last_ms + 1)
                self._drop(number)

    def _numbers(self, texts: frozenset[str]) -> str:
        """The ids of those of these words that are known, as SQL."""
        marks = ", ".join("?" * len(texts))
        rows = self._database.all(f"SELECT id FROM words WHERE word IN ({marks})", tuple(sorted(texts)), (WHOLE,))  # noqa: S608
        return ", ".join(str(row[0]) for row in rows)

    def _keep(self, number: int, seen: Seen) -> None:
        """Keeps an event, unless its group has enough."""
        before = self._seen.get(number)
        if before is not None and before.group != seen.group:
            self._drop(number)
            before = None
        self._seen[number] = seen
        if before is None:
            members = self._groups.setdefault(seen.group, [])
            insort(members, number)
            if len(members) > FIRST + LAST:
                self._drop(members[FIRST])

    def _drop(self, number: int) -> None:
        seen = self._seen.pop(number)
        members = self._groups[seen.group]
        members.remove(number)
        if not members:
            del self._groups[seen.group]

    def _drop_old(self, since_ms: int) -> None:
        for number in [number for number, seen in self._seen.items() if seen.last_ms < since_ms]:
            self._drop(number)

    # Their texts

    def _read_changed(self) -> None:
        """Reads the events that are new or have changed, and forgets those that are not kept."""
        stamps = {number: seen.stamp for number, seen in self._seen.items()}
        for number in [number for number in self._held if number not in stamps]:
            del self._held[number]
            self._stamps.pop(number, None)
        changed = [number for number, stamp in stamps.items() if self._stamps.get(number) != stamp]
        for at in range(0, len(changed), READ_AT_ONCE):
            some = changed[at : at + READ_AT_ONCE]
            for read in self._records.read(some):
                self._held[read.number] = read
                self._stamps[read.number] = stamps[read.number]
                self.reads += 1
            self._pause()

    def _all_records(self) -> list[Record]:
        """All records; those that go on, with the time up to which that is confirmed."""
        confirmed = dict(self._database.all(CONFIRMED, (), (TEXT, WHOLE)))
        rows = self._database.all(ONGOING, (MOST_ONGOING,), (WHOLE, TEXT, TEXT, TEXT))
        ongoing = {(key, uid or name): confirmed.get(source, 0) for key, uid, name, source in rows}
        found = {number: held.record for number, held in self._held.items()}
        newest: dict[tuple[int, str], int] = {}
        for number, held in self._held.items():
            key = held.key, held.record.object.uid or held.record.object.name
            if key in ongoing and (key not in newest or found[newest[key]].last_ms < held.record.last_ms):
                newest[key] = number
        for key, number in newest.items():
            last_ms = max(found[number].last_ms, ongoing[key])
            found[number] = msgspec.structs.replace(found[number], ongoing=True, last_ms=last_ms)
        return list(found.values())
