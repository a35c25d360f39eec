"""How many endpoints a service should have: the replicas of the workloads behind it. It only reads."""

from typing import Any, NamedTuple

from kube9_operator.model.resource_states import SOURCES, Service, Workload
from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect.endpoints import WINDOW_MS
from kube9_operator.write.resources.owners import Owners
from kube9_operator.write.resources.service_pods import ServicePods
from kube9_operator.write.sqlite.database import Connection, one

WORKLOADS = ("deployments", "statefulsets", "daemonsets")
MOST_PODS = 50
"""Pods whose owners are looked up."""
MOST_OWNERS = 4
_ONE = "SELECT state FROM states WHERE source = ? AND namespace = ? AND name = ?"

Place = tuple[str, str]
"""Source and name of a workload."""


class Owning(NamedTuple):
    """The owners of a service's pods."""

    workloads: dict[Place, Workload]
    """Those that are there."""
    are_gone: bool
    """Every pod is, or was, that of a workload, and none of these workloads is left."""


class Wanted:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, owners: Owners, pods: ServicePods) -> None:
        self._connection = connection
        self._owners = owners
        self._pods = pods

    def replicas(self, namespace: str, service: str, since_ms: int) -> int | None:
        """How many pods the workloads behind a service want; `since_ms` is when the service lost endpoints.

        A workload that is gone, or is being deleted, wants none. The result is None if the number is not known: no workload
        owns the pods, or a DaemonSet does, whose controller wants no pod on a node that is lost.
        """
        owning = self._owning(namespace, service, since_ms)
        found = self._selected(namespace, service) | owning.workloads
        if not found:
            found = self._namesakes(namespace, service)
        if not found:
            return 0 if owning.are_gone else None
        if any(source == "daemonsets" for source, _ in found) and self._nodes_are_missing():
            return None
        return sum(state.replicas for state in found.values() if not state.deleting_since_ms)

    def _selected(self, namespace: str, service: str) -> dict[Place, Workload]:
        """The workloads whose pods have the labels that the service selects."""
        selector = self._selector(namespace, service)
        if not selector:
            return {}
        found = {}
        for source in WORKLOADS:
            rows = self._connection.execute(
                "SELECT name, state FROM states WHERE source = ? AND namespace = ?", (source, namespace)
            )
            for name, blob in rows:
                state = stored.state(source, blob)
                if selector.items() <= state.labels.items():
                    found[source, name] = state
        return found

    def _owning(self, namespace: str, service: str, since_ms: int) -> Owning:
        """The workloads that own the pods behind the service, or those that left it lately."""
        workloads: dict[Place, Workload] = {}
        gone = others = 0
        for pod, uid in self._pods.left((namespace, service), since_ms - WINDOW_MS, MOST_PODS):
            place = self._workload(namespace, pod or self._name(namespace, uid), uid)
            state = self._state(place[0], namespace, place[1]) if place is not None else None
            if place is None or (state is None and not self._is_listed(place[0])):
                others += 1
            elif state is None:
                gone += 1
            else:
                workloads[place] = state
        return Owning(workloads, bool(gone) and not others)

    def _workload(self, namespace: str, pod: str, uid: str) -> Place | None:
        """The workload that owns a pod; None for a pod without an owner, or with one of another kind."""
        kind, name = "Pod", pod
        for _ in range(MOST_OWNERS):
            owner = self._owners.of(kind, namespace, name, uid)
            if owner is None or owner.api_version:
                return None
            kind, name, uid = owner.kind, owner.name, owner.uid
            source = SOURCES.get(kind, "")
            if source in WORKLOADS:
                return source, name
        return None

    def _is_listed(self, source: str) -> bool:
        """Whether all objects of a source are known, so that one that is not stored is gone."""
        return one(self._connection, "SELECT 1 FROM baselines WHERE source = ?", (source,)) is not None

    def _name(self, namespace: str, uid: str) -> str:
        """The name of a pod if an endpoint has only its uid."""
        row = one(
            self._connection,
            "SELECT name FROM states WHERE source = 'pods' AND namespace = ? AND uid = ?",
            (namespace, uid),
        )
        return str(row[0]) if row is not None else ""

    def _namesakes(self, namespace: str, service: str) -> dict[Place, Workload]:
        """Workloads with the name of the service, if nothing says what the service selects."""
        if self._selector(namespace, service):
            return {}
        known = {(source, service): self._state(source, namespace, service) for source in WORKLOADS}
        return {place: state for place, state in known.items() if state is not None}

    def _selector(self, namespace: str, service: str) -> dict[str, str]:
        state: Service | None = self._state("services", namespace, service)
        return state.selector if state is not None else {}

    def _state(self, source: str, namespace: str, name: str) -> Any:
        row = one(self._connection, _ONE, (source, namespace, name))
        return stored.state(source, row[0]) if row is not None else None

    def _nodes_are_missing(self) -> bool:
        rows = self._connection.execute("SELECT state FROM states WHERE source = 'nodes'")
        return any(stored.state("nodes", blob).ready != "True" for (blob,) in rows)
