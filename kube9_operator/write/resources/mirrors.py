"""Mirror pods: events about a static pod are of one object, whichever of its two uids they name. Owns the table mirror_pods."""

from kube9_operator.model.resource_states import Pod
from kube9_operator.write.events import unite
from kube9_operator.write.events.filing import Filing
from kube9_operator.write.events.names import Names
from kube9_operator.write.sqlite.session import Participant, Session

POD = "Pod"


class Mirrors(Participant):
    """The uids of mirror pods, a few for each node of the control plane. They are in memory too, in `Names.other_uids`."""

    def __init__(self, session: Session, names: Names, filing: Filing, quiet_ms: int) -> None:
        self._connection = session.connection
        self._execute = session.connection.execute
        self._names = names
        self._filing = filing
        self._quiet_ms = quiet_ms
        self._is_read = False
        session.register(self)

    def begin(self, _now_ms: int) -> None:
        """Reads them, unless they are known."""
        if not self._is_read:
            self._names.other_uids = dict(self._execute("SELECT uid, static_uid FROM mirror_pods"))
            self._is_read = True

    def rolled_back(self) -> None:
        """They are read again by the next transaction."""
        self._is_read = False

    def savepoint_rolled_back(self) -> None:
        """They are read again by the next transaction. Until then one may be known that is not stored."""
        self._is_read = False

    def pod_found(self, namespace: str, name: str, uid: str, pod: Pod) -> None:
        """Notes a mirror pod. `uid` is the one that events use."""
        if not pod.mirror_uid or self._names.other_uids.get(pod.mirror_uid) == uid:
            return
        self._execute("INSERT OR REPLACE INTO mirror_pods VALUES (?, ?, NULL)", (pod.mirror_uid, uid))
        self._names.other_uids[pod.mirror_uid] = uid
        unite.objects(self._connection, self._filing, (name, POD, namespace), (pod.mirror_uid, uid), self._quiet_ms)

    def pod_gone(self, pod: Pod, now_ms: int) -> None:
        """Notes that a pod is gone. Events about it may still come."""
        if pod.mirror_uid:
            self._execute("UPDATE mirror_pods SET gone_ms = ? WHERE uid = ?", (now_ms, pod.mirror_uid))

    def forget_gone(self, before_ms: int) -> None:
        """Forgets pods that have been gone for so long that no Event about them can come."""
        sql = "DELETE FROM mirror_pods WHERE gone_ms < ? RETURNING uid"
        for (uid,) in self._execute(sql, (before_ms,)).fetchall():
            self._names.other_uids.pop(str(uid), None)
