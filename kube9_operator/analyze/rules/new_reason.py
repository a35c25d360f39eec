"""A reason that a namespace has not had for days, in volume."""

from collections.abc import Iterator

from kube9_operator.analyze import found
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, count_between
from kube9_operator.analyze.wording import clock, counted, duration, listed, named, place, quoted
from kube9_operator.model.resource_states import Namespace
from kube9_schema.codes import SEVERITIES, WARNING
from kube9_schema.sources import EVENTS, ITSELF
from kube9_schema.sources import KINDS as KIND_OF_SOURCE

RULE = "new-reason"
SOURCE_OF_KIND = {kind: source for source, kind in KIND_OF_SOURCE.items()} | {"Service": "endpointslices", "Job": "pods"}
"""Whose states an event of the operator itself comes from."""
FROM_WARNING = SEVERITIES[WARNING:]


def new_reason(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each namespace and reason."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in window.records:
        if record.severity in FROM_WARNING:
            groups.setdefault((record.object.namespace, record.reason), []).append(record)
    for (namespace, reason), records in sorted(groups.items()):
        first_ms = min(record.first_ms for record in records)
        until_ms = first_ms + thresholds.new_reason_within_s * SECOND_MS
        early = [record for record in records if record.first_ms < until_ms]
        times = sum(count_between(record, first_ms, until_ms) for record in early)
        if len({record.object for record in early}) < thresholds.new_reason_objects or times < thresholds.new_reason_count:
            continue
        since_ms = first_ms - thresholds.new_reason_baseline_s * SECOND_MS
        if not _is_known_since(window, namespace, records, since_ms, first_ms):
            continue
        if not window.history.has_reason(namespace, reason, since_ms, first_ms):
            yield _finding(window, thresholds, namespace, reason, records, round(times))


def _is_known_since(window: Window, namespace: str, records: list[Record], since_ms: int, first_ms: int) -> bool:
    """Whether an event of this kind would have been recorded in all that time."""
    if window.begin_ms > since_ms or window.rules_since_ms > since_ms:
        return False
    about = Ref(kind="Namespace", name=namespace)
    state = window.states.of(about) if namespace else None
    if isinstance(state, Namespace) and state.created_ms > since_ms:
        return False
    created = [one for one in window.records if one.reason == "NamespaceCreated" and one.object.name == namespace]
    if namespace and created:
        return False
    sources = {SOURCE_OF_KIND.get(one.object.kind, EVENTS) if one.source == ITSELF else EVENTS for one in records}
    return all(window.history.covers(source, since_ms, first_ms) for source in sorted(sources))


def _finding(window: Window, thresholds: Thresholds, namespace: str, reason: str, records: list[Record], times: int) -> Finding:
    records = sorted(records, key=lambda one: (one.first_ms, one.id))
    first_ms = records[0].first_ms
    objects = {record.object for record in records}
    about = Ref(kind="Namespace", name=namespace) if namespace else Ref(kind="Cluster", name="cluster")
    who = f"{counted(len(objects), 'object')} ({listed([ref.name for ref in objects])})"
    before = duration(thresholds.new_reason_baseline_s * SECOND_MS)
    within = duration(thresholds.new_reason_within_s * SECOND_MS)
    return Finding(
        rule=RULE,
        owner=about,
        cause=reason,
        severity=found.worst(records),
        title=f"{reason} for the first time in {before} in {named(about)}",
        text=f"{reason} was recorded {counted(times, 'time')} in the {within} after {clock(first_ms)}, "
        f"for {who}, and never in the {before} before. "
        f"The first one says: {quoted(records[0].description)}.",
        recommendation=f"See them all: kube9-cli events list{place(Ref(namespace=namespace))} --reason {reason}.",
        object=about,
        evidence=found.evidence(EFFECT, records),
        figures={"count": times, "objects": len(objects)},
        first_ms=first_ms,
        last_ms=max(record.last_ms for record in records),
        unknown=missing(window, (EVENTS,), first_ms, window.now_ms),
    )
