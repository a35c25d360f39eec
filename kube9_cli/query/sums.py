"""Summaries of all events, from what the operator has added up: which groups come first is known before rows are read.

The sums are about all events of the record. Those outside of the asked time are subtracted. What the sums do not tell (first
and last time, activity) is then read for the groups that are shown.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kube9_cli.grouping import Grouping
from kube9_cli.query.connection import WHOLE, Database, lists
from kube9_cli.query.groups import Group, Span
from kube9_cli.query.series import SPANS, Series, Times
from kube9_cli.selection import Selection

INSIDE_PER_OUTSIDE = 2
"""If fewer than this many events are inside of the asked time for each one outside, those that are inside are read instead."""
MOST_TIES = 100
"""Problems that are read besides those that are shown: some of them may be outside of the asked time."""
MOST_WALKED = 50_000
"""So many of the newest events are looked through for problems that are equal to the last one that is shown."""
HALF_DAY_MS = 43_200_000
"""A period begins with each half of a day, so that marks of this length, or of a multiple, need no count one by one."""
NAMESPACE, PROBLEM = ("namespace",), frozenset(("cause", "owner"))

SEVERITY = "CASE WHEN critical THEN 3 WHEN error THEN 2 WHEN warning THEN 1 ELSE 0 END"
EVENTS = "info + warning + error + critical"
PROBLEMS = "SELECT root, cause, info, warning, error, critical, occurrences FROM problems"
RANKS = {"severity": (SEVERITY, "occurrences"), "count": ("occurrences", SEVERITY), "events": (EVENTS, "occurrences")}
"""What decides which problems come first: the greatest. Of equal ones, the one that was seen last comes first."""
ADDED = """SELECT root, cause, severity, last_ms >= ?4, {first}, {last},
    count(*), sum(count), min(first_ms), max(last_ms), max(id)
    FROM events {by} AND root IN ({roots}) AND cause IN ({causes}) AND last_ms >= ?2 AND first_ms < ?3
    GROUP BY root, cause << 11 | severity << 9 | (last_ms >= ?4) << 8 | {first} << 4 | {last}"""
"""The events of outermost owners, added up."""
FIRST_MARK, LAST_MARK = "max(0, (first_ms - ?5) / ?6)", "max(0, min(?7, (last_ms - ?5) / ?6))"
"""The marks in which an event was first and last seen."""
BY_OWNER = """NOT INDEXED WHERE id IN (WITH RECURSIVE owned (id) AS (
    SELECT b.id FROM objects a CROSS JOIN objects b INDEXED BY objects_by_name ON b.name = a.name
        WHERE a.id = ?1 AND b.kind = a.kind AND b.namespace = a.namespace AND b.api_group = a.api_group
    UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)
    SELECT id FROM events INDEXED BY events_by_object WHERE object IN owned UNION SELECT event FROM controllers)"""
"""Only a controller that a quota stopped may have other events than those below it.

They are read in the order of ids, which is that of the table: an object may have tens of thousands.
"""
BY_TIME = "INDEXED BY events_by_time WHERE series IS NOT NULL"
LATER_PER_OWNED = 4
"""To read so many events by time takes as long as to find one of an owner, because neighbours are in the same pages."""
ROOTS_AT_ONCE = 200
OUTSIDE = f"""SELECT root, cause, namespace, severity, count FROM events INDEXED BY events_by_time
        WHERE series IS NOT NULL AND last_ms < ?1
    UNION ALL SELECT root, cause, namespace, severity, count FROM events INDEXED BY events_by_first
        WHERE series IS NOT NULL AND span IN ({SPANS}) AND first_ms >= ?2 AND last_ms >= ?1"""  # noqa: S608
"""The events outside of a time that begins at ?1 and ends at ?2."""
NONE_INSIDE = f"""SELECT count(*) FROM (SELECT root, cause, count(*) AS outside FROM ({OUTSIDE}) GROUP BY root, cause)
    JOIN problems USING (root, cause) WHERE outside = {EVENTS}"""  # noqa: S608
"""How many problems have no event inside."""
NTH_NEWEST = (
    "SELECT last_ms FROM events INDEXED BY events_by_time WHERE series IS NOT NULL ORDER BY last_ms DESC LIMIT 1 OFFSET ?"
)
NEWEST_OF_RANK = """SELECT root, cause, last_ms FROM events INDEXED BY events_by_time CROSS JOIN problems USING (root, cause)
    WHERE series IS NOT NULL AND last_ms >= ? AND first_ms < ? AND {} = ? AND {} = ? ORDER BY last_ms DESC"""
"""The problems of a rank, the one that was seen last first."""


class Known(NamedTuple):
    """A group, and what it is a group of."""

    group: Group
    root: int = 0
    cause: int = 0
    namespace: int = 0


Key = tuple[int, int]
"""Root and cause; or a namespace and 0."""


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
    """Whether the sums are of the events that are asked for, apart from fewer than there are inside."""
    if selection.wanted or selection.excluded or grouping.order not in RANKS or not database.is_moved():
        return False
    if grouping.by == NAMESPACE:
        if asked.step % HALF_DAY_MS:
            return False
    elif len(grouping.by) != len(PROBLEM) or set(grouping.by) != PROBLEM:
        return False
    every, times = Series(database, []), Times(database)
    inside = times.seen_since(every, asked.since) - times.begun_since(every, asked.until)
    return (every.count - inside) * INSIDE_PER_OUTSIDE <= inside


def of(database: Database, grouping: Grouping, asked: Span) -> Found | None:
    """The groups that may be shown; None if the sums do not tell which they are."""
    return _namespaces(database, grouping, asked) if grouping.by == NAMESPACE else _problems(database, grouping, asked)


def _outside(database: Database, asked: Span, columns: str, where: str = "1") -> dict[Key, Sums]:
    """What is outside of the asked time, by two columns."""
    found: dict[Key, Sums] = {}
    sql = f"SELECT {columns}, severity, count(*), sum(count) FROM ({OUTSIDE}) WHERE {where} GROUP BY 1, 2, 3"  # noqa: S608
    for first, second, severity, events, occurrences in database.each(sql, (asked.since, asked.until), (WHOLE,) * 5):
        known = found.setdefault((first, second), Sums())
        known.of_severity[severity & 3] += events
        known.occurrences += occurrences
    return found


# Causes and owners


def _problems(database: Database, grouping: Grouping, asked: Span) -> Found | None:
    chosen = _Problems(database, grouping, asked).first()
    if chosen is None:
        return None
    by_root: dict[int, dict[int, Group]] = {}
    for root, cause in chosen:
        by_root.setdefault(root, {})[cause] = Group(asked.marks)
    read(database, asked, by_root)
    found = [Known(group, root, cause) for root, groups in by_root.items() for cause, group in groups.items()]
    times = asked.since, asked.until
    (every,) = database.all("SELECT count(*) FROM problems", (), (WHOLE,))[0]
    (gone,) = database.all(NONE_INSIDE, times, (WHOLE,))[0]
    # The same sums as of problems, of which there may be as many as events.
    sql = "SELECT coalesce(sum(count), 0), coalesce(sum(occurrences), 0) FROM series"
    events, occurrences = database.all(sql, (), (WHOLE, WHOLE))[0]
    sql = f"SELECT count(*), coalesce(sum(count), 0) FROM ({OUTSIDE})"  # noqa: S608
    less, fewer = database.all(sql, times, (WHOLE, WHOLE))[0]
    return Found(found, every - gone, events - less, occurrences - fewer)


class _Problems:
    """Finds the problems that come first within the asked time."""

    def __init__(self, database: Database, grouping: Grouping, asked: Span) -> None:
        self._database, self._asked = database, asked
        self._order, self._limit = grouping.order, grouping.limit

    def first(self) -> list[Key] | None:
        """The first problems, with all that are equal to the last of them in rank and time; None if it cannot be told."""
        enough = self._limit + MOST_TIES
        by = ", ".join(f"{one} DESC" for one in RANKS[self._order])
        rows = self._database.all(f"{PROBLEMS} ORDER BY {by} LIMIT ?", (enough,), (WHOLE,) * 7)
        problems = {(row[0], row[1]): Sums(row[2:6], row[6]) for row in rows}
        ranks = self._inside(problems)
        if len(rows) < enough:  # these are all
            return _first(ranks, self._limit)
        # All that come before the last one are known, because events outside only put one back. Others may be equal to it.
        last = next(reversed(problems.values())).rank(self._order)
        before = {key: rank for key, rank in ranks.items() if rank > last}
        if len(before) >= self._limit:
            return _first(before, self._limit)
        equal = self._newest(last, self._limit - len(before))
        if equal is None:
            return None
        put_back = [key for key, rank in ranks.items() if rank == last and problems[key].rank(self._order) > last]
        return [*before, *put_back, *equal]

    def _inside(self, problems: dict[Key, Sums]) -> dict[Key, tuple[int, int]]:
        """The ranks of problems by their events inside of the asked time. One that has none is left out."""
        outside: dict[Key, Sums] = {}
        for roots in lists(sorted({root for root, _ in problems})):
            outside |= _outside(self._database, self._asked, "root, cause", f"root IN ({roots})")
        inside = {key: sums.less(outside[key]) if key in outside else sums for key, sums in problems.items()}
        return {key: sums.rank(self._order) for key, sums in inside.items() if sums.events > 0}

    def _newest(self, rank: tuple[int, int], wanted: int) -> list[Key] | None:
        """At least so many problems of a rank: those that were seen last. None if the newest events do not have enough."""
        deepest = self._database.all(NTH_NEWEST, (MOST_WALKED,), (WHOLE,))
        since_ms = max(self._asked.since, deepest[0][0]) if deepest else self._asked.since
        sql = NEWEST_OF_RANK.format(*RANKS[self._order])
        found: list[Key] = []
        known: set[Key] = set()
        some: dict[Key, Sums] = {}
        at_ms = 0
        for root, cause, last_ms in self._database.stream(sql, (since_ms, self._asked.until, *rank), (WHOLE,) * 3):
            if len(found) + len(some) >= wanted and last_ms < at_ms:
                found += self._of_rank(some, rank)
                some = {}
                if len(found) >= wanted:
                    return found
            at_ms = last_ms
            if (root, cause) not in known:
                known.add((root, cause))
                some[root, cause] = self._sums(root, cause)
        found += self._of_rank(some, rank)
        return found if len(found) >= wanted else None

    def _of_rank(self, problems: dict[Key, Sums], rank: tuple[int, int]) -> list[Key]:
        """Those that have this rank by their events inside, too."""
        ranks = self._inside(problems)
        return [key for key in problems if ranks.get(key) == rank]

    def _sums(self, root: int, cause: int) -> Sums:
        row = self._database.all(f"{PROBLEMS} WHERE root = ? AND cause = ?", (root, cause), (WHOLE,) * 7)[0]
        return Sums(row[2:6], row[6])


def _first(ranks: dict[Key, tuple[int, int]], limit: int) -> list[Key]:
    """The keys of the greatest ranks, with all that are equal to the last one."""
    order = sorted(ranks, key=ranks.__getitem__, reverse=True)
    return order if len(order) <= limit else [key for key in order if ranks[key] >= ranks[order[limit - 1]]]


def read(database: Database, asked: Span, by_root: dict[int, dict[int, Group]]) -> None:
    """Adds the events of these causes about outermost owners, and finds out whether the causes existed in the time before."""
    before_ms = max(0, 2 * asked.since - asked.until)
    times = before_ms, asked.until, asked.since, asked.start, asked.step, asked.marks - 1
    by, roots = BY_OWNER, [[root] for root in by_root]
    if _is_faster_by_time(database, list(by_root), before_ms):
        by, roots = BY_TIME, [list(by_root)[at : at + ROOTS_AT_ONCE] for at in range(0, len(by_root), ROOTS_AT_ONCE)]
    for some in roots:
        every = sorted({cause for root in some for cause in by_root[root]})
        for causes in lists(every):
            sql = ADDED.format(by=by, roots=", ".join(map(str, some)), causes=causes, first=FIRST_MARK, last=LAST_MARK)
            for root, cause, *added in database.stream(sql, (some[0], *times), (WHOLE,) * 11):
                if cause in by_root[root]:
                    _add(by_root[root][cause], asked, added)


def _is_faster_by_time(database: Database, roots: list[int], before_ms: int) -> bool:
    """Whether there are fewer events since a time than those of owners, as far as time is concerned."""
    sql = f"SELECT coalesce(sum({EVENTS}), 0) FROM problems WHERE root IN ({{}})"  # noqa: S608
    owned: int = sum(database.all(sql.format(some), (), (WHOLE,))[0][0] for some in lists(roots))
    return Times(database).seen_since(Series(database, []), before_ms) < owned * LATER_PER_OWNED


def _add(group: Group, asked: Span, added: list[int]) -> None:
    severity, is_inside, first_mark, last_mark, events, occurrences, first_ms, last_ms, newest = added
    if first_ms < asked.since:
        group.existed = True
    if is_inside:
        group.add((events, occurrences, first_ms, last_ms, newest, severity, first_mark, last_mark))


# Namespaces


def _namespaces(database: Database, grouping: Grouping, asked: Span) -> Found | None:
    ranked: dict[Key, Sums] = {}
    sql = "SELECT namespace, severity, sum(count), sum(occurrences) FROM series WHERE count > 0 GROUP BY namespace, severity"
    for namespace, severity, count, occurrences in database.each(sql, (), (WHOLE,) * 4):
        known = ranked.setdefault((namespace, 0), Sums())
        known.of_severity[severity & 3] += count
        known.occurrences += occurrences
    for (namespace, _), less in _outside(database, asked, "namespace, 0").items():
        ranked[namespace, 0] = ranked.get((namespace, 0), Sums()).less(less)
    ranked = {key: known for key, known in ranked.items() if known.events > 0}
    chosen = _first({key: known.rank(grouping.order) for key, known in ranked.items()}, grouping.limit)
    if len(chosen) > grouping.limit + MOST_TIES:
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
        periods = "SELECT id FROM periods"
        for namespaces in lists([-1 - one for one in wanted]):
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
