"""A quota that keeps a controller from creating the pods that it should have."""

from collections.abc import Iterator

from kube9_operator.analyze import found
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, NOTHING, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, last_spell, times
from kube9_operator.analyze.wording import clock, counted, named, place
from kube9_operator.model.resource_states import Pod, Workload

RULE = "quota"
KIND = "ResourceQuota"
OVER = ("Succeeded", "Failed")


def quota(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each workload and quota."""
    groups: dict[tuple[Ref, Ref], list[Record]] = {}
    for record in window.records:
        if record.object.kind == KIND and not record.object.group and record.severity != "info":
            groups.setdefault((_stopped(record), record.object), []).append(record)
    for (owner, about), records in sorted(groups.items(), key=repr):
        moments = last_spell(moment for record in records for moment in times(record))
        is_short = _is_short(window, owner, records)
        last_ms = window.now_ms if is_short else moments[-1]
        is_long = last_ms - moments[0] >= thresholds.quota_s * SECOND_MS
        if len(moments) >= thresholds.quota_rejections and is_long:
            yield _finding(window, owner, about, records, moments, last_ms, is_short)


def _stopped(record: Record) -> Ref:
    """Whom a quota stopped: its top owner, or the controller that the event names."""
    if record.owner not in (record.object, NOTHING):
        return record.owner
    return _controller(record)


def _controller(record: Record) -> Ref:
    said = record.metadata.get("controller")
    said = said if isinstance(said, dict) else {}
    kind, name, uid = (str(said.get(key) or "") for key in ("kind", "name", "uid"))
    return Ref(kind=kind, namespace=record.object.namespace, name=name, uid=uid)


def _pods(window: Window, owner: Ref) -> list[Pod]:
    return [pod for _, pod in window.states.pods_of(owner) if pod.phase not in OVER and not pod.deleting_since_ms]


def _is_short(window: Window, owner: Ref, records: list[Record]) -> bool | None:
    """Whether the controller still has too few pods; None if that is not known.

    How many pods a ReplicaSet should have is not recorded. It is short if it has none, or if its owner has too few.
    """
    if window.states.is_gone(owner):
        return False
    state = window.states.of(owner)
    if not isinstance(state, Workload):
        return None
    latest = _controller(max(records, key=lambda one: (one.last_ms, one.id)))
    pods = _pods(window, owner)
    has_none = latest.kind == "ReplicaSet" and not window.states.is_gone(latest)
    has_none = has_none and not any(pod.owner is not None and pod.owner.uid == latest.uid for pod in pods)
    return bool(state.replicas) and (len(pods) < state.replicas or has_none)


def _finding(
    window: Window, owner: Ref, about: Ref, records: list[Record], moments: list[int], last_ms: int, is_short: bool | None
) -> Finding:
    records = [record for record in records if record.last_ms >= moments[0]]
    latest = max(records, key=lambda one: (one.last_ms, one.id))
    told = {key: str(latest.metadata.get(key, "")) for key in ("resource", "requested", "used", "quota_limit")}
    state = window.states.of(owner)
    wants = f"{state.replicas} replicas" if isinstance(state, Workload) else "more pods"
    has = len(_pods(window, owner))
    limits = f"{told['resource']}: requested {told['requested']}, used {told['used']}, limit {told['quota_limit']}"
    return Finding(
        rule=RULE,
        owner=owner,
        cause=f"quota {about.name}",
        severity=found.worst(records),
        title=f"{named(owner)}: blocked by quota {about.name}",
        text=f"{named(owner)} wants {wants} and has {counted(has, 'pod')}. It has been blocked by quota {about.name} since "
        f"{clock(moments[0])}, with {counted(len(moments), 'rejection')} ({limits}).",
        recommendation=f"Raise the quota, or free some of it: kubectl describe quota {about.name}{place(about)}.",
        object=owner,
        evidence=found.evidence(EFFECT, records),
        figures={"rejections": len(moments), "pods": has, **told},
        first_ms=moments[0],
        last_ms=last_ms,
        ended=found.ended(window, owner, recovered=is_short is False),
        unknown=missing(window, ("events",), moments[0], window.now_ms),
    )
