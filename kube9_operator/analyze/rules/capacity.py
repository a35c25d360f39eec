"""Pods that cannot be scheduled for the same lack, for long."""

import re
from collections.abc import Iterator

from kube9_operator.analyze import failures, found
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import UNSCHEDULABLE, Failure
from kube9_operator.analyze.model import DELETED, EFFECT, OPTIMIZATION, RECOVERED, Finding, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, SPELL_MS
from kube9_operator.analyze.wording import clock, counted, duration, listed, quoted
from kube9_operator.model.resource_states import Pod

RULE = "capacity"
LACK = re.compile(r"\bInsufficient ([\w./-]*\w)|\b(Too many pods)")
VOLUME = re.compile(r"persistentvolumeclaim", re.IGNORECASE)
"""A pod that waits for its volume waits for no node."""
SCHEDULER = "FailedScheduling: "


def capacity(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each lack."""
    scaling = {
        one.object
        for one in window.records
        if one.reason == "TriggeredScaleUp" and window.now_ms - one.last_ms < thresholds.capacity_scale_up_s * SECOND_MS
    }
    groups: dict[str, list[Failure]] = {}
    for one in failures.failures(window.records, (UNSCHEDULABLE,)):
        record = one.record
        if record.owner.kind != "DaemonSet" and record.object not in scaling and not VOLUME.search(record.description):
            groups.setdefault(lack(one), []).append(one)
    for missed, group in sorted(groups.items()):
        lasting = [one for one in group if _until_ms(window, one) - _since_ms(window, one) >= thresholds.capacity_s * SECOND_MS]
        recent_ms = max((_until_ms(window, one) for one in lasting), default=0) - SPELL_MS
        lasting = [one for one in lasting if _until_ms(window, one) >= recent_ms]
        owners = {one.record.owner for one in lasting}
        if len(lasting) >= thresholds.capacity_pods or len(owners) >= thresholds.capacity_owners:
            yield _finding(window, missed, lasting)


def lack(one: Failure) -> str:
    """What all nodes that were looked at lack: resources, otherwise what the scheduler says, without numbers of nodes."""
    found = {(resource or full).lower() for resource, full in LACK.findall(one.record.description)}
    if found:
        return f"not enough {' and '.join(sorted(found))}".replace("not enough too many pods", "too many pods")
    return one.record.cause.removeprefix(SCHEDULER)


def _state(window: Window, one: Failure) -> Pod | None:
    state = window.states.of(one.record.object)
    return state if isinstance(state, Pod) else None


def _waits(window: Window, one: Failure) -> bool:
    state = _state(window, one)
    return bool(state.unschedulable_since_ms) if state is not None else one.record.ongoing


def _since_ms(window: Window, one: Failure) -> int:
    state = _state(window, one)
    return (state.unschedulable_since_ms if state is not None else 0) or one.first_ms


def _until_ms(window: Window, one: Failure) -> int:
    return window.now_ms if _waits(window, one) else one.last_ms


def _ended(window: Window, group: list[Failure]) -> str:
    if any(_waits(window, one) for one in group):
        return ""
    states = [state for one in group if (state := _state(window, one)) is not None]
    if any(state.node for state in states):
        return RECOVERED
    return DELETED if all(window.states.is_gone(one.record.object) for one in group) else ""


def _finding(window: Window, missed: str, group: list[Failure]) -> Finding:
    first_ms = min(_since_ms(window, one) for one in group)
    last_ms = max(_until_ms(window, one) for one in group)
    owners = sorted({one.record.owner for one in group}, key=lambda ref: (ref.namespace, ref.name))
    pods = failures.pods(group)
    who = listed([f"{ref.namespace}/{ref.name}" for ref in owners])
    lasted_ms = last_ms - first_ms
    latest = max(group, key=lambda one: (one.last_ms, one.record.id))
    about = Ref(kind="Scheduling", name=missed)
    return Finding(
        rule=RULE,
        owner=about,
        cause=missed,
        category=OPTIMIZATION,
        severity=found.worst(one.record for one in group),
        title=f"Pods cannot be scheduled: {missed}",
        text=f"{counted(len(pods), 'pod')} of {who} {'have' if len(pods) > 1 else 'has'} not been scheduled "
        f"since {clock(first_ms)}, for {duration(lasted_ms)}: {missed}. "
        f"The scheduler says: {quoted(latest.record.description)}.",
        recommendation="Compare requests with what nodes have left: kubectl describe nodes. Add nodes, or lower requests.",
        object=owners[0] if len(owners) == 1 else about,
        evidence=found.evidence(EFFECT, (one.record for one in group)),
        figures={"pods": len(pods), "workloads": len(owners), "seconds": lasted_ms // SECOND_MS},
        first_ms=first_ms,
        last_ms=last_ms,
        ended=_ended(window, group),
        unknown=missing(window, OF_PODS, first_ms, window.now_ms),
    )
