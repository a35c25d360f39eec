"""What the record knows about the time of a Deployment's change: its ReplicaSets, and what its controller says."""

from collections.abc import Iterable

from kube9_operator.model.changes import Scaling
from kube9_operator.write.events import stored
from kube9_operator.write.events.store import Store
from kube9_operator.write.resources.detect.dating import TOLERANCE_MS, Window
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.sqlite.database import Connection, one, rows

MOST_REPLICASETS = 100
"""A Deployment keeps ten by default (revisionHistoryLimit)."""


MOST_SCALINGS = 10_000
LIKE = "namespace = ? AND name = ? AND uid = ? AND replicas_after = ? AND replicas_before IN (?, -1)"
RANGES = """SELECT e.id, e.first_ms, e.last_ms, t.metadata FROM objects o JOIN words k ON k.id = o.kind
    JOIN words n ON n.id = o.namespace JOIN events e ON e.object = o.id JOIN texts t ON t.event = e.id
    JOIN words r ON r.id = e.reason
    WHERE o.name = ? AND k.word = 'Deployment' AND n.word = ? AND o.uid = ? AND o.api_group = 0 AND r.word = 'DeploymentScaled'
    AND e.first_ms < e.last_ms"""
"""Changes of a Deployment's number of replicas that happened at an unknown moment."""


class Evidence:
    """Works in the transaction of its caller. Owns the table scalings."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._store = store

    def replicasets_ms(self, observed: Observed, window: Window) -> list[int]:
        """When the Deployment's ReplicaSets were created that came in this time; none if its present one is older.

        A rollback takes up an old ReplicaSet, whose creation says nothing about when.
        """
        found = [
            state
            for (blob,) in rows(
                self._connection,
                "SELECT state FROM states WHERE source = 'replicasets' AND namespace = ? AND name >= ? AND name < ? LIMIT ?",
                (observed.namespace, f"{observed.name}-", f"{observed.name}.", MOST_REPLICASETS),
            )
            if (state := stored.state("replicasets", blob)).owner is not None and state.owner.uid == observed.uid
        ]
        present = max(found, key=lambda state: state.revision, default=None)
        if present is None or not window.holds(present.created_ms):
            return []
        return [state.created_ms for state in found if window.holds(state.created_ms)]

    def scaled_ms(self, observed: Observed, before: int, after: int, since_ms: int) -> list[int]:
        """When Events of the deployment controller say that the Deployment was scaled like this."""
        found = rows(
            self._connection,
            f"SELECT at_ms FROM scalings WHERE {LIKE} AND at_ms >= ?",  # noqa: S608
            (observed.namespace, observed.name, observed.uid, after, before, since_ms - TOLERANCE_MS),
        )
        return [at_ms for (at_ms,) in found]

    def add(self, scalings: Iterable[Scaling]) -> None:
        """Keeps when Deployments were scaled, as far as they are known. Dates changes that have a range until now."""
        known = [each for each in scalings if self._is_known(each)]
        for each in known:
            values = (each.namespace, each.name, each.uid, each.at_ms, each.after, each.before)
            self._connection.execute("INSERT OR IGNORE INTO scalings VALUES (?, ?, ?, ?, ?, ?)", values)
        for each in known:
            self._date(each)

    def _is_known(self, scaling: Scaling) -> bool:
        of = (scaling.namespace, scaling.name, scaling.uid)
        sql = "SELECT 1 FROM states WHERE source = 'deployments' AND namespace = ? AND name = ? AND uid = ?"
        return one(self._connection, sql, of) is not None

    def _date(self, scaling: Scaling) -> None:
        """Dates the changes that only this scaling can have been."""
        for event, first_ms, last_ms, encoded in rows(self._connection, RANGES, (scaling.name, scaling.namespace, scaling.uid)):
            metadata = stored.metadata(encoded)
            begin_ms, end_ms = first_ms - TOLERANCE_MS, last_ms + TOLERANCE_MS
            if metadata.pop("noticed_at", None) is None or not begin_ms <= scaling.at_ms <= end_ms:
                continue
            figures = metadata.get("new_replicas"), metadata.get("previous_replicas")
            times = rows(
                self._connection,
                f"SELECT at_ms FROM scalings WHERE {LIKE} AND at_ms BETWEEN ? AND ?",  # noqa: S608
                (scaling.namespace, scaling.name, scaling.uid, *figures, begin_ms, end_ms),
            )
            if times == [(scaling.at_ms,)]:
                self._store.date(event, min(max(scaling.at_ms, first_ms), last_ms), metadata)

    def forget(self, before_ms: int) -> None:
        """Forgets scalings that are so old that no change is dated by them any more, and the oldest of too many."""
        self._connection.execute("DELETE FROM scalings WHERE at_ms < ?", (before_ms,))
        self._connection.execute(
            "DELETE FROM scalings WHERE at_ms < (SELECT at_ms FROM scalings ORDER BY at_ms DESC LIMIT 1 OFFSET ?)",
            (MOST_SCALINGS,),
        )
