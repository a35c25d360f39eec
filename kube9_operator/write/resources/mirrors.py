"""Mirror pods: events about a static pod are of one object, whichever of its two uids they name. Owns the table mirror_pods."""

from kube9_operator.model.resource_states import Pod
from kube9_operator.write.events import unite
from kube9_operator.write.events.names import Names
from kube9_operator.write.sqlite.database import Connection

POD = "Pod"


class Mirrors:
    """Works in the transaction that the caller holds. A few for each node of the control plane; they are kept in memory too."""

    def __init__(self, connection: Connection, names: Names, quiet_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._names = names
        self._quiet_ms = quiet_ms
        self._is_read = False

    def begin(self) -> None:
        """To be called first in each transaction: reads them at first, and after a rollback."""
        if not self._is_read:
            self._names.other_uids = dict(self._execute("SELECT uid, static_uid FROM mirror_pods"))
            self._is_read = True

    def forget(self) -> None:
        """To be called after a rollback: what is in memory may not be there."""
        self._is_read = False

    def seen(self, namespace: str, name: str, uid: str, pod: Pod) -> None:
        """A pod was seen; `uid` is that by which events know it."""
        if not pod.mirror_uid or self._names.other_uids.get(pod.mirror_uid) == uid:
            return
        self._execute("INSERT OR REPLACE INTO mirror_pods VALUES (?, ?, NULL)", (pod.mirror_uid, uid))
        self._names.other_uids[pod.mirror_uid] = uid
        unite.objects(self._connection, (name, POD, namespace), pod.mirror_uid, uid, self._quiet_ms)

    def gone(self, pod: Pod, now_ms: int) -> None:
        """A pod is gone; Events about it may still come."""
        if pod.mirror_uid:
            self._execute("UPDATE mirror_pods SET gone_ms = ? WHERE uid = ?", (now_ms, pod.mirror_uid))

    def forget_gone(self, before_ms: int) -> None:
        """Forgets those that have gone so long ago that no Event about them can come."""
        sql = "DELETE FROM mirror_pods WHERE gone_ms < ? RETURNING uid"
        for (uid,) in self._execute(sql, (before_ms,)).fetchall():
            self._names.other_uids.pop(str(uid), None)
