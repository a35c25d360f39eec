"""Changes of Argo CD's Applications: of their sync status, of their health, and of the phase of their operation.

Argo CD's own Events have the same reasons, so an Event and a change that tell of the same are one event.
"""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Application
from kube9_operator.write.resources.detect.observed import Observed, changed

UPDATED, STARTED, COMPLETED = "ResourceUpdated", "OperationStarted", "OperationCompleted"
RUNNING, TERMINATING, SUCCEEDED = "Running", "Terminating", "Succeeded"
HEALTH = {
    "Degraded": rows.APPLICATION_HEALTH,
    "Missing": rows.APPLICATION_UNHEALTHY,
    "Unknown": rows.APPLICATION_UNHEALTHY,
    "Healthy": rows.APPLICATION_HEALTHY,
}
"""Any other health is passing, or wanted: APPLICATION_CHANGES."""
BAD = ("Degraded", "Missing")
SYNC = {"Synced": rows.APPLICATION_SYNCED, "OutOfSync": rows.APPLICATION_OUT_OF_SYNC}
"""Any other sync status says that the Application cannot be compared: APPLICATION_SYNC."""
OPERATIONS = {
    RUNNING: (rows.OPERATION_STARTED, "started", STARTED),
    TERMINATING: (rows.OPERATION_TERMINATED, "terminating", UPDATED),
    SUCCEEDED: (rows.OPERATION_SUCCEEDED, "succeeded", COMPLETED),
}
FAILED = (rows.OPERATION_FAILED, "failed", COMPLETED)
"""Of any other phase: row, phase as the key has it, and reason."""
AUTOMATED = "automated sync"
"""Who began an operation, if Argo CD did so by itself."""


def of_application(observed: Observed, previous: Application | None, current: Application | None) -> list[Observation]:
    """Its sync status, its health or the phase of its operation changed.

    Of an Application that was not stored before, only bad health and its operation are recorded. Of a first list, these have to
    have dates of their own.
    """
    if current is None:
        return []
    observed = observed._replace(api_version=current.api_version)
    found = []
    if previous is not None and current.sync and current.sync != previous.sync:
        found.append(_sync(observed, previous.sync, current))
    if _has_other_health(observed, previous, current):
        found.append(_health(observed, previous.health if previous is not None else "", current))
    before = (previous.phase, previous.started_ms) if previous is not None else ("", 0)
    if current.phase and current.started_ms and before != (current.phase, current.started_ms):
        found.append(_operation(observed, current))
    return found


def _has_other_health(observed: Observed, previous: Application | None, current: Application) -> bool:
    if previous is None:
        return current.health in BAD and (observed.whole or bool(current.health_since_ms))
    return bool(current.health) and current.health != previous.health


def _sync(observed: Observed, previous: str, current: Application) -> Observation:
    by_operation = current.sync == "Synced" and current.synced_revision == current.revision
    why = current.error if current.sync not in SYNC else ""
    return changed(
        SYNC.get(current.sync, rows.APPLICATION_SYNC),
        observed,
        parts=(previous, current.sync),
        reason=UPDATED,
        description=_said(f"Sync status of {observed.name} changed{_from(previous)} to {current.sync}", current.revision, why),
        metadata={
            "previous": previous,
            "current": current.sync,
            "revision": current.revision,
            "initiated_by": _by(current) if by_operation else "",
            "message": why,
        },
    )


def _health(observed: Observed, previous: str, current: Application) -> Observation:
    return changed(
        HEALTH.get(current.health, rows.APPLICATION_CHANGES),
        observed,
        parts=(previous, current.health),
        at_ms=current.health_since_ms,
        reason=UPDATED,
        description=_said(
            f"Health of {observed.name} changed{_from(previous)} to {current.health}", current.revision, current.health_message
        ),
        metadata={
            "previous": previous,
            "current": current.health,
            "revision": current.revision,
            "message": current.health_message,
        },
    )


def _operation(observed: Observed, current: Application) -> Observation:
    row, phase, reason = OPERATIONS.get(current.phase, FAILED)
    ended_ms = current.finished_ms if reason == COMPLETED else 0
    at_ms = current.started_ms if current.phase == RUNNING else ended_ms
    by = _by(current)
    text = f"Sync of {observed.name} {phase}{f', begun by {by}' if by else ''}"
    return changed(
        row,
        observed,
        parts=(phase,),
        # The date of an operation and its phase say which change it is, however often it is seen.
        identity=(str(current.started_ms), current.phase),
        at_ms=at_ms,
        reason=reason,
        description=_said(text, current.synced_revision, current.message),
        metadata={
            "phase": phase,
            "revision": current.synced_revision,
            "initiated_by": by,
            "message": current.message,
            "changed_resources": current.changed if ended_ms else None,
            "workloads": current.workloads,
            "seconds": max(0, ended_ms - current.started_ms) // 1000 if ended_ms else None,
        },
    )


def _by(current: Application) -> str:
    return current.initiated_by or (AUTOMATED if current.automated else "")


def _from(previous: str) -> str:
    return f" from {previous}" if previous else ""


def _said(text: str, revision: str, message: str) -> str:
    at = f" at revision {revision}" if revision else ""
    return f"{text}{at}{f': {message}' if message else ''}"
