"""What goes on: the last time of its event is moved while it does, and to its end when it ends. Owns the table lasting."""

from typing import Any

from kube9_operator.model.resource_states import KINDS
from kube9_operator.write.events.updates import Amend
from kube9_operator.write.resources.detect.observed import Seen
from kube9_operator.write.sqlite.database import Connection, one

MOST_AT_ONCE = 500
"""In one transaction: some 20 ms. What is left is next."""

What = tuple[str, str, str, int]
"""Source, namespace and name of an object, and the key of what lasts."""

_EVENT = """SELECT e.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    JOIN events e ON e.object = o.id AND e.key_hash = ?
    WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid = ? AND o.api_group = 0 AND e.last_ms >= ?
    ORDER BY e.last_ms DESC LIMIT 1"""


class Lasting:
    """Works in the transaction that the caller holds."""

    def __init__(self, connection: Connection, amend: Amend, quiet_ms: int, move_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._amend = amend
        self._quiet_ms = quiet_ms
        self._move_ms = move_ms

    def of(self, source: str, namespace: str, name: str) -> dict[int, int]:
        """Of an object the keys of what lasts, and since when in ms."""
        return dict(
            self._execute(
                "SELECT key_hash, since_ms FROM lasting WHERE source = ? AND namespace = ? AND name = ?",
                (source, namespace, name),
            )
        )

    def begins(self, seen: Seen, key: int, since_ms: int) -> None:
        """Something lasts from now on; what is known already goes on."""
        self._execute(
            "INSERT INTO lasting VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                seen.source,
                seen.namespace,
                seen.name,
                key,
                "" if seen.source == "nodes" else seen.uid,
                since_ms or seen.now_ms,
                seen.now_ms,
            ),
        )

    def ends(self, source: str, namespace: str, name: str, key: int, end_ms: int, now_ms: int) -> None:
        """It is over since `end_ms`."""
        what = (source, namespace, name, key)
        row = one(
            self._connection,
            "DELETE FROM lasting WHERE source = ? AND namespace = ? AND name = ? AND key_hash = ? RETURNING uid, since_ms",
            what,
        )
        if row is not None:
            self._move(what, row, end_ms, now_ms)

    def due(self, now_ms: int) -> bool:
        """Whether `move` has something to do. Reads only."""
        sql = "SELECT 1 FROM lasting WHERE moved_ms <= ? OR moved_ms > ? LIMIT 1"
        return one(self._connection, sql, (now_ms - self._move_ms, now_ms)) is not None

    def move(self, now_ms: int) -> None:
        """Moves what lasts still: to now, or to when the source of its state was last proved, which may be earlier."""
        rows: list[tuple[Any, ...]] = self._execute(
            """SELECT l.source, l.namespace, l.name, l.key_hash, l.uid, l.since_ms, s.proved_until_ms FROM lasting l
            LEFT JOIN sources s ON s.source = CASE l.source WHEN 'services' THEN 'endpointslices' ELSE l.source END
            WHERE l.moved_ms <= ? OR l.moved_ms > ? LIMIT ?""",
            (now_ms - self._move_ms, now_ms, MOST_AT_ONCE),
        ).fetchall()
        for *what, uid, since_ms, confirmed_ms in rows:
            self._move(tuple(what), (uid, since_ms), min(now_ms, confirmed_ms or 0), now_ms)
            self._execute(
                "UPDATE lasting SET moved_ms = ? WHERE source = ? AND namespace = ? AND name = ? AND key_hash = ?",
                (now_ms, *what),
            )

    def _move(self, what: What, of: tuple[str, int], to_ms: int, now_ms: int) -> None:
        """Moves the latest event of that key, `of` this uid and since then or not long before; there may be none (yet)."""
        (source, namespace, name, key), (uid, since_ms) = what, of
        row = one(self._connection, _EVENT, (key, name, KINDS[source], namespace, uid, since_ms - self._quiet_ms))
        if row is not None:
            self._amend.lasted(row[0], to_ms, now_ms)
