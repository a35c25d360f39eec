"""What changed: from the state that is kept and the one that was seen to observations. Pure: no clock, no I/O, no SQL."""

from collections.abc import Callable
from typing import Any

from kube9_operator.model.observation import Observation
from kube9_operator.write.resources.detect import cluster, config_maps, pods, workloads
from kube9_operator.write.resources.detect.observed import Lives, Seen

Compare = Callable[[Seen, Any, Any], list[Observation]]
"""Of an object as it was (None: not kept) and as it is (None: gone) what is worth recording."""

COMPARE: dict[str, Compare] = {
    "nodes": cluster.of_node,
    "namespaces": cluster.of_namespace,
    "deployments": workloads.of_workload,
    "statefulsets": workloads.of_workload,
    "daemonsets": workloads.of_workload,
    "cronjobs": workloads.of_cronjob,
    "pods": pods.of_pod,
    "configmaps": config_maps.of_config_map,
}
"""Of each source whose changes are told; those of endpoints are told of their service, see `endpoints`."""

LASTING: dict[str, Callable[[Any], dict[int, int]]] = {
    "nodes": cluster.lasting_of_node,
    "deployments": workloads.lasting_of_workload,
    "pods": pods.lasting_of_pod,
}
"""Of each source with states that go on: of a state the keys of what lasts in it, and since when in ms (0: not known)."""


def compare(seen: Seen, previous: Any, current: Any, lives: Lives) -> list[Observation]:
    """What is worth recording of the difference between two reduced states of one object, either of which may be None.

    Two that are not of one uid are to be given one after the other: the old one as gone, the new one as not kept.
    """
    told = COMPARE.get(seen.source)
    if told is None:
        return []
    found = told(seen, previous, current)
    return [one for one in found if one.last_ms >= seen.now_ms - lives.of(one.severity)]


def lasting(source: str, state: Any) -> dict[int, int]:
    """Of a reduced state (None: not kept, or gone) the keys of what lasts in it, and since when, in ms (0: not known)."""
    told = LASTING.get(source)
    return told(state) if told is not None and state is not None else {}


def ended_ms(source: str, state: Any) -> int:
    """When what lasted has ended by the state's own account, in ms; 0 where it does not say so."""
    return state.ready_since_ms if source == "nodes" and state is not None else 0
