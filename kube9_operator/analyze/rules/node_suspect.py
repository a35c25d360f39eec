"""Many pods of different owners that fail alike on one node, while one of the owners is well elsewhere."""

from collections.abc import Collection, Iterator

from kube9_operator.analyze import failures, found
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import CANNOT_START, EVICTED, MEMORY, MOUNT, REJECTED, SANDBOX, Failure
from kube9_operator.analyze.model import EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, densest
from kube9_operator.analyze.wording import clock, listed, named
from kube9_operator.model.resource_states import Node

RULE = "node-suspect"
FAILS = (SANDBOX, MOUNT, EVICTED, REJECTED, MEMORY, CANNOT_START)
"""What a node does to pods. That pods crash says nothing about their node, even if it is not ready."""
WORDS = {
    SANDBOX: "pod sandboxes cannot be created",
    MOUNT: "volumes cannot be mounted",
    EVICTED: "the kubelet evicts pods",
    REJECTED: "the kubelet rejects pods",
    CANNOT_START: "containers cannot start",
    failures.KILLED: "containers without a memory limit are killed for memory",
}
CORDONED, UNCORDONED, READY, REMOVED, SHUTDOWN = "NodeCordoned", "NodeUncordoned", "NodeReady", "NodeRemoved", "Shutdown"
LEAVES = (CORDONED, REMOVED, SHUTDOWN)
"""What takes a node away."""


def node_suspect(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each node and class of failure."""
    groups: dict[tuple[str, str], list[Failure]] = {}
    for one in failures.failures(window.records, FAILS):
        # The event of a restart does not say whether there is a limit; that of the kill before it does.
        is_at_limit = one.kind == MEMORY and (one.retold or one.record.metadata.get("memory_limit"))
        if one.record.node and not is_at_limit:
            groups.setdefault((one.record.node, one.cause), []).append(one)
    comings = _comings(window)
    for (name, cause), group in sorted(groups.items()):
        node = Ref(kind="Node", name=name)
        if _is_many(thresholds, group) and not _leaves(window, node, comings.get(name, [])):
            yield from _of_node(window, thresholds, node, cause, failures.spell(group, window.now_ms))


def _of_node(window: Window, thresholds: Thresholds, node: Ref, cause: str, group: list[Failure]) -> Iterator[Finding]:
    burst = _burst(thresholds, group)
    owners = sorted({one.record.owner for one in burst}, key=lambda ref: (ref.namespace, ref.name))
    healthy = _healthy_elsewhere(window, node, cause, owners)
    if not _is_many(thresholds, burst) or not healthy:
        return
    first_ms = min(one.first_ms for one in group)
    others = _said_by_node(window, node, first_ms - thresholds.node_within_s * SECOND_MS)
    who = f"{len(failures.pods(group))} pods of {listed([ref.name for ref in owners])}"
    said = "; ".join(sorted({one.title for one in others})[:3])
    runs = "runs" if len(healthy) == 1 else "run"
    yield Finding(
        rule=RULE,
        owner=node,
        cause=cause,
        severity=found.worst(one.record for one in group),
        title=f"{named(node)}: {WORDS[cause]}, for several workloads",
        text=f"{who} have failed on {named(node)} since {clock(first_ms)}: {WORDS[cause]}. "
        f"On other nodes {listed([ref.name for ref in healthy])} {runs} without that"
        f"{f'; the node itself reports {said}' if said else ''}.",
        recommendation=f"Keep new pods away while you look: kubectl cordon {node.name}; kubectl describe node {node.name}.",
        object=node,
        evidence=found.evidence(EFFECT, [*(one.record for one in group), *others]),
        figures={"pods": len(failures.pods(group)), "owners": len(owners), "healthy_elsewhere": [ref.name for ref in healthy]},
        first_ms=first_ms,
        last_ms=found.last_ms(window, group),
        ended=found.ended(window, node, recovered=False),
        unknown=missing(window, OF_PODS, first_ms, window.now_ms),
    )


def _said_by_node(window: Window, node: Ref, since_ms: int) -> list[Record]:
    """Problems of the node itself at that time."""
    mine = [one for one in window.records if one.object == node and one.severity != "info"]
    return [one for one in mine if one.ongoing or one.last_ms >= since_ms]


def _burst(thresholds: Thresholds, group: list[Failure]) -> list[Failure]:
    """The failures of the fullest time of this length, counted by pods."""
    within_ms = thresholds.node_within_s * SECOND_MS
    first: dict[Ref, int] = {}
    for one in group:
        first.setdefault(one.record.object, one.first_ms)
    _, begin_ms = densest(sorted(first.values()), within_ms)
    return [one for one in group if one.first_ms <= begin_ms + within_ms and one.last_ms >= begin_ms]


def _is_many(thresholds: Thresholds, group: list[Failure]) -> bool:
    owners = {one.record.owner for one in group}
    return len(failures.pods(group)) >= thresholds.node_pods and len(owners) >= thresholds.node_owners


def _healthy_elsewhere(window: Window, node: Ref, cause: str, owners: list[Ref]) -> list[Ref]:
    """Those of the owners that have a running pod on another node, and no such failure there."""
    found = []
    for owner in owners:
        elsewhere = [(ref, pod) for ref, pod in window.states.pods_of(owner) if pod.node and pod.node != node.name]
        records = [one for one in window.records if one.owner == owner and one.node != node.name]
        if elsewhere and failures.run_clean(elsewhere, [cause], records):
            found.append(owner)
    return found


def _comings(window: Window) -> dict[str, list[Record]]:
    """What was recorded of nodes that leave and come back, by the name of the node, in the order of time."""
    found: dict[str, list[Record]] = {}
    for record in sorted(window.records, key=lambda one: (one.last_ms, one.id)):
        if record.object.kind == "Node" and not record.object.group and record.reason in (*LEAVES, UNCORDONED, READY):
            found.setdefault(record.object.name, []).append(record)
    return found


def _leaves(window: Window, node: Ref, comings: list[Record]) -> bool:
    """Whether a node is cordoned, shuts down, or was removed."""
    state = window.states.of(node)
    if isinstance(state, Node):  # a shutdown does not cordon it
        return state.unschedulable or _latest(comings, (SHUTDOWN, READY)) == SHUTDOWN
    return _latest(comings, (*LEAVES, UNCORDONED)) in LEAVES


def _latest(comings: list[Record], reasons: Collection[str]) -> str:
    """The latest of these reasons; '' if there is none."""
    return next((one.reason for one in reversed(comings) if one.reason in reasons), "")
