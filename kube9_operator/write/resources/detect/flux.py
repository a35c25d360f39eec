"""Changes of Flux's Kustomizations and HelmReleases: of the condition Ready, and of the revision that was applied.

Flux's own Events have the reason of the condition, so an Event and a change that tell of the same are one event.
"""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Reconciled
from kube9_operator.write.resources.detect.observed import Observed, changed

TRUE, FALSE = "True", "False"
WAITS = "DependencyNotReady"
"""The reason of an object that only waits for another one."""
FAILURES = (
    *("InstallFailed", "UpgradeFailed", "RollbackFailed", "UninstallFailed", "TestFailed", "InitFailed"),
    *("GetLastReleaseFailed", "ReconciliationFailed", "BuildFailed", "HealthCheckFailed", "ValidationFailed", "PruneFailed"),
    *("RetriesExceeded", "MissingRollbackTarget", "Stalled", "ValuesError"),
)
"""Reasons of the rule `flux/failed`. Any other reason is a warning."""


def of_reconciled(observed: Observed, previous: Reconciled | None, current: Reconciled | None) -> list[Observation]:
    """It is ready, it is not ready any more, not for the same reason, or another revision or release was applied.

    Of an object that was not stored before, only that it is not ready is recorded. In a first list, only if that has a date.
    """
    if current is None or not current.ready:
        return []
    observed = observed._replace(api_version=current.api_version)
    if current.ready == FALSE:
        known = (previous.ready, previous.reason) if previous is not None else ()
        is_new = known != (current.ready, current.reason) and (bool(known) or observed.whole or bool(current.since_ms))
        return [_not_ready(observed, previous, current)] if is_new else []
    if previous is None:
        return []
    is_released = 0 < previous.release != current.release
    if (previous.ready, previous.revision) == (current.ready, current.revision) and not is_released:
        return []
    return [_ready(observed, previous, current)]


def _not_ready(observed: Observed, previous: Reconciled | None, current: Reconciled) -> Observation:
    waits = current.reason == WAITS
    row = rows.FLUX_WAITS if waits else rows.FLUX_FAILED if current.reason in FAILURES else rows.FLUX_NOT_READY
    return changed(
        row,
        observed,
        parts=() if waits else (current.reason,),
        at_ms=current.since_ms,
        reason=current.reason,
        description=current.message or f"{observed.kind} {observed.name} is not ready",
        metadata={
            "previous": previous.ready if previous is not None else "",
            "current": current.ready,
            "revision": current.attempted_revision or current.revision,
            "message": current.message,
        },
    )


def _ready(observed: Observed, previous: Reconciled, current: Reconciled) -> Observation:
    at_revision = f" at revision {current.revision}" if current.revision else ""
    return changed(
        rows.FLUX_READY,
        observed,
        parts=(current.reason,),
        at_ms=current.since_ms,
        reason=current.reason,
        description=f"{observed.kind} {observed.name} is ready{at_revision}"
        + (f": {current.message}" if current.message else ""),
        metadata={
            "previous": previous.ready,
            "current": current.ready,
            "revision": current.revision,
            "previous_revision": previous.revision if previous.revision != current.revision else "",
            "message": current.message,
        },
    )
