"""How many events of a selection began in each part of a time: problems, and what was only reported."""

from __future__ import annotations

from kube9_cli.query import conditions
from kube9_cli.query.conditions import Condition
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.series import Series, Times
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
    edges = [since, *(start + step * part for part in range(1, parts)), until]
    times = Times(database)
    every = _begun(times, Series(database, made.series), edges)
    problems = _begun(times, Series(database, [*made.series, PROBLEM]), edges)
    return empty._replace(problems=problems, reports=[all_ - bad for all_, bad in zip(every, problems, strict=True)])


def _begun(times: Times, series: Series, edges: list[int]) -> list[int]:
    """How many events of these series began between one edge and the next."""
    if not series.count:
        return [0] * (len(edges) - 1)
    since = [times.begun_since(series, edge) for edge in edges]
    return [since[at] - since[at + 1] for at in range(len(since) - 1)]


def _one_by_one(database: Database, made: conditions.Conditions, empty: Histogram, since_ms: int) -> Histogram:
    """The same for conditions on single events, and while events of an earlier release are being moved."""
    times = Condition("first_ms >= ? AND first_ms < ?", (since_ms, made.until_ms))
    where, values = conditions.joined([*(conditions.on_rows(database, one) for one in made.series), *made.row, times])
    sql = f"SELECT (first_ms - ?) / ?, {PROBLEM.sql}, count(*) FROM events WHERE {where} GROUP BY 1, 2"  # noqa: S608
    for part, is_problem, count in database.all(sql, (empty.start_ms, empty.step_ms, *values), (WHOLE,) * 3):
        (empty.problems if is_problem else empty.reports)[part] = count
    return empty
