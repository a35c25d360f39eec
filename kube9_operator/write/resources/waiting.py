"""What waits, and is told when it has waited for long. Owns the table waiting."""

from collections.abc import Callable
from typing import Any

from kube9_operator.model.observation import Observation
from kube9_operator.write.events import stored
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.observed import Seen
from kube9_operator.write.sqlite.database import Connection, one

MOST_AT_ONCE = 500
"""In one transaction. What is left is next."""
_WHERE = "source = ? AND namespace = ? AND name = ?"


class Waiting:
    """Works in the transaction that the caller holds. `record` applies an observation."""

    def __init__(self, connection: Connection, record: Callable[[str, Observation], object], wait_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._record = record
        self._wait_ms = wait_ms

    def changed(self, seen: Seen, previous: Any, current: Any) -> None:
        """An object was seen, or is gone. What waits already goes on waiting since when it did."""
        since_ms = detect.waits_since(seen, previous, current)
        place = (seen.source, seen.namespace, seen.name)
        if since_ms:
            values = (*place, since_ms, since_ms + self._wait_ms)
            self._execute("INSERT INTO waiting VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        elif previous is not None and (current is None or not detect.WAITS[seen.source].goes_on(current)):
            self._execute(f"DELETE FROM waiting WHERE {_WHERE}", place)  # noqa: S608

    def due(self, source: str, now_ms: int) -> bool:
        """Whether an object of the source has waited for long. Reads only."""
        sql = "SELECT 1 FROM waiting WHERE source = ? AND due_ms <= ? LIMIT 1"
        return one(self._connection, sql, (source, now_ms)) is not None

    def settle(self, source: str, now_ms: int) -> None:
        """Tells of what has waited for long."""
        rows: list[tuple[Any, ...]] = self._execute(
            """SELECT w.namespace, w.name, w.since_ms, s.uid, s.resource_version, s.state FROM waiting w
            LEFT JOIN states s ON s.source = w.source AND s.namespace = w.namespace AND s.name = w.name
            WHERE w.source = ? AND w.due_ms <= ? LIMIT ?""",
            (source, now_ms, MOST_AT_ONCE),
        ).fetchall()
        for namespace, name, since_ms, uid, version, state in rows:
            if state is not None:
                seen = Seen(source, namespace, name, uid, version, now_ms, True)
                self._record(source, detect.WAITS[source].told(seen, stored.state(source, state), since_ms))
            sql = f"UPDATE waiting SET due_ms = NULL WHERE {_WHERE}"  # noqa: S608
            self._execute(sql, (source, namespace, name))
