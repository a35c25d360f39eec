"""Conditions of nodes that should be False and are True: pressures, the network, whatever a problem detector sets."""

import re

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Node, NodeCondition
from kube9_operator.write.resources.detect.observed import Observed, observation

TRUE = "True"
PRESSURES = {
    "DiskPressure": (rows.DISK_PRESSURE, "disk"),
    "MemoryPressure": (rows.MEMORY_PRESSURE, "memory"),
    "PIDPressure": (rows.PID_PRESSURE, "PID"),
}
"""The row of each pressure, and the part of its key. The kubelet's Events have the same key."""
ANNOUNCED = "Scheduled"
"""The last word of conditions by which a cloud announces maintenance: VMEventScheduled, RebootScheduled, PreemptScheduled."""
GOOD = frozenset(
    (
        *("Ready", "Healthy", "Available", "Voter", "Up", "Synced", "Connected", "Initialized", "Enabled", "Online"),
        *("Succeeded", "Complete", "Completed", "Configured", "Operational", "Compliant", "Schedulable", "OK", "Ok", "Valid"),
    )
)
"""Last words of conditions that should be True, as K3s' EtcdIsVoter and the StorageReady of EKS."""
NOT = frozenset(("Not", "Never", "No"))
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


def of_conditions(observed: Observed, previous: Node | None, current: Node) -> list[Observation]:
    """Each condition that has become a problem, now or (by its date) while nothing was watching."""
    known = {one.type: one for one in previous.conditions} if previous is not None else {}
    saw_it_before = bool(known) or (previous is None and observed.whole)
    return [
        _problem(observed, one)
        for one in current.conditions
        if _is_problem(one) and _has_begun(observed, known.get(one.type), one) and (one.since_ms or saw_it_before)
    ]


def ongoing_in_conditions(state: Node) -> dict[int, int]:
    """The keys of conditions that are problems, and since when, in ms."""
    return {key_of_condition(one.type): one.since_ms for one in state.conditions if _is_problem(one)}


def key_of_condition(kind: str) -> int:
    """The key of the event of a condition of this type."""
    if kind in PRESSURES:
        row, which = PRESSURES[kind]
        return rows.key(row, which)
    return rows.key(rows.NODE_CONDITION, kind)


def should_be_true(kind: str) -> bool:
    """Whether a condition should be True, by the last word of its type. `NotReady` should not."""
    words = WORDS.findall(kind)
    return bool(words) and words[-1] in GOOD and not NOT & set(words[-2:-1])


def _is_problem(one: NodeCondition) -> bool:
    return one.status == TRUE and not should_be_true(one.type)


def _has_begun(observed: Observed, known: NodeCondition | None, one: NodeCondition) -> bool:
    return known is None or known.status != TRUE or (observed.listing and known.since_ms != one.since_ms)


def _problem(observed: Observed, one: NodeCondition) -> Observation:
    row, part = PRESSURES.get(one.type, (rows.NODE_CONDITION, one.type))
    if row is rows.NODE_CONDITION and one.type.endswith(ANNOUNCED):
        row = rows.NODE_ANNOUNCED
    return observation(
        row,
        observed,
        (observed.uid, one.type, str(one.since_ms) if one.since_ms else observed.version),
        parts=(part,),
        at_ms=one.since_ms,
        reason=one.reason or one.type,
        description=one.message or f"Condition {one.type} of node {observed.name} is True",
        metadata={"condition": one.type, "status": one.status, "reason": one.reason or one.type},
        node=observed.name,
    )
