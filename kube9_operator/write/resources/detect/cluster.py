"""Changes of nodes and namespaces."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Namespace, Node
from kube9_operator.write.resources.detect.conditions import key_of_condition, of_conditions, ongoing_in_conditions
from kube9_operator.write.resources.detect.dating import Known
from kube9_operator.write.resources.detect.observed import Observed, duration, observation, step

TRUE = "True"
NEVER_UPDATED = "NodeStatusNeverUpdated"
"""The node controller's reason for a node whose kubelet has never reported a status."""
BORN_MS = 5_000
"""A kubelet registers its node as not ready. Within this time that is not the loss of a ready node."""


def of_node(observed: Observed, previous: Node | None, current: Node | None) -> list[Observation]:
    """Joined, left, not ready, ready again, cordoned, uncordoned, and problems by its other conditions."""
    if current is None:
        text = f"Node {observed.name} left the cluster"
        known = Known(asserted_ms=observed.deleted_ms)
        gone = step(rows.NODE_LEFT, observed, known=known, reason="NodeRemoved", description=text, node=observed.name)
        return [gone] if previous else []
    found = []
    if previous is None and observed.whole:
        found.append(_joined(observed, current))
    if _has_left_ready(observed, previous, current):
        found.append(_not_ready(observed, previous, current))
    if previous is not None:
        found += _ready_again(observed, previous, current)
        found += _cordoned(observed, previous, current)
    return found + of_conditions(observed, previous, current)


def ongoing_in_node(state: Node) -> dict[int, int]:
    """A node that is not ready, and a condition that should be False, are ongoing problems."""
    since_ms = state.ready_since_ms if _is_lost(state) else waits_of_node(state)
    lost = {rows.key(rows.NODE_NOT_READY): since_ms} if since_ms else {}
    return lost | ongoing_in_conditions(state)


def ended_in_node(state: Node, key: int) -> int:
    """When a problem ended according to the conditions, in ms; 0 if none says it."""
    if key == rows.key(rows.NODE_NOT_READY):
        return state.ready_since_ms
    return next((one.since_ms for one in state.conditions if key_of_condition(one.type) == key), 0)


def waits_of_node(state: Node) -> int:
    """Since when a node exists that has never been ready, in ms; 0 for any other node."""
    if not is_not_ready(state) or _is_lost(state):
        return 0
    return state.created_ms or state.ready_since_ms


def is_not_ready(state: Node) -> bool:
    """Whether a node is not ready, or unknown. A node that never was ready may stop reporting too."""
    return state.ready not in ("", TRUE)


def never_ready(observed: Observed, state: Node, since_ms: int) -> Observation:
    """A node that has not become ready in the time that it has."""
    return observation(
        rows.NODE_NEVER_READY,
        observed,
        (observed.uid, "never ready", str(since_ms)),
        at_ms=since_ms,
        reason=state.ready_reason or "NodeNotReady",
        description=state.ready_message or f"Node {observed.name} has not become ready since it was created",
        metadata={"current": state.ready},
        node=observed.name,
    )


def _is_lost(state: Node) -> bool:
    """Whether a node that was ready is not ready."""
    never_was = state.ready_reason == NEVER_UPDATED or state.ready_since_ms <= state.created_ms + BORN_MS
    return is_not_ready(state) and not never_was


def _joined(observed: Observed, current: Node) -> Observation:
    return step(
        rows.NODE_JOINED,
        observed,
        at_ms=current.created_ms,
        reason="NodeAdded",
        description=f"New node {observed.name} joined the cluster",
        metadata={
            "cpu": current.cpu,
            "memory": current.memory,
            "zone": current.zone,
            "kubelet_version": current.kubelet_version,
        },
        node=observed.name,
    )


def _has_left_ready(observed: Observed, previous: Node | None, current: Node) -> bool:
    """Whether the condition has left True, now or (by its date) while nothing was watching."""
    if not _is_lost(current):
        return False
    if previous is None or previous.ready == TRUE:
        return True
    return observed.listing and previous.ready == current.ready and previous.ready_since_ms != current.ready_since_ms


def _not_ready(observed: Observed, previous: Node | None, current: Node) -> Observation:
    return observation(
        rows.NODE_NOT_READY,
        observed,
        (observed.uid, str(current.ready_since_ms)),
        at_ms=current.ready_since_ms,
        reason="NodeNotReady",
        description=current.ready_message or f"Node {observed.name} is not ready",
        metadata={
            "previous": TRUE if previous is not None and previous.ready == TRUE else "",
            "current": current.ready,
            "reason": current.ready_reason,
        },
        node=observed.name,
    )


def _ready_again(observed: Observed, previous: Node, current: Node) -> list[Observation]:
    """Ready is True again. How long it was not is known if its leaving was observed."""
    if current.ready != TRUE or (previous.ready == TRUE and current.ready_since_ms == previous.ready_since_ms):
        return []
    if previous.ready != TRUE and not _is_lost(previous):
        return []  # ready for the first time
    was_away = previous.ready != TRUE
    since_ms = observed.ongoing.get(rows.key(rows.NODE_NOT_READY), previous.ready_since_ms) if was_away else 0
    seconds = max(0, (current.ready_since_ms - since_ms) // 1000) if since_ms else None
    return [
        step(
            rows.NODE_READY,
            observed,
            at_ms=current.ready_since_ms,
            reason="NodeReady",
            description=f"Node {observed.name} is ready again"
            + (f" after {duration(seconds)}" if seconds is not None else "; it was not while nothing watched"),
            metadata={
                "previous": previous.ready if was_away else "",
                "current": current.ready,
                "not_ready_seconds": seconds,
            },
            node=observed.name,
        )
    ]


def _cordoned(observed: Observed, previous: Node, current: Node) -> list[Observation]:
    if current.unschedulable == previous.unschedulable:
        return []
    row, what = (rows.NODE_CORDONED, "cordoned") if current.unschedulable else (rows.NODE_UNCORDONED, "uncordoned")
    text, paths = f"Node {observed.name} was {what}", ("spec.unschedulable",)
    return [step(row, observed, paths=paths, reason=f"Node{what.capitalize()}", description=text, node=observed.name)]


def of_namespace(observed: Observed, previous: Namespace | None, current: Namespace | None) -> list[Observation]:
    """Created, deleted."""
    if previous is not None and current is None:
        text = f"Namespace {observed.name} was deleted"
        known = Known(asserted_ms=observed.deleted_ms or previous.deleting_since_ms)
        return [step(rows.NAMESPACE_DELETED, observed, known=known, reason="NamespaceDeleted", description=text)]
    if previous is None and current is not None and observed.whole:
        text = f"Namespace {observed.name} was created"
        return [
            step(rows.NAMESPACE_CREATED, observed, at_ms=current.created_ms, reason="NamespaceCreated", description=text),
        ]
    return []
