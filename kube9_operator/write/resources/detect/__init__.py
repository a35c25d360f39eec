"""What changed: from the state that is kept and the one that was seen to observations. Pure: no clock, no I/O, no SQL."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.model.observation import Observation
from kube9_operator.write.resources.detect import claims, cluster, pods, workloads
from kube9_operator.write.resources.detect.observed import Lives, Seen

Compare = Callable[[Seen, Any, Any], list[Observation]]
"""Of an object as it was (None: not kept) and as it is (None: gone) what is worth recording."""

COMPARE: dict[str, Compare] = {
    "nodes": cluster.of_node,
    "namespaces": cluster.of_namespace,
    "deployments": workloads.of_workload,
    "statefulsets": workloads.of_workload,
    "daemonsets": workloads.of_workload,
    "pods": pods.of_pod,
}
"""Of each source whose changes are told; those of endpoints are told of their service, see `endpoints`."""

LASTING: dict[str, Callable[[Any], dict[int, int]]] = {
    "nodes": cluster.lasting_of_node,
    "deployments": workloads.lasting_of_workload,
    "pods": pods.lasting_of_pod,
    "persistentvolumeclaims": claims.lasting_of_claim,
}
"""Of each source with states that go on: of a state the keys of what lasts in it, and since when in ms (0: not known)."""


class Waits(NamedTuple):
    """What is only told when it has lasted for the time of `EVENT_WAIT_MINUTES`."""

    since: Callable[[Any], int]
    """Of a state since when it waits at the earliest, in ms; 0 where it does not."""
    goes_on: Callable[[Any], bool]
    """Whether an object that has waited until now still does."""
    told: Callable[[Seen, Any, int], Observation]
    """What is told of a state that has waited since then."""


WAITS: dict[str, Waits] = {
    "nodes": Waits(cluster.waits_of_node, cluster.is_not_ready, cluster.never_ready),
    "persistentvolumeclaims": Waits(claims.waits_of_claim, claims.is_waiting, claims.waiting_claim),
}
"""Of each source whose objects may wait."""


def waits_since(seen: Seen, previous: Any, current: Any) -> int:
    """Since when an object waits, in ms; 0 where it does not.

    One that did not wait a moment ago waits from now on. So does a claim that waited for its first pod, of which nobody knows
    when that came.
    """
    waits = WAITS.get(seen.source)
    since_ms = waits.since(current) if waits is not None and current is not None else 0
    if not since_ms or waits is None:
        return 0
    had_begun = previous is None or waits.since(previous)
    return since_ms if had_begun and not (seen.source == "persistentvolumeclaims" and current.node) else seen.now_ms


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


def ended_ms(source: str, state: Any, key: int) -> int:
    """When what lasted under this key has ended by the state's own account, in ms; 0 where it does not say so."""
    return cluster.ended_of_node(state, key) if source == "nodes" and state is not None else 0
