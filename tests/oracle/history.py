"""Every state that a database had while it was written: a journal of what each transaction changed, and when it committed."""

import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import apsw

from kube9_operator.write.sqlite.session import Participant, Session
from tests.oracle import reader
from tests.oracle.reader import Event, Object, World

WATCH = """
CREATE TEMP TABLE changed (kind TEXT, id INTEGER, UNIQUE (kind, id));
"""
TRIGGER = """CREATE TEMP TRIGGER watch_{table}_{verb} AFTER {verb} ON main.{table} BEGIN
    INSERT OR IGNORE INTO changed VALUES ('{kind}', {row}.{column}); END;"""
TABLES = (
    ("events", "event", "id"),
    ("texts", "event", "event"),
    ("controllers", "event", "event"),
    ("objects", "object", "id"),
)


KEEP = 100
"""One of so many states is kept in memory."""
EMPTY = World({}, {}, frozenset(), [], [], [], {})


class Change(NamedTuple):
    """What one transaction did. It became visible between two moments of the machine's monotonic clock."""

    begun_ns: int
    committed_ns: int
    events: dict[int, Event | None]
    """None: deleted."""
    objects: dict[int, Object | None]
    rest: World
    """Its `events` and `objects` are empty."""


class Journal(Participant):
    """Writes down each transaction of a session once it has committed."""

    def __init__(self, session: Session, path: Path) -> None:
        self._connection = session.connection
        self._file: BinaryIO = path.open("wb")
        self._begun_ns = 0
        self._connection.execute(WATCH)
        for table, kind, column in TABLES:
            for verb, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
                self._connection.execute(TRIGGER.format(table=table, verb=verb, kind=kind, row=row, column=column))
        session.register(self)

    def before_commit(self) -> None:
        """The transaction is not visible before this moment."""
        self._begun_ns = time.monotonic_ns()

    def committed(self) -> None:
        """It is visible by now."""
        pickle.dump(self._change(time.monotonic_ns()), self._file)
        self._file.flush()

    def rolled_back(self) -> None:
        """Nothing changed."""
        self._connection.execute("DELETE FROM changed")

    def _change(self, committed_ns: int) -> Change:
        events, objects = (self._ids(kind) for kind in ("event", "object"))
        self._connection.execute("DELETE FROM changed")
        found = _some(self._connection, events, objects)
        return Change(
            self._begun_ns,
            committed_ns,
            {number: found.events.get(number) for number in events},
            {number: found.objects.get(number) for number in objects},
            found._replace(events={}, objects={}),
        )

    def _ids(self, kind: str) -> list[int]:
        return [row[0] for row in self._connection.execute("SELECT id FROM changed WHERE kind = ?", (kind,))]


def _some(connection: apsw.Connection, events: list[int], objects: list[int]) -> World:
    numbers, about = (", ".join(map(str, ids)) for ids in (events, objects))
    return reader.read_some(connection, f"id IN ({numbers})", f"event IN ({numbers})", f"id IN ({about})")


class States:
    """Every state of a journal, by the number of changes that led to it."""

    def __init__(self, path: Path) -> None:
        self._changes = list(_changes(path))
        self._kept = {0: EMPTY}

    def span(self, begun_ns: int, ended_ns: int) -> range:
        """The states that may have been visible between two moments."""
        first = sum(change.committed_ns <= begun_ns for change in self._changes)
        return range(first, sum(change.begun_ns <= ended_ns for change in self._changes) + 1)

    def of(self, numbers: range) -> Iterator[tuple[int, World]]:
        """These states."""
        at = max(number for number in self._kept if number <= numbers.start)
        world = self._kept[at]
        while at < numbers.stop:
            if at >= numbers.start:
                yield at, world
            if at < len(self._changes):
                world = _applied(world, self._changes[at])
            at += 1
            if at % KEEP == 0:
                self._kept.setdefault(at, world)


def _changes(path: Path) -> Iterator[Change]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


def _applied(world: World, change: Change) -> World:
    """The next state."""
    events, objects = dict(world.events), dict(world.objects)
    for into, changed in ((events, change.events), (objects, change.objects)):
        for number, row in changed.items():
            if row is None:
                into.pop(number, None)
            else:
                into[number] = row
    return change.rest._replace(events=events, objects=objects)
