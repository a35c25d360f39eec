"""What the record knows about the time of a Deployment's change: its ReplicaSets, and Events of its controller."""

from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect import scaling
from kube9_operator.write.resources.detect.dating import Window
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.sqlite.database import Connection, rows

MOST_REPLICASETS = 100
"""A Deployment keeps ten by default (revisionHistoryLimit)."""


class Evidence:
    """Reads what is stored, in the transaction of its caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        """When recorded Events say that the Deployment was scaled like this. They are recorded only if a setting says so."""
        found = rows(
            self._connection,
            """SELECT e.last_ms, t.description FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
            JOIN events e ON e.object = o.id JOIN texts t ON t.event = e.id JOIN words r ON r.id = e.reason
            WHERE o.name = ? AND k.word = 'Deployment' AND n.word = ? AND o.uid = ? AND r.word = 'ScalingReplicaSet'
            AND e.last_ms >= ?""",
            (observed.name, observed.namespace, observed.uid, since_ms),
        )
        said = [(at_ms, scaling.replicas(message or "")) for at_ms, message in found]
        return [at_ms for at_ms, figures in said if figures in ((before, after), (None, after))]
