"""Ongoing problems: the last time of their event is moved while they last, and to the end when they end.

Owns the table lasting.
"""

from typing import Any

from kube9_operator.model.resource_states import KINDS
from kube9_operator.write.events.store import Store
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.sqlite.database import Connection, one

MOST_AT_ONCE = 500
"""Problems that are moved in one transaction, some 20 ms. The next transaction moves the rest."""

Problem = tuple[str, str, str, int]
"""Source, namespace and name of an object, and the key of the problem."""

_EVENT = """SELECT e.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    JOIN events e ON e.object = o.id AND e.key_hash = ?
    WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid = ? AND o.api_group = 0 AND e.last_ms >= ?
    ORDER BY e.last_ms DESC LIMIT 1"""


class Ongoing:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, store: Store, quiet_ms: int, move_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._quiet_ms = quiet_ms
        self._move_ms = move_ms

    def of(self, source: str, namespace: str, name: str) -> dict[int, int]:
        """The keys of an object's ongoing problems, and since when they last, in ms."""
        return dict(
            self._execute(
                "SELECT key_hash, since_ms FROM lasting WHERE source = ? AND namespace = ? AND name = ?",
                (source, namespace, name),
            )
        )

    def begin(self, observed: Observed, key: int, since_ms: int) -> None:
        """Begins a problem. If it is known already, it goes on."""
        self._execute(
            "INSERT INTO lasting VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                observed.source,
                observed.namespace,
                observed.name,
                key,
                "" if observed.source == "nodes" else observed.uid,
                since_ms or observed.now_ms,
                observed.now_ms,
            ),
        )

    def end(self, source: str, namespace: str, name: str, key: int, end_ms: int, now_ms: int) -> None:
        """Ends a problem at `end_ms`."""
        problem = (source, namespace, name, key)
        row = one(
            self._connection,
            "DELETE FROM lasting WHERE source = ? AND namespace = ? AND name = ? AND key_hash = ? RETURNING uid, since_ms",
            problem,
        )
        if row is not None:
            uid, since_ms = row
            self._move_event(problem, uid, since_ms, end_ms, now_ms)

    def due(self, now_ms: int) -> bool:
        """Whether `move` has something to do. It only reads."""
        sql = "SELECT 1 FROM lasting WHERE moved_ms <= ? OR moved_ms > ? LIMIT 1"
        return one(self._connection, sql, (now_ms - self._move_ms, now_ms)) is not None

    def move(self, now_ms: int) -> None:
        """Moves the events of problems that still last: to now, or to when their source was last confirmed."""
        rows: list[tuple[Any, ...]] = self._execute(
            """SELECT l.source, l.namespace, l.name, l.key_hash, l.uid, l.since_ms, s.proved_until_ms FROM lasting l
            LEFT JOIN sources s ON s.source = CASE l.source WHEN 'services' THEN 'endpointslices' ELSE l.source END
            WHERE l.moved_ms <= ? OR l.moved_ms > ? LIMIT ?""",
            (now_ms - self._move_ms, now_ms, MOST_AT_ONCE),
        ).fetchall()
        for *problem, uid, since_ms, confirmed_ms in rows:
            self._move_event(tuple(problem), uid, since_ms, min(now_ms, confirmed_ms or 0), now_ms)
            self._execute(
                "UPDATE lasting SET moved_ms = ? WHERE source = ? AND namespace = ? AND name = ? AND key_hash = ?",
                (now_ms, *problem),
            )

    def _move_event(self, problem: Problem, uid: str, since_ms: int, to_ms: int, now_ms: int) -> None:
        """Moves the latest event of a problem that is not much older than the problem. There may be none yet."""
        source, namespace, name, key = problem
        row = one(self._connection, _EVENT, (key, name, KINDS[source], namespace, uid, since_ms - self._quiet_ms))
        if row is not None:
            self._store.move_end(row[0], to_ms, now_ms)
