"""Who controls the objects that events are about, and what is said of claims and autoscalers: from states, never by asking.

Owns objects.owner and the tables departed and controllers.
"""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import KINDS, SOURCES, Owner
from kube9_operator.write.events import stored
from kube9_operator.write.events.names import Names
from kube9_operator.write.sqlite.database import Connection, one

OWNED = frozenset(("pods", "replicasets", "jobs", "cronjobs", "deployments", "statefulsets", "daemonsets"))
"""Sources whose states have an owner."""
WITHOUT_NAMESPACE = frozenset(("Node", "Namespace", "PersistentVolume"))
"""Kinds that may own objects in namespaces and are in none themselves."""

_OBJECT = """SELECT o.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid IN (?, '') AND o.api_group = 0"""
_owner = msgspec.msgpack.Decoder(Owner)


class Owners:
    """Works in the transaction that the caller holds."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._names = names

    def adopt(self) -> None:
        """To be called last in each transaction: finds the owners of the objects that are new, and theirs, as far as known."""
        if not self._names.new:
            return
        if one(self._connection, "SELECT 1 FROM states UNION ALL SELECT 1 FROM departed LIMIT 1") is None:
            self._names.new.clear()
        while self._names.new:
            number = self._names.new.pop()
            row = one(
                self._connection,
                """SELECT k.word, n.word, o.name, o.uid FROM objects o JOIN words k ON k.id = o.kind
                JOIN words n ON n.id = o.namespace WHERE o.id = ? AND o.api_group = 0""",
                (number,),
            )
            owner = self._owner(*row) if row is not None else None
            if row is not None and owner is not None:
                self._set(number, row[1], owner)

    def learned(self, source: str, namespace: str, name: str, uid: str, owner: Owner) -> None:
        """An object has an owner: if an event is about it, or about what it owns, that is kept with it."""
        found: list[tuple[Any, ...]] = self._execute(
            _OBJECT + " AND o.owner IS NULL", (name, KINDS[source], namespace, uid)
        ).fetchall()
        for (number,) in found:
            self._set(number, namespace, owner)

    def departed(self, uid: str, owner: Owner, now_ms: int) -> None:
        """An object is gone; Events about it may still come."""
        self._execute("INSERT OR REPLACE INTO departed VALUES (?, ?, ?)", (uid, msgspec.msgpack.encode(owner), now_ms))

    def forget_departed(self, before_ms: int) -> None:
        """Forgets owners of what has gone so long ago that no Event about it can come."""
        self._execute("DELETE FROM departed WHERE gone_ms < ?", (before_ms,))

    def befell(self, seen: Observation, event: int) -> None:
        """Of an event about a quota: keeps whose creations it stopped."""
        if seen.row != rows.QUOTA_EXCEEDED.name:
            return
        controller = msgspec.json.decode(seen.metadata).get("controller")
        if isinstance(controller, dict) and controller.get("name"):
            found = Owner(*(str(controller.get(key) or "") for key in ("kind", "name", "uid", "api_version")))
            self._execute("INSERT OR REPLACE INTO controllers VALUES (?, ?)", (event, self._number(seen.namespace, found)))

    def _owner(self, kind: str, namespace: str, name: str, uid: str) -> Owner | None:
        """Who owns an object, by its state, or by what was kept of it when it went."""
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

    def _set(self, number: int, namespace: str, owner: Owner) -> None:
        self._execute("UPDATE objects SET owner = ? WHERE id = ?", (self._number(namespace, owner), number))

    def _number(self, namespace: str, owner: Owner) -> int:
        """The number of an owner; one that is new is adopted in its turn."""
        api = self._names.api(namespace, owner.kind, owner.api_version)
        alone = owner.kind in WITHOUT_NAMESPACE and not api.group
        words = self._names.word_of(namespace, owner.kind), self._names.word("" if alone else namespace)
        uid = "" if owner.kind == "Node" and not api.group else owner.uid
        number, _ = self._names.about(*words, owner.name, uid, api)
        return number
