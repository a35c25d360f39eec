"""Reads events as rules see them, by their ids, with their objects and owners."""

import sys
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, Types
from kube9_cli.query.events import decoded, named, occurrences
from kube9_operator.analyze.model import NOTHING, Record
from kube9_operator.model.ref import Ref
from kube9_schema import ids
from kube9_schema.causes import Recorded, cause_of
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from kube9_schema.sources import ITSELF

AT_ONCE = 100
"""Events that are read with one query: some milliseconds."""
MOST_OWNERS = 8
MOST_OBJECTS = 20_000
"""So many objects are remembered."""
MOST_OCCURRENCES = 50
"""A record has the first occurrence and the newest ones, so many together."""

EVENTS = """SELECT e.id, e.type, e.severity, e.reason, e.title, e.node, e.object, e.first_ms, e.last_ms, e.count, e.key_hash,
    t.description, t.metadata, (SELECT object FROM controllers WHERE event = e.id)
    FROM events e JOIN texts t ON t.event = e.id WHERE e.id IN ({})"""
EVENT: Types = (*((WHOLE,) * 11), TEXT_OR_NONE, TEXT, WHOLE_OR_NONE)
OBJECTS = "SELECT id, kind, api_group, namespace, name, uid, owner FROM objects WHERE id IN ({})"
OBJECT: Types = (WHOLE, WHOLE, WHOLE, WHOLE, TEXT, TEXT, WHOLE_OR_NONE)


class Thing(msgspec.Struct, frozen=True, gc=False):
    """An object of the record, and the number of its owner."""

    ref: Ref
    owner: int | None


class Read(msgspec.Struct, frozen=True):
    """An event with what rules do not see."""

    number: int
    key: int
    """events.key_hash"""
    record: Record
    owners: tuple[Ref, ...]
    """The owners of its object, the nearest first."""


class Records:
    """Reads from one database. Objects are remembered; their owners do not change once they are known."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._things: dict[int, Thing] = {}

    def forget(self) -> None:
        """Forgets the objects: owners that were not known may be known by now."""
        self._things.clear()

    def read(self, numbers: Sequence[int]) -> Iterator[Read]:
        """The events of these ids, those that still exist, in the order of ids. Each hundred are one query."""
        wanted = sorted(numbers)
        for at in range(0, len(wanted), AT_ONCE):
            some = wanted[at : at + AT_ONCE]
            rows = self._database.all(EVENTS.format(_marks(some)), tuple(some), EVENT)
            self.load({row[6] for row in rows} | {row[13] for row in rows if row[13] is not None})
            for row in sorted(rows):
                yield self._read(row)

    def load(self, numbers: Iterable[int]) -> None:
        """Remembers objects with all their owners."""
        missing = set(numbers) - self._things.keys()
        if len(self._things) + len(missing) > MOST_OBJECTS:
            self._things.clear()
        for _ in range(MOST_OWNERS):
            if not missing:
                return
            found: set[int] = set()
            wanted = sorted(missing)
            for at in range(0, len(wanted), 500):
                some = wanted[at : at + 500]
                for number, kind, group, namespace, name, uid, owner in self._database.all(
                    OBJECTS.format(_marks(some)), tuple(some), OBJECT
                ):
                    word = self._database.word
                    self._things[number] = Thing(Ref(word(kind), word(group), word(namespace), name, uid), owner)
                    if owner is not None:
                        found.add(owner)
            missing = found - self._things.keys()

    def owners(self, number: int | None) -> tuple[Ref, ...]:
        """An object and its owners, as far as they are loaded."""
        found: list[Ref] = []
        while number is not None and number in self._things and len(found) <= MOST_OWNERS:
            thing = self._things[number]
            found.append(thing.ref)
            number = thing.owner
        return tuple(found)

    def top(self, number: int) -> int:
        """The number of the outermost owner that is loaded."""
        for _ in range(MOST_OWNERS):
            thing = self._things.get(number)
            if thing is None or thing.owner is None or thing.owner not in self._things:
                break
            number = thing.owner
        return number

    def _read(self, row: tuple[object, ...]) -> Read:
        number, kind, severity, reason, title, node, about, first_ms, last_ms, count, key, description, metadata, stopped = row
        assert isinstance(number, int) and isinstance(about, int) and isinstance(severity, int) and isinstance(kind, int)  # noqa: PT018
        word = self._database.word
        chain = self.owners(about) or (NOTHING,)
        # What a quota stopped belongs to the controller that it stopped.
        owners = self.owners(stopped) if isinstance(stopped, int) else chain[1:]
        said = decoded(str(metadata))
        source = said.pop("source", None)
        component = str(source.get("component", "")) if isinstance(source, dict) else ITSELF
        words = {name: word(each) for name, each in (("reason", reason), ("title", title), ("node", node)) if type(each) is int}
        about_ref = chain[0]
        text = str(description or "")
        cause = cause_of(
            Recorded(words["reason"], severity, about_ref.kind, about_ref.namespace, about_ref.name, words["node"], text, said)
        )
        record = Record(
            id=ids.encode(number),
            type=named(EVENT_TYPES, kind),
            severity=named(SEVERITIES, severity),
            reason=words["reason"],
            title=words["title"],
            description=text,
            source=sys.intern(component),
            object=about_ref,
            owner=owners[-1] if owners else about_ref,
            controller=owners[0] if owners else NOTHING,
            node=words["node"],
            container=_text(said.get("container")),
            first_ms=_whole(first_ms),
            last_ms=_whole(last_ms),
            count=_whole(count),
            occurrences=self._occurrences(number, _whole(last_ms), _whole(count)),
            cause=sys.intern(cause),
            metadata=said,
        )
        return Read(number, _whole(key), record, owners)

    def _occurrences(self, number: int, last_ms: int, count: int) -> tuple[tuple[int, int], ...]:
        if count == 1:
            return ((last_ms, 1),)
        found = occurrences(self._database, number)
        if len(found) > MOST_OCCURRENCES:
            found = [found[0], *found[len(found) - MOST_OCCURRENCES + 1 :]]
        return tuple(found)


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _text(value: object) -> str:
    return sys.intern(value) if isinstance(value, str) else ""


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))
