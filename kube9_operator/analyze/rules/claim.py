"""A claim that nothing provides a volume for."""

from collections.abc import Iterator

from kube9_operator.analyze import found
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS
from kube9_operator.analyze.wording import clock, duration, place, quoted
from kube9_operator.model.resource_states import Claim

RULE = "claim"
KIND = "PersistentVolumeClaim"
REASONS = ("ProvisioningFailed", "FailedBinding")
PENDING, BOUND = "Pending", "Bound"


def claim(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each claim."""
    groups: dict[tuple[Ref, str], list[Record]] = {}
    for record in sorted(window.records, key=lambda one: (one.first_ms, one.id)):
        if record.object.kind == KIND and not record.object.group and record.reason in REASONS:
            groups.setdefault((record.object, record.reason), []).append(record)
    for (about, _), records in sorted(groups.items(), key=repr):
        state = window.states.of(about)
        waits = isinstance(state, Claim) and state.phase == PENDING
        goes_on = waits or (state is None and any(record.ongoing for record in records))
        last_ms = window.now_ms if goes_on else max(record.last_ms for record in records)
        if last_ms - records[0].first_ms >= thresholds.claim_s * SECOND_MS:
            yield _finding(window, about, records, state if isinstance(state, Claim) else Claim(), last_ms)


def _finding(window: Window, about: Ref, records: list[Record], state: Claim, last_ms: int) -> Finding:
    first_ms, record = records[0].first_ms, max(records, key=lambda one: (one.last_ms, one.id))
    storage_class = state.storage_class or str(record.metadata.get("storage_class") or "")
    of_class = f" of StorageClass {storage_class}" if storage_class else " without a StorageClass"
    lasted = duration(last_ms - first_ms)
    size = f" ({state.requested_size})" if state.requested_size else ""
    return Finding(
        rule=RULE,
        owner=about,
        cause=record.reason,
        severity=found.worst(records),
        title=f"Claim {about.name}: no volume is provided",
        text=f"Claim {about.name}{of_class}{size} has waited for a volume since {clock(first_ms)}, for {lasted}. "
        f"The last answer was: {quoted(record.description)}.",
        recommendation=f"Check the StorageClass and its provisioner: kubectl describe pvc {about.name}{place(about)}.",
        object=about,
        evidence=found.evidence(EFFECT, records),
        figures={"storage_class": storage_class, "seconds": (last_ms - first_ms) // SECOND_MS},
        first_ms=first_ms,
        last_ms=last_ms,
        ended=found.ended(window, about, recovered=state.phase == BOUND),
        unknown=missing(window, ("events",), first_ms, window.now_ms),
    )
