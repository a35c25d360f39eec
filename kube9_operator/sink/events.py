"""Events as the sink sees them: their rows with owners and services, read from one snapshot of the database."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kube9_cli.query.connection import Database
from kube9_schema.codes import CHANGED_OBJECT, MERGED_EVENT, NOTHING_CHANGED

AT_ONCE = 500
"""So many numbers does a query compare with: SQLite's limit is lower than its default here."""
MAX_OWNERS = 8
"""As many as `kube9-cli events get` shows."""
SKEW_MS = 60_000
"""Events have the time of their source's clock, and service_pods that of the operator: as in kube9_cli/query/conditions.py."""

EVENTS = """SELECT e.id, e.first_ms, e.last_ms, e.created_ms, e.recorded_ms, e.count, e.severity, e.type, e.namespace, e.kind,
    e.reason, e.node, e.title, e.object, o.name, o.uid, o.api_group, o.api_version, t.description, t.metadata, c.object, o.owner
    FROM events e JOIN objects o ON o.id = e.object JOIN texts t ON t.event = e.id LEFT JOIN controllers c ON c.event = e.id
    WHERE e.id IN ({})"""
OBJECTS = "SELECT id, kind, namespace, name, api_group, owner FROM objects WHERE id IN ({})"
SERVICES = """SELECT o.id, s.service, s.from_ms, s.to_ms FROM objects o JOIN service_pods s ON s.uid = o.uid AND s.pod = o.name
    WHERE o.uid <> '' AND o.id IN ({})"""
OF_STATIC_PODS = """SELECT o.id, s.service, s.from_ms, s.to_ms FROM objects o JOIN mirror_pods m ON m.static_uid = o.uid
    JOIN service_pods s ON s.uid = m.uid AND s.pod = o.name WHERE o.uid <> '' AND o.id IN ({})"""
OWNED = """WITH RECURSIVE owned (id) AS
    (SELECT ?1 UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)
    SELECT id FROM events WHERE object IN owned UNION SELECT event FROM controllers WHERE object IN owned"""
CHANGES = "SELECT seq, what, id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"
RECORDED = "SELECT id FROM events WHERE id > ? AND recorded_ms >= ? ORDER BY id LIMIT ?"


class Owner(NamedTuple):
    """An object that owns another."""

    kind: str
    namespace: str
    name: str
    api_group: str


class Event(NamedTuple):
    """An event with all that its record says. Times are in ms since 1970; '' stands for an absent text."""

    number: int
    first_ms: int
    last_ms: int
    created_ms: int
    recorded_ms: int
    times: int
    severity: int
    type: int
    namespace: str
    kind: str
    reason: str
    node: str
    title: str
    name: str
    uid: str
    api_group: str
    api_version: str
    description: str
    metadata: str
    owners: tuple[Owner, ...]
    services: tuple[str, ...]


class Changed(NamedTuple):
    """What a part of the journal says: for each event its newest revision."""

    last: int
    """The number of the last change."""
    revisions: dict[int, int]
    merged: frozenset[int]
    """Of these events, those that were merged into another, unless they are still there."""


def changed(database: Database, after: int, most: int) -> Changed | None:
    """The next changes in the journal; None if there are none. A change of an object is one of all events that it has."""
    rows = database.all(CHANGES, (after, most))
    if not rows:
        return None
    revisions: dict[int, int] = {}
    merged = set()
    for seq, what, number in rows:
        if what == NOTHING_CHANGED:
            continue
        if what == CHANGED_OBJECT:
            revisions |= {row[0]: seq for row in database.all(OWNED, (number,))}
            continue
        revisions[number] = seq
        if what == MERGED_EVENT:
            merged.add(number)
    return Changed(rows[-1][0], revisions, frozenset(merged))


def recorded(database: Database, after: int, from_ms: int, most: int) -> list[int]:
    """The next events by their numbers, of those recorded from a time on."""
    return [row[0] for row in database.all(RECORDED, (after, from_ms, most))]


def read(database: Database, numbers: Iterable[int]) -> list[Event]:
    """These events, in the order of their numbers. Those that are gone are left out."""
    found: list[Event] = []
    ordered = sorted(numbers)
    for at in range(0, len(ordered), AT_ONCE):
        found += _read(database, ordered[at : at + AT_ONCE])
    return found


def _read(database: Database, numbers: Sequence[int]) -> list[Event]:
    rows = sorted(_each(database, EVENTS, numbers))
    if not rows:
        return []
    pods = {row[13] for row in rows if database.word(row[9]) == "Pod"}
    services: dict[int, list[tuple[str, int, int | None]]] = {}
    for sql in (SERVICES, OF_STATIC_PODS):
        for about, *service in _each(database, sql, sorted(pods)):
            services.setdefault(about, []).append((service[0], service[1], service[2]))
    chains = _Chains(database, [owner for row in rows if (owner := _controller(row)) is not None])
    word, found = database.word, []
    for row in rows:
        owner = _controller(row)
        behind = _behind(services[row[13]], row[1], row[2]) if row[13] in services else ()
        words = word(row[8]), word(row[9]), word(row[10]), word(row[11]), word(row[12])
        texts = row[14], row[15], word(row[16]), word(row[17]), row[18] or "", row[19]
        owners = chains.of(owner) if owner is not None else ()
        found.append(tuple.__new__(Event, (*row[:8], *words, *texts, owners, behind)))  # `_make` takes twice as long
    return found


def _behind(services: list[tuple[str, int, int | None]], first_ms: int, last_ms: int) -> tuple[str, ...]:
    """The services that stood behind a pod in a time."""
    found = {
        name
        for name, from_ms, to_ms in services
        if last_ms >= from_ms - SKEW_MS and (to_ms is None or first_ms <= to_ms + SKEW_MS)
    }
    return tuple(sorted(found))


def _controller(row: tuple[Any, ...]) -> int | None:
    """The controller that a quota stopped, or the owner of the object."""
    found: int | None = row[20] if row[20] is not None else row[21]
    return found


def _each(database: Database, sql: str, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    if not numbers:
        return []
    return database.bounded(sql.format(", ".join("?" * len(numbers))), tuple(numbers))


class _Chains:
    """The owners of owners, read level by level."""

    def __init__(self, database: Database, first: Iterable[int]) -> None:
        self._objects: dict[int, tuple[Owner, int | None]] = {}
        wanted = set(first)
        for _ in range(MAX_OWNERS):
            missing = sorted(wanted - self._objects.keys())
            wanted = set()
            for at in range(0, len(missing), AT_ONCE):
                for number, kind, namespace, name, group, owner in _each(database, OBJECTS, missing[at : at + AT_ONCE]):
                    words = (database.word(kind), database.word(namespace), name, database.word(group))
                    self._objects[number] = Owner(*words), owner
                    if owner is not None:
                        wanted.add(owner)

    def of(self, number: int) -> tuple[Owner, ...]:
        """An object, its owner, and so on."""
        found: list[Owner] = []
        at: int | None = number
        while at is not None and at in self._objects and len(found) < MAX_OWNERS:
            owner, at = self._objects[at]
            found.append(owner)
        return tuple(found)
