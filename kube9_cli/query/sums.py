"""Summaries of all events, from what the operator has added up: which groups come first is known before rows are read.

The sums are about all events of the record. The few that are outside of the asked time are subtracted one by one. What the
sums do not tell (first and last time, activity) is then read for the groups that are shown.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kube9_cli.grouping import Grouping
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.groups import Group, Span
from kube9_cli.query.series import SPANS, Series, Times
from kube9_cli.selection import Selection

MOST_OUTSIDE = 5_000
"""If more events are outside of the asked time, all that are inside are read instead."""
MOST_TIES = 100
"""Groups that may be equal to the last one that is shown. The time when they were last seen decides between them."""
HALF_DAY_MS = 43_200_000
"""A period begins with each half of a day, so that marks of this length, or of a multiple, need no count one by one."""
NAMESPACE, PROBLEM = ("namespace",), frozenset(("cause", "owner"))

SEVERITY = "CASE WHEN critical THEN 3 WHEN error THEN 2 WHEN warning THEN 1 ELSE 0 END"
EVENTS = "info + warning + error + critical"
PROBLEMS = "SELECT root, cause, info, warning, error, critical, occurrences FROM problems"
ORDERS = {
    "severity": f"{SEVERITY} DESC, occurrences DESC",
    "count": f"occurrences DESC, {SEVERITY} DESC",
    "events": f"{EVENTS} DESC, occurrences DESC",
}
BELOW = """WITH RECURSIVE owned (id) AS (
    SELECT b.id FROM objects a CROSS JOIN objects b INDEXED BY objects_by_name ON b.name = a.name
        WHERE a.id = ?1 AND b.kind = a.kind AND b.namespace = a.namespace AND b.api_group = a.api_group
    UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)
    SELECT id, cause, severity, count, first_ms, last_ms FROM events INDEXED BY events_by_object
        WHERE object IN owned AND root = ?1 AND cause IN ({0}) AND last_ms >= ?2 AND first_ms < ?3
    UNION SELECT id, cause, severity, count, first_ms, last_ms FROM events
        WHERE id IN (SELECT event FROM controllers) AND root = ?1 AND cause IN ({0}) AND last_ms >= ?2 AND first_ms < ?3"""
"""The events of an outermost owner. Only a controller that a quota stopped may have others than those below it."""
EARLIER = "FROM events INDEXED BY events_by_time WHERE series IS NOT NULL AND last_ms < ?1"
LATER = f"""FROM events INDEXED BY events_by_first
    WHERE series IS NOT NULL AND span IN ({SPANS}) AND first_ms >= ?2 AND last_ms >= ?1"""


class Known(NamedTuple):
    """A group, and what it is a group of."""

    group: Group
    root: int = 0
    cause: int = 0
    namespace: int = 0


class Found(NamedTuple):
    """The groups that may be shown, and the numbers of all."""

    groups: list[Known]
    total: int
    events: int
    occurrences: int


class Sums:
    """How many events of each severity, and their occurrences."""

    __slots__ = ("occurrences", "of_severity")

    def __init__(self, of_severity: tuple[int, ...] = (0, 0, 0, 0), occurrences: int = 0) -> None:
        self.of_severity, self.occurrences = list(of_severity), occurrences

    def less(self, other: "Sums") -> "Sums":
        """These without others."""
        rest = tuple(own - their for own, their in zip(self.of_severity, other.of_severity, strict=True))
        return Sums(rest, self.occurrences - other.occurrences)

    @property
    def events(self) -> int:
        """How many events of any severity."""
        return sum(self.of_severity)

    def rank(self, order: str) -> tuple[int, int]:
        """The greatest come first; ORDERS says the same in SQL."""
        severity = max((at for at, number in enumerate(self.of_severity) if number), default=0)
        first = {"severity": severity, "count": self.occurrences, "events": self.events}[order]
        return first, severity if order == "count" else self.occurrences


def can_tell(database: Database, selection: Selection, grouping: Grouping, asked: Span) -> bool:
    """Whether the sums are of the events that are asked for, apart from few."""
    if selection.wanted or selection.excluded or grouping.order not in ORDERS or not database.is_moved():
        return False
    if grouping.by == NAMESPACE:
        if asked.step % HALF_DAY_MS:
            return False
    elif len(grouping.by) != len(PROBLEM) or set(grouping.by) != PROBLEM:
        return False
    every, times = Series(database, []), Times(database)
    inside = times.seen_since(every, asked.since) - times.begun_since(every, asked.until)
    return every.count - inside <= MOST_OUTSIDE


def of(database: Database, grouping: Grouping, asked: Span) -> Found | None:
    """The groups that may be shown; None if too many are equal to the last one."""
    by_namespace = grouping.by == NAMESPACE
    outside = _outside(database, asked, "namespace, 0" if by_namespace else "root, cause")
    if by_namespace:
        return _namespaces(database, grouping, asked, outside)
    return _problems(database, grouping, asked, outside)


Outside = dict[tuple[int, int], Sums]


def _outside(database: Database, asked: Span, columns: str) -> Outside:
    """What is outside of the asked time, by these columns."""
    found: Outside = {}
    for where in (EARLIER, LATER):
        values = (asked.since, asked.until)[: 1 if where is EARLIER else 2]
        for first, second, severity, count in database.each(
            f"SELECT {columns}, severity, count {where}",
            values,
            (WHOLE,) * 4,
        ):
            known = found.setdefault((first, second), Sums())
            known.of_severity[severity & 3] += 1
            known.occurrences += count
    return found


# Causes and owners


def _problems(database: Database, grouping: Grouping, asked: Span, outside: Outside) -> Found | None:
    (total,) = database.all("SELECT count(*) FROM problems", (), (WHOLE,))[0]
    # The same sums as of problems, of which there may be as many as events.
    sql = "SELECT coalesce(sum(count), 0), coalesce(sum(occurrences), 0) FROM series"
    events, occurrences = database.all(sql, (), (WHOLE, WHOLE))[0]
    enough = grouping.limit + MOST_TIES + len(outside)
    sql = f"{PROBLEMS} ORDER BY {ORDERS[grouping.order]} LIMIT ?"
    rows = database.all(sql, (enough,), (WHOLE,) * 7)
    ranked = {(row[0], row[1]): Sums(row[2:6], row[6]) for row in rows}
    last = ranked[rows[-1][:2]].rank(grouping.order) if len(rows) == enough else None
    for key, less in outside.items():
        if key not in ranked:
            row = database.all(f"{PROBLEMS} WHERE root = ? AND cause = ?", key, (WHOLE,) * 7)
            ranked[key] = Sums(row[0][2:6], row[0][6]) if row else Sums()
        ranked[key] = ranked[key].less(less)
        events, occurrences = events - less.events, occurrences - less.occurrences
        if ranked[key].events <= 0:
            del ranked[key]
            total -= 1
    chosen = _first(ranked, grouping, last)
    if chosen is None:
        return None
    by_root: dict[int, dict[int, Group]] = {}
    for root, cause in chosen:
        by_root.setdefault(root, {})[cause] = Group(asked.marks)
    for root, groups in by_root.items():
        _read(database, asked, root, groups)
    found = [Known(group, root, cause) for root, groups in by_root.items() for cause, group in groups.items()]
    return Found(found, total, events, occurrences)


def _first(
    ranked: dict[tuple[int, int], Sums], grouping: Grouping, last: tuple[int, int] | None
) -> list[tuple[int, int]] | None:
    """The keys of the first groups, with those that are equal to the last of them. None if there may be more of these.

    `last` is the rank of the last one that was read, if there are more.
    """
    order = sorted(ranked, key=lambda key: ranked[key].rank(grouping.order), reverse=True)
    if len(order) <= grouping.limit:
        return order if last is None else None
    least = ranked[order[grouping.limit - 1]].rank(grouping.order)
    if last is not None and last >= least:
        return None
    chosen = [key for key in order if ranked[key].rank(grouping.order) >= least]
    return chosen if len(chosen) <= grouping.limit + MOST_TIES else None


def _read(database: Database, asked: Span, root: int, groups: dict[int, Group]) -> None:
    """Adds the events of these causes about an outermost owner, and finds out whether the causes existed in the time before."""
    before_ms = max(0, 2 * asked.since - asked.until)
    causes = ", ".join(map(str, groups))
    for number, cause, severity, count, first_ms, last_ms in database.stream(
        BELOW.format(causes), (root, before_ms, asked.until), (WHOLE,) * 6
    ):
        group = groups[cause]
        if first_ms < asked.since:
            group.existed = True
        if last_ms >= asked.since:
            marks = max(0, (first_ms - asked.start) // asked.step), min(asked.marks - 1, (last_ms - asked.start) // asked.step)
            group.add((1, count, first_ms, last_ms, number, severity, *marks))


# Namespaces


def _namespaces(database: Database, grouping: Grouping, asked: Span, outside: Outside) -> Found | None:
    ranked: dict[tuple[int, int], Sums] = {}
    sql = "SELECT namespace, severity, sum(count), sum(occurrences) FROM series WHERE count > 0 GROUP BY namespace, severity"
    for namespace, severity, count, occurrences in database.each(sql, (), (WHOLE,) * 4):
        known = ranked.setdefault((namespace, 0), Sums())
        known.of_severity[severity & 3] += count
        known.occurrences += occurrences
    for key, less in outside.items():
        ranked[key] = ranked.get(key, Sums()).less(less)
    ranked = {key: known for key, known in ranked.items() if known.events > 0}
    chosen = _first(ranked, grouping, None)
    if chosen is None:
        return None
    wanted = {namespace: ranked[namespace, 0] for namespace, _ in chosen}
    groups = _Namespaces(database, asked, wanted).groups()
    return Found(
        [Known(group, namespace=namespace) for namespace, group in groups.items()],
        len(ranked),
        sum(known.events for known in ranked.values()),
        sum(known.occurrences for known in ranked.values()),
    )


class _Namespaces:
    """What the sums of some namespaces do not tell, from their totals by period, and from the events of few periods."""

    def __init__(self, database: Database, asked: Span, wanted: dict[int, Sums]) -> None:
        self._database, self._asked, self._wanted = database, asked, wanted
        self._times = Times(database)
        self._totals: dict[tuple[int, int], dict[int, int]] = {}
        """By of_first and period the counts of the namespaces."""
        namespaces = ", ".join(str(-1 - one) for one in wanted) or "0"
        periods = "SELECT id FROM periods"
        sql = f"""SELECT of_first, period, series, count FROM totals
            WHERE of_first IN (0, 1) AND period IN ({periods}) AND series IN ({namespaces})"""  # noqa: S608
        for of_first, period, series, count in database.each(sql, (), (WHOLE,) * 4):
            self._totals.setdefault((of_first, period), {})[-1 - series] = count

    def groups(self) -> dict[int, Group]:
        """The groups of the namespaces."""
        asked = self._asked
        found = {namespace: Group(asked.marks) for namespace in self._wanted}
        firsts, lasts, newest = self._extremes(of_first=True), self._extremes(of_first=False), self._newest()
        activity = self._activity()
        before_ms = max(0, 2 * asked.since - asked.until)
        seen_before = self._count("last_ms >= ? AND last_ms < ?", (before_ms, asked.since), of_first=False)
        begun = self._from(asked.since, of_first=True)
        seen = self._from(asked.since, of_first=False)
        for namespace, group in found.items():
            sums = self._wanted[namespace]
            group.events, group.occurrences = sums.events, sums.occurrences
            group.severity = sums.rank("severity")[0]
            group.first_ms, group.last_ms, group.newest = firsts[namespace], lasts[namespace], newest[namespace]
            went_on = seen.get(namespace, 0) - begun.get(namespace, 0)
            group.existed = went_on > 0 or seen_before.get(namespace, 0) > 0
            before = 0
            for mark, number in enumerate(activity[namespace]):
                group.rises[mark] = number - before
                before = number
        return found

    def _activity(self) -> dict[int, list[int]]:
        """How many events of each namespace were going on in each mark: those seen since it began, less those begun later."""
        asked = self._asked
        found: dict[int, list[int]] = {namespace: [] for namespace in self._wanted}
        for mark in range(asked.marks):
            begin = max(asked.since, asked.start + mark * asked.step)
            end = min(asked.until, asked.start + (mark + 1) * asked.step)
            seen, begun = self._from(begin, of_first=False), self._from(end, of_first=True)
            for namespace, marks in found.items():
                marks.append(seen.get(namespace, 0) - begun.get(namespace, 0))
        return found

    def _from(self, ms: int, of_first: bool) -> dict[int, int]:
        """How many events of each namespace were last seen, or began, at or after a time."""
        at = self._times.at(ms)
        period = self._times.periods[at]
        whole = at if ms <= period.start_ms else at + 1
        found: dict[int, int] = {}
        for one in self._times.periods[whole:]:
            for namespace, count in self._totals.get((of_first, one.number), {}).items():
                found[namespace] = found.get(namespace, 0) + count
        if whole > at and self._totals.get((of_first, period.number)):
            column = "first_ms" if of_first else "last_ms"
            rest = self._count(f"{column} >= ? AND {column} < ?", (ms, period.end_ms), of_first)
            for namespace, count in rest.items():
                found[namespace] = found.get(namespace, 0) + count
        return found

    def _count(self, where: str, values: tuple[int, ...], of_first: bool) -> dict[int, int]:
        return dict(self._database.all(_by_namespace("count(*)", where, of_first), values, (WHOLE, WHOLE)))

    def _extremes(self, of_first: bool) -> dict[int, int]:
        """The first time, or the last one, of each namespace, from the periods in which it has events."""
        asked = self._asked
        missing, found = set(self._wanted), dict[int, int]()
        what = "min(first_ms)" if of_first else "max(last_ms)"
        column = "first_ms" if of_first else "last_ms"
        periods = self._times.periods if of_first else reversed(self._times.periods)
        for period in periods:
            if not missing & self._totals.get((int(of_first), period.number), {}).keys():
                continue
            where = f"{column} >= ? AND {column} < ? AND last_ms >= ? AND first_ms < ?"
            values = (period.start_ms, period.end_ms, asked.since, asked.until)
            for namespace, ms in self._database.all(_by_namespace(what, where, of_first), values, (WHOLE, WHOLE)):
                if namespace in missing:
                    missing.discard(namespace)
                    found[namespace] = ms
            if not missing:
                break
        return found

    def _newest(self) -> dict[int, int]:
        """The greatest id of each namespace."""
        asked = self._asked
        missing, found = set(self._wanted), dict[int, int]()
        sql = "SELECT id, namespace FROM events WHERE last_ms >= ? AND first_ms < ? ORDER BY id DESC"
        rows: Iterator[tuple[Any, ...]] = self._database.stream(sql, (asked.since, asked.until), (WHOLE, WHOLE))
        for number, namespace in rows:
            if namespace in missing:
                missing.discard(namespace)
                found[namespace] = number
                if not missing:
                    break
        return found


def _by_namespace(what: str, where: str, of_first: bool) -> str:
    """SQL that finds something for each namespace in a range of an index."""
    index = f"events_by_first WHERE span IN ({SPANS}) AND" if of_first else "events_by_time WHERE"
    inside = f"SELECT series, first_ms, last_ms FROM events INDEXED BY {index} series IS NOT NULL AND {where}"  # noqa: S608
    return f"SELECT s.namespace, {what} FROM ({inside}) AS e CROSS JOIN series AS s ON s.id = e.series GROUP BY s.namespace"  # noqa: S608
