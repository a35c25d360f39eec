"""Puts a finding together: its evidence, and what follows from that alone. Pure."""

from collections.abc import Iterable, Sequence

from kube9_operator.analyze import failures
from kube9_operator.analyze.failures import CRASH, MEMORY, Failure, goes_on
from kube9_operator.analyze.model import (
    CAUSE,
    CRASH_QUIET_MS,
    DELETED,
    EFFECT,
    QUIET_MS,
    RECOVERED,
    Evidence,
    Record,
    Ref,
    Window,
)
from kube9_operator.analyze.times import SECOND_MS
from kube9_operator.model.resource_states import Workload
from kube9_schema.codes import SEVERITIES

MOST_EVIDENCE = 20
"""Events of one role. The first and the last ones say when it was; all are found by the owner."""


def evidence(role: str, records: Iterable[Record]) -> list[Evidence]:
    """The events of a role in the order of time, at most MOST_EVIDENCE."""
    ordered = sorted({record.id: record for record in records}.values(), key=lambda one: (one.first_ms, one.id))
    half = MOST_EVIDENCE // 2
    kept = ordered if len(ordered) <= MOST_EVIDENCE else ordered[:half] + ordered[-half:]
    return [Evidence(record.id, role) for record in kept]


def worst(records: Iterable[Record]) -> str:
    """The highest severity of events."""
    return SEVERITIES[max((SEVERITIES.index(record.severity) for record in records), default=0)]


def caused(causes: Iterable[Record], effects: Iterable[Record]) -> list[Evidence]:
    """Evidence of what came before, and of what it was followed by."""
    return evidence(CAUSE, causes) + evidence(EFFECT, effects)


def last_ms(window: Window, found: Sequence[Failure]) -> int:
    """When it was last seen failing: now if the state of a pod says that it still does."""
    if any(goes_on(window, one) for one in found):
        return window.now_ms
    return max(one.last_ms for one in found)


def quiet_ms(kind: str) -> int:
    """After how long without evidence failures of a kind are quiet."""
    return CRASH_QUIET_MS if kind in (CRASH, MEMORY) else QUIET_MS


def replaced(window: Window, owner: Ref, found: Sequence[Failure], stable_s: int) -> bool:
    """Whether the pods that failed are gone, as after a rollback, and as many as the owner wants have run for long enough."""
    pods, state = failures.pods(found), window.states.of(owner)
    if not isinstance(state, Workload) or not state.replicas or not pods or not all(map(window.states.is_gone, pods)):
        return False
    there = [pod for _, pod in window.states.pods_of(owner)]
    stable_ms = window.now_ms - stable_s * SECOND_MS
    return len(there) >= state.replicas and all(failures.is_running(pod) and pod.created_ms <= stable_ms for pod in there)


def ended(window: Window, ref: Ref, recovered: bool) -> str:
    """How something has ended: its object is gone, or there is proof that it recovered; '' otherwise."""
    return DELETED if window.states.is_gone(ref) else RECOVERED if recovered else ""
