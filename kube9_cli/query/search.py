"""Finds the events of a selection and counts them, by what is indexed and what is tallied."""

from __future__ import annotations

from array import array

from kube9_cli.query import conditions, order
from kube9_cli.query.connection import WHOLE, WHOLE_OR_NONE, Database
from kube9_cli.query.order import Window
from kube9_cli.selection import Selection
from kube9_schema.intervals import MS_IN_HOUR

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NamedTuple

    Values = tuple[Any, ...]
else:
    from kube9_cli.named_tuple import NamedTuple

HOURS_IN_DAY = 24
SORTED_AT_MOST = 5_000
"""Up to this many matches are found by the index of the filter and sorted. More are found by walking the ids."""
NEAR = 1_000
"""Up to this offset a page is found by walking to it. A later page is found by the counts of the hours before it."""
TALLIED = frozenset(("namespace", "kind", "severity", "type"))
"""The columns of the table `tallies`, which are in the indexes, too."""


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


class Matches(NamedTuple):
    """How many events match, and the ids of one page in order."""

    total: int | None
    """None if it was not asked for."""
    ids: Sequence[int]


class Search(NamedTuple):
    """A selection as SQL. Each piece of SQL is kept with its values."""

    indexed_by: str
    """How its rows are found, in SQL. If there is no rest, it is an index that has every column that is tallied."""
    facets: tuple[str, Values]
    """The conditions of columns that are tallied."""
    rest: tuple[str, Values]
    """The conditions of columns that are not; '' for none."""
    since_ms: int | None
    """None if no event is older."""
    until_ms: int | None
    """None if no event is newer."""


def find(database: Database, selection: Selection, request: Request) -> Matches:
    """One page, and the number of all matches. The caller has begun a snapshot. Raises QueryError."""
    search = _search(database, selection)
    if search is None:
        return Matches(0 if request.counted else None, [])
    if search.rest[0] or not request.counted:
        return _untallied(database, search, request)
    by_day = _seen_since(database, search)
    total = sum(by_day.values()) - (0 if search.until_ms is None else _begun_at_or_after(database, search, search.until_ms))
    if total <= request.offset or not request.limit:
        return Matches(total, [])
    if request.window != order.WHOLE or request.reverse or request.sort not in ("last", "created"):
        return Matches(total, _walked(database, search, request))
    return Matches(total, _page(database, search, by_day, request, total))


def _page(database: Database, search: Search, by_day: dict[int, int], request: Request, total: int) -> Sequence[int]:
    """The ids of a page that is not empty, newest first."""
    limit, offset = request.limit, request.offset
    where, values = _where(search)
    if request.sort == "created":
        by = search.indexed_by if total <= SORTED_AT_MOST else "NOT INDEXED"
        sql = f"SELECT id FROM events {by} WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?"
        return _ids(database, sql, (*values, limit, offset))
    # Not more than there are: for one more, the search would go on to the end of the index.
    limit = min(limit, total - offset)
    hours = [(day * HOURS_IN_DAY, day * HOURS_IN_DAY + HOURS_IN_DAY - 1, count) for day, count in by_day.items()]
    if search.until_ms is None:
        where, values, offset = _narrowed(where, values, hours, (limit, offset))
    if offset > NEAR:
        sql = f"SELECT last_hour, last_hour, count(*) FROM events {search.indexed_by} WHERE {where} "
        hours = database.all(f"{sql} GROUP BY last_hour ORDER BY last_hour DESC", values, (WHOLE,) * 3)
        where, values, offset = _narrowed(where, values, hours, (limit, offset))
    sql = f"SELECT id FROM events {search.indexed_by} WHERE {where} {_order(request)}"
    return _ids(database, sql, (*values, limit, offset))


def _narrowed(
    where: str, values: Values, periods: list[tuple[int, int, int]], asked: tuple[int, int]
) -> tuple[str, Values, int]:
    """Adds a condition for the hours that a page is in; returns it with the offset of the page within these hours.

    Periods are (first hour, last hour, how many match), newest first.
    """
    limit, offset = asked
    at = 0
    while periods[at][2] <= offset:
        offset -= periods[at][2]
        at += 1
    newest, wanted = periods[at][1], limit + offset
    while wanted > periods[at][2] and at + 1 < len(periods):
        wanted -= periods[at][2]
        at += 1
    return f"{where} AND last_hour BETWEEN ? AND ?", (*values, periods[at][0], newest), offset


def _search(database: Database, selection: Selection) -> Search | None:
    """The selection as SQL; None if nothing can match."""
    made = conditions.of(database, selection)
    if made is None:
        return None
    facets = [one for one in made.series if one.columns <= TALLIED]
    rest = [one for one in made.series if not one.columns <= TALLIED] + made.row
    sql = "SELECT (SELECT min(last_hour) FROM events), (SELECT max(last_hour) FROM events)"
    oldest, newest = database.all(sql, (), (WHOLE_OR_NONE,) * 2)[0]
    since_ms, until_ms = made.since_ms, made.until_ms
    if since_ms is not None and since_ms // MS_IN_HOUR < (oldest or 0):
        since_ms = None
    if until_ms is not None and until_ms // MS_IN_HOUR > (newest or 0):
        until_ms = None
    return Search(
        _index(selection, facets),
        conditions.joined([conditions.Condition("1"), *facets]),
        conditions.joined(rest),
        since_ms,
        until_ms,
    )


def _index(selection: Selection, facets: list[conditions.Condition]) -> str:
    """How to find the rows: by the narrowest filter."""
    wanted = selection.wanted
    if "for" in wanted:
        return "NOT INDEXED"  # by their ids
    if "name" in wanted or "object-name" in wanted:
        return "INDEXED BY events_by_object"
    by_namespace = {"namespace", "object-namespace"} & set(wanted) and any(one.columns == {"namespace"} for one in facets)
    return "INDEXED BY events_by_namespace" if by_namespace else "INDEXED BY events_recent"


def _where(search: Search) -> tuple[str, Values]:
    """The tallied conditions and the times. A time is first compared by its hour, which is in the index. Only the rows of that
    hour are read for the exact time.
    """
    where, values = search.facets
    if search.since_ms is not None:
        hour = search.since_ms // MS_IN_HOUR
        where += " AND last_hour >= ? AND (last_hour > ? OR last_ms >= ?)"
        values += (hour, hour, search.since_ms)
    if search.until_ms is not None:
        hour = search.until_ms // MS_IN_HOUR
        where += " AND (first_hour < ? OR (first_hour = ? AND first_ms < ?))"
        values += (hour, hour, search.until_ms)
    return where, values


def _untallied(database: Database, search: Search, request: Request) -> Matches:
    """A search by what is not tallied: all matches are found, counted and sorted."""
    where, values = _with_rest(search)
    sql = f"SELECT count(*) FROM events {search.indexed_by} WHERE {where}"
    total = database.all(sql, values)[0][0] if request.counted else None
    return Matches(total, _walked(database, search, request) if request.limit else [])


def _walked(database: Database, search: Search, request: Request) -> Sequence[int]:
    """The ids of a page: all matches are found and sorted."""
    where, values = _with_rest(search)
    window, more = conditions.joined(order.conditions(request.window, request.sort, request.reverse))
    if window:
        where, values = f"{where} AND {window}", (*values, *more)
    if request.sort == "last" and request.window.after is not None:
        where += f" AND last_hour {'>' if request.reverse else '<'}= {request.window.after.value // MS_IN_HOUR}"
    sql = f"SELECT id FROM events {search.indexed_by} WHERE {where} {_order(request)}"
    return _ids(database, sql, (*values, request.limit, request.offset))


def _with_rest(search: Search) -> tuple[str, Values]:
    where, values = _where(search)
    return (f"{where} AND {search.rest[0]}", (*values, *search.rest[1])) if search.rest[0] else (where, values)


def _order(request: Request) -> str:
    direction = "" if request.reverse else " DESC"
    columns = ["last_hour"] * (request.sort == "last") + [order.VALUES[request.sort], "id"]
    return f"ORDER BY {', '.join(f'{column}{direction}' for column in columns)} LIMIT ? OFFSET ?"


def _ids(database: Database, sql: str, values: Values) -> array[int]:
    """Numbers of eight bytes each: a long list may have a million ids."""
    return array("q", database.numbers(sql, values))


# Counting: whole days come from the tallies; the rest of the day that a time divides is counted in an index. If an index has
# all columns of a condition, SQLite counts its entries and reads no rows.


def _seen_since(database: Database, search: Search) -> dict[int, int]:
    """How many matches were last seen on each day, newest day first. `until` is not considered."""
    facets, values = search.facets
    since = search.since_ms
    sql = "SELECT day, sum(count) FROM tallies WHERE of_first = 0 AND {} GROUP BY day ORDER BY day DESC"
    if since is None:
        return dict(database.all(sql.format(facets), values, (WHOLE, WHOLE)))
    hour = since // MS_IN_HOUR
    day = hour // HOURS_IN_DAY
    found = dict(database.all(sql.format(f"day > ? AND {facets}"), (day, *values), (WHOLE, WHOLE)))
    count = f"SELECT count(*) FROM events {search.indexed_by} WHERE {facets} AND "
    rest = database.all(f"{count} last_hour > ? AND last_hour < ?", (*values, hour, (day + 1) * HOURS_IN_DAY))[0][0]
    rest += database.all(f"{count} last_hour = ? AND last_ms >= ?", (*values, hour, since))[0][0]
    return found | {day: rest} if rest else found


def _begun_at_or_after(database: Database, search: Search, until_ms: int) -> int:
    """How many matches of the tallied conditions began at or after a time."""
    facets, values = search.facets
    hour = until_ms // MS_IN_HOUR
    day = hour // HOURS_IN_DAY
    end = (day + 1) * HOURS_IN_DAY
    tallied = f"SELECT total(count) FROM tallies WHERE of_first = 1 AND day > ? AND {facets}"
    short = f"SELECT count(*) FROM events {search.indexed_by} WHERE {facets} AND first_hour = last_hour AND "
    long = f"SELECT count(*) FROM events INDEXED BY events_long WHERE {facets} AND first_hour <> last_hour AND "
    found = database.all(tallied, (day, *values))[0][0]
    for count, column in ((short, "last_hour"), (long, "first_hour")):
        found += database.all(f"{count} {column} > ? AND {column} < ?", (*values, hour, end))[0][0]
        found += database.all(f"{count} {column} = ? AND first_ms >= ?", (*values, hour, until_ms))[0][0]
    return int(found)
