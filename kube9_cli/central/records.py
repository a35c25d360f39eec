"""Puts records of events into a database: of each event the newest revision (docs/sink-records.md)."""

from __future__ import annotations

import itertools
import json

from kube9_cli.central.client import Record, failed
from kube9_cli.central.logsql import BODY, SEVERITY
from kube9_cli.query.conditions import SKEW_MS
from kube9_cli.times import parse
from kube9_schema import attributes as names
from kube9_schema.codes import EVENT_TYPES
from kube9_schema.intervals import MS_IN_HOUR

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from kube9_cli.central.fleet import Fleet
    from kube9_cli.query.connection import Scratch

    Object = tuple[str, str, str, str, str]
    """Instance, kind, API group, namespace and name."""

AT_ONCE = 1_000
LAST_MS = 2**62
"""When an event was recorded, if its record does not say so: later than any look."""
COLUMNS = (
    *("id", "last_hour", "first_hour", "namespace", "kind", "severity", "type", "object", "key_hash", "first_ms", "last_ms"),
    *("created_ms", "recorded_ms", "count", "lead_events", "lead_statuses", "stand_in", "reason", "node", "title", "text_ms"),
    *("text_count", "text_hash", "cluster"),
)
EVENT = f"INSERT OR REPLACE INTO events ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
TEXT = "INSERT OR REPLACE INTO texts (event, description, metadata, contributor) VALUES (?, ?, ?, '')"
OBJECT = "INSERT INTO objects (id, name, kind, namespace, uid, api_group, api_version) VALUES (?, ?, ?, ?, ?, ?, ?)"
BEHIND = """INSERT INTO service_pods (namespace, service, uid, from_ms, pod, to_ms) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)"""
QUOTA = "ResourceQuota"
"""The kind whose events begin their owners with the controller that was stopped."""


class Filler:
    """Fills a database."""

    def __init__(self, database: Scratch, fleet: Fleet) -> None:
        self.revisions: dict[int, int] = {}
        """The newest revision of each event that was taken."""
        self._database, self._fleet = database, fleet
        self._words: dict[str, int] = {"": 0}
        self._objects: dict[tuple[Object, str], tuple[int, int]] = {}
        """By the object and its uid, its number and that of its API version."""
        self._latest: dict[Object, int] = {}
        """The object of a name that was made last; others have another uid."""
        self._owners: dict[int, int] = {}
        self._new_words: list[tuple[int, str]] = []
        self._new_objects: list[tuple[Any, ...]] = []
        self._versions: list[tuple[int, int]] = []
        """API versions that became known of objects without one."""
        database.write("ALTER TABLE events ADD COLUMN cluster INTEGER", [()])

    def take(self, rows: Iterable[Record]) -> None:
        """Takes records in any order. Raises QueryError for one that no operator sends."""
        rows = iter(rows)
        while some := list(itertools.islice(rows, AT_ONCE)):
            self._database.look_at_the_clock()
            try:
                self._take(some)
            except (KeyError, ValueError, TypeError) as error:
                raise failed("A record of the store cannot be read", f"{type(error).__name__}: {error}") from None

    def know(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Makes kinds known that events are about, each with its API group."""
        for kind, group in kinds:
            self._object(("", kind, group, "", ""), "", "")
        self._store_words()
        values = [(self._word(kind), self._word(group)) for kind, group in kinds]
        columns = "namespace, severity, type, reason, source, place, count, kind, api_group"
        self._database.write(f"INSERT INTO series ({columns}) VALUES (0, 0, 0, 0, 0, 0, 1, ?, ?)", values)  # noqa: S608

    def _take(self, some: list[Record]) -> None:
        newest: dict[int, tuple[int, Record]] = {}
        for one in some:
            number, revision = self._fleet.inner(int(one[names.NUMBER]), one[names.INSTANCE]), int(one[names.REVISION])
            if revision > newest[number][0] if number in newest else revision > self.revisions.get(number, -1):
                newest[number] = revision, one
        self.revisions.update((number, revision) for number, (revision, _) in newest.items())
        events, texts, behind, quotas, gone = [], [], [], [], []
        for number, (_, one) in newest.items():
            if one.get(names.MERGED) == "true":
                gone.append((number,))
                continue
            event = self._event(number, one)
            events.append(event)
            described = one.get(names.BODY, names.DESCRIPTION_SAID) == names.DESCRIPTION_SAID
            texts.append((number, one[BODY] if described else None, one.get(names.METADATA, "{}")))
            object_number, first, last = event[7], event[9], event[10]
            if chain := json.loads(one.get(names.OWNERS, "[]")):
                owner = self._chain(one[names.INSTANCE], chain)
                if one.get(names.KIND) == QUOTA:
                    quotas.append((number, owner))
                else:
                    self._owners[object_number] = owner
            namespace = one.get(names.NAMESPACE, "")
            for service in json.loads(one.get(names.SERVICES, "[]")):
                # Only this event, and those that lasted longer on both sides.
                times = last + SKEW_MS, first - SKEW_MS
                behind.append((namespace, service, one.get(names.UID, ""), times[0], one.get(names.NAME, ""), times[1]))
        self._store_words()
        write = self._database.write
        write(EVENT, events)
        write(TEXT, texts)
        write(BEHIND, behind)
        write("INSERT OR REPLACE INTO controllers VALUES (?, ?)", quotas)
        for table, column in (("events", "id"), ("texts", "event"), ("controllers", "event")):
            write(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
        write("UPDATE objects SET owner = ?2 WHERE id = ?1", self._owners.items())
        self._owners.clear()

    def _event(self, number: int, one: Record) -> tuple[Any, ...]:
        instance, kind, name, namespace = (
            one[names.INSTANCE],
            one.get(names.KIND, ""),
            one.get(names.NAME, ""),
            one.get(names.NAMESPACE, ""),
        )
        about = instance, kind, one.get(names.API_GROUP, ""), namespace, name
        object_number = self._object(about, one.get(names.UID, ""), one.get(names.API_VERSION, ""))
        first, last, count = parse_ms(one[names.START]), parse_ms(one["_time"]), int(one[names.COUNT])
        recorded = one.get(names.RECORDED)
        return (
            *(number, last // MS_IN_HOUR, first // MS_IN_HOUR, self._word(namespace), self._word(kind)),
            *(
                names.SEVERITY_NUMBERS.index(int(one[SEVERITY])),
                EVENT_TYPES.index(one[names.TYPE]),
                object_number,
                0,
                first,
                last,
            ),
            *(parse_ms(one[names.CREATED]), parse_ms(recorded) if recorded else LAST_MS, count, count, 0, 0),
            *(
                self._word(one.get(names.REASON, "")),
                self._word(one.get(names.NODE, "")),
                self._word(one.get(names.TITLE, "")),
                last,
                count,
                0,
            ),
            self._word(self._fleet.of(number).name),
        )

    def _word(self, text: str) -> int:
        known = self._words.get(text)
        if known is None:
            known = self._words[text] = len(self._words)
            self._new_words.append((known, text))
        return known

    def _store_words(self) -> None:
        self._database.write("INSERT INTO words VALUES (?, ?)", self._new_words)
        self._new_words.clear()
        self._database.write(OBJECT, self._new_objects)
        self._new_objects.clear()
        self._database.write("UPDATE objects SET api_version = ? WHERE id = ?", self._versions)
        self._versions.clear()

    def _object(self, about: Object, uid: str, api_version: str) -> int:
        """The number of an object. One that is only known as an owner has no uid."""
        version = self._word(api_version)
        known = self._objects.get((about, uid))
        if known is None:
            number = len(self._objects) + 1
            _, kind, group, namespace, name = about
            self._new_objects.append((number, name, self._word(kind), self._word(namespace), uid, self._word(group), version))
            self._objects[about, uid] = number, version
            self._latest[about] = number
            return number
        number, before = known
        if version and not before:
            self._objects[about, uid] = number, version
            self._versions.append((version, number))
        return number

    def _chain(self, instance: str, chain: list[dict[str, str]]) -> int:
        """The number of the first of some owners, each of which is owned by the next."""
        below = first = 0
        for one in chain:
            about = instance, one["kind"], one.get("api_group", ""), one.get("namespace", ""), one["name"]
            number = self._latest.get(about) or self._object(about, "", "")
            if below and below != number:
                self._owners[below] = number
            first, below = first or number, number
        return first


_minutes: dict[str, int] = {}
MOST_MINUTES = 4_096


def parse_ms(text: str) -> int:
    """A time of a record in ms since 1970."""
    minute, seconds = text[:17], text[17:-1]
    if text[10:11] != "T" or text[-1:] != "Z" or not seconds[:2].isdigit():
        return int(text[1:-2]) if text.startswith("+") and text.endswith("ms") else parse(text, 0)
    known = _minutes.get(minute)
    if known is None:
        if len(_minutes) >= MOST_MINUTES:
            _minutes.clear()
        known = _minutes[minute] = parse(f"{minute}00Z", 0)
    return known + int(seconds[:2]) * 1000 + int(seconds[3:6].ljust(3, "0"))
