"""What is known of objects now: the stored states of resources, as rules ask for them."""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from kube9_cli.query.connection import TEXT, Database, Types
from kube9_operator.model.ref import Ref
from kube9_operator.model.resource_states import SOURCES, Pod, Reduced, ReplicaSet, Slice, decode

MOST = 1_000
"""Pods of one owner."""
AT_ONCE = 500
GENERATED_FROM = 58
"""Of a generated name so many characters are those of the owner's name with a hyphen: names.go in k8s.io/apiserver."""
AFTER_HYPHEN = "."
"""The character after the hyphen, so that a range of names is one of the index."""

ONE = "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?"
RANGE = """SELECT name, uid, state FROM states WHERE source = ? AND namespace = ? AND name > ? AND name < ?
    ORDER BY name LIMIT ?"""
UID_AND_STATE: Types = (TEXT, (bytes,))
NAMED: Types = (TEXT, TEXT, (bytes,))

Of = TypeVar("Of", bound=Reduced)


class StoredStates:
    """Reads from one database. What it has read is remembered until `forget`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str, str], tuple[str, Reduced | None]] = {}
        self._watched: set[str] | None = None

    def forget(self) -> None:
        """Forgets what was read: another look begins."""
        self._known.clear()
        self._watched = None

    def of(self, ref: Ref) -> Reduced | None:
        """The state of an object; None if none is stored under this name and uid."""
        source = self._source(ref)
        if not source:
            return None
        uid, state = self._one(source, ref.namespace, ref.name)
        return state if not ref.uid or uid == ref.uid else None

    def is_gone(self, ref: Ref) -> bool:
        """Whether the object does not exist any more: its kind is watched completely, and has no such name, or another uid."""
        source = self._source(ref)
        if source not in self._complete():
            return False
        uid, _ = self._one(source, ref.namespace, ref.name)
        return not uid or (bool(ref.uid) and uid != ref.uid)

    def pods_of(self, owner: Ref) -> list[tuple[Ref, Pod]]:
        """The pods of a top owner that exist, in the order of their names."""
        found: list[tuple[Ref, Pod]] = []
        for name, uid, state in self._named("pods", owner, Pod):
            if self._belongs(state, owner):
                found.append((Ref("Pod", "", owner.namespace, name, uid), state))
                if len(found) == MOST:
                    break
        return found

    def replicasets_of(self, deployment: Ref) -> list[tuple[Ref, ReplicaSet]]:
        """The ReplicaSets of a Deployment that exist, in the order of their revisions."""
        found = [
            (Ref("ReplicaSet", "", deployment.namespace, name, uid), state)
            for name, uid, state in self._named("replicasets", deployment, ReplicaSet)
            if state.owner is not None and state.owner.uid == deployment.uid
        ]
        return sorted(found, key=lambda one: (one[1].revision, one[1].created_ms, one[0].name))

    def pods_behind(self, service: Ref) -> list[Ref]:
        """The pods behind a service, ready or not."""
        pods = sorted({pod for piece in self._slices(service) for pod in piece.pods})
        return [Ref("Pod", "", service.namespace, name, uid) for name, uid in pods]

    def ready_endpoints(self, service: Ref) -> int:
        """How many endpoints of a service are ready."""
        return len({endpoint for piece in self._slices(service) for endpoint in piece.ready})

    def _source(self, ref: Ref) -> str:
        return "" if ref.group else SOURCES.get(ref.kind, "")

    def _complete(self) -> set[str]:
        if self._watched is None:
            sql = """SELECT b.source FROM baselines b JOIN sources s ON s.source = b.source WHERE s.unavailable IS NULL"""
            self._watched = {row[0] for row in self._database.all(sql, (), (TEXT,))}
        return self._watched

    def _one(self, source: str, namespace: str, name: str) -> tuple[str, Reduced | None]:
        key = source, namespace, name
        if key not in self._known:
            rows = self._database.all(ONE, key, UID_AND_STATE)
            self._known[key] = (rows[0][0], _decoded(source, rows[0][1])) if rows else ("", None)
        return self._known[key]

    def _named(self, source: str, owner: Ref, kind: type[Of]) -> Iterator[tuple[str, str, Of]]:
        """The states of a source whose names begin as those of what the owner owns."""
        begins = f"{owner.name}-"[:GENERATED_FROM]
        after, before = begins, begins[:-1] + chr(ord(begins[-1]) + 1) if begins else AFTER_HYPHEN
        while True:
            rows = self._database.all(RANGE, (source, owner.namespace, after, before, AT_ONCE), NAMED)
            for name, uid, blob in rows:
                state = _decoded(source, blob)
                if isinstance(state, kind):
                    yield name, uid, state
            if len(rows) < AT_ONCE:
                return
            after = rows[-1][0]

    def _belongs(self, pod: Pod, owner: Ref) -> bool:
        """Whether the owner of a pod, or the owner of that one, is this owner."""
        if pod.owner is None:
            return False
        if pod.owner.uid == owner.uid:
            return True
        source = {"ReplicaSet": "replicasets", "Job": "jobs"}.get(pod.owner.kind, "")
        if not source:
            return False
        uid, state = self._one(source, owner.namespace, pod.owner.name)
        above: Any = getattr(state, "owner", None)
        return uid == pod.owner.uid and above is not None and above.uid == owner.uid

    def _slices(self, service: Ref) -> list[Slice]:
        sql = "SELECT name FROM slices WHERE namespace = ? AND service = ? ORDER BY name LIMIT ?"
        names = [row[0] for row in self._database.all(sql, (service.namespace, service.name, AT_ONCE), (TEXT,))]
        found = [self._one("endpointslices", service.namespace, name)[1] for name in names]
        return [one for one in found if isinstance(one, Slice)]


def _decoded(source: str, blob: bytes) -> Reduced | None:
    """The state; None if another release has stored something that this one cannot read."""
    try:
        state: Reduced = decode(source, blob)
    except msgspec.MsgspecError:
        return None
    return state
