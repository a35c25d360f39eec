"""A Service without endpoints because its pods run, but fail their readiness probes."""

import re
from collections.abc import Iterator

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import UNREADY, Failure
from kube9_operator.analyze.model import CAUSE, EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS
from kube9_operator.analyze.wording import clock, counted, duration, named, quoted, resource
from kube9_operator.model import rows
from kube9_operator.model.resource_states import Pod, Workload

RULE = "no-endpoints"
REASON = "NoEndpoints"
READINESS = "readiness probe"
STRATEGIES = ("spec.strategy", "spec.updateStrategy")


def no_endpoints(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each Service."""
    losses = sorted(filter(_is_without, window.records), key=lambda one: (one.ongoing, one.last_ms, one.id))
    without = {record.object: record for record in losses}  # the latest of each
    found_so = failures.failures(window.records, (UNREADY,)) if without else []
    ended = sorted((one for one in found_so if one.cause == READINESS), key=lambda one: (one.last_ms, one.record.id))
    unready = {one.record.object: one for one in ended}
    for service, record in sorted(without.items(), key=repr):
        last_ms = window.now_ms if record.ongoing else record.last_ms
        since_ms = max(moment for moment, _ in record.occurrences)
        if last_ms - since_ms < thresholds.endpoints_s * SECOND_MS:
            continue
        failing = [
            unready[pod]
            for pod in window.states.pods_behind(service)
            if pod in unready and unready[pod].last_ms >= since_ms and _runs(window, pod)
        ]
        if failing and not _is_recreated(window, thresholds, failing[0].record.owner):
            yield _finding(window, record, since_ms, last_ms, failing, without)


def _is_without(record: Record) -> bool:
    return record.object.kind == "Service" and record.reason == REASON and record.title == rows.NO_ENDPOINTS.title


def _runs(window: Window, pod: Ref) -> bool:
    state = window.states.of(pod)
    return isinstance(state, Pod) and state.phase == "Running" and not state.deleting_since_ms


def _is_recreated(window: Window, thresholds: Thresholds, owner: Ref) -> bool:
    """Whether a rollout that takes all pods away first is still within its deadline."""
    state = window.states.of(owner)
    parts = (state.parts or {}) if isinstance(state, Workload) else {}
    if not any("Recreate" in parts[path].shown for path in STRATEGIES if path in parts):
        return False
    since_ms = window.now_ms - thresholds.endpoints_recreate_s * SECOND_MS
    return any(one.of_template and one.of == owner and one.last_ms >= since_ms for one in changes.changes(window.records))


def _asked(failing: list[Failure], without: dict[Ref, Record], service: Ref, since_ms: int) -> Record | None:
    """The event of a Service that the probes' messages name, and that lost its endpoints before."""
    said = " ".join(one.record.description for one in failing)
    for other, record in sorted(without.items(), key=repr):
        is_other = other != service and other.namespace == service.namespace and record.ongoing
        was_before = max(moment for moment, _ in record.occurrences) <= since_ms
        if is_other and was_before and re.search(rf"(?<![\w-]){re.escape(other.name)}(?![\w-])", said):
            return record
    return None


def _finding(
    window: Window, record: Record, since_ms: int, last_ms: int, failing: list[Failure], without: dict[Ref, Record]
) -> Finding:
    service = record.object
    latest = max(failing, key=lambda one: (one.last_ms, one.record.id))
    asked = _asked(failing, without, service, since_ms)
    points = f"; {named(asked.object)}, which that names, has no endpoints itself" if asked is not None else ""
    look = asked.object if asked is not None else latest.record.object
    causes = [asked] if asked is not None else []
    return Finding(
        rule=RULE,
        owner=service,
        cause=READINESS,
        severity=found.worst([record, *(one.record for one in failing)]),
        title=f"{named(service)}: no endpoints, its pods fail their readiness probes",
        text=f"{named(service)} has been without endpoints since {clock(since_ms)}, for {duration(last_ms - since_ms)}: "
        f"{counted(len(failing), 'pod')} behind it run but fail their readiness probes. "
        f"The last answer was: {quoted(latest.record.description)}{points}.",
        recommendation=f"Look at what the probe asks for: kubectl describe {resource(look)}.",
        object=service,
        evidence=found.evidence(CAUSE, causes) + found.evidence(EFFECT, [record, *(one.record for one in failing)]),
        figures={
            "pods": len(failing),
            "seconds": (last_ms - since_ms) // SECOND_MS,
            "points_to": asked.object.name if asked else "",
        },
        first_ms=since_ms,
        last_ms=last_ms,
        ended=found.ended(window, service, recovered=not record.ongoing and window.states.ready_endpoints(service) > 0),
        unknown=missing(window, ("endpointslices", *OF_PODS), since_ms, window.now_ms),
    )
