"""The answer of `events summary`: groups of events with their numbers, from one snapshot and in bounded memory."""

import heapq
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kube9_cli.grouping import Grouping
from kube9_cli.query import conditions
from kube9_cli.query.conditions import Condition
from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, Types
from kube9_cli.query.coverage import covered
from kube9_cli.query.events import decoded, named
from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema import ids
from kube9_schema.causes import Recorded, cause_of
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from kube9_schema.intervals import MS_IN_HOUR
from kube9_schema.sources import ITSELF

MOST_GROUPS = 10_000
"""So many are kept apart, about 8 MiB. If there are more, one field after the other is told apart less: see LESS."""
ALL = "*"
"""What a field has that is not told apart. No object has this name."""
ANY = -1
"""The same for a word, in place of its id."""
MOST_MARKS = 16
STEPS_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)
"""What a mark of the activity may stand for, so that marks begin at full minutes, hours or days."""

Key = tuple[Any, ...]
"""One value for each field that is grouped by."""


class Span(NamedTuple):
    """The time that a summary is about, and the marks that it is divided into. Times are in ms since 1970."""

    since: int
    until: int
    start: int
    """When the first mark begins: a multiple of the step."""
    step: int
    marks: int


class Part(NamedTuple):
    """Some events of one key: their numbers, and the marks in which they were first and last seen."""

    events: int
    occurrences: int
    first_ms: int
    last_ms: int
    newest: int
    """The greatest id."""
    severity: int
    first_mark: int
    last_mark: int


class Group:
    """The events of one key."""

    __slots__ = ("events", "existed", "first_ms", "last_ms", "newest", "occurrences", "rises", "severity")

    def __init__(self, marks: int) -> None:
        self.events = self.occurrences = self.newest = self.last_ms = self.severity = 0
        self.first_ms = 2**63
        self.existed = False
        """Whether it has events in the equally long time before."""
        self.rises = [0] * (marks + 1)
        """For each mark how many events begin there, less those that ended in the mark before."""

    def add(self, part: Part) -> None:
        """Counts these events."""
        self._count(part)
        self.rises[part.first_mark] += part.events
        self.rises[part.last_mark + 1] -= part.events

    def join(self, other: "Group") -> None:
        """Counts the events of another group."""
        self._count(other)
        self.rises = [own + more for own, more in zip(self.rises, other.rises, strict=True)]

    def _count(self, more: "Part | Group") -> None:
        self.events += more.events
        self.occurrences += more.occurrences
        self.first_ms, self.last_ms = min(self.first_ms, more.first_ms), max(self.last_ms, more.last_ms)
        self.newest, self.severity = max(self.newest, more.newest), max(self.severity, more.severity)

    def activity(self) -> list[int]:
        """How many events were going on in each mark."""
        going_on, found = 0, []
        for rise in self.rises[:-1]:
            going_on += rise
            found.append(going_on)
        return found


class Summary(NamedTuple):
    """The groups that are shown, and the numbers of all."""

    groups: list[dict[str, Any]]
    total: int
    events: int
    occurrences: int
    span: Span

    def shown(self, grouping: Grouping, coverage: dict[str, Any]) -> dict[str, Any]:
        """The whole answer as clients see it."""
        return {
            "groups": self.groups,
            "by": list(grouping.by),
            "range": {
                "since": iso(self.span.since),
                "until": iso(self.span.until),
                "activity_from": iso(self.span.start),
                "step_seconds": self.span.step // 1000,
            },
            "events": self.events,
            "occurrences": self.occurrences,
            "pagination": {"total": self.total, "limit": grouping.limit, "returned": len(self.groups)},
            "coverage": coverage,
        }


def span(since: int, until: int) -> Span:
    """Divides a time into at most MOST_MARKS marks of equal length."""
    seconds = (until - since) / 1000
    step = next((one for one in STEPS_SECONDS if seconds / one <= MOST_MARKS - 1), STEPS_SECONDS[-1])
    while seconds / step > MOST_MARKS - 1:
        step *= 2
    step *= 1000
    start = since // step * step
    return Span(since, until, start, step, (until - start - 1) // step + 1)


def read(database: Database, selection: Selection, grouping: Grouping, path: str) -> Summary:
    """The groups of the selected events. The selection has both times; the caller has begun a snapshot. Raises QueryError."""
    assert selection.since_ms is not None
    assert selection.until_ms is not None
    asked = span(selection.since_ms, selection.until_ms)
    groups = Groups(database, grouping.by, asked)
    groups.read(selection)
    before = selection._replace(since_ms=max(0, 2 * asked.since - asked.until), until_ms=asked.since)
    # Without a record of the time before, nothing can be called new.
    known = bool(groups.found) and covered(database, before, path).get("from") == iso(before.since_ms or 0)
    order = ORDERS[grouping.order]
    chosen = heapq.nsmallest(grouping.limit, groups.found.items(), key=lambda item: (order(item[1]), str(item[0])))
    if known:
        groups.look_before(before, {key for key, _ in chosen})
    return Summary(
        [groups.shown(key, group, known) for key, group in chosen],
        len(groups.found),
        sum(group.events for group in groups.found.values()),
        sum(group.occurrences for group in groups.found.values()),
        asked,
    )


ORDERS: dict[str, Callable[[Group], tuple[int, ...]]] = {
    "severity": lambda one: (-one.severity, -one.occurrences, -one.last_ms),
    "count": lambda one: (-one.occurrences, -one.severity, -one.last_ms),
    "events": lambda one: (-one.events, -one.occurrences, -one.last_ms),
    "last": lambda one: (-one.last_ms, -one.severity, -one.occurrences),
}

LESS = ("name", "owner", "owner", "cause", "node", "cause", "source", "reason", "namespace", "owner", "kind")
"""If there are more than MOST_GROUPS, these fields are told apart less, in this order: an owner first by its kind and
namespace, then by its kind alone; a cause first by what is before its colon.
"""
LESS_BY_KIND = 2
"""The step in which an owner is told apart by its kind alone."""

OWNER_CHAIN = """LEFT JOIN controllers AS c ON c.event = e.id
    JOIN objects AS o1 ON o1.id = coalesce(c.object, e.object) LEFT JOIN objects AS o2 ON o2.id = o1.owner
    LEFT JOIN objects AS o3 ON o3.id = o2.owner LEFT JOIN objects AS o4 ON o4.id = o3.owner
    JOIN objects AS o ON o.id = coalesce(o4.id, o3.id, o2.id, o1.id)"""
"""The outermost owner that is known: a pod has at most its ReplicaSet or Job, their Deployment or CronJob, and one above.
An event about a quota belongs to the controller that the quota stopped.
"""
COLUMNS: dict[str, tuple[tuple[str, ...], Types, str]] = {
    "namespace": (("e.namespace",), (WHOLE,), ""),
    "kind": (("e.kind",), (WHOLE,), ""),
    "reason": (("e.reason",), (WHOLE,), ""),
    "node": (("e.node",), (WHOLE,), ""),
    "type": (("e.type",), (WHOLE,), ""),
    "severity": (("e.severity",), (WHOLE,), ""),
    "name": (("n.name",), (TEXT,), "JOIN objects AS n ON n.id = e.object"),
    "source": (
        (f"coalesce(json_extract(s.metadata, '$.source.component'), '{ITSELF}')",),
        ((str, int, float),),
        "JOIN texts AS s ON s.event = e.id",
    ),
    "owner": (("o.kind", "o.namespace", "o.name", "o.api_group"), (WHOLE, WHOLE, TEXT, WHOLE), OWNER_CHAIN),
    "cause": (
        ("e.reason", "e.severity", "e.kind", "e.namespace", "a.name", "e.node", "t.description", "t.metadata"),
        (WHOLE, WHOLE, WHOLE, WHOLE, TEXT, WHOLE, TEXT_OR_NONE, TEXT),
        "JOIN objects AS a ON a.id = e.object JOIN texts AS t ON t.event = e.id",
    ),
}
"""For each field its columns, their types, and what is joined to the event `e` for them."""
SHORT = 0.2
"""If no more than this part of the recorded time is asked for, an index by time is faster than a walk over all events."""
WORDS = frozenset(("namespace", "kind", "reason", "node"))


class Groups:
    """Groups events by some fields."""

    def __init__(self, database: Database, by: tuple[str, ...], asked: Span) -> None:
        self.found: dict[Key, Group] = {}
        self._database, self._by, self._span = database, by, asked
        self._less = dict.fromkeys(by, 0)
        """For each field how much less than in full it is told apart."""

    def read(self, selection: Selection) -> None:
        """Counts the selected events."""
        for columns, part in self._parts(selection):
            key = self._key(columns)
            group = self.found.get(key)
            if group is None:
                group = self.found[key] = Group(self._span.marks)
            group.add(part)
            if len(self.found) > MOST_GROUPS:
                self._tell_less()

    def look_before(self, before: Selection, wanted: set[Key]) -> None:
        """Finds out which of these groups existed in the time before."""
        for columns in self._keys(before):
            key = self._key(columns)
            if key in wanted:
                self.found[key].existed = True
                wanted.remove(key)
                if not wanted:
                    return

    def shown(self, key: Key, group: Group, known: bool) -> dict[str, Any]:
        """A group as clients see it. Without knowledge of the time before, it has no `new`."""
        return {
            "group": {
                field: shown
                for field, value in zip(self._by, key, strict=True)
                if (shown := self._value(field, value)) not in ("", None, {})
            },
            "severity": named(SEVERITIES, group.severity),
            "events": group.events,
            "occurrences": group.occurrences,
            "first_seen_at": iso(group.first_ms),
            "last_seen_at": iso(group.last_ms),
            **({"new": not group.existed} if known else {}),
            "activity": group.activity(),
            "newest": ids.encode(group.newest),
        }

    def _parts(self, selection: Selection) -> Iterator[tuple[Key, Part]]:
        """What is selected, with the columns of its fields. Where no text is needed, SQLite adds up."""
        start, step, last = self._span.start, self._span.step, self._span.marks - 1
        # Times outside of the span count for its first and last mark.
        marks = f"max(0, (e.first_ms - {start}) / {step}), min({last}, (e.last_ms - {start}) / {step})"
        if "cause" in self._by:
            numbers, end = f"1, e.count, e.first_ms, e.last_ms, e.id, e.severity, {marks}", ""
        else:
            numbers = f"count(*), sum(e.count), min(e.first_ms), max(e.last_ms), max(e.id), e.severity, {marks}"
            end = f"GROUP BY 6, 7, 8, {', '.join(str(9 + at) for at in range(len(self._columns())))}"
        width = len(Part._fields)
        for row in self._rows(selection, numbers, (WHOLE,) * width, end):
            yield row[width:], Part._make(row[:width])

    def _keys(self, selection: Selection) -> Iterator[Key]:
        if "cause" in self._by:
            return self._rows(selection, "", (), "")
        return self._rows(selection, "DISTINCT", (), "")

    def _rows(self, selection: Selection, first: str, types: Types, end: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the selected events: `first`, and the columns of the fields."""
        condition = _condition(self._database, selection)
        if condition is None:
            return
        joins = " ".join(dict.fromkeys(COLUMNS[field][2] for field in self._by))
        between = ", " if types else " "
        sql = (
            f"SELECT {first}{between}{', '.join(self._columns())} FROM (SELECT * FROM events WHERE {condition[0]}) AS e "  # noqa: S608
            f"{joins} {end}"
        )
        types += tuple(kind for field in self._by for kind in COLUMNS[field][1])
        yield from self._database.stream(sql, condition[1], types)

    def _columns(self) -> list[str]:
        return [column for field in self._by for column in COLUMNS[field][0]]

    def _key(self, columns: Key) -> Key:
        """The key that these columns belong to, as far as its fields are told apart."""
        at, key = 0, []
        for field in self._by:
            width = len(COLUMNS[field][0])
            value = (
                columns[at]
                if width == 1
                else self._cause(columns[at : at + width])
                if field == "cause"
                else columns[at : at + width]
            )
            key.append(_less(field, value, self._less[field]))
            at += width
        return tuple(key)

    def _cause(self, columns: Key) -> str:
        reason, severity, kind, namespace, name, node, description, metadata = columns
        word = self._database.word
        return cause_of(
            Recorded(
                word(reason), severity, word(kind), word(namespace), name, word(node), description or "", decoded(metadata)
            )
        )

    def _tell_less(self) -> None:
        """Tells one field apart less, and adds up the groups that are one then."""
        steps = [field for field in LESS if field in self._by]
        done = sum(self._less.values())
        if done == len(steps):
            return
        field = steps[done]
        self._less[field] += 1
        at = self._by.index(field)
        joined: dict[Key, Group] = {}
        for key, group in self.found.items():
            folded = (*key[:at], _less(field, key[at], self._less[field]), *key[at + 1 :])
            if folded in joined:
                joined[folded].join(group)
            else:
                joined[folded] = group
        self.found = joined

    def _value(self, field: str, value: Any) -> Any:
        """A value of a key as clients see it."""
        if field in WORDS:
            return ALL if value == ANY else self._database.word(value)
        if field == "owner":
            kind, namespace, name, group = value
            names = ("kind", self._value("kind", kind)), ("namespace", self._value("namespace", namespace))
            known = (*names, ("name", name), ("api_group", self._value("kind", group)))
            return {part: text for part, text in known if text}
        if field == "type":
            return named(EVENT_TYPES, value)
        return named(SEVERITIES, value) if field == "severity" else value


def _condition(database: Database, selection: Selection) -> tuple[str, Key] | None:
    """The selection as SQL with its values; None if nothing can match. The selection has both times."""
    found = conditions.of(database, selection)
    oldest, newest = database.all("SELECT min(last_hour), max(last_hour) FROM events", (), (WHOLE_OR_NONE,) * 2)[0]
    if found is None or oldest is None:
        return None
    times = Condition("last_ms >= ? AND first_ms < ?", (selection.since_ms, selection.until_ms))
    hour = (selection.since_ms or 0) // MS_IN_HOUR
    if newest - hour < (newest - oldest) * SHORT:
        times = Condition(f"last_hour >= ? AND {times.sql}", (hour, *times.values))
    return conditions.joined([*found.series, *found.row, times])


def _less(field: str, value: Any, steps: int) -> Any:
    """A value that is told apart so many steps less."""
    if not steps:
        return value
    if field == "owner":
        kind, namespace, _, group = value
        return (ANY, ANY, ALL, 0) if steps > LESS_BY_KIND else (kind, namespace if steps < LESS_BY_KIND else ANY, ALL, group)
    if field == "cause" and steps == 1:
        return value.partition(": ")[0]
    return ANY if field in WORDS else ALL
