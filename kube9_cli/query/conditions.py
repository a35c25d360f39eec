"""Turns a selection into conditions in SQL. They are about a row of the table `events`, by that name.

They are in three classes, because they are found in different ways: by what many events share (a series: namespace, kind, API
group, severity, type, reason, source), by the single event (node, object, owner, texts), and by time.
"""

from __future__ import annotations

from kube9_cli import json_text, kinds, patterns
from kube9_cli.errors import QueryError
from kube9_cli.query import recorded
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.selection import FILTERS, Filter, Selection
from kube9_schema.api_groups import GROUPS
from kube9_schema.sources import ITSELF

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal, NamedTuple

    from kube9_cli.query import texts
    from kube9_cli.selection import Values
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_NUMBERS = 500
"""So many ids are written into the SQL. More are found by a subquery."""
SCANNED_PER_FOUND = 10
"""To find an event by its id takes as long as to read so many events one after the other."""
OWN_GROUP: Values = (0,)
"""The API group of Kubernetes' own kinds, as `objects.api_group` has it."""
KIND_AND_GROUP = frozenset(("kind", "api_group"))
LAST_CHARACTER = "\U0010ffff"
SKEW_MS = 60_000
"""Events have the time of their source's clock, and service_pods that of the operator. They may differ by this much."""

SERIES = frozenset(("namespace", "kind", "api_group", "severity", "type", "reason", "source", "place"))
"""The columns of the table `series`. Until all events are moved, conditions on them are about rows of `events`."""
API_GROUP = "(SELECT api_group FROM objects WHERE objects.id = events.object)"
SOURCE = "(SELECT json_extract(texts.metadata, '$.source') FROM texts WHERE texts.event = events.id)"


class Condition(NamedTuple):
    """A piece of SQL with its values."""

    sql: str
    values: Values = ()
    columns: frozenset[str] = frozenset()
    """The columns of a series, or of an event, that it compares."""
    ways: tuple[Condition, ...] = ()
    """It is met if one of these is. Each is about one column, and is found as BY_INDEX says. () if it is met in no such way."""
    finding: Callable[[], texts.Search] | None = None
    """Tells how the events are found by reading texts."""
    each: str = ""
    """The same as `sql`, for a walk that ends after few events. '' if it is no other."""


class Conditions(NamedTuple):
    """A selection as SQL. An event must meet every condition."""

    series: list[Condition]
    row: list[Condition]
    since_ms: int | None
    until_ms: int | None


OBJECT = frozenset({"object"})
NOTHING = Condition("0")
"""Nothing can match."""


def of(database: Database, selection: Selection) -> Conditions | None:
    """The conditions of a selection; None if nothing can match. Raises QueryError for a kind that nobody knows."""
    made = Conditions([], [], selection.since_ms, selection.until_ms)
    for one in FILTERS:
        build = BUILDERS[one.stored]
        if one.field in selection.wanted:
            condition = build(database, one, selection.wanted[one.field])
            if condition is NOTHING:
                return None
            (made.series if condition.columns <= SERIES else made.row).append(condition)
        if one.field in selection.excluded:
            condition = build(database, one.excluding(), selection.excluded[one.field])
            if condition is not NOTHING:
                refused = Condition(f"NOT ({condition.sql})", condition.values, condition.columns)
                (made.series if condition.columns <= SERIES else made.row).append(refused)
    return made


def on_rows(database: Database, condition: Condition) -> Condition:
    """The same condition, about a row of `events`."""
    if condition.columns and condition.columns <= SERIES and database.is_moved():
        return condition._replace(sql=f"series IN (SELECT id FROM series WHERE {condition.sql})")
    return condition


def is_met(database: Database, condition: Condition) -> bool:
    """Whether any event meets a condition."""
    table = f"events WHERE {condition.sql}"
    if condition.columns and condition.columns <= SERIES and database.is_moved():
        table = f"series WHERE count > 0 AND ({condition.sql})"
    elif condition.ways:
        found = united(condition.ways)
        return bool(database.all(f"SELECT 1 FROM ({found.sql}) LIMIT 1", found.values))
    return bool(database.all(f"SELECT 1 FROM {table} LIMIT 1", condition.values))


def united(ways: Sequence[Condition], more: Callable[[str], list[Condition]] = lambda _: []) -> Condition:
    """SQL that selects the ids of the events that are found in any of these ways.

    `more` has, for the column of a way, the conditions that they must meet besides.
    """
    pieces = list[str]()
    values: Values = ()
    for way in ways:
        (column,) = way.columns
        sql, of_piece = joined([Condition(IN_INDEX[column]), way, *more(column)])
        pieces.append(f"SELECT id FROM events {BY_INDEX[column]} WHERE {sql}")
        values += of_piece
    return Condition(" UNION ".join(pieces), values)


def found_first(database: Database, rows: list[Condition]) -> list[Condition]:
    """The same conditions on rows of `events`, for a query that has no other index.

    Instead of looking at each event whether one of several ways is met, SQLite first finds the few that are. The same list if
    that takes longer.
    """
    for at, one in enumerate(rows):
        if one.ways:
            ids = united(one.ways)
            sql = f"SELECT (SELECT count(*) FROM ({ids.sql})) * {SCANNED_PER_FOUND} < (SELECT total(count) FROM series)"
            if database.all(sql, ids.values, (WHOLE,))[0][0]:
                return [*rows[:at], Condition(f"id IN ({ids.sql})", ids.values), *rows[at + 1 :]]
    return rows


def joined(conditions: list[Condition]) -> tuple[str, Values]:
    """All conditions as one."""
    where = " AND ".join(f"({one.sql})" for one in conditions)
    return where, tuple(value for one in conditions for value in one.values)


def _code(_: Database, one: Filter, values: Values) -> Condition:
    return _among(one.column, values)


def _word(database: Database, one: Filter, values: Values) -> Condition:
    return _of_words(database, one.column, values, one.any_case)


def _literal_word(database: Database, one: Filter, values: Values) -> Condition:
    numbers = [number for value in values if (number := recorded.word(database, value)) is not None]
    return _among(one.column, numbers)


def _name(database: Database, _: Filter, values: Values) -> Condition:
    test = _of_names(database, values)
    each = f"EXISTS (SELECT 1 FROM objects WHERE objects.id = events.object AND ({test.sql}))"
    # Without a beginning, all names are read: in the order of ids, in which the events of the objects are found then.
    by = "" if all(map(patterns.beginning, values)) else "NOT INDEXED"
    found = Condition(f"object IN (SELECT id FROM objects {by} WHERE {test.sql})", test.values, OBJECT)
    return found._replace(each=each) if any(map(patterns.is_pattern, values)) else found


def _literal_name(_: Database, __: Filter, values: Values) -> Condition:
    marks = ", ".join("?" * len(values))
    return Condition(f"object IN (SELECT id FROM objects WHERE name IN ({marks}))", values, OBJECT)


def _literal_kind(database: Database, _: Filter, values: Values) -> Condition:
    """A kind as it was recorded; if there is none, one as kubectl takes it. A kind that nobody knows matches nothing."""
    found = []
    for value in values:
        numbers = recorded.literal_kind(database, value)
        if not numbers and "." in value:
            found.append(_of_kinds(database, _numbers_of_kind(database, value)))
        else:
            found.append(_among("kind", numbers))
    return _any_of(found)


def _kind(database: Database, one: Filter, values: Values) -> Condition:
    """Kinds as kubectl takes them."""
    return _of_kinds(database, [each for value in values for each in _known_kind(database, value, one.flags[-1])])


def _of_kinds(database: Database, wanted: list[tuple[int, Values]]) -> Condition:
    alone, found = [], []
    for number, groups in wanted:
        if not groups or (groups == OWN_GROUP and not _is_in_other_groups(database, number)):
            alone.append(number)
        else:
            group = "api_group" if database.is_moved() else API_GROUP
            found.append(Condition(f"kind = ? AND {group} IN ({_marks(groups)})", (number, *groups), KIND_AND_GROUP))
    return _any_of([_among("kind", alone), *found])


def _namespace(database: Database, _: Filter, values: Values) -> Condition:
    """Namespaces by what is in them, and by themselves."""
    inside = _of_words(database, "namespace", values, any_case=False)
    if database.is_moved():
        return _any_of([inside, _of_words(database, "place", values, any_case=False)])
    test = _of_names(database, values)
    of_kind = "kind = (SELECT id FROM words WHERE word = 'Namespace') AND api_group = 0"
    sql = f"SELECT id FROM objects WHERE ({test.sql}) AND name <> '' AND {of_kind}"  # without a name it is no namespace
    themselves = _numbers(database, Condition(sql, test.values))
    return _any_of([inside, _in("object", themselves)])


def _source(database: Database, _: Filter, values: Values) -> Condition:
    """The component in the metadata of the event, as clients see it."""
    matches = patterns.matcher(values, any_case=True)
    if database.is_moved():
        sql = "SELECT id, word FROM words WHERE id IN (SELECT source FROM series)"
        return _among("source", [number for number, word in database.all(sql, (), (WHOLE, (str,))) if matches(word)])

    def reported(source: str | None) -> bool:
        return matches(ITSELF if source is None else str(json_text.decode(source).get("component", "")))

    return Condition(f"{database.function(reported)}({SOURCE})", (), frozenset({"source"}))


def _text(database: Database, _: Filter, values: Values) -> Condition:
    """Each value is a tuple of terms, which an event must contain all."""
    from kube9_cli.query import texts  # only where it is needed

    found = [Condition(texts.each(database, terms), (), frozenset({"text"})) for terms in values]
    if len(values) > 1:
        return _any_of(found)
    return found[0]._replace(finding=lambda: texts.Search(database, values[0]))


def _owner(database: Database, one: Filter, values: Values) -> Condition:
    """The events of objects, of what they own, and of what they stand for. Objects that are gone are still in the record.

    SQLite limits how many selects are united, so there is one for each way to find events, however many objects are wanted.
    """
    objects = objects_of(database, values, one.flags[-1])
    if database.is_moved():
        return _found_by(_ways(database, values, objects))
    pieces = [] if objects is NOTHING else [_owned(objects)]
    pieces += [_selected(_of_words(database, "namespace", names, any_case=False)) for names in _named(values, "Namespace")]
    pieces += [_selected(_of_words(database, "node", names, any_case=False)) for names in _named(values, "Node")]
    pieces += [_behind(database, names) for names in _named(values, "Service")]
    pieces = [each for each in pieces if each is not NOTHING]
    if not pieces:
        return NOTHING
    sql = f"id IN ({' UNION '.join(each.sql for each in pieces)})"
    return Condition(sql, tuple(value for each in pieces for value in each.values), frozenset({"id"}))


def objects_of(database: Database, values: Values, option: str) -> Condition:
    """A condition on `objects`: those that --for names."""
    by_kind: dict[str, list[str]] = {}
    for about in values:
        by_kind.setdefault(about.kind, []).append(about.name)
    return _any_of([each for kind, names in by_kind.items() for each in _objects(database, kind, tuple(names), option)])


def _named(values: Values, kind: str) -> list[Values]:
    """The names of the objects of a kind of Kubernetes, as a list of one; an empty list if there are none."""
    names = tuple(about.name for about in values if kinds.built_in(about.kind) == kind)
    return [names] if names else []


def _objects(database: Database, kind: str, names: Values, option: str) -> list[Condition]:
    """The objects of a kind with these names. Raises QueryError if nobody knows the kind."""
    test = _of_names(database, names)
    found = []
    for number, groups in _known_kind(database, kind, option):
        conditions = [test, Condition("objects.kind = ?", (number,))]
        if groups:
            conditions.append(Condition(f"objects.api_group IN ({_marks(groups)})", groups))
        found.append(Condition(*joined(conditions)))
    return found


class _Way(NamedTuple):
    """A column of `events`, and what selects its values."""

    column: Literal["object", "node", "series", "id"]
    selecting: Condition


def _ways(database: Database, values: Values, objects: Condition) -> list[_Way]:
    """The ways in which the events of objects are found, of what they own, and of what they stand for."""
    found = list[_Way]()
    # Events often name a Node that no event is about. They are found by its name alone, in half of the time.
    there = f"SELECT 1 FROM objects WHERE {objects.sql} LIMIT 1"
    if objects is not NOTHING and (not _named(values, "Node") or database.all(there, objects.values, (WHOLE,))):
        owned = f"{OWNED_BY.format(objects.sql)} SELECT id FROM owned"
        stopped = f"SELECT event FROM controllers WHERE object IN ({owned})"
        if database.all(f"{stopped} LIMIT 1", objects.values, (WHOLE,)):
            found.append(_Way("id", Condition(stopped, objects.values)))
        more = f"{owned} WHERE id NOT IN (SELECT id FROM objects WHERE {objects.sql}) LIMIT 1"
        # The series of a Namespace have what is about itself, too.
        only_namespaces = all(kinds.built_in(about.kind) == "Namespace" for about in values)
        if not only_namespaces or database.all(more, objects.values * 2, (WHOLE,)):
            found.append(_Way("object", Condition(f"SELECT id FROM ({owned})", objects.values)))
    for names in _named(values, "Namespace"):
        inside = _any_of([_of_words(database, column, names, any_case=False) for column in ("namespace", "place")])
        if inside is not NOTHING:
            found.append(_Way("series", Condition(f"SELECT id FROM series WHERE {inside.sql}", inside.values)))
    for names in _named(values, "Node"):
        node = _of_names(database, names, "word")
        found.append(_Way("node", Condition(f"SELECT id FROM words WHERE id <> 0 AND ({node.sql})", node.values)))
    found += [_Way("id", _behind(database, names)) for names in _named(values, "Service")]
    return found


def _found_by(ways: list[_Way]) -> Condition:
    """A condition that is met in one of these ways."""
    found = list[Condition]()
    columns = list(dict.fromkeys(way.column for way in ways))
    for column in columns:
        selecting = [way.selecting for way in ways if way.column == column]
        sql = f"{column} IN ({' UNION '.join(each.sql for each in selecting)})"
        found.append(Condition(sql, tuple(value for each in selecting for value in each.values), frozenset({column})))
    if not ways:
        return NOTHING
    if columns == ["series"]:
        return Condition(f"id {found[0].sql.removeprefix('series ')}", found[0].values, frozenset({"namespace", "place"}))
    if columns in (["object"], ["node"]):
        return found[0]
    values = tuple(value for each in found for value in each.values)
    return Condition(" OR ".join(each.sql for each in found), values, frozenset({"id"}), tuple(found))


BY_INDEX = {
    "object": "INDEXED BY events_by_object",
    "node": "INDEXED BY events_by_node",
    "series": "INDEXED BY events_by_series",
    "id": "NOT INDEXED",
}
"""The index by which events are found by a column."""
IN_INDEX = {
    "object": "1",
    "node": "series IS NOT NULL AND node <> 0",
    "series": "series IS NOT NULL AND last_period IN (SELECT id FROM periods)",
    "id": "1",
}
"""What all events meet that are found by this index, and has to be said."""
OWNED_BY = """WITH RECURSIVE owned (id) AS (SELECT objects.id FROM objects WHERE {}
    UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)"""
"""Selects objects with all that they own, as the table `owned`."""


def _owned(objects: Condition) -> Condition:
    """Selects the events of these objects, of what they own, and those about a quota that stopped one of them."""
    sql = f"""{OWNED_BY.format(objects.sql)} SELECT id FROM events WHERE object IN owned
        UNION SELECT event FROM controllers WHERE object IN owned"""
    return Condition(f"SELECT id FROM ({sql})", objects.values)


def _selected(condition: Condition) -> Condition:
    return NOTHING if condition is NOTHING else Condition(f"SELECT id FROM events WHERE {condition.sql}", condition.values)


def _behind(database: Database, services: Values) -> Condition:
    """Selects the events of pods from the time when they stood behind services."""
    test = _of_names(database, services, "service_pods.service")
    sql = f"""SELECT events.id FROM service_pods JOIN objects ON objects.name = service_pods.pod
        JOIN events ON events.object = objects.id
        WHERE ({test.sql}) AND objects.kind = (SELECT id FROM words WHERE word = 'Pod') AND objects.api_group = 0
        AND objects.uid IN (service_pods.uid, (SELECT static_uid FROM mirror_pods WHERE mirror_pods.uid = service_pods.uid))
        AND events.last_ms >= service_pods.from_ms - {SKEW_MS}
        AND (service_pods.to_ms IS NULL OR events.first_ms <= service_pods.to_ms + {SKEW_MS})"""
    return Condition(sql, test.values)


def _known_kind(database: Database, text: str, option: str) -> list[tuple[int, Values]]:
    """The same as `_numbers_of_kind`. Raises QueryError if neither Kubernetes, the operator nor the record knows the kind."""
    found = _numbers_of_kind(database, text)
    if not found and not kinds.is_known(text):
        raise _unknown_kind(text, option, list(recorded.kinds_of_objects(database)))
    return found


def _numbers_of_kind(database: Database, text: str) -> list[tuple[int, Values]]:
    """The kinds that a name means, as ids of words, each with the ids of the API groups that it may have; () for any."""
    own = kinds.built_in(text)
    if own is not None:
        number = recorded.word(database, own)
        return [] if number is None else [(number, OWN_GROUP)]
    name, group = kinds.split(text)
    known = recorded.kinds_of_objects(database)
    matching = kinds.named(name, known)
    if not group:
        return [(known[kind], ()) for kind in matching]
    number = recorded.word(database, group)
    # Older releases did not record groups. If Kubernetes has such a kind, no group means Kubernetes' own.
    return [
        (known[kind], (number,) if kind in GROUPS else (number, 0))
        for kind in matching
        if number is not None and recorded.is_in_group(database, known[kind], number)
    ]


def _is_in_other_groups(database: Database, kind: int) -> bool:
    """Whether there are events about objects of this kind which are not Kubernetes' own."""
    table = "series" if database.is_moved() else "objects"
    return bool(database.all(f"SELECT 1 FROM {table} WHERE kind = ? AND api_group <> 0 LIMIT 1", (kind,)))


def _unknown_kind(text: str, option: str, known: list[str]) -> QueryError:
    from kube9_cli.arguments import nearest  # only where it is needed

    names = {name.lower(): name for name in (*kinds.NAMES, *known)}
    hint = "; a kind is not a pattern" if patterns.is_pattern(text) else nearest(kinds.split(text)[0], names)
    details = f"neither Kubernetes nor the record has such a kind{hint}"
    return QueryError(f"Invalid {option} {text}", details, "INVALID_ARGUMENT")


def _of_words(database: Database, column: str, values: Values, any_case: bool) -> Condition:
    """A column that holds one of these words, or a word that matches one of these patterns."""
    if any_case:
        test = Condition(f"{database.function(patterns.matcher(values, any_case))}(word)")
    else:
        test = _of_names(database, values, "word")
    return _in(column, _numbers(database, Condition(f"SELECT id FROM words WHERE id <> 0 AND ({test.sql})", test.values)))


def _of_names(database: Database, values: Values, column: str = "objects.name") -> Condition:
    """A name that is one of these, or matches one of these patterns."""
    exact = tuple(value for value in values if not patterns.is_pattern(value))
    conditions = [_matching(database, column, value) for value in values if patterns.is_pattern(value)]
    if exact:
        conditions.append(Condition(f"{column} IN ({_marks(exact)})", exact))
    return _any_of(conditions)


def _matching(database: Database, column: str, pattern: str) -> Condition:
    begins, ends = patterns.beginning(pattern), patterns.end(pattern)
    # All texts with this beginning, in the order of SQLite: that of their bytes in UTF-8.
    if begins and pattern == f"{begins}*":  # what is sure needs no call of Python, which takes as long as three comparisons
        return Condition(f"{column} >= ? AND {column} < ?", (begins, begins + LAST_CHARACTER))
    if ends and pattern == f"*{ends}":
        return Condition(f"substr({column}, ?) = ?", (-len(ends), ends))
    test = f"{database.function(patterns.matcher((pattern,), any_case=False))}({column})"
    if not begins:
        return Condition(f"substr({column}, ?) = ? AND {test}", (-len(ends), ends)) if ends else Condition(test)
    return Condition(f"{column} >= ? AND {column} < ? AND {test}", (begins, begins + LAST_CHARACTER))


def _numbers(database: Database, selecting: Condition) -> list[int] | Condition:
    """The numbers that a query selects. If there are many, it is the query itself."""
    rows = database.all(f"{selecting.sql} LIMIT {MOST_NUMBERS + 1}", selecting.values, (WHOLE,))
    return [row[0] for row in rows] if len(rows) <= MOST_NUMBERS else selecting


def _in(column: str, numbers: list[int] | Condition) -> Condition:
    if isinstance(numbers, Condition):
        return Condition(f"{column} IN ({numbers.sql})", numbers.values, frozenset({column}))
    return _among(column, numbers)


def _among(column: str, numbers: Any) -> Condition:
    found = sorted(set(numbers))
    if not found:
        return NOTHING
    return Condition(f"{column} IN ({', '.join(map(str, found))})", (), frozenset({column}))


def _any_of(conditions: list[Condition]) -> Condition:
    """One condition that is met if any of these is. SQLite limits the depth of an expression, so it is a balanced tree."""
    possible = [one for one in conditions if one is not NOTHING]
    if not possible:
        return NOTHING
    if len(possible) == 1:
        return possible[0]
    half = len(possible) // 2
    left, right = _any_of(possible[:half]), _any_of(possible[half:])
    return Condition(f"({left.sql}) OR ({right.sql})", (*left.values, *right.values), left.columns | right.columns)


def _marks(values: Values) -> str:
    return ", ".join("?" * len(values))


BUILDERS: dict[str, Callable[[Database, Filter, Values], Condition]] = {
    "code": _code,
    "word": _word,
    "name": _name,
    "literal word": _literal_word,
    "literal name": _literal_name,
    "literal kind": _literal_kind,
    "kind": _kind,
    "namespace": _namespace,
    "source": _source,
    "owner": _owner,
    "text": _text,
}
"""The functions that make the condition of a filter, by what the filter is compared with."""
