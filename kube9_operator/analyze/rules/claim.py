"""A claim that nothing provides a volume for."""

from collections.abc import Iterator

from kube9_operator.analyze import found
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, Finding, Record, Window
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
    for record in sorted(window.records, key=lambda one: (one.first_ms, one.id)):
        if record.object.kind != KIND or record.object.group or record.reason not in REASONS:
            continue
        state = window.states.of(record.object)
        waits = isinstance(state, Claim) and state.phase == PENDING
        last_ms = window.now_ms if waits or (state is None and record.ongoing) else record.last_ms
        if last_ms - record.first_ms >= thresholds.claim_s * SECOND_MS:
            yield _finding(window, record, state if isinstance(state, Claim) else Claim(), last_ms)


def _finding(window: Window, record: Record, state: Claim, last_ms: int) -> Finding:
    about = record.object
    storage_class = state.storage_class or str(record.metadata.get("storage_class") or "")
    of_class = f" of StorageClass {storage_class}" if storage_class else " without a StorageClass"
    lasted = duration(last_ms - record.first_ms)
    size = f" ({state.requested_size})" if state.requested_size else ""
    return Finding(
        rule=RULE,
        owner=about,
        cause=record.reason,
        severity=found.worst([record]),
        title=f"Claim {about.name}: no volume is provided",
        text=f"Claim {about.name}{of_class}{size} has waited for a volume since {clock(record.first_ms)}, for {lasted}. "
        f"The last answer was: {quoted(record.description)}.",
        recommendation=f"Check the StorageClass and its provisioner: kubectl describe pvc {about.name}{place(about)}.",
        object=about,
        evidence=found.evidence(EFFECT, [record]),
        figures={"storage_class": storage_class, "seconds": (last_ms - record.first_ms) // SECOND_MS},
        first_ms=record.first_ms,
        last_ms=last_ms,
        ended=found.ended(window, about, recovered=state.phase == BOUND),
        unknown=missing(window, ("events",), record.first_ms, window.now_ms),
    )
