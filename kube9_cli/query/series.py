"""How many events match, by the totals of series and periods. Only a part of two periods is counted one by one."""

from __future__ import annotations

from bisect import bisect_right

from kube9_cli.errors import damaged
from kube9_cli.query.conditions import Condition, joined
from kube9_cli.query.connection import WHOLE, Database
from kube9_schema.spans import LAST

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import NamedTuple

    from kube9_cli.selection import Values
else:
    from kube9_cli.named_tuple import NamedTuple

FEW = 300
"""So many series are written into the SQL, and looked up one by one. More are compared with each entry of an index."""
SPANS = ", ".join(map(str, range(LAST + 1)))


class Period(NamedTuple):
    """A part of all time that has a bounded number of events, as a rule."""

    number: int
    start_ms: int
    end_ms: int
    """The start of the next one."""


class Series:
    """The series that meet some conditions."""

    def __init__(self, database: Database, conditions: list[Condition]) -> None:
        self._database = database
        self.is_all = not conditions
        self._few = True
        self.condition = Condition("series IS NOT NULL")
        """What an event of these series meets."""
        if self.is_all:
            sql = "SELECT total(count) FROM totals WHERE of_first = 0 AND period IN (SELECT id FROM periods) AND series = 0"
            self.count = int(database.all(sql)[0][0])
            """How many events they have."""
            self.each = self.condition
            """The same for a walk that ends after few events."""
            return
        where, values = joined(conditions)
        number, count = database.all(f"SELECT count(*), total(count) FROM series WHERE {where}", values)[0]
        self.count = int(count)
        self._few = number <= FEW
        if self._few:
            ids = database.all(f"SELECT id FROM series WHERE {where}", values, (WHOLE,))
            self.condition = self.each = Condition(f"series IN ({', '.join(str(row[0]) for row in ids)})")
        else:
            self.condition = Condition(f"series IN (SELECT id FROM series WHERE {where})", values)
            self.each = Condition(f"EXISTS (SELECT 1 FROM series WHERE series.id = events.series AND {where})", values)

    def in_periods(self, periods: list[Period], of_first: bool) -> int:
        """How many events were last seen in these periods, or began in them."""
        if not periods:
            return 0
        numbers = ", ".join(str(period.number) for period in periods)
        where, values = self._of_totals()
        sql = f"SELECT total(count) FROM totals WHERE of_first = {int(of_first)} AND period IN ({numbers}) AND {where}"
        return int(self._database.all(sql, values)[0][0])

    def _of_totals(self) -> tuple[str, Values]:
        if self.is_all:
            return "series = 0", ()
        # With the plus, SQLite walks all series of a period, instead of looking for thousands of them one by one.
        return ("" if self._few else "+") + self.condition.sql, self.condition.values


class Times:
    """The periods of a database, and how many events of series there are before and after a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        found = database.all("SELECT id, start_ms FROM periods ORDER BY start_ms", (), (WHOLE, WHOLE))
        if not found:
            raise damaged("the database has no periods")
        ends = [start_ms for _, start_ms in found[1:]] + [2**62]
        self.periods = [Period(number, start_ms, end_ms) for (number, start_ms), end_ms in zip(found, ends, strict=True)]
        """From the oldest to the newest."""
        self._counted: dict[tuple[Series, int | None, bool], int] = {}

    def at(self, ms: int) -> int:
        """The place of the period that a time is in."""
        return max(0, bisect_right(self.periods, ms, key=lambda period: period.start_ms) - 1)

    def seen_since(self, series: Series, since_ms: int | None) -> int:
        """How many events were last seen at or after a time."""
        return self._known(series, since_ms, of_first=False)

    def begun_since(self, series: Series, until_ms: int | None) -> int:
        """How many events began at or after a time; none for no time."""
        return 0 if until_ms is None else self._known(series, until_ms, of_first=True)

    def _known(self, series: Series, ms: int | None, of_first: bool) -> int:
        key = (series, ms, of_first)
        if key not in self._counted:
            self._counted[key] = self._after(series, ms, of_first)
        return self._counted[key]

    def _after(self, series: Series, ms: int | None, of_first: bool) -> int:
        if ms is None or ms <= 0:
            return series.count
        at = self.at(ms)
        period = self.periods[at]
        older, newer = self.periods[:at], self.periods[at + 1 :]
        if ms > period.start_ms and not series.in_periods([period], of_first):
            ms = period.start_ms  # the period has nothing to count
        if ms == period.start_ms:
            older, newer = self.periods[:at], self.periods[at:]
            part = 0
        else:
            part = self._count_begun(series, ms, period.end_ms) if of_first else self.count_seen(series, ms, period.end_ms)
        if len(newer) <= len(older):
            return series.in_periods(newer, of_first) + part
        if ms != period.start_ms:
            older = [*older, period]
        return series.count - series.in_periods(older, of_first) + part

    def count_seen(self, series: Series, from_ms: int, to_ms: int) -> int:
        """Counts events that were last seen in a range one by one, in an index."""
        return self._count("INDEXED BY events_by_time WHERE last_ms >= ? AND last_ms < ?", series, (from_ms, to_ms))

    def _count_begun(self, series: Series, from_ms: int, to_ms: int) -> int:
        where = f"INDEXED BY events_by_first WHERE span IN ({SPANS}) AND first_ms >= ? AND first_ms < ?"
        return self._count(where, series, (from_ms, to_ms))

    def _count(self, where: str, series: Series, times: tuple[int, int]) -> int:
        sql = f"SELECT count(*) FROM events {where} AND {series.condition.sql}"
        return int(self._database.all(sql, (*times, *series.condition.values), (WHOLE,))[0][0])
