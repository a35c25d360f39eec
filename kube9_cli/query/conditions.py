"""Turns a selection into conditions in SQL. They are about a row of the table `events`, by that name.

They are in three classes, because they are found in different ways: by what many events share (a series: namespace, kind, API
group, severity, type, reason, source), by the single event (node, object, owner, texts), and by time.
"""

from __future__ import annotations

from kube9_cli import json_text, kinds, patterns
from kube9_cli.errors import QueryError
from kube9_cli.query import recorded
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.selection import FILTERS, About, Filter, Selection
from kube9_schema.api_groups import GROUPS
from kube9_schema.sources import ITSELF

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple

    from kube9_cli.selection import Values
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_NUMBERS = 500
"""So many ids are written into the SQL. More are found by a subquery."""
OWN_GROUP: Values = (0,)
"""The API group of Kubernetes' own kinds, as `objects.api_group` has it."""
KIND_AND_GROUP = frozenset(("kind", "api_group"))
LAST_CHARACTER = "\U0010ffff"
SKEW_MS = 60_000
"""Events have the time of their source's clock, and service_pods that of the operator. They may differ by this much."""

SERIES = frozenset(("namespace", "kind", "api_group", "severity", "type", "reason", "source"))
"""The columns of a series."""
API_GROUP = "(SELECT api_group FROM objects WHERE objects.id = events.object)"
SOURCE = "(SELECT json_extract(texts.metadata, '$.source') FROM texts WHERE texts.event = events.id)"
TEXT = """EXISTS (SELECT 1 FROM texts JOIN objects ON objects.id = events.object WHERE texts.event = events.id AND
    {}(texts.description, objects.name, texts.metadata, (SELECT word FROM words WHERE words.id = events.title),
    (SELECT word FROM words WHERE words.id = events.reason), (SELECT word FROM words WHERE words.id = events.node)))"""


class Condition(NamedTuple):
    """A piece of SQL with its values."""

    sql: str
    values: Values = ()
    columns: frozenset[str] = frozenset()
    """The columns of a series, or of an event, that it compares."""


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
            condition = build(database, one, selection.excluded[one.field])
            if condition is not NOTHING:
                refused = condition._replace(sql=f"NOT ({condition.sql})")
                (made.series if condition.columns <= SERIES else made.row).append(refused)
    return made


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
    return Condition(f"object IN (SELECT id FROM objects WHERE {test.sql})", test.values, OBJECT)


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
            found.append(Condition(f"kind = ? AND {API_GROUP} IN ({_marks(groups)})", (number, *groups), KIND_AND_GROUP))
    return _any_of([_among("kind", alone), *found])


def _namespace(database: Database, _: Filter, values: Values) -> Condition:
    """Namespaces by what is in them, and by themselves."""
    inside = _of_words(database, "namespace", values, any_case=False)
    test = _of_names(database, values)
    of_kind = "kind = (SELECT id FROM words WHERE word = 'Namespace') AND api_group = 0"
    sql = f"SELECT id FROM objects WHERE ({test.sql}) AND {of_kind}"
    themselves = _numbers(database, Condition(sql, test.values))
    return _any_of([inside, _in("object", themselves)])


def _source(database: Database, _: Filter, values: Values) -> Condition:
    """The component in the metadata of the event, as clients see it."""
    matches = patterns.matcher(values, any_case=True)

    def reported(source: str | None) -> bool:
        return matches(ITSELF if source is None else str(json_text.decode(source).get("component", "")))

    return Condition(f"{database.function(reported)}({SOURCE})", (), frozenset({"source"}))


def _text(database: Database, _: Filter, values: Values) -> Condition:
    """Each value is a tuple of terms, which an event must contain all."""
    found = [TEXT.format(database.function(containing(terms))) for terms in values]
    return _any_of([Condition(sql, (), frozenset({"text"})) for sql in found])


def containing(terms: tuple[str, ...]) -> Callable[..., bool]:
    """A function that says whether each of the terms is in one of an event's texts, in any case.

    It takes the description, the name of the object, the metadata as JSON, and any other texts. Decoding JSON takes most of the
    time, so it is only done if a term is not in the other texts and may be in the metadata.
    """

    def contains(description: str | None, name: str, metadata: str, *others: str | None) -> bool:
        whole = "\0".join([description or "", name, *(other or "" for other in others)]).casefold()
        missing = [term for term in terms if term not in whole]
        if not missing:
            return True
        if "\\" not in metadata:  # then JSON has every character as it is
            encoded = metadata.casefold()
            if not all(term in encoded for term in missing):
                return False
        values = "\0".join(_leaves(metadata)).casefold()
        return all(term in values for term in missing)

    return contains


def _leaves(metadata: str) -> list[str]:
    """The strings and numbers in a JSON text."""
    found, waiting = [], [json_text.decode(metadata)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            found.append(str(one))
    return found


def _owner(database: Database, one: Filter, values: Values) -> Condition:
    """Objects with all that they own."""
    return _any_of([_of_object(database, about, one.flags[-1]) for about in values])


def _of_object(database: Database, about: About, option: str) -> Condition:
    """The events of one object, of what it owns, and of what it stands for. Objects that are gone are still in the record."""
    names = _of_names(database, (about.name,))
    found = []
    for number, groups in _known_kind(database, about.kind, option):
        conditions = [names, Condition("objects.kind = ?", (number,))]
        if groups:
            conditions.append(Condition(f"objects.api_group IN ({_marks(groups)})", groups))
        found.append(Condition(*joined(conditions)))
    kind = kinds.built_in(about.kind)
    pieces = [_owned(_any_of(found))] if found else []
    if kind == "Namespace":
        pieces.append(_selected(_of_words(database, "namespace", (about.name,), any_case=False)))
    elif kind == "Node":
        pieces.append(_selected(_of_words(database, "node", (about.name,), any_case=False)))
    elif kind == "Service":
        pieces.append(_behind(database, about.name))
    pieces = [one for one in pieces if one is not NOTHING]
    if not pieces:
        return NOTHING
    sql = f"id IN ({' UNION '.join(one.sql for one in pieces)})"
    return Condition(sql, tuple(value for one in pieces for value in one.values), frozenset({"id"}))


def _owned(objects: Condition) -> Condition:
    """Selects the events of these objects, of what they own, and those about a quota that stopped one of them."""
    sql = f"""WITH RECURSIVE owned (id) AS (SELECT objects.id FROM objects WHERE {objects.sql}
        UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)
        SELECT id FROM events WHERE object IN owned
        UNION SELECT event FROM controllers WHERE object IN owned"""
    return Condition(f"SELECT id FROM ({sql})", objects.values)


def _selected(condition: Condition) -> Condition:
    return NOTHING if condition is NOTHING else Condition(f"SELECT id FROM events WHERE {condition.sql}", condition.values)


def _behind(database: Database, service: str) -> Condition:
    """Selects the events of pods from the time when they stood behind a service."""
    test = _of_names(database, (service,), "service_pods.service")
    sql = f"""SELECT events.id FROM service_pods JOIN objects ON objects.name = service_pods.pod
        JOIN events ON events.object = objects.id
        WHERE ({test.sql}) AND objects.kind = (SELECT id FROM words WHERE word = 'Pod') AND objects.api_group = 0
        AND objects.uid IN (service_pods.uid, (SELECT static_uid FROM mirror_pods WHERE mirror_pods.uid = service_pods.uid))
        AND events.last_ms >= service_pods.from_ms - {SKEW_MS}
        AND (service_pods.to_ms IS NULL OR events.first_ms <= service_pods.to_ms + {SKEW_MS})"""
    return Condition(sql, test.values)


def _known_kind(database: Database, text: str, option: str) -> list[tuple[int, Values]]:
    """The same as `_numbers_of_kind`. Raises QueryError if neither Kubernetes nor the record knows the kind."""
    found = _numbers_of_kind(database, text)
    if not found and kinds.built_in(text) is None:
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
    """Whether there are objects of this kind which are not Kubernetes' own."""
    return bool(database.all("SELECT 1 FROM objects WHERE kind = ? AND api_group <> 0 LIMIT 1", (kind,)))


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
    test = f"{database.function(patterns.matcher((pattern,), any_case=False))}({column})"
    begins = patterns.beginning(pattern)
    if not begins:
        return Condition(test)
    # All texts with this beginning, in the order of SQLite: that of their bytes in UTF-8.
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
