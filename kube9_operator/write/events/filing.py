"""Files events where they are found again: by what they share with others (series), by periods, and by how long they last.

Owns the tables series, periods and totals, and of the table events the columns series, last_period, first_period, span, cause
and root. Whoever adds, changes or deletes an event tells it, so that the totals are right with every commit.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from kube9_operator.write.events.names import Names
from kube9_operator.write.events.problems import OCCURRENCES, Problem, Problems
from kube9_operator.write.sqlite.database import Connection, Damaged, one, rows
from kube9_operator.write.sqlite.session import Participant
from kube9_schema.causes import Recorded, says_more
from kube9_schema.sources import ITSELF
from kube9_schema.spans import span

PERIOD_EVENTS = 20_000
"""The newest period is cut when it has more events. A query that begins within a period counts a part of it one by one."""
AFTER_CUT = 1_000
"""So many of the newest events move into the new period."""
LOOK_AFTER = 2_000
"""New events between two looks at the size of the newest period."""
MAX_CACHED_SERIES = 8_000
NAMESPACE = "Namespace"
HALF_DAY_MS = 43_200_000
"""A period begins with each half of a day, in UTC. The marks of a summary over some days begin then, too."""


Total = tuple[int, int, int]
"""A row of totals: of_first, period and series."""


class Columns(NamedTuple):
    """What the events of a series have in common: the columns of the table series, as numbers."""

    namespace: int
    kind: int
    reason: int
    severity: int
    type: int
    api_group: int
    source: int
    place: int


class Filed(NamedTuple):
    """Where an event is found: columns of the table events."""

    series: int | None
    """None if the event is not moved yet; then it is not in the totals."""
    last_period: int
    first_period: int
    span: int
    cause: int | None
    root: int | None


Change = tuple[Filed, int | None, int, int]
"""Where an event is found, its severity, how many such events were added, and by how much their counts have risen.

Without a severity, an event was only moved to other periods, or its count has risen: then no event was added.
"""


COLUMNS = ", ".join(Filed._fields)
SET_ALL = ", ".join(f"{name} = ?" for name in Filed._fields)
SERIES_OF = f"SELECT id FROM series WHERE {' AND '.join(f'{name} = ?' for name in Columns._fields)}"  # noqa: S608
INSERT_SERIES = f"INSERT INTO series ({', '.join(Columns._fields)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
STORED = f"""SELECT e.namespace, e.kind, e.reason, e.severity, e.type, e.object, e.count, e.first_ms, e.last_ms, o.api_group,
    o.name, n.word, k.word, r.word, d.word, t.description, t.metadata, s.severity, e.{", e.".join(Filed._fields)}
    FROM events e JOIN objects o ON o.id = e.object JOIN texts t ON t.event = e.id LEFT JOIN series s ON s.id = e.series
    JOIN words n ON n.id = e.namespace JOIN words k ON k.id = e.kind JOIN words r ON r.id = e.reason
    JOIN words d ON d.id = e.node WHERE e.id = ?"""  # noqa: S608
"""The severity of the series is the one by which the event is filed."""
UPDATE = f"UPDATE events SET {SET_ALL}, last_hour = 0, first_hour = 0 WHERE id = ?"  # noqa: S608
DELETE = f"DELETE FROM events WHERE id = ? RETURNING severity, count, {COLUMNS}"  # noqa: S608
DELETE_OBJECT = "DELETE FROM objects WHERE id = ? RETURNING name, kind, namespace, api_group"
NAMESPACE_OF = "SELECT namespace FROM series WHERE id = ?"
COUNT_OF_PERIOD = "SELECT count FROM totals WHERE of_first = 0 AND period = ? AND series = 0"
CUT_AT = """SELECT last_ms FROM events INDEXED BY events_by_time WHERE series IS NOT NULL
    ORDER BY last_ms DESC LIMIT 1 OFFSET ?"""
LATER = f"""SELECT id, first_ms, last_ms, {COLUMNS} FROM events INDEXED BY events_by_time
    WHERE series IS NOT NULL AND last_ms >= ?"""  # noqa: S608
ADD = """INSERT INTO totals (of_first, period, series, count) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
ADD_TO_SERIES = "UPDATE series SET count = count + ?, occurrences = occurrences + ? WHERE id = ?"
DELETE_EMPTY = "DELETE FROM totals WHERE of_first = ? AND period = ? AND series = ? AND count = 0"


class _Component(msgspec.Struct):
    component: str = ""


class _Said(msgspec.Struct):
    source: _Component | None = None


_said = msgspec.json.Decoder(_Said)
_object = msgspec.json.Decoder(dict[str, Any])


class Filing(Participant):
    """Works in the transaction of its caller. Series are cached, and all periods are known."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._names = names
        self.problems = Problems(connection)
        self._series: dict[Columns, int] = {}
        self._namespaces: dict[int, int] = {}
        """The namespace of each of these series."""
        self._starts: list[int] = []
        self._periods: list[int] = []
        """Each list is replaced as a whole, so that it can be remembered."""
        self._periods_before = self._starts, self._periods
        self._new = self._new_before = LOOK_AFTER
        """New events since the last look at the newest period, now and before this transaction."""
        self._changes: list[Change] = []
        """What the current transaction has changed, until it is added up and stored."""
        self._changes_before = 0
        """How many there were at the last savepoint."""
        self._now_ms = self._latest_ms = 0
        """The time of the transaction, and the last time of an event since the last commit."""
        self._latest_before_ms = 0
        self._is_committing = False
        self.next_half_day_ms = 0
        """When the newest period has to end at the latest. See `reach`."""
        names.regrouped = self.regrouped

    def begin(self, now_ms: int) -> None:
        """Reads the periods, unless they are known."""
        self._is_committing, self._new_before = False, self._new
        self._now_ms, self._latest_ms = now_ms, 0
        if not self._starts:
            self.read_periods()

    def before_commit(self) -> None:
        """Stores the totals. Begins a period with each half of a day, and cuts the newest one if it has too many events."""
        self.reach(self._latest_ms)
        self._is_committing = True
        self._store_totals()
        if self._new >= LOOK_AFTER:
            self._new = 0
            self._cut()
            self._store_totals()

    def rolled_back(self) -> None:
        """Forgets what may have been rolled back."""
        self.forget()
        self._changes.clear()
        self.problems.forget()
        self._new = self._new_before

    def savepoint_begins(self) -> None:
        """Remembers the changes and the periods."""
        self._changes_before = len(self._changes)
        self._periods_before, self._latest_before_ms = (self._starts, self._periods), self._latest_ms

    def savepoint_rolled_back(self) -> None:
        """Restores the changes and the periods, and forgets series, causes and owners that may have been rolled back."""
        del self._changes[self._changes_before :]
        self._set_periods(*self._periods_before)
        self._latest_ms = self._latest_before_ms
        self._series.clear()
        self._namespaces.clear()
        self.problems.forget()

    def forget(self) -> None:
        """Forgets series and periods; they are read again."""
        self._series.clear()
        self._namespaces.clear()
        self._starts, self._periods = [], []

    def read_periods(self) -> None:
        """Reads the periods."""
        found = rows(self._connection, "SELECT start_ms, id FROM periods ORDER BY start_ms")
        if not found or found[0][0] > 0:
            raise Damaged("the first period is missing")
        self._set_periods([row[0] for row in found], [row[1] for row in found])

    def _set_periods(self, starts: list[int], periods: list[int]) -> None:
        self._starts, self._periods = starts, periods
        self.next_half_day_ms = (starts[-1] // HALF_DAY_MS + 1) * HALF_DAY_MS if starts else 0

    def reach(self, at_ms: int) -> None:
        """Begins the period of a half day that time has reached. Call it before the first event of that half day is filed.

        Otherwise the events have to be moved into the period, which takes a third of the time of a new event.
        """
        half_day = min(self._now_ms, at_ms) // HALF_DAY_MS * HALF_DAY_MS
        if half_day > self._starts[-1]:
            self._begin_period(half_day)

    def new(self, columns: Columns, times: tuple[int, int], problem: Problem, count: int) -> Filed:
        """Files a new event, which the caller adds. `times` are the first and the last."""
        self._new += 1
        filed = self._filed(columns, times, problem)
        self._changes.append((filed, columns.severity, 1, count))
        return filed

    def timed(self, before: Filed, after: Filed) -> None:
        """Counts that the caller moves an event to other periods."""
        self._changes += ((before, None, -1, 0), (after, None, 1, 0))

    def risen(self, filed: Filed, rise: int) -> None:
        """Counts that the caller changes the count of an event by this much."""
        if rise:
            self._changes.append((filed, None, 0, rise))

    def will_count(self, event: int, count: int) -> None:
        """Counts that the caller gives an event this count."""
        row = one(self._connection, f"SELECT count, {COLUMNS} FROM events WHERE id = ?", (event,))  # noqa: S608
        if row is not None:
            self.risen(Filed(*row[1:]), count - row[0])

    def delete(self, event: int) -> None:
        """Deletes the row of an event."""
        found: list[tuple[Any, ...]] = self._execute(DELETE, (event,)).fetchall()
        for severity, count, *filed in found:
            self._changes.append((Filed(*filed), severity, -1, -count))

    def _filed(self, columns: Columns, times: tuple[int, int], problem: Problem) -> Filed:
        """Where an event is found. Adds the series if there is none yet."""
        series = self._series.get(columns)
        if series is None:
            series = self._number(columns)
        first_ms, last_ms = times
        if last_ms > self._latest_ms:
            self._latest_ms = last_ms
        return Filed(series, self.period(last_ms), self.period(first_ms), span(last_ms - first_ms), *problem)

    def period(self, at_ms: int) -> int:
        """The period that a time is in."""
        return self._periods[bisect_right(self._starts, at_ms) - 1 if at_ms > 0 else 0]

    def source(self, namespace: str, metadata: str | bytes) -> int:
        """The word of the component that reported an event, which its metadata name."""
        try:
            said = _said.decode(metadata).source
        except msgspec.MsgspecError:
            said = None
        return self._names.word(ITSELF) if said is None else self._names.word_of(namespace, said.component)

    def place(self, namespace: int, kind: str, group: int, name: str) -> int:
        """The namespace that an object belongs to; a Namespace belongs to itself."""
        return self._names.word_of(name, name) if kind == NAMESPACE and not group else namespace

    def file(self, events: Iterable[int]) -> None:
        """Files events again, by what is stored of them: something was changed that others have in common, or the cause."""
        for event in events:
            row = one(self._connection, STORED, (event,))
            if row is None:
                continue
            shared, (about, count, *times, group, name), words, texts = row[:5], row[5:11], row[11:15], row[15:17]
            namespace_word, kind_word, reason_word, node_word = words
            description, metadata = texts
            namespace, kind, reason, severity, of_type = shared
            source = self.source(namespace_word, metadata)
            place = self.place(namespace, kind_word, group, name)
            columns = Columns(namespace, kind, reason, severity, of_type, group, source, place)
            recorded = Recorded(
                reason_word, severity, kind_word, namespace_word, name, node_word, description or "", said(metadata)
            )
            problem = Problem(self.problems.cause(recorded), self.problems.root_of(event, about))
            before, after = Filed(*row[18:]), self._filed(columns, (times[0], times[1]), problem)
            if before.series is not None:
                self._changes.append((before, row[17], -1, -count))
            self._changes.append((after, severity, 1, count))
            if before != after:
                self._execute(UPDATE, (*after, event))
        if self._is_committing:  # the totals are stored already
            self._store_totals()

    def regrouped(self, about: int) -> None:
        """Files the events of an object again whose API group has become known."""
        events = {row[0] for row in rows(self._connection, "SELECT id FROM events WHERE object = ?", (about,))}
        self.file(sorted(events.union(self.problems.below(about))))

    def rooted(self, about: int) -> None:
        """Files the events of an object again, and of what it owns: its owner has become known."""
        if events := self.problems.below(about):
            self.file(events)

    def delete_object(self, about: int) -> None:
        """Deletes the row of an object. Another one of its name may be the outermost owner in its place."""
        found = one(self._connection, DELETE_OBJECT, (about,))
        if found is not None and (events := self.problems.object_deleted(about, found)):
            self.file(events)

    def delete_unused(self) -> bool:
        """Deletes series and periods without events. Says whether there were any."""
        before = self._connection.total_changes()
        self._execute("DELETE FROM series WHERE count = 0")
        self._execute(
            """DELETE FROM periods WHERE start_ms > 0 AND start_ms < (SELECT max(start_ms) FROM periods)
            AND NOT EXISTS (SELECT 1 FROM totals WHERE of_first = 0 AND period = periods.id AND series = 0)
            AND NOT EXISTS (SELECT 1 FROM totals WHERE of_first = 1 AND period = periods.id AND series = 0)"""
        )
        self.forget()
        self.read_periods()
        return self._connection.total_changes() != before

    def divide(self, starts_ms: Iterable[int]) -> None:
        """Begins periods at these times, and files again what is filed. For a database with few filed events."""
        self._connection.executemany("INSERT OR IGNORE INTO periods (start_ms) VALUES (?)", [(at,) for at in starts_ms])
        self.read_periods()
        found = rows(self._connection, "SELECT id FROM events INDEXED BY events_by_series WHERE series IS NOT NULL")
        self.file(row[0] for row in found)

    def _number(self, columns: Columns) -> int:
        row = one(self._connection, SERIES_OF, columns)
        if row is None:
            self._execute(INSERT_SERIES, columns)
            number = self._connection.last_insert_rowid()
        else:
            number = int(row[0])
        if len(self._series) >= MAX_CACHED_SERIES:
            self._series.clear()
            self._namespaces.clear()
        self._series[columns] = number
        self._namespaces[number] = columns.namespace
        return number

    def _namespace(self, series: int) -> int:
        known = self._namespaces.get(series)
        if known is None:
            (known,) = one(self._connection, NAMESPACE_OF, (series,)) or (0,)
        return int(known)

    def _cut(self) -> None:
        """Begins a new period after nearly all events of the newest one, if that is full."""
        full = one(self._connection, COUNT_OF_PERIOD, (self._periods[-1],))
        if full is None or full[0] <= PERIOD_EVENTS:
            return
        found = one(self._connection, CUT_AT, (AFTER_CUT,))
        if found is None or found[0] < self._starts[-1]:
            return
        self._begin_period(found[0] + 1)

    def _begin_period(self, start_ms: int) -> None:
        """Begins a period that ends the newest one, and moves the events that are later into it."""
        self._execute("INSERT OR IGNORE INTO periods (start_ms) VALUES (?)", (start_ms,))
        self.read_periods()
        for event, first_ms, last_ms, *filed in rows(self._connection, LATER, (start_ms,)):
            before = Filed(*filed)
            after = before._replace(last_period=self.period(last_ms), first_period=self.period(first_ms))
            self.timed(before, after)
            self._execute(UPDATE, (*after, event))

    def _store_totals(self) -> None:
        """Stores what has changed since the transaction began, or since it was last called in it."""
        totals: dict[Total, int] = {}
        occurrences: dict[int, int] = {}
        problems: dict[tuple[int, int], list[int]] = {}
        for (series, last_period, first_period, _, cause, root), severity, number, rise in self._changes:
            if series is None:
                continue
            if number:
                total = (0, last_period, series)
                totals[total] = totals.get(total, 0) + number
                total = (1, first_period, series)
                totals[total] = totals.get(total, 0) + number
            if rise:
                occurrences[series] = occurrences.get(series, 0) + rise
            if root is not None and cause is not None and (rise or severity is not None):
                sums = problems.get((root, cause))
                if sums is None:
                    sums = problems[root, cause] = [0, 0, 0, 0, 0]
                sums[OCCURRENCES] += rise
                if severity is not None:
                    sums[severity] += number
        self._changes.clear()
        self.problems.store(problems)
        self._store_counts(totals, occurrences)

    def _store_counts(self, totals: dict[Total, int], occurrences: dict[int, int]) -> None:
        """Adds to the totals and to the sums of series."""
        of_all: dict[Total, int] = {}
        of_series = dict.fromkeys(occurrences, 0)
        for (of_first, period, series), number in totals.items():
            if number:
                for total in ((of_first, period, 0), (of_first, period, -1 - self._namespace(series))):
                    of_all[total] = of_all.get(total, 0) + number
                if not of_first:
                    of_series[series] = of_series.get(series, 0) + number
        every = sorted((*total, number) for total, number in (*totals.items(), *of_all.items()) if number)
        if every:
            self._connection.executemany(ADD, every)
            self._connection.executemany(DELETE_EMPTY, [row[:3] for row in every if row[3] < 0])
        sums = [(number, occurrences.get(series, 0), series) for series, number in sorted(of_series.items())]
        if sums:
            self._connection.executemany(ADD_TO_SERIES, sums)


def said(metadata: str) -> dict[str, Any]:
    """The metadata of an event as far as a cause needs them."""
    if not says_more(metadata):
        return {}
    try:
        return _object.decode(metadata)
    except msgspec.MsgspecError:
        return {}
