"""Reads a whole database with one simple SELECT for each table. It shares no code with kube9_cli."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import apsw

TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
SEVERITIES = ("info", "warning", "error", "critical")


class Object(NamedTuple):
    """A row of `objects`, with its words."""

    id: int
    name: str
    kind: str
    namespace: str
    uid: str
    owner: int | None
    group: str
    api_version: str


class Event(NamedTuple):
    """A row of `events`, with its words, its text and its object."""

    id: int
    type: str
    severity: str
    title: str
    description: str | None
    kind: str
    namespace: str
    reason: str
    node: str
    metadata: dict[str, Any]
    created_ms: int
    recorded_ms: int
    first_ms: int
    last_ms: int
    times: int
    object: int
    """The id of the object that it is about."""
    controller: int | None
    """The id of the object in `controllers`."""


class Behind(NamedTuple):
    """A row of `service_pods`."""

    namespace: str
    service: str
    uid: str
    from_ms: int
    pod: str
    to_ms: int | None


class Source(NamedTuple):
    """A row of `sources`, as far as an answer depends on it."""

    name: str
    covered_from_ms: int | None
    confirmed_ms: int | None
    unavailable: str | None
    unavailable_since_ms: int | None


class Gap(NamedTuple):
    """A row of `gaps`."""

    source: str
    from_ms: int
    to_ms: int
    reason: str
    ongoing: bool = False
    """It is none of `gaps`: its source is still not watched."""


class World(NamedTuple):
    """Everything that an answer can depend on."""

    events: dict[int, Event]
    objects: dict[int, Object]
    words: frozenset[str]
    behind: list[Behind]
    sources: list[Source]
    gaps: list[Gap]
    facts: dict[str, Any]

    def about(self, event: Event) -> Object:
        """The object of an event."""
        return self.objects[event.object]


def open_read_only(folder: Path) -> apsw.Connection:
    """A connection that changes nothing."""
    return apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)


def read(connection: apsw.Connection) -> World:
    """One snapshot of the database."""
    connection.execute("BEGIN")
    try:
        return read_some(connection, "1", "1", "1")
    finally:
        connection.execute("COMMIT")


def read_some(connection: apsw.Connection, events: str, texts: str, objects: str) -> World:
    """The rows of these three tables that meet a condition, and all rows of the others."""

    def rows(sql: str) -> Iterable[tuple[Any, ...]]:
        return connection.execute(sql)

    words = dict(rows("SELECT id, word FROM words"))
    found = {row[0]: _object(row, words) for row in rows(f"{OBJECTS} WHERE {objects}")}
    text = {row[0]: row[1:] for row in rows(f"SELECT event, description, metadata FROM texts WHERE {texts}")}
    controllers = dict(rows(f"SELECT event, object FROM controllers WHERE {texts}"))
    return World(
        {row[0]: _event(row, words, text, controllers) for row in rows(f"{EVENTS} WHERE {events}")},
        found,
        frozenset(words.values()),
        [Behind(*row) for row in rows("SELECT namespace, service, uid, from_ms, pod, to_ms FROM service_pods")],
        [Source(*row) for row in rows(SOURCES)],
        [Gap(*row) for row in rows("SELECT source, from_ms, to_ms, reason FROM gaps")],
        dict(rows("SELECT name, value FROM facts")),
    )


OBJECTS = "SELECT id, name, kind, namespace, uid, owner, api_group, api_version FROM objects"
EVENTS = """SELECT id, type, severity, title, kind, namespace, reason, node, created_ms, recorded_ms, first_ms, last_ms, count,
    object FROM events"""
SOURCES = "SELECT source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources"


def _object(row: tuple[Any, ...], words: dict[int, str]) -> Object:
    number, name, kind, namespace, uid, owner, group, version = row
    return Object(number, name, words[kind], words[namespace], uid, owner, words[group], words[version])


def _event(
    row: tuple[Any, ...],
    words: dict[int, str],
    texts: dict[int, tuple[Any, ...]],
    controllers: dict[int, int],
) -> Event:
    number, kind_of, severity, title, kind, namespace, reason, node, created, recorded, first, last, times, about = row
    description, metadata = texts[number]
    return Event(
        number,
        TYPES[kind_of],
        SEVERITIES[severity],
        words[title],
        description,
        words[kind],
        words[namespace],
        words[reason],
        words[node],
        json.loads(metadata),
        created,
        recorded,
        first,
        last,
        times,
        about,
        controllers.get(number),
    )


def owners(world: World, event: Event) -> Iterable[Object]:
    """The object of an event, or the controller that its quota stopped, and the owners of these, the nearest first."""
    waiting: list[int | None] = [event.object, event.controller]
    seen: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number is not None and number not in seen and number in world.objects:
            seen.add(number)
            yield world.objects[number]
            waiting.append(world.objects[number].owner)
