"""Insights as clients see them, and which of them match a selection. There are few, so each is compared in Python."""

from __future__ import annotations

from kube9_cli import json_text, kinds, patterns
from kube9_cli.errors import QueryError
from kube9_cli.query import conditions, events, texts
from kube9_cli.query.connection import TEXT, WHOLE, Database, Types, number
from kube9_cli.query.events import decoded, named
from kube9_cli.selection import FILTERS, About, Selection
from kube9_cli.times import iso
from kube9_schema import facts, ids
from kube9_schema.codes import CATEGORIES, INSIGHT, INSIGHT_STATUSES, RESOLVED, ROLES, SEVERITIES
from kube9_schema.sources import CLUSTER_SCOPED, ITSELF

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NamedTuple

    from kube9_cli.selection import Values
else:
    from kube9_cli.named_tuple import NamedTuple

COLUMNS = """id, rule, category, severity, status, kind, api_group, namespace, name, uid, first_ms, last_ms, created_ms,
    changed_ms, episode, title, text, details"""
TYPES: Types = (TEXT, TEXT, WHOLE, WHOLE, WHOLE, TEXT, TEXT, TEXT, TEXT, TEXT, *((WHOLE,) * 5), TEXT, TEXT, TEXT)
EVERY = f"SELECT {COLUMNS} FROM insights"  # noqa: S608
SOME = f"SELECT {COLUMNS} FROM insights WHERE id IN ({{}})"  # noqa: S608
EVIDENCE = "SELECT insight, event, role FROM insight_evidence WHERE insight IN ({}) ORDER BY insight, event"
OF_EVENTS = """SELECT x.event, x.role, i.id, i.status, i.severity, i.title, i.rule FROM insight_evidence x
    JOIN insights i ON i.id = x.insight WHERE x.event IN ({}) AND i.status > 0 ORDER BY i.status, i.last_ms DESC"""
BEHIND = "SELECT uid FROM service_pods WHERE {} LIMIT 5000"
AT_ONCE = 100
ORDERS = ("worst", "last", "first", "created")
STALE_MS = 900_000
"""If the analyzer has not looked for this long, the answer says so."""


class Row(NamedTuple):
    """An insight as it is stored. Times are in ms since 1970."""

    id: str
    rule: str
    category: int
    severity: int
    status: int
    kind: str
    api_group: str
    namespace: str
    name: str
    uid: str
    first_ms: int
    last_ms: int
    created_ms: int
    changed_ms: int
    episode: int
    title: str
    text: str
    details: str


class Wanted(NamedTuple):
    """Which insights are wanted, besides the selection."""

    statuses: tuple[int, ...] = (1, 2, 3)
    categories: tuple[int, ...] = ()
    rules: tuple[str, ...] = ()


class Order(NamedTuple):
    """The order of a list, and its part."""

    sort: str = "worst"
    reverse: bool = False
    limit: int = 50
    offset: int = 0


def find(database: Database, selection: Selection, wanted: Wanted, order: Order) -> tuple[int, list[dict[str, Any]]]:
    """How many insights match, and a page of them. The caller has begun a snapshot. Raises QueryError."""
    conditions.of(database, selection)  # raises QueryError for a kind that nobody knows
    tests = _tests(database, selection, wanted)
    keys: list[tuple[tuple[int, ...], str]] = []
    for values in database.stream(EVERY, (), TYPES):
        row = Row._make(values)
        details = decoded(row.details)
        if all(test(row, details) for test in tests):
            keys.append((_key(row, order.sort), row.id))
        database.look_at_the_clock()
    keys.sort(reverse=order.reverse)
    page = [name for _, name in keys[order.offset : order.offset + order.limit]]
    return len(keys), list(read(database, page))


def read(database: Database, names: list[str]) -> Iterator[dict[str, Any]]:
    """The insights of these ids, in this order, each with the ids of its evidence. Those that are gone are left out."""
    for at in range(0, len(names), AT_ONCE):
        some = names[at : at + AT_ONCE]
        rows = {row[0]: Row._make(row) for row in database.all(SOME.format(_marks(some)), tuple(some), TYPES)}
        evidence: dict[str, list[tuple[int, int]]] = {}
        for insight, event, role in database.all(EVIDENCE.format(_marks(some)), tuple(some), (TEXT, WHOLE, WHOLE)):
            evidence.setdefault(insight, []).append((event, role))
        for name in some:
            if name in rows:
                yield _shown(rows[name], evidence.get(name, []))


def get(database: Database, name: str) -> dict[str, Any]:
    """An insight with the events that it rests on. Raises QueryError if there is none of this id."""
    found = next(read(database, [name]), None)
    if found is None:
        raise QueryError("Insight not found", name, "NOT_FOUND")
    rows = database.all(EVIDENCE.format("?"), (name,), (TEXT, WHOLE, WHOLE))
    roles = {event: named(ROLES, role) for _, event, role in rows}
    there = {event["id"]: event for event in events.Page(database, sorted(roles)).events()}
    shown = []
    for event, role in sorted(roles.items()):
        text = ids.encode(event)
        known = there.get(text)
        shown.append({"id": text, "role": role} | (_summary(known) if known else {"expired": True}))
    return found | {"evidence": shown}


def of_events(database: Database, numbers: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """For each of these events the insights that rest on it."""
    some = tuple(numbers)
    found: dict[int, list[dict[str, Any]]] = {}
    types: Types = (WHOLE, WHOLE, TEXT, WHOLE, WHOLE, TEXT, TEXT)
    for event, role, name, status, severity, title, rule in database.all(OF_EVENTS.format(_marks(some)), some, types):
        found.setdefault(event, []).append(
            {
                "id": name,
                "role": named(ROLES, role),
                "status": named(INSIGHT_STATUSES, status),
                "severity": named(SEVERITIES, severity),
                "rule": rule,
                "title": title,
            }
        )
    return found


def analyzed_ms(database: Database) -> int:
    """When the analyzer last looked at the record; 0 if it never did."""
    rows = database.all("SELECT name, value FROM facts WHERE name = ?", (facts.ANALYZED,), (TEXT,))
    return number(dict(rows), facts.ANALYZED) or 0


def _summary(event: dict[str, Any]) -> dict[str, Any]:
    """What `insights get` says about an event."""
    fields = ("severity", "title", "description", "object_kind", "object_namespace", "object_name", "object_api_version")
    times = ("first_seen_at", "last_seen_at", "count")
    kept = {name: event[name] for name in (*fields, *times) if name in event}
    return kept | {"reason": event["metadata"]["reason"]}


def _shown(row: Row, evidence: list[tuple[int, int]]) -> dict[str, Any]:
    """An insight as clients see it."""
    details = decoded(row.details)
    owner = _ref(details.get("owner"))
    shown = {
        "id": row.id,
        "rule": row.rule,
        "category": named(CATEGORIES, row.category),
        "severity": named(SEVERITIES, row.severity),
        "status": named(INSIGHT_STATUSES, row.status),
        "title": row.title,
        "text": row.text,
        "recommendation": details.get("recommendation"),
        "object_kind": row.kind,
        "object_namespace": row.namespace,
        "object_name": row.name,
        "object_api_group": row.api_group,
        "owner": owner if owner.get("name") != row.name or owner.get("kind") != row.kind else {},
        "container": details.get("container"),
        "cause": details.get("cause"),
        "nodes": details.get("nodes"),
        "first_seen_at": iso(row.first_ms),
        "last_seen_at": iso(row.last_ms),
        "created_at": iso(row.created_ms),
        "changed_at": iso(row.changed_ms),
        "ended": details.get("ended"),
        "episode": row.episode,
        "previous": details.get("previous"),
        "related": details.get("related"),
        "unknown": details.get("unknown"),
        "figures": details.get("figures"),
    }
    return {key: value for key, value in shown.items() if value} | {"evidence": [ids.encode(event) for event, _ in evidence]}


def _ref(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: value[key] for key in ("kind", "group", "namespace", "name") if isinstance(value.get(key), str) and value[key]}


def _key(row: Row, sort: str) -> tuple[int, ...]:
    if sort == "worst":  # what goes on comes first
        return row.status == RESOLVED, -row.severity, -row.last_ms
    return {"last": (-row.last_ms,), "first": (-row.first_ms,), "created": (-row.created_ms,)}[sort]


# Which match


def _tests(database: Database, selection: Selection, wanted: Wanted) -> list[Callable[[Row, dict[str, Any]], bool]]:
    found: list[Callable[[Row, dict[str, Any]], bool]] = [lambda row, _: row.status in wanted.statuses]
    if wanted.categories:
        found.append(lambda row, _: row.category in wanted.categories)
    if wanted.rules:
        matches_rule = patterns.matcher(wanted.rules, any_case=True)
        found.append(lambda row, _: matches_rule(row.rule))
    since_ms, until_ms = selection.since_ms, selection.until_ms
    if since_ms is not None:  # what is not resolved goes on
        found.append(lambda row, _: row.status != RESOLVED or row.last_ms >= since_ms)
    if until_ms is not None:
        found.append(lambda row, _: row.first_ms < until_ms)
    for one in FILTERS:
        make = TESTS[one.field]
        if one.field in selection.wanted:
            found.append(make(database, selection.wanted[one.field]))
        if one.field in selection.excluded:
            refused = make(database, selection.excluded[one.field])
            found.append(lambda row, details, refused=refused: not refused(row, details))  # type: ignore[misc]
    return found


def _for(database: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    """The object, what owned it, and what the evidence is about, with its owners."""
    tests = [(about, _is_kind((about.kind,)), patterns.matcher((about.name,), any_case=False)) for about in values]
    behind = {uid for about in values for uid in _behind(database, about)}

    def test(row: Row, details: dict[str, Any]) -> bool:
        refs = [(row.kind, row.api_group, row.namespace, row.name, row.uid), *_refs(details)]
        if any(ref[4] in behind for ref in refs):
            return True
        for about, is_kind, is_name in tests:
            own = kinds.built_in(about.kind)
            if own == "Namespace" and any(is_name(ref[2]) for ref in refs[:1]):
                return True
            if own == "Node" and any(is_name(node) for node in details.get("nodes", ())):
                return True
            if any(is_kind(ref[0], ref[1]) and is_name(ref[3]) for ref in refs):
                return True
        return False

    return test


def _refs(details: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    named_refs = [details.get("owner"), *details.get("about", ())]
    return [
        (ref.get("kind", ""), ref.get("group", ""), ref.get("namespace", ""), ref.get("name", ""), ref.get("uid", ""))
        for ref in named_refs
        if isinstance(ref, dict)
    ]


def _behind(database: Database, about: About) -> list[str]:
    """The uids of the pods that stood behind a Service."""
    if kinds.built_in(about.kind) != "Service":
        return []
    if patterns.is_pattern(about.name):
        test = database.function(patterns.matcher((about.name,), any_case=False))
        return [row[0] for row in database.all(BEHIND.format(f"{test}(service)"), (), (TEXT,))]
    return [row[0] for row in database.all(BEHIND.format("service = ?"), (about.name,), (TEXT,))]


def _is_kind(texts: Iterable[str]) -> Callable[[str, str], bool]:
    """Whether a kind with its API group is one of these, as kubectl takes them."""
    wanted = [(kinds.built_in(text), *kinds.split(text)) for text in texts]

    def test(kind: str, group: str) -> bool:
        for own, name, of_group in wanted:
            if own is not None:
                if kind == own and not group:
                    return True
            elif kinds.named(name, (kind,)) and (not of_group or of_group == group):
                return True
        return False

    return test


def _kind(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    is_kind = _is_kind(values)
    return lambda row, _: is_kind(row.kind, row.api_group)


def _literal_kind(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    written = {each for value in values for each in (value, kinds.as_written(value))}
    return lambda row, _: row.kind in written


def _namespace(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    matches = patterns.matcher(values, any_case=False)

    def test(row: Row, details: dict[str, Any]) -> bool:
        if row.namespace or row.kind in CLUSTER_SCOPED:
            return matches(row.name if row.kind == "Namespace" else row.namespace)
        # About something that is in no namespace, such as an image: the namespaces of its evidence.
        return any(matches(ref[2]) for ref in _refs(details) if ref[2])

    return test


def _node(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    matches = patterns.matcher(values, any_case=False)
    return lambda row, details: any(matches(node) for node in (*details.get("nodes", ()), *([row.name] * (row.kind == "Node"))))


def _search(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
    contains = [texts.containing(terms) for terms in values]

    def test(row: Row, details: dict[str, Any]) -> bool:
        said = {key: details.get(key) for key in ("recommendation", "cause", "figures", "unknown")}
        return any(each(row.text, row.name, json_text.encode(said), row.title, row.rule) for each in contains)

    return test


def _text(column: str, any_case: bool = False) -> Callable[[Database, Values], Callable[[Row, dict[str, Any]], bool]]:
    def make(_: Database, values: Values) -> Callable[[Row, dict[str, Any]], bool]:
        matches = patterns.matcher(values, any_case)
        return lambda row, _: matches(getattr(row, column))

    return make


def _literal(column: str) -> Callable[[Database, Values], Callable[[Row, dict[str, Any]], bool]]:
    return lambda _, values: lambda row, __: getattr(row, column) in values


TESTS: dict[str, Callable[[Database, Values], Callable[[Row, dict[str, Any]], bool]]] = {
    "for": _for,
    "namespace": _namespace,
    "kind": _kind,
    "name": _text("name"),
    "reason": _text("rule", any_case=True),
    "node": _node,
    "type": lambda _, values: lambda __, ___: INSIGHT in values,
    "severity": _literal("severity"),
    "source": lambda _, values: lambda __, ___: patterns.matcher(values, any_case=True)(ITSELF),
    "search": _search,
    "object-kind": _literal_kind,
    "object-namespace": _literal("namespace"),
    "object-name": _literal("name"),
}
"""For each filter, what an insight has to be. A reason is that of a rule."""


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
