"""Finds the events of a selection and counts them, by what is indexed and what is tallied."""

from typing import Any, NamedTuple

from kube9_cli.query.connection import WHOLE, WHOLE_OR_NONE, Database
from kube9_cli.selection import FILTERS, Filter, Selection
from kube9_schema.intervals import MS_IN_HOUR

HOURS_IN_DAY = 24
SORTED_AT_MOST = 5_000
"""Up to this many matches are found by the index of the filter and sorted. More are found by walking the ids."""
NEAR = 1_000
"""Up to this offset a page is found by walking to it. A later page is found by the counts of the hours before it."""
NEWEST_FIRST = "ORDER BY last_hour DESC, last_ms DESC, id DESC LIMIT ? OFFSET ?"

INDEXES = {"namespace": "events_by_namespace", "name": "events_by_object"}
"""The index of a search by a column; the last of FILTERS that is asked for decides. Otherwise it is events_recent."""

Values = tuple[Any, ...]


class Matches(NamedTuple):
    """How many events match, and the ids of one page in order."""

    total: int
    ids: list[int]


class Search(NamedTuple):
    """A selection as SQL. Each piece of SQL is kept with its values."""

    indexed_by: str
    """Has every column that is tallied."""
    facets: tuple[str, Values]
    """The conditions of columns that are tallied."""
    rest: tuple[str, Values]
    """The conditions of columns that are not; '' for none."""
    since_ms: int | None
    """None if no event is older."""
    until_ms: int | None
    """None if no event is newer."""


def find(database: Database, selection: Selection, order: str, limit: int, offset: int) -> Matches:
    """One page, newest first, and the number of all matches. The caller has begun a snapshot. Raises QueryError."""
    search = _search(database, selection)
    if search is None:
        return Matches(0, [])
    if search.rest[0]:
        return _untallied(database, search, order, limit, offset)
    by_day = _seen_since(database, search)
    total = sum(by_day.values()) - (0 if search.until_ms is None else _begun_at_or_after(database, search, search.until_ms))
    if total <= offset:
        return Matches(total, [])
    return Matches(total, _page(database, search, by_day, (order, limit, offset), total))


def _page(database: Database, search: Search, by_day: dict[int, int], asked: tuple[str, int, int], total: int) -> list[int]:
    """The ids of the page with this order, limit and offset. The page is not empty."""
    order, limit, offset = asked
    where, values = _where(search)
    if order == "created":
        by = f"INDEXED BY {search.indexed_by}" if total <= SORTED_AT_MOST else "NOT INDEXED"
        sql = f"SELECT id FROM events {by} WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?"
        return _ids(database, sql, (*values, limit, offset))
    # Not more than there are: for one more, the search would go on to the end of the index.
    limit = min(limit, total - offset)
    hours = [(day * HOURS_IN_DAY, day * HOURS_IN_DAY + HOURS_IN_DAY - 1, count) for day, count in by_day.items()]
    if search.until_ms is None:
        where, values, offset = _narrowed(where, values, hours, (limit, offset))
    if offset > NEAR:
        sql = f"SELECT last_hour, last_hour, count(*) FROM events INDEXED BY {search.indexed_by} WHERE {where} "
        hours = database.all(f"{sql} GROUP BY last_hour ORDER BY last_hour DESC", values, (WHOLE,) * 3)
        where, values, offset = _narrowed(where, values, hours, (limit, offset))
    sql = f"SELECT id FROM events INDEXED BY {search.indexed_by} WHERE {where} {NEWEST_FIRST}"
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
    index, conditions = "events_recent", {True: list[tuple[str, Values]](), False: list[tuple[str, Values]]()}
    for one in FILTERS:
        if one.column in selection.wanted:
            values = _stored(database, one, selection.wanted[one.column])
            if not values:
                return None
            conditions[one.tallied].append(_condition(one, values))
            index = INDEXES.get(one.column, index)
    sql = "SELECT (SELECT min(last_hour) FROM events), (SELECT max(last_hour) FROM events)"
    oldest, newest = database.all(sql, (), (WHOLE_OR_NONE,) * 2)[0]
    since_ms, until_ms = selection.since_ms, selection.until_ms
    if since_ms is not None and since_ms // MS_IN_HOUR < (oldest or 0):
        since_ms = None
    if until_ms is not None and until_ms // MS_IN_HOUR > (newest or 0):
        until_ms = None
    return Search(index, _joined("1", conditions[True]), _joined("", conditions[False]), since_ms, until_ms)


def _stored(database: Database, one: Filter, wanted: Values) -> Values:
    """The wanted values as the column stores them. Words that were never recorded are left out."""
    if one.stored != "word":
        return wanted
    found: set[int] = set()
    for word in wanted:
        rows = database.all("SELECT id FROM words WHERE word = ?", (word,))
        if not rows and one.any_case:
            rows = database.all("SELECT id FROM words WHERE word = ? COLLATE NOCASE", (word,))
        found.update(row[0] for row in rows)
    return tuple(sorted(found))


def _condition(one: Filter, values: Values) -> tuple[str, Values]:
    marks = ", ".join("?" * len(values))
    if one.stored == "name":
        return f"object IN (SELECT id FROM objects WHERE {one.column} IN ({marks}))", values
    return f"{one.column} IN ({marks})", values


def _joined(first: str, conditions: list[tuple[str, Values]]) -> tuple[str, Values]:
    """All conditions as one."""
    where = " AND ".join(filter(None, (first, *(sql for sql, _ in conditions))))
    return where, tuple(value for _, values in conditions for value in values)


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


def _untallied(database: Database, search: Search, order: str, limit: int, offset: int) -> Matches:
    """A search by a column that is not tallied: all matches are found by the index, counted and sorted."""
    where, values = _where(search)
    where, values = f"{where} AND {search.rest[0]}", (*values, *search.rest[1])
    table = f"FROM events INDEXED BY {search.indexed_by}"
    total = database.all(f"SELECT count(*) {table} WHERE {where}", values)[0][0]
    by = "ORDER BY id DESC LIMIT ? OFFSET ?" if order == "created" else NEWEST_FIRST
    sql = f"SELECT id {table} WHERE {where} {by}"
    return Matches(total, _ids(database, sql, (*values, limit, offset)))


def _ids(database: Database, sql: str, values: Values) -> list[int]:
    return [row[0] for row in database.all(sql, values, (WHOLE,))]


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
    count = f"SELECT count(*) FROM events INDEXED BY {search.indexed_by} WHERE {facets} AND "
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
    short = f"SELECT count(*) FROM events INDEXED BY {search.indexed_by} WHERE {facets} AND first_hour = last_hour AND "
    long = f"SELECT count(*) FROM events INDEXED BY events_long WHERE {facets} AND first_hour <> last_hour AND "
    found = database.all(tallied, (day, *values))[0][0]
    for count, column in ((short, "last_hour"), (long, "first_hour")):
        found += database.all(f"{count} {column} > ? AND {column} < ?", (*values, hour, end))[0][0]
        found += database.all(f"{count} {column} = ? AND first_ms >= ?", (*values, hour, until_ms))[0][0]
    return int(found)
