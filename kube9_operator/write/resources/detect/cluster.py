"""What changes with nodes and namespaces."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Namespace, Node
from kube9_operator.write.resources.detect.dating import Known
from kube9_operator.write.resources.detect.observed import Seen, duration, observation, step

TRUE = "True"
NEVER_UPDATED = "NodeStatusNeverUpdated"
"""The node controller's reason for a node whose kubelet has never said a word."""
BORN_MS = 5_000
"""A kubelet registers its node as not ready: that is no loss of a node that was."""


def of_node(seen: Seen, previous: Node | None, current: Node | None) -> list[Observation]:
    """Joined, left, not ready, ready again, cordoned, uncordoned."""
    if current is None:
        text = f"Node {seen.name} left the cluster"
        left = Known(asserted_ms=seen.deleted_ms)
        gone = step(rows.NODE_LEFT, seen, known=left, reason="NodeRemoved", description=text, node=seen.name)
        return [gone] if previous else []
    found = []
    if previous is None and seen.whole:
        found.append(_joined(seen, current))
    if _has_left_ready(seen, previous, current):
        found.append(_not_ready(seen, previous, current))
    if previous is not None:
        found += _ready_again(seen, previous, current)
        found += _cordoned(seen, previous, current)
    return found


def lasting_of_node(state: Node) -> dict[int, int]:
    """Not being ready lasts."""
    return {rows.key(rows.NODE_NOT_READY): state.ready_since_ms} if _is_lost(state) else {}


def _is_lost(state: Node) -> bool:
    """Whether a node is not ready that was."""
    never_was = state.ready_reason == NEVER_UPDATED or state.ready_since_ms <= state.created_ms + BORN_MS
    return state.ready not in ("", TRUE) and not never_was


def _joined(seen: Seen, current: Node) -> Observation:
    return step(
        rows.NODE_JOINED,
        seen,
        at_ms=current.created_ms,
        reason="NodeAdded",
        description=f"New node {seen.name} joined the cluster",
        metadata={
            "cpu": current.cpu,
            "memory": current.memory,
            "zone": current.zone,
            "kubelet_version": current.kubelet_version,
        },
        node=seen.name,
    )


def _has_left_ready(seen: Seen, previous: Node | None, current: Node) -> bool:
    """The condition has left True, now or, as its date says, while nothing watched."""
    if not _is_lost(current):
        return False
    if previous is None or previous.ready == TRUE:
        return True
    return seen.listing and previous.ready == current.ready and previous.ready_since_ms != current.ready_since_ms


def _not_ready(seen: Seen, previous: Node | None, current: Node) -> Observation:
    return observation(
        rows.NODE_NOT_READY,
        seen,
        (seen.uid, str(current.ready_since_ms)),
        at_ms=current.ready_since_ms,
        reason="NodeNotReady",
        description=current.ready_message or f"Node {seen.name} is not ready",
        metadata={
            "previous": TRUE if previous is not None and previous.ready == TRUE else "",
            "current": current.ready,
            "reason": current.ready_reason,
        },
        node=seen.name,
    )


def _ready_again(seen: Seen, previous: Node, current: Node) -> list[Observation]:
    """Ready comes back; for how long it was away is known where its leaving was seen."""
    if current.ready != TRUE or (previous.ready == TRUE and current.ready_since_ms == previous.ready_since_ms):
        return []
    if previous.ready != TRUE and not _is_lost(previous):
        return []  # ready for the first time
    was_away = previous.ready != TRUE
    since_ms = seen.lasting.get(rows.key(rows.NODE_NOT_READY), previous.ready_since_ms) if was_away else 0
    seconds = max(0, (current.ready_since_ms - since_ms) // 1000) if since_ms else None
    return [
        step(
            rows.NODE_READY,
            seen,
            at_ms=current.ready_since_ms,
            reason="NodeReady",
            description=f"Node {seen.name} is ready again"
            + (f" after {duration(seconds)}" if seconds is not None else "; it was not while nothing watched"),
            metadata={
                "previous": previous.ready if was_away else "",
                "current": current.ready,
                "not_ready_seconds": seconds,
            },
            node=seen.name,
        )
    ]


def _cordoned(seen: Seen, previous: Node, current: Node) -> list[Observation]:
    if current.unschedulable == previous.unschedulable:
        return []
    row, what = (rows.NODE_CORDONED, "cordoned") if current.unschedulable else (rows.NODE_UNCORDONED, "uncordoned")
    text, paths = f"Node {seen.name} was {what}", ("spec.unschedulable",)
    return [step(row, seen, paths=paths, reason=f"Node{what.capitalize()}", description=text, node=seen.name)]


def of_namespace(seen: Seen, previous: Namespace | None, current: Namespace | None) -> list[Observation]:
    """Created, deleted."""
    if previous is not None and current is None:
        text = f"Namespace {seen.name} was deleted"
        known = Known(asserted_ms=seen.deleted_ms or previous.deleting_since_ms)
        return [step(rows.NAMESPACE_DELETED, seen, known=known, reason="NamespaceDeleted", description=text)]
    if previous is None and current is not None and seen.whole:
        text = f"Namespace {seen.name} was created"
        return [
            step(rows.NAMESPACE_CREATED, seen, at_ms=current.created_ms, reason="NamespaceCreated", description=text),
        ]
    return []
