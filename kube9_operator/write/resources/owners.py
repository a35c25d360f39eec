"""Owners of the objects that events are about. They come from states; the API server is never asked.

Owns objects.owner and the tables departed and controllers.
"""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import KINDS, SOURCES, Owner
from kube9_operator.write.events import stored
from kube9_operator.write.events.filing import Filing
from kube9_operator.write.events.names import Named, Names
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Participant, Session

OWNED = frozenset(("pods", "replicasets", "jobs", "cronjobs", "deployments", "statefulsets", "daemonsets"))
"""Sources whose states have an owner."""
WITHOUT_NAMESPACE = frozenset(("Node", "Namespace", "PersistentVolume"))
"""Kinds that are in no namespace themselves, and may own objects in one."""

_OBJECT = """SELECT o.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid IN (?, '') AND o.api_group = 0"""
_owner = msgspec.msgpack.Decoder(Owner)


class Owners(Participant):
    """Finds the owners of new objects before each commit; the rest works in the transaction of its caller."""

    def __init__(self, session: Session, names: Names, filing: Filing) -> None:
        self._connection = session.connection
        self._execute = session.connection.execute
        self._names = names
        self._filing = filing
        self._may_know = False
        """Whether an owner may be known."""
        names.added = self.object_added
        session.register(self, first=True)  # before the changes of problems are stored

    def begin(self, _now_ms: int) -> None:
        """Looks again whether owners are known."""
        self._may_know = False

    def before_commit(self) -> None:
        """Finds the owners of the objects that are new, and the owners of these, as far as they are known."""
        while (number := self._names.take_new_object()) is not None:
            if self._find(number):
                self._filing.rooted(number)

    def object_added(self, number: int, named: Named) -> int | None:
        """Stores the owner of a new object if it is known by now, so that the first event of the object is filed by it.

        Otherwise it becomes known with a state. Returns the owner's number, or None.
        """
        self._names.take_back(number)
        if named.group or not self._knows_owners():
            return None
        owner = self.of(named.kind, named.namespace, named.name, self._names.other_uids.get(named.uid, named.uid))
        return None if owner is None else self._set(number, named.namespace, owner)

    def _find(self, number: int) -> bool:
        """Stores the owner of an object without one, if it is known. Says whether it is."""
        row = self._knows_owners() and one(
            self._connection,
            """SELECT k.word, n.word, o.name, o.uid FROM objects o JOIN words k ON k.id = o.kind
            JOIN words n ON n.id = o.namespace WHERE o.id = ? AND o.owner IS NULL AND o.api_group = 0""",
            (number,),
        )
        owner = self.of(*row) if row else None
        if row and owner is not None:
            self._set(number, row[1], owner)
            return True
        return False

    def _knows_owners(self) -> bool:
        """Whether any owner may be known."""
        if not self._may_know:
            sql = "SELECT 1 FROM states UNION ALL SELECT 1 FROM departed LIMIT 1"
            self._may_know = one(self._connection, sql) is not None
        return self._may_know

    def owner_found(self, source: str, namespace: str, name: str, uid: str, owner: Owner) -> None:
        """Stores the owner of an object, if an event is about the object or about something that it owns."""
        found: list[tuple[Any, ...]] = self._execute(
            _OBJECT + " AND o.owner IS NULL", (name, KINDS[source], namespace, uid)
        ).fetchall()
        for (number,) in found:
            self._set(number, namespace, owner)
            self._filing.rooted(number)

    def object_gone(self, uid: str, owner: Owner, now_ms: int) -> None:
        """Keeps the owner of an object that is gone, because Events about it may still come."""
        self._execute("INSERT OR REPLACE INTO departed VALUES (?, ?, ?)", (uid, msgspec.msgpack.encode(owner), now_ms))

    def forget_gone(self, before_ms: int) -> None:
        """Forgets owners of objects that went so long ago that no Event about them can come."""
        self._execute("DELETE FROM departed WHERE gone_ms < ?", (before_ms,))

    def event_stored(self, observation: Observation, event: int) -> None:
        """Stores the controller that a quota stopped, for an event about a quota."""
        if observation.row != rows.QUOTA_EXCEEDED.name:
            return
        controller = msgspec.json.decode(observation.metadata).get("controller")
        if isinstance(controller, dict) and controller.get("name"):
            found = Owner(*(str(controller.get(key) or "") for key in ("kind", "name", "uid", "api_version")))
            self._execute(
                "INSERT OR REPLACE INTO controllers VALUES (?, ?)", (event, self._number(observation.namespace, found))
            )
            self._filing.file((event,))

    def of(self, kind: str, namespace: str, name: str, uid: str) -> Owner | None:
        """The owner of an object, from its state, or from what was kept when the object went."""
        source = SOURCES.get(kind, "")
        if source not in OWNED:
            return None
        row: tuple[Any, ...] | None = one(
            self._connection,
            "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?",
            (source, namespace, name),
        )
        if row is not None and uid in ("", row[0]):
            owner: Owner | None = stored.state(source, row[1]).owner
            return owner
        row = one(self._connection, "SELECT owner FROM departed WHERE uid = ?", (uid,)) if uid else None
        return stored.decoded(_owner, row[0]) if row is not None else None

    def _set(self, number: int, namespace: str, owner: Owner) -> int:
        of = self._number(namespace, owner)
        self._execute("UPDATE objects SET owner = ? WHERE id = ?", (of, number))
        return of

    def _number(self, namespace: str, owner: Owner) -> int:
        """The number of an owner. The owner of a new one is looked for in its turn."""
        api = self._names.api(namespace, owner.kind, owner.api_version)
        alone = owner.kind in WITHOUT_NAMESPACE and not api.group
        words = self._names.word_of(namespace, owner.kind), self._names.word("" if alone else namespace)
        uid = "" if owner.kind == "Node" and not api.group else owner.uid
        about = self._names.about(*words, owner.name, uid, api)
        if about.is_new:
            self.object_added(about.number, Named(owner.kind, "" if alone else namespace, owner.name, uid, api.group))
        return about.number
