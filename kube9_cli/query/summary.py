"""The answer of `events summary`: groups of events with their numbers, from one snapshot and in bounded memory."""

import heapq
import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kube9_cli.errors import damaged
from kube9_cli.grouping import Grouping
from kube9_cli.query import conditions, sums
from kube9_cli.query.conditions import Condition
from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, Types, lists
from kube9_cli.query.coverage import covered
from kube9_cli.query.events import decoded, named
from kube9_cli.query.groups import Group, Key, Part, Span, span
from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema.causes import Recorded, cause_of, says_more
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from kube9_schema.sources import ITSELF

MOST_GROUPS = 10_000
"""So many are kept apart, about 8 MiB. If there are more, one field after the other is told apart less: see LESS."""
ALL = "*"
"""What a field has that is not told apart. No object has this name."""
ANY = -1
"""The same for a word, in place of its id."""


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


def read(database: Database, selection: Selection, grouping: Grouping, path: str) -> Summary:
    """The groups of the selected events. The selection has both times; the caller has begun a snapshot. Raises QueryError."""
    assert selection.since_ms is not None
    assert selection.until_ms is not None
    asked = span(selection.since_ms, selection.until_ms)
    groups = Groups(database, grouping, asked)
    is_told = sums.can_tell(database, selection, grouping, asked) and groups.read_sums(grouping)
    if not is_told and not groups.read_first(selection, grouping):
        groups.read(selection)
    before = with_time_before(selection)._replace(until_ms=asked.since)
    # Without a record of the time before, nothing can be called new.
    known = bool(groups.total) and covered(database, before, path).get("from") == iso(before.since_ms or 0)
    if known and not groups.knows_before:
        groups.look_before(before)
    shown = [groups.shown(key, group, known) for key, group in groups.first]
    return Summary(shown, groups.total, groups.events, groups.occurrences, asked)


def with_time_before(selection: Selection) -> Selection:
    """The selection with the equally long time before it, by which a group is new or not. It has both times."""
    assert selection.since_ms is not None
    assert selection.until_ms is not None
    return selection._replace(since_ms=max(0, 2 * selection.since_ms - selection.until_ms))


ORDERS: dict[str, Callable[[Group], tuple[int, ...]]] = {
    "severity": lambda one: (-one.severity, -one.occurrences, -one.last_ms),
    "count": lambda one: (-one.occurrences, -one.severity, -one.last_ms),
    "events": lambda one: (-one.events, -one.occurrences, -one.last_ms),
    "last": lambda one: (-one.last_ms, -one.severity, -one.occurrences),
}

MANY = {"owner": "problems", "cause": "causes"}
"""Fields that may have as many values as there are events, and the table that has at least one row for each value."""
RANKS = {
    "severity": ("severity", "occurrences", "last_ms"),
    "count": ("occurrences", "severity", "last_ms"),
    "events": ("events", "occurrences", "last_ms"),
    "last": ("last_ms", "severity", "occurrences"),
}
"""ORDERS for SQL; the greatest come first."""
ROWS_PER_EVENT = 5
"""To find an event of an owner takes as long as to read so many events one after the other."""
MOST_TIES = 100
"""So many groups that are equal to the last one that is shown are looked at. Their keys decide which of them are shown."""

LESS = ("name", "owner", "owner", "cause", "node", "cause", "source", "reason", "namespace", "owner", "kind")
"""If there are more than MOST_GROUPS, these fields are told apart less, in this order: an owner first by its kind and
namespace, then by its kind alone; a cause first by what is before its colon.
"""
LESS_BY_KIND = 2
"""The step in which an owner is told apart by its kind alone."""

SHORT = 0.2
"""If no more than this part of the recorded time is asked for, an index by time is faster than a walk over all events."""
WORDS = frozenset(("namespace", "kind", "reason", "node", "cluster"))
STORED = {"name": ("about",), "owner": ("root",), "source": ("series_source",)}
"""The columns of each field, where they are not of its name."""
OF_CAUSE = ("reason", "kind", "namespace", "node", "about", "description", "metadata")
"""What a cause is read from, besides the severity."""
NEEDED = {"name": ("about",), "owner": ("owned",), "cause": OF_CAUSE}
"""The same while events of an earlier release are moved: their causes and outermost owners are not stored yet."""
TEXTS: dict[str, tuple[str, Types]] = {
    "source": (f"coalesce(json_extract(t.metadata, '$.source.component'), '{ITSELF}')", ((str, int, float),)),
    "about": ("a.name", (TEXT,)),
    "description": ("t.description", (TEXT_OR_NONE,)),
    "metadata": ("t.metadata", (TEXT,)),
}
"""Columns that are texts; all others are numbers."""
OWNED = "coalesce((SELECT object FROM controllers WHERE event = e.id), a.owner, e.object)"
"""The controller of the object, or the object itself. An event about a quota belongs to the controller that it stopped."""
JOINED = {
    "t": ("JOIN texts AS t ON t.event = e.id", ("source", "description", "metadata")),
    "s": ("JOIN series AS s ON s.id = e.series", ("series_source",)),
    "a": ("JOIN objects AS a ON a.id = e.object", ("about", "owned")),
}
"""What is joined to the events `e` for these columns."""
PACKED_BITS = 62
"""So many bits of several columns are one number: SQLite sorts by one number a third faster than by four."""
AT_ONCE = 200
"""So many rows are read, and then the owners that they need. A row takes up to 64 KiB."""

Owner = tuple[int, int, str, int]
"""Kind and namespace (words.id), name, and API group (words.id)."""


class Owners:
    """The owners of objects. A bounded number is remembered."""

    MOST = 10_000

    def __init__(self, database: Database) -> None:
        self.known: dict[int, Owner] = {}
        """For each object the outermost owner that is known, or itself."""
        self._database = database

    def load(self, numbers: set[int]) -> None:
        """Remembers the owners of these objects."""
        missing = numbers - self.known.keys()
        if len(self.known) + len(missing) > self.MOST:
            self.known.clear()
            missing = numbers
        for some in lists(sorted(missing)):
            for number, kind, namespace, name, group in self._database.all(OWNER_CHAIN.format(some), (), OWNER_TYPES):
                self.known[number] = kind, namespace, name[:MAX_NAME], group


MAX_NAME = 1_000
"""Of a crafted database; names of Kubernetes have at most 253 characters."""
OWNER_CHAIN = """SELECT o1.id, o.kind, o.namespace, o.name, o.api_group FROM objects AS o1
    LEFT JOIN objects AS o2 ON o2.id = o1.owner LEFT JOIN objects AS o3 ON o3.id = o2.owner
    JOIN objects AS o ON o.id = coalesce(o3.id, o2.id, o1.id) WHERE o1.id IN ({})"""
"""The outermost owner of a controller: the ReplicaSet or Job of a pod has a Deployment or CronJob, and perhaps one above."""
OWNER_TYPES: Types = (WHOLE, WHOLE, WHOLE, TEXT, WHOLE)


class Packed:
    """Columns of numbers as few numbers in SQL."""

    def __init__(self, columns: list[tuple[str, int]]) -> None:
        """Takes the SQL of each column, and how many bits its numbers have."""
        self._places: list[tuple[int, int, int]] = []
        parts: list[list[str]] = [[]]
        used = 0
        for sql, bits in columns:
            if used + bits > PACKED_BITS:
                parts.append([])
                used = 0
            parts[-1].append(f"({sql} << {used})")
            self._places.append((len(parts) - 1, used, (1 << bits) - 1))
            used += bits
        self.sql = [" | ".join(part) for part in parts]

    def values(self, packed: tuple[int, ...]) -> list[int]:
        """The numbers of the columns."""
        return [packed[at] >> shift & mask for at, shift, mask in self._places]


class Groups:
    """Groups events by some fields."""

    def __init__(self, database: Database, grouping: Grouping, asked: Span) -> None:
        by = grouping.by
        self.first: list[tuple[Key, Group]] = []
        """The groups that are shown, in their order."""
        self.total = self.events = self.occurrences = 0
        """Of all groups."""
        self.knows_before = False
        """Whether it is known of the first groups if they existed in the time before."""
        self._found: dict[Key, Group] = {}
        """The groups that may still grow."""
        self._database, self._by, self._span = database, by, asked
        self._is_moved = database.is_moved()
        self._causes: dict[int, str] = {}
        self._order, self._limit = ORDERS[grouping.order], grouping.limit
        self._owners = Owners(database)
        needed = dict.fromkeys(name for field in by for name in self._columns_of(field))
        self._numbers = [name for name in needed if name not in TEXTS and name != "severity"]
        self._texts = [name for name in needed if name in TEXTS]
        self._at = {name: at for at, name in enumerate(("severity", *self._numbers, *self._texts))}
        """Where each column is."""
        self._of_cause = operator.itemgetter(*(self._at.get(name, 0) for name in OF_CAUSE))
        self._values = [self._value_of(field) for field in by]
        self._less_by: Counter[str] = Counter()
        """For each field how much less than in full it is told apart, if it is."""
        self._only: Condition | None = None
        """What is true for all rows of the groups that are shown, and for few others; None if all groups are read."""

    def _columns_of(self, field: str) -> tuple[str, ...]:
        return (STORED if self._is_moved else NEEDED).get(field, (field,))

    def read_sums(self, grouping: Grouping) -> bool:
        """Takes what the operator has added up of all events. Returns False if that does not tell which groups are first."""
        found = sums.of(self._database, grouping, self._span)
        if found is None:
            return False
        self.total, self.events, self.occurrences = found.total, found.events, found.occurrences
        self.knows_before = True
        if "owner" in self._by:
            self._owners.load({one.root for one in found.groups})
        self._keep((tuple([self._key_of_sums(field, one) for field in self._by]), one.group) for one in found.groups)
        return True

    def _keep(self, groups: Iterable[tuple[Key, Group]]) -> None:
        """Takes the first of these."""
        self.first = heapq.nsmallest(self._limit, groups, key=lambda one: (self._order(one[1]), str(one[0])))

    def _key_of_sums(self, field: str, found: "sums.Known") -> Any:
        if field == "owner":
            return self._owners.known[found.root]
        return self._stored_cause(found.cause) if field == "cause" else found.namespace

    def read_first(self, selection: Selection, grouping: Grouping) -> bool:
        """Lets SQLite find the first of many groups, then reads the events of these. Returns False if there are not many.

        Other groups are not read in Python, and none is told apart less.
        """
        if not self._is_moved or "name" in self._by or not self._are_many():
            return False
        first, events = self._rank(selection, RANKS[grouping.order])
        is_all = not (selection.wanted or selection.excluded)
        if set(self._by) == sums.PROBLEM and is_all and events * ROWS_PER_EVENT < self.events:
            self._read_problems([dict(zip(self._numbers, columns, strict=True)) for columns in first])
            return True
        found: dict[Key, Group] = {}
        begin = 0 if "severity" in self._by else 1  # the columns begin with the severity in any case
        for some in self._parts(selection):
            for columns, part in some:
                if columns[begin:] in first:
                    key = self._key(columns)
                    group = found.get(key)
                    if group is None:
                        group = found[key] = Group(self._span.marks)
                    group.add(part)
        self._keep(found.items())
        return True

    def _read_problems(self, first: list[dict[str, int]]) -> None:
        """Reads the events of these pairs of cause and owner."""
        by_root: dict[int, dict[int, Group]] = {}
        for pair in first:
            by_root.setdefault(pair["root"], {})[pair["cause"]] = Group(self._span.marks)
        self._owners.load(set(by_root))
        sums.read(self._database, self._span, by_root)
        self.knows_before = True
        found = (sums.Known(group, root, cause) for root, groups in by_root.items() for cause, group in groups.items())
        self._keep((tuple([self._key_of_sums(field, one) for field in self._by]), one.group) for one in found)

    def _are_many(self) -> bool:
        tables = [MANY[field] for field in self._by if field in MANY]
        counts = (self._database.all(f"SELECT count(*) FROM {table}", (), (WHOLE,))[0][0] for table in tables)  # noqa: S608
        return any(count > MOST_GROUPS for count in counts)

    def _rank(self, selection: Selection, rank: tuple[str, ...]) -> tuple[set[Key], int]:
        """Finds the columns of the first groups and of some that are equal to the last of them, and counts all groups.

        The number is that of the events of the first groups.
        """
        condition = _condition(self._database, selection)
        if condition is None:
            return set(), 0
        numbers = [(self._sql(name), self._bits(name)) for name in self._numbers]
        packed = Packed([("e.severity", 2), *numbers] if "severity" in self._by else numbers)
        names = [f"k{at}" for at in range(len(packed.sql))]
        keys = ", ".join(f"{sql} AS {name}" for sql, name in zip(packed.sql, names, strict=True))
        columns = ", ".join((*rank, *names, "events"))
        order = ", ".join((*(f"{one} DESC" for one in rank), *names))
        nothing = ", 0" * (len(names) + len(rank) + 1 - 3)
        # The first row is about all groups. SQLite makes the groups once for both parts.
        sql = f"""WITH groups AS MATERIALIZED (SELECT {keys}, max(e.severity) AS severity, count(*) AS events,
            sum(e.count) AS occurrences, max(e.last_ms) AS last_ms
            FROM {self._source(condition[0])} GROUP BY {", ".join(names)})
            SELECT count(*), coalesce(sum(events), 0), coalesce(sum(occurrences), 0){nothing} FROM groups
            UNION ALL SELECT * FROM (SELECT {columns} FROM groups ORDER BY {order} LIMIT {self._limit + MOST_TIES})"""  # noqa: S608
        all_groups, *rows = self._database.all(sql, condition[1], (WHOLE,) * (len(rank) + len(names) + 1))
        self.total, self.events, self.occurrences = all_groups[:3]
        if len(rows) > self._limit:
            least = rows[self._limit - 1][: len(rank)]
            rows = [row for row in rows if row[: len(rank)] >= least]
        values = tuple(row[len(rank)] for row in rows)
        self._only = Condition(f"{packed.sql[0]} IN ({', '.join('?' * len(values))})", values)
        return {tuple(packed.values(row[len(rank) : -1])) for row in rows}, sum(row[-1] for row in rows)

    def read(self, selection: Selection) -> None:
        """Counts the selected events."""
        by_name = self._by.index("name") if "name" in self._by and "cause" not in self._by else None
        for some in self._parts(selection):
            for columns, part in some:
                key = self._key(columns)
                group = self._found.get(key)
                if group is None:
                    group = self._found[key] = Group(self._span.marks)
                group.add(part)
            if by_name is not None:
                # They come in the order of names, so no other name grows any more.
                self._settle({known for known in self._found if known[by_name] != key[by_name]})
            while len(self._found) > MOST_GROUPS and self._tell_less():
                pass
        self._settle(set(self._found))

    def _settle(self, keys: set[Key]) -> None:
        """Counts these groups, which do not grow any more, and keeps those that are shown."""
        settled = [(key, self._found.pop(key)) for key in keys]
        self.total += len(settled)
        self.events += sum(group.events for _, group in settled)
        self.occurrences += sum(group.occurrences for _, group in settled)
        every = [*self.first, *settled]
        self.first = heapq.nsmallest(self._limit, every, key=lambda one: (self._order(one[1]), str(one[0])))

    def look_before(self, before: Selection) -> None:
        """Finds out which of the groups that are shown existed in the time before."""
        wanted = dict(self.first)
        for some in self._parts(before):
            for key in wanted.keys() & {self._key(columns) for columns, _ in some}:
                wanted.pop(key).existed = True
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
            "newest": self._database.shown_id(group.newest),
        }

    def _parts(self, selection: Selection) -> Iterator[list[tuple[Key, Part]]]:
        """The selected events, some at a time, with the columns of their fields: first the severity.

        Without causes, SQLite adds up, in the order of names if there are any. Their owners are remembered.
        """
        condition = _condition(self._database, selection)
        if condition is None:
            return
        start, step, last = self._span.start, self._span.step, self._span.marks - 1
        # Times outside of the span count for its first and last mark.
        first_mark, last_mark = f"max(0, (e.first_ms - {start}) / {step})", f"min({last}, (e.last_ms - {start}) / {step})"
        texts = [TEXTS[name][0] for name in self._texts]
        text_types = tuple(kind for name in self._texts for kind in TEXTS[name][1])
        source, bound = self._source(condition[0]), condition[1]
        if self._only is not None:
            source, bound = f"{source} WHERE {self._only.sql}", (*bound, *self._only.values)
        if "cause" in self._by and not self._is_moved:
            columns = ("e.severity", *map(self._sql, self._numbers), *texts)
            marks = f"{first_mark}, {last_mark}"
            sql = f"SELECT e.count, e.first_ms, e.last_ms, e.id, {marks}, {', '.join(columns)} FROM {source}"  # noqa: S608
            types = (*((WHOLE,) * (len(columns) - len(texts) + 6)), *text_types)
            for rows in self._rows(sql, bound, types):
                yield self._loaded([(row[6:], (1, row[0], row[1], row[2], row[3], row[6], row[4], row[5])) for row in rows])
            return
        numbers = [(self._sql(name), self._bits(name)) for name in self._numbers]
        packed = Packed([("e.severity", 2), *numbers, (first_mark, 4), (last_mark, 4)])
        keys = (*packed.sql, *texts)
        order = ", ".join(str(6 + at) for at in reversed(range(len(keys))))
        sql = f"""SELECT count(*), sum(e.count), min(e.first_ms), max(e.last_ms), max(e.id), {", ".join(keys)} FROM {source}
            GROUP BY {order} ORDER BY {order}"""  # noqa: S608
        texts_at = 5 + len(packed.sql)
        for rows in self._rows(sql, bound, (*((WHOLE,) * texts_at), *text_types)):
            some = []
            for row in rows:
                *found, first, last = packed.values(row[5:texts_at])
                some.append(((*found, *row[texts_at:]), (*row[:5], found[0], first, last)))
            yield self._loaded(some)

    def _source(self, condition: str) -> str:
        """The rows of the selected events `e`, joined to what the columns need."""
        joined = " ".join(join for join, names in JOINED.values() if any(name in self._at for name in names))
        return f"(SELECT * FROM events WHERE {condition}) AS e {joined}"  # noqa: S608

    def _rows(self, sql: str, values: Key, types: Types) -> Iterator[list[Key]]:
        rows = self._database.stream(sql, values, types)
        while some := list(itertools.islice(rows, AT_ONCE)):
            yield some
            self._database.look_at_the_clock()

    def _sql(self, name: str) -> str:
        if name == "series_source":
            return "s.source"
        if name != "owned":
            return f"e.{name}"
        # Few databases have such events, and each look for one takes time.
        return OWNED if self._database.all("SELECT 1 FROM controllers LIMIT 1") else "coalesce(a.owner, e.object)"

    def _bits(self, name: str) -> int:
        """How many bits the numbers of a column have."""
        if name == "type":
            return 8
        table = {"owned": "objects", "root": "objects", "cause": "causes"}.get(name, "words")
        return int(self._database.all(f"SELECT coalesce(max(id), 1) FROM {table}", (), (WHOLE,))[0][0]).bit_length()  # noqa: S608

    def _loaded(self, some: list[tuple[Key, Part]]) -> list[tuple[Key, Part]]:
        """The same; their owners are remembered."""
        for name in ("owned", "root"):
            if name in self._at:
                self._owners.load({columns[self._at[name]] for columns, _ in some})
        return some

    def _key(self, columns: Key) -> Key:
        """The key that these columns belong to, as far as its fields are told apart."""
        key = tuple([value(columns) for value in self._values])
        if self._less_by:
            key = tuple([_less(field, value, self._less_by[field]) for field, value in zip(self._by, key, strict=True)])
        return key

    def _value_of(self, field: str) -> Callable[[Key], Any]:
        """What takes the value of a field out of the columns."""
        at, owners = self._at[self._columns_of(field)[0]], self._owners
        if field == "cause":
            return (lambda columns: self._stored_cause(columns[at])) if self._is_moved else self._cause
        if field == "source" and self._is_moved:
            return lambda columns: self._database.word(columns[at])
        if field == "name":
            return lambda columns: columns[at][:MAX_NAME]
        if field == "owner":
            return lambda columns: owners.known[columns[at]]
        return operator.itemgetter(at)

    def _stored_cause(self, number: int) -> str:
        known = self._causes.get(number)
        if known is None:
            found = self._database.all("SELECT cause FROM causes WHERE id = ?", (number,), (TEXT,))
            if not found:
                raise damaged(f"cause {number} does not exist")
            if len(self._causes) >= MOST_GROUPS:
                self._causes.clear()
            known = self._causes[number] = found[0][0][:MAX_NAME]
        return known

    def _cause(self, columns: Key) -> str:
        reason, kind, namespace, node, about, description, metadata = self._of_cause(columns)
        word = self._database.word
        return cause_of(
            Recorded(
                word(reason),
                columns[0],
                word(kind),
                word(namespace),
                about,
                word(node),
                description or "",
                decoded(metadata) if says_more(metadata) else {},
            )
        )

    def _tell_less(self) -> bool:
        """Tells one field apart less, and adds up the groups that are one then. Returns False if nothing is left to do."""
        steps = [field for field in LESS if field in self._by]
        done = self._less_by.total()
        if done == len(steps):
            return False
        field = steps[done]
        self._less_by[field] += 1
        at = self._by.index(field)
        joined: dict[Key, Group] = {}
        for key, group in self._found.items():
            folded = (*key[:at], _less(field, key[at], self._less_by[field]), *key[at + 1 :])
            if folded in joined:
                joined[folded].join(group)
            else:
                joined[folded] = group
        self._found = joined
        return True

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
    oldest, newest = (
        database.all(f"SELECT {which}(last_ms) FROM events WHERE series IS NOT NULL", (), (WHOLE_OR_NONE,))[0][0]  # noqa: S608
        for which in ("min", "max")
    )
    if found is None:
        return None
    rows = conditions.found_first(database, found.row)
    is_short = oldest is not None and newest - (selection.since_ms or 0) < (newest - oldest) * SHORT and database.is_moved()
    # With the plus, SQLite reads the table from its beginning to its end, instead of row by row in the order of the index.
    sql = "series IS NOT NULL AND last_ms >= ?" if is_short and rows is found.row else "+last_ms >= ?"
    times = Condition(f"{sql} AND first_ms < ?", (selection.since_ms, selection.until_ms))
    return conditions.joined([*(conditions.on_rows(database, one) for one in found.series), *rows, times])


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
