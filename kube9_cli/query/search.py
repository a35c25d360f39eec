"""Finds one page of the events of a selection, and counts all of them. What it costs goes by the page, not by what matches.

Few matches are found by an index of what is asked for, and sorted. Many are found by walking in the wanted order until the page
is full. The number of matches, which is known before, decides.
"""

from __future__ import annotations

from array import array

from kube9_cli.query import conditions, order
from kube9_cli.query.conditions import MOST_NUMBERS, Condition, joined
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.order import Window
from kube9_cli.query.series import Period, Series, Times
from kube9_cli.selection import Selection
from kube9_schema.codes import SEVERITIES
from kube9_schema.spans import LAST, longest_ms

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NamedTuple

    from kube9_cli.query import texts
else:
    from kube9_cli.named_tuple import NamedTuple

ROW, ENTRY = 20, 1
"""What it costs to read a row, and an entry of an index."""
END_MS = 2**62
MOST_WALKED = 50_000
"""So many of the newest events are looked through for a page, if it is not known how many match."""
MOST_LOOKED = 10_000
"""The same if texts are looked at."""
MOST_COUNTED = 10_000
"""So many matches are counted in Python. If there are more, SQLite counts them, in half of the time."""
TEXT_READS = 4
"""To look at the texts of an event takes as long as to read so many texts one after the other."""
FAR = 20_000
"""On a longer walk it takes half as long to compare each event with the series that were found before."""
FEW_ROWS = 2_000
"""To look up the series of so many rows takes less time than to find all series that are asked for."""
DENSE, DENSE_REACH = 20, 2_000
"""If one of so many events matches, a page that is not further away than this is found by walking to it."""


class Request(NamedTuple):
    """Which part of the matches is wanted, and in which order."""

    sort: str = "last"
    reverse: bool = False
    """The smallest first."""
    limit: int = 50
    offset: int = 0
    counted: bool = True
    """Whether all matches are counted."""
    window: Window = order.WHOLE
    """The part of the list that is wanted."""
    most: int | None = None
    """If more than this many match, only their number is wanted."""

    def leaves_out(self, total: int) -> bool:
        """Whether so many match that only their number is wanted."""
        return self.most is not None and total > self.most


class Matches(NamedTuple):
    """How many events match, and the ids of one page in order."""

    total: int | None
    """None if it was not asked for."""
    ids: Sequence[int]


def find(database: Database, selection: Selection, request: Request) -> Matches:
    """One page, and the number of all matches. The caller has begun a snapshot. Raises QueryError."""
    made = conditions.of(database, selection)
    if made is None:
        return Matches(0 if request.counted else None, [])
    if not database.is_moved():
        return _row_by_row(database, made, request)
    return _Search(database, made).matches(request)


def _row_by_row(database: Database, made: conditions.Conditions, request: Request) -> Matches:
    """The search while events of an earlier release are being moved: it looks at each of them."""
    where = [Condition("1"), *made.series, *made.row, *_times(made.since_ms, made.until_ms)]
    total = database.total() if request.counted else None
    if request.counted and total is None:
        sql, values = joined(where)
        total = database.all(f"SELECT count(*) FROM events NOT INDEXED WHERE {sql}", values, (WHOLE,))[0][0]
    return Matches(total, _ids(database, BY_ID, [*where, *_window(request)], request) if request.limit else [])


def _times(since_ms: int | None, until_ms: int | None) -> list[Condition]:
    found = [] if since_ms is None else [Condition("last_ms >= ?", (since_ms,))]
    return found if until_ms is None else [*found, Condition("first_ms < ?", (until_ms,))]


def _window(request: Request) -> list[Condition]:
    return order.conditions(request.window, request.sort, request.reverse)


def _ids(database: Database, by: str, where: list[Condition], request: Request) -> array[int]:
    """The ids of a page: eight bytes each, because a long list may have a million."""
    direction = "" if request.reverse else " DESC"
    sql, values = joined(where)
    sql = f"SELECT id FROM events {by} WHERE {sql} ORDER BY {order.VALUES[request.sort]}{direction}, id{direction}"
    return array("q", database.numbers(f"{sql} LIMIT ? OFFSET ?", (*values, request.limit, request.offset)))


class _Way(NamedTuple):
    """A way to find the events of a selection."""

    by: str
    """The index."""
    number: int
    """How many rows it finds, at most."""
    finding: list[Condition]
    """What has to be added to find them by it, if `replaced` does not say it."""
    replaced: Condition | None = None
    """The condition that all of them meet."""


def _each(condition: Condition) -> Condition:
    """The same condition, for a walk."""
    return condition._replace(sql=condition.each) if condition.each else condition


def _has_no_index(condition: Condition) -> bool:
    return bool(condition.each) or condition.finding is not None


class _Search:
    """A selection in a database whose events are all filed."""

    def __init__(self, database: Database, made: conditions.Conditions) -> None:
        self._database = database
        self._made = made
        self._series = Series(database, made.series)
        self._all = Series(database, []) if made.series else self._series
        self._times = Times(database)
        since_ms, until_ms = made.since_ms, made.until_ms
        self._since_ms = since_ms if since_ms else None
        self._until_ms = until_ms
        self._upper_ms = END_MS if until_ms is None else until_ms
        self._read: texts.Search | None = None

    def matches(self, request: Request) -> Matches:
        if self._series.count == 0:
            return Matches(0 if request.counted else None, [])
        if self._made.row:
            return self._by_rows(request)
        total = self._total(self._series)
        found: Sequence[int] = []
        if request.limit and request.offset < total and not request.leaves_out(total):
            found = (
                self._page(request, self._series, total) if request.window == order.WHOLE else self._windowed(request, total)
            )
        return Matches(total if request.counted else None, found)

    def _windowed(self, request: Request, total: int) -> Sequence[int]:
        """A page of a part of the list."""
        where = [*_times(self._since_ms, self._until_ms), *_window(request)]
        walked = min(self._all.count, (request.offset + request.limit) * self._all.count // total)
        if total * ROW < walked * ENTRY:
            return self._select(BY_SERIES, [ALL_PERIODS, self._series.condition, *where], request)
        of_series = self._series.condition if walked > FAR else self._series.each
        return self._select(BY_TIME if request.sort == "last" else BY_ID, [of_series, *where], request)

    def _total(self, series: Series) -> int:
        """How many events of these series match."""
        return self._times.seen_since(series, self._since_ms) - self._times.begun_since(series, self._until_ms)

    def _page(self, request: Request, series: Series, total: int) -> Sequence[int]:
        request = request._replace(limit=min(request.limit, total - request.offset))
        if request.sort == "last":
            return self._by_last(request, series)
        if request.sort == "severity":
            return self._by_severity(request)
        reach = request.offset + request.limit
        every = self._all.count
        per_match = ENTRY if request.sort == "created" and self._since_ms is None and self._until_ms is None else ROW
        where = [series.condition, *_times(self._since_ms, self._until_ms)]
        if request.sort == "count" or total * per_match <= reach * every // max(total, 1) * ROW // 4:
            if total * 4 > every:
                return self._select(BY_ID, where, request)
            periods = self._periods()
            numbers = ", ".join(str(period.number) for period in periods)
            by_period = Condition(f"last_period IN ({numbers})")
            return self._select(BY_SERIES, [by_period, *where], request)
        if request.sort == "first":
            return self._by_first(request, series)
        return self._select(BY_ID, where, request)

    # By the last time

    def _by_last(self, request: Request, series: Series) -> list[int]:
        """A page by the last time. It is taken from one period after the other.

        With `until`, events that still went on then come before the others, or after them in reverse order.
        """
        going_on = 0
        if self._until_ms is not None:
            going_on = self._times.seen_since(series, self._until_ms) - self._times.begun_since(series, self._until_ms)
        total = self._total(series)
        if request.offset + request.limit < DENSE_REACH and (total - going_on) * DENSE > self._times.seen_since(
            self._all, self._since_ms
        ):
            return self._by_last_at_once(request, series, going_on, total - going_on)
        periods = [period for period in self._periods() if period.start_ms < self._upper_ms]
        parts: list[Period | None] = [*periods, None] if request.reverse else [None, *reversed(periods)]
        found: list[int] = []
        for period in parts:
            wanted = request._replace(limit=request.limit - len(found))
            if wanted.limit <= 0:
                break
            number = series.in_periods([period], of_first=False) if period else going_on
            if number == 0:
                continue
            if request.offset and period:
                number = self._inside(series, period, number)
            if request.offset >= number:
                request = request._replace(offset=request.offset - number)
                continue
            found += self._of_period(wanted, series, period, number) if period else self._going_on(wanted, series, number)
            request = request._replace(offset=0)
        return found

    def _by_last_at_once(self, request: Request, series: Series, going_on: int, others: int) -> list[int]:
        """The same if so many events match that the page is full after a short walk."""
        times = Condition("last_ms >= ? AND last_ms < ?", (self._since_ms or 0, self._upper_ms))
        parts = [(going_on, True), (others, False)]
        found: list[int] = []
        for number, goes_on in reversed(parts) if request.reverse else parts:
            wanted = request._replace(limit=min(request.limit - len(found), number - request.offset))
            if wanted.limit > 0 and goes_on:
                found += self._going_on(wanted, series, number)
            elif wanted.limit > 0:
                found += self._select(BY_TIME, [times, series.each], wanted)
            request = request._replace(offset=max(0, request.offset - number))
        return found

    def _part(self, period: Period) -> tuple[int, int]:
        """The part of a period that is asked for."""
        return max(period.start_ms, self._since_ms or 0), min(period.end_ms, self._upper_ms)

    def _inside(self, series: Series, period: Period, number: int) -> int:
        """How many events were last seen in the part of a period that is asked for, of this number in all of it."""
        part = self._part(period)
        return number if part == (period.start_ms, period.end_ms) else self._times.count_seen(series, *part)

    def _of_period(self, request: Request, series: Series, period: Period, number: int) -> Sequence[int]:
        """A page of the events that were last seen in a period. At most this number match."""
        of_all = number if series.is_all else self._all.in_periods([period], of_first=False)
        times = Condition("last_ms >= ? AND last_ms < ?", self._part(period))
        walked = min(of_all, (request.offset + request.limit) * of_all // number)
        if number * ROW < walked * ENTRY:
            of_period = Condition("last_period = ?", (period.number,))
            return self._select(BY_SERIES, [of_period, series.condition, times], request)
        return self._select(BY_TIME, [times, series.each], request)

    def _going_on(self, request: Request, series: Series, number: int) -> Sequence[int]:
        """A page of the events that began before `until` and were last seen at or after it. There are this many."""
        until_ms = self._upper_ms
        went_on = Condition("last_ms >= ? AND first_ms < ?", (until_ms, until_ms))
        if request.reverse:  # most of them ended soon
            request = request._replace(limit=min(request.limit, number - request.offset))
            return self._select(BY_TIME, [went_on, series.condition], request)
        reach = min(request.offset + request.limit, number)
        best: list[tuple[int, int]] = []
        for span in range(LAST, 0, -1):
            longest = longest_ms(span)
            # First those that began last: they tell how old the others of this span may be at most.
            for column in ("first_ms", "last_ms"):
                floor_ms = best[reach - 1][0] if len(best) >= reach else until_ms
                oldest = Condition("span = ? AND first_ms >= ?", (span, 0 if longest is None else floor_ms - longest))
                sql, values = joined([oldest, went_on, series.condition])
                sql = f"SELECT last_ms, id FROM events INDEXED BY events_by_first WHERE {sql} ORDER BY {column} DESC, id DESC"
                rows = self._database.all(f"{sql} LIMIT ?", (*values, reach), (WHOLE, WHOLE))
                best = sorted({*best, *rows}, reverse=True)[:reach]
                if len(rows) < reach:
                    break  # these were all
        return [event for _, event in best[request.offset :]]

    # By other orders

    def _by_first(self, request: Request, series: Series) -> list[int]:
        """A page by the first time: the index has it for each class of how long events last."""
        since_ms, until_ms = self._since_ms or 0, self._upper_ms
        reach = request.offset + request.limit
        direction = "" if request.reverse else " DESC"
        found: list[tuple[int, int]] = []
        for span in range(LAST + 1):
            longest = longest_ms(span)
            oldest = 0 if longest is None else since_ms - longest
            where = [Condition("span = ? AND first_ms < ? AND first_ms >= ?", (span, until_ms, oldest)), series.condition]
            if since_ms:
                where.append(Condition("last_ms >= ?", (since_ms,)))
            sql, values = joined(where)
            sql = f"SELECT first_ms, id FROM events INDEXED BY events_by_first WHERE {sql}"
            sql += f" ORDER BY first_ms{direction}, id{direction}"
            found += self._database.all(f"{sql} LIMIT ?", (*values, reach), (WHOLE, WHOLE))
        found.sort(reverse=not request.reverse)
        return [number for _, number in found[request.offset : reach]]

    def _by_severity(self, request: Request) -> list[int]:
        """A page by severity, and within a severity by id."""
        codes = range(len(SEVERITIES))
        found: list[int] = []
        skip, want = request.offset, request.limit
        for code in codes if request.reverse else reversed(codes):
            if want <= 0:
                break
            series = Series(self._database, [*self._made.series, Condition("severity = ?", (code,))])
            number = self._total(series) if series.count else 0
            if skip >= number:
                skip -= number
                continue
            found += self._page(request._replace(sort="created", offset=skip, limit=want), series, number)
            skip, want = 0, request.limit - len(found)
        return found

    # By conditions of rows

    def _by_rows(self, request: Request) -> Matches:
        """A search by what a series does not have: the object, the node, texts."""
        times = _times(self._since_ms, self._until_ms)
        series = [] if self._series.is_all else [self._series.condition]
        walking = [*(_each(one) for one in self._made.row), *series, *times, *_window(request)]
        if not request.counted and (found := self._among_newest(request, walking)) is not None:
            return Matches(None, found)
        way = self._narrowest()
        if way.number == 0:
            return Matches(0 if request.counted else None, [])
        if series and way.number <= FEW_ROWS:
            series = [self._series.each]
        meeting = self._meeting(way, series)
        total = None
        if request.counted:
            total = way.number
            if series or times or len(self._made.row) > 1 or way.by == BY_TIME:
                sql, values = joined(meeting)
                total = self._database.all(f"SELECT count(*) FROM events {way.by} WHERE {sql}", values, (WHOLE,))[0][0]
            if total <= request.offset or not request.limit or request.leaves_out(total):
                return Matches(total, [])
        likely = way.number if total is None else total
        walked = (request.offset + request.limit) * self._later() // max(likely, 1)
        if request.sort in ("last", "created") and (way.by == BY_TIME or walked < way.number):
            return Matches(total, self._select(BY_TIME if request.sort == "last" else BY_ID, walking, request))
        return Matches(total, _ids(self._database, way.by, [*meeting, *_window(request)], request))

    def _meeting(self, way: _Way, series: list[Condition]) -> list[Condition]:
        """What the matches meet, for a search in this way."""
        rows = [*(one for one in self._made.row if one is not way.replaced), Condition(IN_INDEX[way.by])]
        if way.replaced is None or not way.replaced.ways:
            return [*way.finding, *rows, *series, *self._times_of("node" if way.by == BY_NODE else "")]
        found = conditions.united(way.replaced.ways, lambda column: [*series, *self._times_of(column)])
        return [Condition(f"id IN ({found.sql})", found.values), *rows]

    def _times_of(self, column: str) -> list[Condition]:
        """The times that are asked for. An index that has periods is read for them, and rows of one period at most."""
        if self._since_ms is None or column not in WITH_PERIODS:
            return _times(self._since_ms, self._until_ms)
        first = self._periods()[0].number
        begun = Condition(f"last_period <> {first} OR last_ms >= ?", (self._since_ms,))
        return [*self._periods_of(column), begun, *_times(None, self._until_ms)]

    def _periods_of(self, column: str) -> list[Condition]:
        """The periods that are asked for, if the index of a column has them."""
        if self._since_ms is None or column not in WITH_PERIODS:
            return []
        return [Condition(f"last_period IN ({', '.join(str(period.number) for period in self._periods())})")]

    def _among_newest(self, request: Request, where: list[Condition]) -> Sequence[int] | None:
        """A page, if the newest events fill it; otherwise None. It is for conditions that no index counts."""
        if request.reverse or request.sort not in ("last", "created") or not any(_has_no_index(one) for one in self._made.row):
            return None
        most = MOST_WALKED
        if reading := next((self._reading(one) for one in self._made.row if one.finding is not None), None):
            most = MOST_LOOKED
            if reading.reads <= most * TEXT_READS:
                return None
        by, column = (BY_TIME, "last_ms") if request.sort == "last" else (BY_ID, "id")
        sql = f"SELECT {column} FROM events {by} WHERE {IN_INDEX[by]} ORDER BY {column} DESC LIMIT 1 OFFSET {most}"
        oldest = [Condition(f"{column} >= ?", row) for row in self._database.all(sql, (), (WHOLE,))]
        found = self._select(by, [*where, *oldest], request)
        return found if len(found) == request.limit or not oldest else None

    def _narrowest(self) -> _Way:
        """The way that finds the fewest rows."""
        found = _Way(BY_TIME, self._later(), [])
        for one in sorted(self._made.row, key=lambda one: one.finding is not None):  # reading all texts takes longest
            index = INDEXES.get(one.columns)
            if one.finding is not None:
                if found.number <= FEW_ROWS or found.number * TEXT_READS < self._reading(one).reads:
                    continue
                number, more = self._numbers(self._reading(one).sql())
                way = _Way(BY_ID, number, [more], one)
            elif one.ways:
                ids = conditions.united(one.ways, self._periods_of)
                number = self._database.all(f"SELECT count(*) FROM ({ids.sql})", ids.values, (WHOLE,))[0][0]
                way = _Way(BY_ID, number, [], one)
            elif index is not None and not one.sql.startswith("NOT"):
                where, values = joined([one, Condition(IN_INDEX[index]), *self._periods_of(*one.columns)])
                number = self._database.all(f"SELECT count(*) FROM events {index} WHERE {where}", values, (WHOLE,))[0][0]
                way = _Way(index, number, [])
            else:
                continue
            if way.number <= found.number:
                found = way
        return found

    def _numbers(self, sql: str) -> tuple[int, Condition]:
        """How many ids a query selects, and a condition on them: the ids themselves, if they are few."""
        ids = array("q", self._database.numbers(f"{sql} LIMIT {MOST_COUNTED + 1}", ()))
        number = len(ids)
        if number <= MOST_NUMBERS:
            return number, Condition(f"id IN ({', '.join(map(str, ids))})")
        if number > MOST_COUNTED:
            number = self._database.all(f"SELECT count(*) FROM ({sql})", (), (WHOLE,))[0][0]
        return number, Condition(f"id IN ({sql})")

    def _reading(self, one: Condition) -> texts.Search:
        """How the events of a condition on texts are found."""
        if self._read is None:
            assert one.finding is not None
            self._read = one.finding()  # no other condition has it
        return self._read

    def _later(self) -> int:
        return self._times.seen_since(self._all, self._since_ms)

    def _periods(self) -> list[Period]:
        """The periods in which a match may have been last seen."""
        return self._times.periods[self._times.at(self._since_ms) if self._since_ms else 0 :]

    def _select(self, by: str, where: list[Condition], request: Request) -> array[int]:
        return _ids(self._database, by, [*where, Condition(IN_INDEX[by])], request)


BY_SERIES, ALL_PERIODS = "INDEXED BY events_by_series", Condition("last_period IN (SELECT id FROM periods)")
BY_TIME, BY_OBJECT, BY_NODE = "INDEXED BY events_by_time", "INDEXED BY events_by_object", "INDEXED BY events_by_node"
BY_ID = "NOT INDEXED"
WITH_PERIODS = ("node", "series")
"""The columns whose indexes have the period in which an event was last seen."""
INDEXES = {frozenset({"object"}): BY_OBJECT, frozenset({"node"}): BY_NODE}
"""The index of a condition by the columns that it compares."""
IN_INDEX = {
    BY_TIME: "series IS NOT NULL",
    BY_SERIES: "series IS NOT NULL",
    BY_OBJECT: "1",
    BY_ID: "1",
    BY_NODE: "series IS NOT NULL AND node <> 0",
}
"""Which rows are in an index, besides those of the condition."""
