"""How many events of a selection began in each part of a time: problems, and what was only reported."""

from __future__ import annotations

from kube9_cli.query import conditions
from kube9_cli.query.conditions import Condition
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.series import SPANS, Period, Series, Times
from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema.codes import INFO

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MINUTE, HOUR, DAY = 60, 3_600, 86_400
STEPS_SECONDS = (
    *(1, 2, 5, 10, 15, 30),
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 2 * DAY, 7 * DAY),
)
"""How long a part may be. A longer one is a multiple of the last."""
PROBLEM = Condition(f"severity > {INFO}", (), frozenset(("severity",)))


class Histogram(NamedTuple):
    """The numbers of equal parts."""

    start_ms: int
    step_ms: int
    problems: list[int]
    """Events of severity warning and worse."""
    reports: list[int]
    """Events of severity info, such as changes."""

    def shown(self) -> dict[str, Any]:
        """The numbers as clients see them."""
        return {
            "from": iso(self.start_ms),
            "step_seconds": self.step_ms // 1000,
            "problems": self.problems,
            "reports": self.reports,
        }


class Piece(NamedTuple):
    """A piece of a period that is in one part of the histogram, or outside of it."""

    period: int
    begin_ms: int
    end_ms: int


def step_ms(length_ms: int, most: int) -> int:
    """How long a part is, so that a time of this length has at most so many, wherever it begins."""
    for seconds in STEPS_SECONDS:
        if length_ms <= (most - 1) * seconds * 1000:
            return seconds * 1000
    longest = STEPS_SECONDS[-1] * 1000
    return -(-length_ms // ((most - 1) * longest)) * longest


def read(database: Database, selection: Selection, most: int) -> Histogram:
    """The numbers in at most so many parts.

    The selection has both times. The caller has begun a snapshot. Raises QueryError.
    """
    since, until = selection.since_ms, selection.until_ms
    assert since is not None
    assert until is not None
    step = step_ms(until - since, most)
    start = since // step * step
    parts = -(-(until - start) // step)
    empty = Histogram(start, step, [0] * parts, [0] * parts)
    made = conditions.of(database, selection)
    if made is None:
        return empty
    if made.row or not database.is_moved():
        return _one_by_one(database, made, empty, since)
    return _by_periods(database, made, empty, since, until)


def _by_periods(database: Database, made: conditions.Conditions, empty: Histogram, since_ms: int, until_ms: int) -> Histogram:
    """The numbers from the totals of periods. Events are counted one by one only where a part begins within a period.

    Of each period, the longest piece is what the others leave of its total.
    """
    every, problems = Series(database, made.series), Series(database, [*made.series, PROBLEM])
    if not every.count:
        return empty
    start, step = empty.start_ms, empty.step_ms
    times = Times(database)
    edges = [since_ms, *(start + step * part for part in range(1, len(empty.problems))), until_ms]
    periods = times.periods[times.at(since_ms) : times.at(until_ms - 1) + 1]
    counted: list[Piece] = []
    longest: list[Piece] = []
    for number, period in enumerate(periods):
        ends = [period.start_ms, *(edge for edge in edges if period.start_ms < edge < period.end_ms), period.end_ms]
        pieces = [Piece(number, ends[at], ends[at + 1]) for at in range(len(ends) - 1)]
        longest.append(max(pieces, key=lambda piece: piece.end_ms - piece.begin_ms))
        counted += [piece for piece in pieces if piece is not longest[-1]]
    of_all, of_problems = _totals(database, every, periods), _totals(database, problems, periods)
    found = list(zip(counted, _of_pieces(database, counted, every, problems), strict=True))
    left = [[of_all.get(period.number, 0), of_problems.get(period.number, 0)] for period in periods]
    for piece, numbers in found:
        for at in (0, 1):
            left[piece.period][at] -= numbers[at]
    found += [(piece, (left[piece.period][0], left[piece.period][1])) for piece in longest]
    for piece, (all_, bad) in found:
        if since_ms <= piece.begin_ms < until_ms:
            part = (piece.begin_ms - start) // step
            empty.problems[part] += bad
            empty.reports[part] += all_ - bad
    return empty


def _totals(database: Database, series: Series, periods: list[Period]) -> dict[int, int]:
    """How many events of these series began in each period."""
    where = Condition("series = 0") if series.is_all else series.condition
    numbers = ", ".join(str(period.number) for period in periods)
    sql = f"SELECT period, sum(count) FROM totals WHERE of_first = 1 AND period IN ({numbers}) AND +{where.sql} GROUP BY 1"  # noqa: S608
    return dict(database.all(sql, where.values, (WHOLE, WHOLE)))


def _of_pieces(database: Database, pieces: list[Piece], every: Series, problems: Series) -> list[tuple[int, int]]:
    """How many events began in each piece, and how many of them are problems."""
    if not pieces:
        return []
    values = ", ".join(f"({at}, {piece.begin_ms}, {piece.end_ms})" for at, piece in enumerate(pieces))
    sql = f"""WITH pieces (at, begin_ms, end_ms) AS (VALUES {values})
        SELECT at, count(*), sum({problems.condition.sql}) FROM pieces CROSS JOIN events INDEXED BY events_by_first
        WHERE series IS NOT NULL AND span IN ({SPANS}) AND first_ms >= begin_ms AND first_ms < end_ms AND {every.condition.sql}
        GROUP BY at"""  # noqa: S608
    rows = database.all(sql, (*problems.condition.values, *every.condition.values), (WHOLE,) * 3)
    found = {at: (count, bad) for at, count, bad in rows}
    return [found.get(at, (0, 0)) for at in range(len(pieces))]


def _one_by_one(database: Database, made: conditions.Conditions, empty: Histogram, since_ms: int) -> Histogram:
    """The same for conditions on single events, and while events of an earlier release are being moved."""
    times = Condition("first_ms >= ? AND first_ms < ?", (since_ms, made.until_ms))
    rows = conditions.found_first(database, made.row)
    where, values = conditions.joined([*(conditions.on_rows(database, one) for one in made.series), *rows, times])
    sql = f"SELECT (first_ms - ?) / ?, {PROBLEM.sql}, count(*) FROM events WHERE {where} GROUP BY 1, 2"  # noqa: S608
    for part, is_problem, count in database.all(sql, (empty.start_ms, empty.step_ms, *values), (WHOLE,) * 3):
        (empty.problems if is_problem else empty.reports)[part] = count
    return empty
