"""Objects that wait: they are recorded when they have waited for long. Owns the table waiting."""

from typing import Any

from kube9_operator.write.events import stored
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.resources.recorder import Recorded, Recorder
from kube9_operator.write.sqlite.database import Connection, one

MOST_AT_ONCE = 500
"""Objects in one transaction. The next transaction takes the rest."""
_WHERE = "source = ? AND namespace = ? AND name = ?"


class Waiting:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, recorder: Recorder, wait_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._recorder = recorder
        self._wait_ms = wait_ms

    def changed(self, observed: Observed, previous: Any, current: Any) -> None:
        """Notes whether an object waits. An object that waits already keeps the time since when it does."""
        since_ms = detect.waits_since(observed, previous, current)
        place = (observed.source, observed.namespace, observed.name)
        if since_ms:
            values = (*place, since_ms, since_ms + self._wait_ms)
            self._execute("INSERT INTO waiting VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        elif previous is not None and (current is None or not detect.WAITS[observed.source].goes_on(current)):
            self._execute(f"DELETE FROM waiting WHERE {_WHERE}", place)  # noqa: S608

    def due(self, source: str, now_ms: int) -> bool:
        """Whether an object of the source has waited for long. It only reads."""
        sql = "SELECT 1 FROM waiting WHERE source = ? AND due_ms <= ? LIMIT 1"
        return one(self._connection, sql, (source, now_ms)) is not None

    def settle(self, source: str, now_ms: int) -> list[Recorded]:
        """Records the objects that have waited for long."""
        due: list[tuple[Any, ...]] = self._execute(
            """SELECT w.namespace, w.name, w.since_ms, s.uid, s.resource_version, s.state FROM waiting w
            LEFT JOIN states s ON s.source = w.source AND s.namespace = w.namespace AND s.name = w.name
            WHERE w.source = ? AND w.due_ms <= ? LIMIT ?""",
            (source, now_ms, MOST_AT_ONCE),
        ).fetchall()
        recorded = []
        for namespace, name, since_ms, uid, version, state in due:
            if state is not None:
                observed = Observed(source, namespace, name, uid, version, now_ms, True)
                observation = detect.WAITS[source].observation(observed, stored.state(source, state), since_ms)
                recorded.append(self._recorder.record(source, observation))
            sql = f"UPDATE waiting SET due_ms = NULL WHERE {_WHERE}"  # noqa: S608
            self._execute(sql, (source, namespace, name))
        return recorded
