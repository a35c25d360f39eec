"""Files events where they are found again: by what they share with others (series), by periods, and by how long they last.

Owns the tables series, periods and totals, and of the table events the columns series, last_period, first_period and span.
Whoever adds, changes or deletes an event tells it, so that the totals are right with every commit.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from kube9_operator.write.events.names import Names
from kube9_operator.write.sqlite.database import Connection, Damaged, one, rows
from kube9_operator.write.sqlite.session import Participant
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


SERIES_OF = f"SELECT id FROM series WHERE {' AND '.join(f'{name} = ?' for name in Columns._fields)}"  # noqa: S608
INSERT_SERIES = f"INSERT INTO series ({', '.join(Columns._fields)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
STORED = """SELECT e.namespace, e.kind, e.reason, e.severity, e.type, o.api_group, o.name, t.metadata, e.first_ms, e.last_ms,
    e.series, e.last_period, e.first_period, e.span
    FROM events e JOIN objects o ON o.id = e.object JOIN texts t ON t.event = e.id WHERE e.id = ?"""
UPDATE = "UPDATE events SET series = ?, last_period = ?, first_period = ?, span = ?, last_hour = 0, first_hour = 0 WHERE id = ?"
COUNT_OF_PERIOD = "SELECT count FROM totals WHERE of_first = 0 AND period = ? AND series = 0"
CUT_AT = """SELECT last_ms FROM events INDEXED BY events_by_time WHERE series IS NOT NULL
    ORDER BY last_ms DESC LIMIT 1 OFFSET ?"""
LATER = """SELECT id, first_ms, last_ms, series, last_period, first_period, span FROM events INDEXED BY events_by_time
    WHERE series IS NOT NULL AND last_ms >= ?"""
ADD = """INSERT INTO totals (of_first, period, series, count) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
ADD_TO_SERIES = "UPDATE series SET count = count + ? WHERE id = ?"
DELETE_EMPTY = "DELETE FROM totals WHERE of_first = ? AND period = ? AND series = ? AND count = 0"


class _Component(msgspec.Struct):
    component: str = ""


class _Said(msgspec.Struct):
    source: _Component | None = None


_said = msgspec.json.Decoder(_Said)


class Filing(Participant):
    """Works in the transaction of its caller. Series are cached, and all periods are known."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._names = names
        self._series: dict[Columns, int] = {}
        self._starts: list[int] = []
        self._periods: list[int] = []
        self._new = self._new_before = LOOK_AFTER
        """New events since the last look at the newest period, now and before this transaction."""
        self._changes: dict[Total, int] = {}
        """What the current transaction has added to the totals of series, until it is stored."""
        self._changes_before: dict[Total, int] = {}
        """The same at the last savepoint."""
        self._is_committing = False
        names.regrouped = self.regrouped

    def begin(self, _now_ms: int) -> None:
        """Reads the periods, unless they are known."""
        self._is_committing, self._new_before = False, self._new
        if not self._starts:
            self.read_periods()

    def before_commit(self) -> None:
        """Stores the totals. Cuts the newest period if it has too many events."""
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
        self._new = self._new_before

    def savepoint_begins(self) -> None:
        """Remembers the totals."""
        self._changes_before = self._changes.copy()

    def savepoint_rolled_back(self) -> None:
        """Restores the totals, and forgets series that may have been rolled back. Periods are only cut before the commit."""
        self._changes = self._changes_before.copy()
        self._series.clear()

    def forget(self) -> None:
        """Forgets series and periods; they are read again."""
        self._series.clear()
        self._starts, self._periods = [], []

    def read_periods(self) -> None:
        """Reads the periods."""
        found = rows(self._connection, "SELECT start_ms, id FROM periods ORDER BY start_ms")
        if not found or found[0][0] > 0:
            raise Damaged("the first period is missing")
        self._starts, self._periods = [row[0] for row in found], [row[1] for row in found]

    def new(self, columns: Columns, first_ms: int, last_ms: int) -> Filed:
        """Files a new event, which the caller adds."""
        self._new += 1
        filed = self._filed(columns, first_ms, last_ms)
        self._count(filed, 1)
        return filed

    def changed(self, before: Filed | None, after: Filed | None) -> None:
        """Counts a change that the caller makes: None stands for an event that is not there."""
        if before is not None:
            self._count(before, -1)
        if after is not None:
            self._count(after, 1)

    def _count(self, filed: Filed, number: int) -> None:
        series, last_period, first_period, _ = filed
        if series is None:
            return
        changes = self._changes  # a plain dict: a Counter calls Python for each new key
        last, first = (0, last_period, series), (1, first_period, series)
        changes[last] = changes.get(last, 0) + number
        changes[first] = changes.get(first, 0) + number

    def delete(self, event: int) -> None:
        """Deletes the row of an event."""
        sql = "DELETE FROM events WHERE id = ? RETURNING series, last_period, first_period, span"
        found: list[tuple[Any, ...]] = self._execute(sql, (event,)).fetchall()
        for row in found:
            self.changed(Filed(*row), None)

    def _filed(self, columns: Columns, first_ms: int, last_ms: int) -> Filed:
        """Where an event is found. Adds the series if there is none yet."""
        series = self._series.get(columns)
        if series is None:
            series = self._number(columns)
        return Filed(series, self.period(last_ms), self.period(first_ms), span(last_ms - first_ms))

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
        """Files events again, by what is stored of them: something was changed that others have in common."""
        for event in events:
            row = one(self._connection, STORED, (event,))
            if row is not None:
                namespace, kind, reason, severity, of_type, group, name, metadata, first_ms, last_ms, *before = row
                source = self.source(self._word(namespace), metadata)
                place = self.place(namespace, self._word(kind), group, name)
                columns = Columns(namespace, kind, reason, severity, of_type, group, source, place)
                after = self._filed(columns, first_ms, last_ms)
                self.changed(Filed(*before), after)
                self._execute(UPDATE, (*after, event))
        if self._is_committing:  # the totals are stored already
            self._store_totals()

    def regrouped(self, about: int) -> None:
        """Files the events of an object again whose API group has become known."""
        self.file(row[0] for row in rows(self._connection, "SELECT id FROM events WHERE object = ?", (about,)))

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
        self._series[columns] = number
        return number

    def _word(self, number: int) -> str:
        row: tuple[Any, ...] | None = one(self._connection, "SELECT word FROM words WHERE id = ?", (number,))
        return str(row[0]) if row else ""

    def _cut(self) -> None:
        """Begins a new period after nearly all events of the newest one, if that is full."""
        full = one(self._connection, COUNT_OF_PERIOD, (self._periods[-1],))
        if full is None or full[0] <= PERIOD_EVENTS:
            return
        found = one(self._connection, CUT_AT, (AFTER_CUT,))
        if found is None or found[0] < self._starts[-1]:
            return
        start_ms = found[0] + 1
        self._execute("INSERT INTO periods (start_ms) VALUES (?)", (start_ms,))
        self.read_periods()
        for event, first_ms, last_ms, *filed in rows(self._connection, LATER, (start_ms,)):
            before = Filed(*filed)
            after = before._replace(last_period=self.period(last_ms), first_period=self.period(first_ms))
            self.changed(before, after)
            self._execute(UPDATE, (*after, event))

    def _store_totals(self) -> None:
        """Stores what has changed since the transaction began, or since it was last called in it."""
        changes = {total: number for total, number in self._changes.items() if number}
        self._changes.clear()
        if not changes:
            return
        of_all: Counter[Total] = Counter()
        of_series: Counter[int] = Counter()
        for (of_first, period, series), number in changes.items():
            of_all[of_first, period, 0] += number
            if not of_first:
                of_series[series] += number
        every = sorted((*total, number) for total, number in (*changes.items(), *of_all.items()) if number)
        self._connection.executemany(ADD, every)
        self._connection.executemany(DELETE_EMPTY, [row[:3] for row in every if row[3] < 0])
        self._connection.executemany(
            ADD_TO_SERIES, [(number, series) for series, number in sorted(of_series.items()) if number]
        )
