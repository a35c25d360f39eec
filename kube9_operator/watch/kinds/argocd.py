"""Argo CD's Applications: what was compared, how it is, and the last operation. Argo CD writes all of it into the status.

https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#applications
"""

from datetime import datetime
from typing import Any

import msgspec

from kube9_operator.model.resource_states import Application
from kube9_operator.model.sources import APPLICATIONS as SOURCE
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

PAGE_LIMIT = 100
"""The status of an Application lists all of its resources, so it may take hundreds of KiB."""
MAX_MESSAGE_CHARACTERS = 500
MAX_WORKLOADS = 50
"""Of one operation."""
WORKLOADS = frozenset({("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("batch", "CronJob")})
APPLIED, UNCHANGED = "Synced", "unchanged"
"""The result of a resource that was applied, and how its message ends if that changed nothing."""
ERRORS = "Error"
"""How the types of conditions end that say what is wrong: ComparisonError, SyncError, InvalidSpecError."""


class Sync(msgspec.Struct, frozen=True, gc=False):
    """How the cluster compares with what is wanted."""

    status: str | None = None
    revision: str | None = None
    revisions: list[str] | None = None


class Health(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """How the resources are, all together."""

    status: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Initiator(msgspec.Struct, frozen=True, gc=False):
    """Who began an operation."""

    username: str | None = None
    automated: bool | None = None


class Operation(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An operation as it was requested."""

    initiated_by: Initiator | None = None


class Result(msgspec.Struct, frozen=True, gc=False):
    """What an operation did with one resource."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    status: str | None = None
    message: str | None = None


class SyncResult(msgspec.Struct, frozen=True, gc=False):
    """What an operation did."""

    revision: str | None = None
    revisions: list[str] | None = None
    resources: list[Result] | None = None


class OperationState(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The last operation."""

    phase: str | None = None
    message: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    operation: Operation | None = None
    sync_result: SyncResult | None = None


class Condition(msgspec.Struct, frozen=True, gc=False):
    """Something that is wrong with an Application."""

    type: str | None = None
    message: str | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What Argo CD says about an Application."""

    sync: Sync | None = None
    health: Health | None = None
    operation_state: OperationState | None = None
    conditions: list[Condition] | None = None


class Spec(msgspec.Struct, frozen=True, gc=False):
    """What an Application is."""

    project: str | None = None


class Object(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """argoproj.io Application, of any version."""

    metadata: metadata.ObjectMeta
    api_version: str
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> Application:
    """Reduces an Application."""
    status = found.status or Status()
    sync, health = status.sync or Sync(), status.health or Health()
    state = status.operation_state or OperationState()
    result = state.sync_result or SyncResult()
    by = (state.operation or Operation()).initiated_by or Initiator()
    changed, workloads = _workloads(result.resources or [])
    error = next((one.message for one in status.conditions or () if (one.type or "").endswith(ERRORS)), "")
    return Application(
        api_version=metadata.name(found.api_version),
        project=metadata.name((found.spec or Spec()).project),
        sync=metadata.name(sync.status),
        revision=_revision(sync.revision, sync.revisions),
        health=metadata.name(health.status),
        health_message=texts.short(health.message or "", MAX_MESSAGE_CHARACTERS),
        health_since_ms=metadata.ms(health.last_transition_time),
        error=texts.short(error or "", MAX_MESSAGE_CHARACTERS),
        phase=metadata.name(state.phase),
        started_ms=metadata.ms(state.started_at),
        finished_ms=metadata.ms(state.finished_at),
        message=texts.short(state.message or "", MAX_MESSAGE_CHARACTERS),
        synced_revision=_revision(result.revision, result.revisions),
        initiated_by=metadata.name(by.username),
        automated=bool(by.automated),
        changed=changed,
        workloads=workloads,
    )


def _revision(one: str | None, several: list[str] | None) -> str:
    """The revision; of an Application with several sources that of each, separated by commas."""
    return metadata.name(one or ",".join(several or ()))


def _workloads(results: list[Result]) -> tuple[int, list[str]]:
    """How many resources an operation changed, and `kind/namespace/name` of the workloads that it applied."""
    applied = [one for one in results if one.status == APPLIED]
    changed = sum(not (one.message or "").endswith(UNCHANGED) for one in applied)
    named = (
        "/".join(map(metadata.name, (one.kind, one.namespace, one.name)))
        for one in applied
        if (one.group, one.kind) in WORKLOADS
    )
    return metadata.number(changed), sorted(set(named))[:MAX_WORKLOADS]


APPLICATIONS = resource(SOURCE, Object, reduce, page_limit=PAGE_LIMIT)
