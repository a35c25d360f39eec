"""Causes and outermost owners of events, and how many events each pair of them has. Owns the tables causes and problems."""

from typing import Any, NamedTuple

from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_schema.causes import Recorded, cause_of

MAX_CACHED = 8_000
HIGHEST = 2
"""So many owners above a controller are known: a ReplicaSet has a Deployment, and perhaps one above."""
OCCURRENCES = 4
"""In place of a severity: the sum of counts."""

OWNER_OR_FIRST = """SELECT a.owner, CASE WHEN a.owner IS NULL OR ?2 THEN (SELECT b.id FROM objects b INDEXED BY objects_by_name
    WHERE b.name = a.name AND b.kind = a.kind AND b.namespace = a.namespace AND b.api_group = a.api_group ORDER BY b.id LIMIT 1)
    END FROM objects a WHERE a.id = ?1"""
"""The owner of an object; without one, or if it is asked for, the first object of its name.

A Deployment that was deleted and made again is another object, but the same owner: the first one stands for all.
"""
OTHERS_OF_NAME = """SELECT b.id FROM objects b INDEXED BY objects_by_name
    WHERE b.name = ? AND b.kind = ? AND b.namespace = ? AND b.api_group = ?"""
CONTROLLER = "SELECT object FROM controllers WHERE event = ?"
EVENTS_BELOW = """WITH RECURSIVE owned (id) AS
    (SELECT ?1 UNION SELECT objects.id FROM objects JOIN owned ON objects.owner = owned.id)
    SELECT id FROM events WHERE object IN owned
    UNION SELECT event FROM controllers WHERE object IN owned AND event IN (SELECT id FROM events)"""
HAS_BELOW = """SELECT 1 FROM objects WHERE owner = ?1 UNION ALL SELECT 1 FROM events WHERE object = ?1
    UNION ALL SELECT 1 FROM controllers WHERE object = ?1 LIMIT 1"""
OCCURRENCES_ONLY = "UPDATE problems SET occurrences = occurrences + ? WHERE root = ? AND cause = ?"
"""For counts that rise. It takes half as long as ADD."""
ADD = """INSERT INTO problems (root, cause, info, warning, error, critical, occurrences) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET info = info + excluded.info, warning = warning + excluded.warning, error = error + excluded.error,
    critical = critical + excluded.critical, occurrences = occurrences + excluded.occurrences"""
DELETE_EMPTY = "DELETE FROM problems WHERE root = ? AND cause = ? AND info + warning + error + critical = 0"
ADD_TO_CAUSE = "UPDATE causes SET count = count + ? WHERE id = ?"


class Problem(NamedTuple):
    """What the events of a problem have in common: columns of the table events."""

    cause: int | None
    root: int | None


class Problems:
    """Works in the transaction of its caller. Causes and the owners of owners are cached."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._causes: dict[str, int] = {}
        self._roots: dict[int, int] = {}
        """The outermost owner of each controller."""

    def forget(self) -> None:
        """Forgets causes and owners; they are read again."""
        self._causes.clear()
        self._roots.clear()

    def cause(self, recorded: Recorded) -> int:
        """The number of the cause of an event. Adds the cause if there is none yet."""
        cause = cause_of(recorded)
        number = self._causes.get(cause)
        if number is None:
            row = one(self._connection, "SELECT id FROM causes WHERE cause = ?", (cause,))
            if row is None:
                self._execute("INSERT INTO causes (cause) VALUES (?)", (cause,))
                number = self._connection.last_insert_rowid()
            else:
                number = int(row[0])
            if len(self._causes) >= MAX_CACHED:
                self._causes.clear()
            self._causes[cause] = number
        return number

    def root(self, about: int) -> int:
        """The outermost owner of an object, or itself; of several objects of that name the first."""
        owner, first = one(self._connection, OWNER_OR_FIRST, (about, 0)) or (None, about)
        return int(first) if owner is None else self.outermost(owner)

    def root_of(self, event: int, about: int) -> int:
        """The same for an event. One about a quota belongs to the controller that the quota stopped."""
        row = one(self._connection, CONTROLLER, (event,))
        return self.root(about) if row is None else self.outermost(row[0])

    def below(self, about: int) -> list[int]:
        """The events whose outermost owner changes when the owner of an object does."""
        if one(self._connection, HAS_BELOW, (about,)) is None:
            self._roots.pop(about, None)
            return []
        self._roots.clear()
        return [row[0] for row in rows(self._connection, EVENTS_BELOW, (about,))]

    def object_deleted(self, about: int, place: tuple[Any, ...]) -> list[int]:
        """The events whose outermost owner was an object that is deleted now.

        `place` is its name, kind, namespace and group.
        """
        self._roots.clear()  # another object may get its number
        found: list[int] = []
        if one(self._connection, "SELECT 1 FROM problems WHERE root = ? LIMIT 1", (about,)) is None:
            return found
        for (other,) in rows(self._connection, OTHERS_OF_NAME, place):
            if other > about:  # it may have stood for this one
                found += self.below(other)
        return found

    def store(self, changes: dict[tuple[int, int], list[int]]) -> None:
        """Adds to the sums, and deletes causes without events.

        `changes` has by root and cause how many events of each severity were added, and the sum of their counts.
        """
        of_cause: dict[int, int] = {}
        risen, changed, emptied = [], [], []
        for key, numbers in changes.items():
            info, warning, error, critical, occurrences = numbers
            if not (info or warning or error or critical):
                if occurrences:
                    risen.append((occurrences, *key))
                else:  # all that was added is deleted again
                    of_cause.setdefault(key[1], 0)
                continue
            changed.append((*key, *numbers))
            if info < 0 or warning < 0 or error < 0 or critical < 0:
                emptied.append(key)
            of_cause[key[1]] = of_cause.get(key[1], 0) + info + warning + error + critical
        if risen:
            risen.sort(key=lambda row: row[1:])
            self._connection.executemany(OCCURRENCES_ONLY, risen)
        if changed:
            changed.sort()
            self._connection.executemany(ADD, changed)
            self._connection.executemany(DELETE_EMPTY, emptied)
        if of_cause:
            self._connection.executemany(ADD_TO_CAUSE, [(number, cause) for cause, number in of_cause.items() if number])
        fewer: list[tuple[Any, ...]] = [(cause,) for cause, number in of_cause.items() if number <= 0]
        if fewer:
            self._connection.executemany("DELETE FROM causes WHERE id = ? AND count = 0", fewer)
            self._causes.clear()

    def outermost(self, controller: int) -> int:
        """The outermost owner of what an object controls."""
        known = self._roots.get(controller)
        if known is None:
            above, first = controller, controller
            for step in range(HIGHEST + 1):
                owner, first = one(self._connection, OWNER_OR_FIRST, (above, step == HIGHEST)) or (None, above)
                if first is not None:
                    break
                above = owner
            if len(self._roots) >= MAX_CACHED:
                self._roots.clear()
            known = self._roots[controller] = int(first)
        return known
