"""Which pods stood behind each service, from when to when: a query for a service finds them. Owns the table service_pods."""

from kube9_operator.model.resource_states import Slice
from kube9_operator.write.sqlite.database import Connection, one

MOST_OF_SERVICE = 1_000
"""Pods that have left a service. If there are more, those that left first are forgotten."""
MOST_OF_ALL = 200_000
MOST_AT_ONCE = 5_000
"""Rows that one call deletes, some 10 ms."""
_OPEN = "UPDATE service_pods SET to_ms = ? WHERE namespace = ? AND service = ? AND to_ms IS NULL"


class ServicePods:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, keep_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._keep_ms = keep_ms

    def changed(
        self, place: tuple[str, str], gone: set[tuple[str, str]], come: set[tuple[str, str]], from_ms: int, now_ms: int
    ) -> None:
        """Notes that pods (name and uid) have left or joined the service at `place` (namespace and name)."""
        for _, uid in sorted(gone):
            self._execute(f"{_OPEN} AND uid = ?", (now_ms, *place, uid))
        for pod, uid in sorted(come):
            self._execute(
                """INSERT INTO service_pods SELECT ?1, ?2, ?3, ?4, ?5, NULL WHERE NOT EXISTS
                (SELECT 1 FROM service_pods WHERE namespace = ?1 AND service = ?2 AND uid = ?3 AND to_ms IS NULL)
                ON CONFLICT DO UPDATE SET to_ms = NULL""",
                (*place, uid, from_ms, pod),
            )
        if gone:
            self._bound(place)

    def gone(self, place: tuple[str, str], now_ms: int) -> None:
        """Notes that a service is gone: no pod is behind it any more."""
        self._execute(_OPEN, (now_ms, *place))

    def discard(self, now_ms: int) -> None:
        """Notes that another cluster is watched: nothing more will be known about this one."""
        self._execute("UPDATE service_pods SET to_ms = ? WHERE to_ms IS NULL", (now_ms,))

    def forget(self, now_ms: int) -> None:
        """Forgets pods that left longer ago than events are kept, and those beyond the limit."""
        sql = """DELETE FROM service_pods WHERE (namespace, service, uid, from_ms) IN
            (SELECT namespace, service, uid, from_ms FROM service_pods WHERE to_ms < ? ORDER BY to_ms LIMIT ?)"""
        self._execute(sql, (now_ms - self._keep_ms, MOST_AT_ONCE))
        row = one(self._connection, "SELECT count(*) FROM service_pods WHERE to_ms IS NOT NULL")
        if row is not None and row[0] > MOST_OF_ALL:
            self._execute(sql, (now_ms, min(row[0] - MOST_OF_ALL, MOST_AT_ONCE)))

    def left(self, place: tuple[str, str], since_ms: int, most: int) -> list[tuple[str, str]]:
        """Name and uid of pods that have left a service since then, the latest first, then of those that are behind it."""
        sql = """SELECT pod, uid FROM service_pods WHERE namespace = ? AND service = ? AND (to_ms IS NULL OR to_ms >= ?)
            ORDER BY to_ms IS NULL, to_ms DESC LIMIT ?"""
        return [(pod, uid) for pod, uid in self._execute(sql, (*place, since_ms, most))]

    def _bound(self, place: tuple[str, str]) -> None:
        self._execute(
            """DELETE FROM service_pods WHERE (namespace, service, uid, from_ms) IN
            (SELECT namespace, service, uid, from_ms FROM service_pods
            WHERE namespace = ? AND service = ? AND to_ms IS NOT NULL ORDER BY to_ms DESC LIMIT -1 OFFSET ?)""",
            (*place, MOST_OF_SERVICE),
        )


def pods_of(found: Slice | None) -> set[tuple[str, str]]:
    """The pods behind a slice, each by name and uid."""
    return set(found.pods) if found is not None else set()
