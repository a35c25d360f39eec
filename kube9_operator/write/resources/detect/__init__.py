"""Finds what changed between the stored state of an object and the new one. Pure: no clock, no I/O, no SQL."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.model.observation import Observation
from kube9_operator.write.resources.detect import argocd, claims, cluster, config_maps, existence, flux, pods, workloads
from kube9_operator.write.resources.detect.observed import Lives, Observed

Compare = Callable[[Observed, Any, Any], list[Observation]]
"""Observations of the difference between an object as it was (None: not stored) and as it is (None: gone)."""

COMPARE: dict[str, Compare] = {
    "nodes": cluster.of_node,
    "namespaces": cluster.of_namespace,
    "deployments": workloads.of_workload,
    "statefulsets": workloads.of_workload,
    "daemonsets": workloads.of_workload,
    "cronjobs": workloads.of_cronjob,
    "services": existence.of_service,
    "pods": pods.of_pod,
    "configmaps": config_maps.of_config_map,
    "applications": argocd.of_application,
    "kustomizations": flux.of_reconciled,
    "helmreleases": flux.of_reconciled,
}
"""The comparison for each source. Endpoints are compared for their service, see `endpoints`."""

ONGOING: dict[str, Callable[[Any], dict[int, int]]] = {
    "nodes": cluster.ongoing_in_node,
    "deployments": workloads.ongoing_in_workload,
    "pods": pods.ongoing_in_pod,
    "persistentvolumeclaims": claims.ongoing_in_claim,
}
"""For each source with ongoing problems: their keys in a state, and since when they last, in ms (0: not known)."""


EXISTENCE = ("deployments", "statefulsets", "daemonsets", "cronjobs", "services")
"""The sources whose objects are recorded when they are created and deleted, besides nodes and namespaces."""


class Waits(NamedTuple):
    """A state that is only recorded if it lasts longer than `EVENT_WAIT_MINUTES`."""

    since: Callable[[Any], int]
    """Since when an object in this state waits at the earliest, in ms; 0 if it does not."""
    goes_on: Callable[[Any], bool]
    """Whether an object that has waited until now still does."""
    observation: Callable[[Observed, Any, int], Observation]
    """The observation of an object that has waited since then."""


WAITS: dict[str, Waits] = {
    "nodes": Waits(cluster.waits_of_node, cluster.is_not_ready, cluster.never_ready),
    "persistentvolumeclaims": Waits(claims.waits_of_claim, claims.is_waiting, claims.waiting_claim),
}
"""For each source whose objects may wait."""


def waits_since(observed: Observed, previous: Any, current: Any) -> int:
    """Since when an object waits, in ms; 0 if it does not.

    An object that did not wait a moment ago waits from now on. So does a claim that waited for its first pod: nobody knows when
    the pod came.
    """
    waits = WAITS.get(observed.source)
    since_ms = waits.since(current) if waits is not None and current is not None else 0
    if not since_ms or waits is None:
        return 0
    had_begun = previous is None or waits.since(previous)
    return since_ms if had_begun and not (observed.source == "persistentvolumeclaims" and current.node) else observed.now_ms


def compare(observed: Observed, previous: Any, current: Any, lives: Lives) -> list[Observation]:
    """Observations of the difference between two reduced states of one object, either of which may be None.

    If the uid has changed, call this twice: first the old object is gone, then the new one was not stored.
    """
    compare_states = COMPARE.get(observed.source)
    if compare_states is None:
        return []
    found = compare_states(observed, previous, current)
    return [one for one in found if one.last_ms >= observed.now_ms - lives.of(one.severity)]


def ongoing(source: str, state: Any) -> dict[int, int]:
    """The keys of the ongoing problems in a reduced state (None: not stored, or gone), and since when, in ms (0: not known)."""
    ongoing_in = ONGOING.get(source)
    return ongoing_in(state) if ongoing_in is not None and state is not None else {}


def ended_ms(source: str, state: Any, key: int) -> int:
    """When the problem of this key ended according to the state, in ms; 0 if the state does not say it."""
    return cluster.ended_in_node(state, key) if source == "nodes" and state is not None else 0
