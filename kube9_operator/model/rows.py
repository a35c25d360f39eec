"""What changes of resources are recorded as: of each row its name, key, severity and title. What Events are recorded as is in
`model/rules/rules.yaml`. A row and a rule of one name share the key: an Event and a status that tell of the same are one event.
docs/events.md shows both.
"""

from typing import Literal

import msgspec

from kube9_operator.model.observation import hash64
from kube9_schema.codes import CRITICAL, ERROR, INFO, WARNING

Repeat = Literal["fold", "each"]
Apart = Literal["", "statuses", "all"]
APART_MS = 120_000
"""Of a row with `apart`, a status is not counted in an event that already has one, but in one that only Events have begun
within this time. With "all" it is the same the other way round: one Event and one status that tell of the same are one event.
"""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table, with one of its title variants. Rows of one name differ in severity and title only."""

    name: str
    """Part of the event's key, so it is stored in databases and never renamed."""
    repeat: Repeat = "fold"
    """`fold` makes one event of all that belong together, `each` one of every change."""
    key: tuple[str, ...] = ()
    """What the key has besides the row and the object."""
    severity: int
    title: str
    """`{kind}` and `{reason}` stand for the object's kind (of an HPA its target's) and the reason; see `title`."""
    kind: str = ""
    """Of the object that its events are about; '' where it is any."""
    metadata: tuple[str, ...] = ()
    """What its events may carry besides what all carry."""
    raised_from: int = 0
    """From this count on, the event has the title variant RAISED[name]; 0 if there is none."""
    prefers_statuses: bool = False
    """The count is that of the statuses wherever there are any, not the greater of the two sums."""
    status_describes: bool = False
    """The description is that of the statuses wherever there are any: it has the cause, which the Events do not say."""
    apart: Apart = ""
    """Which contributors are events of their own, of a row that folds. See `APART_MS`."""


def key(row: Row, *parts: str) -> int:
    """64 bits of an event's key besides the object: the row's name and one part for each of `row.key`.

    Of an `each` row these are what tells one step from another: the Event and its count, or uid and resourceVersion.
    """
    assert len(parts) == len(row.key), row.name
    return hash64(row.name, *parts)


def title(row: Row, kind: str = "", reason: str = "") -> str:
    """The title of an event of this row; what is not known is left out."""
    return " ".join(row.title.format(kind=kind, reason=reason).split()) if "{" in row.title else row.title


STEP_OF_RESOURCE = ("uid", "version")

RESTARTS = Row(
    name="container restarts",
    key=("container",),
    severity=WARNING,
    title="Pod BackOff",
    kind="Pod",
    metadata=("container", "restart_count", "last_exit_code", "exit_codes", "termination_reason", "termination_message"),
    raised_from=10,
    prefers_statuses=True,
    status_describes=True,
)
RESTARTED = msgspec.structs.replace(RESTARTS, title="Container restarted")
"""From a status; of two titles of one severity the first in the alphabet stands, which is this."""
CRASH_LOOP = msgspec.structs.replace(RESTARTS, severity=ERROR, title="Container crash loop")
"""metadata.reason is CRASH_LOOP_REASON."""
CRASH_LOOP_REASON = "CrashLoopBackOff"

CANNOT_START = Row(
    name="container cannot start",
    key=("container",),
    severity=ERROR,
    title="Container cannot start",
    kind="Pod",
    metadata=("container", "exit_code", "termination_reason", "termination_message"),
)
NODE_NOT_READY = Row(
    name="node not ready",
    severity=CRITICAL,
    title="Node NotReady",
    kind="Node",
    metadata=("previous", "current"),
    status_describes=True,
)
NODE_NEVER_READY = msgspec.structs.replace(NODE_NOT_READY, title="Node does not become ready")
DISK_PRESSURE = Row(
    name="node pressure",
    key=("which",),
    severity=WARNING,
    title="Node disk pressure",
    kind="Node",
    metadata=("condition", "status"),
    status_describes=True,
)
MEMORY_PRESSURE = msgspec.structs.replace(DISK_PRESSURE, title="Node memory pressure")
PID_PRESSURE = msgspec.structs.replace(DISK_PRESSURE, title="Node PID pressure")
NODE_CONDITION = Row(
    name="node condition",
    key=("condition",),
    severity=ERROR,
    title="Node problem: {reason}",
    kind="Node",
    metadata=("condition", "status"),
    status_describes=True,
)
NODE_ANNOUNCED = msgspec.structs.replace(NODE_CONDITION, severity=WARNING, title="Node maintenance or eviction announced")
QUOTA_EXCEEDED = Row(
    name="quota exceeded",
    key=("quota", "controller"),
    severity=WARNING,
    title="Resource quota exceeded",
    kind="ResourceQuota",
    metadata=("resource", "requested", "used", "quota_limit", "controller"),
)
CLAIM_WAITS = Row(
    name="PVC cannot bind",
    severity=WARNING,
    title="PVC waits for a provisioner",
    kind="PersistentVolumeClaim",
    metadata=("storage_class", "requested_size", "provisioner"),
)
HPA_SCALED = Row(
    name="HPA scaled",
    repeat="each",
    key=("event", "count"),
    severity=INFO,
    title="HPA scaled {kind}",
    kind="HorizontalPodAutoscaler",
    metadata=("previous", "new", "metric", "target"),
)
CANNOT_SCHEDULE = Row(name="cannot schedule", severity=ERROR, title="Pod scheduling failed", kind="Pod")
EVICTED = Row(
    name="evicted, preempted",
    severity=WARNING,
    title="Pod evicted",
    kind="Pod",
    metadata=("preemptor", "container", "exit_code", "termination_reason", "termination_message"),
)
PREEMPTED = msgspec.structs.replace(EVICTED, title="Pod preempted")
POD_SHUT_DOWN = msgspec.structs.replace(EVICTED, title="Pod terminated by node shutdown")
POD_TURNED_AWAY = msgspec.structs.replace(EVICTED, title="Pod rejected by a node that shuts down")
POD_LOST = msgspec.structs.replace(EVICTED, title="Pod lost with its node")
POD_DISRUPTED = msgspec.structs.replace(EVICTED, title="Pod disrupted")
POD_REJECTED = Row(name="other", key=("reason", "emitter"), severity=ERROR, title="Pod rejected by its node", kind="Pod")
"""Key and count are those of the kubelet's Event, which has the same reason."""
NODE_JOINED = Row(
    name="node joined",
    repeat="each",
    key=STEP_OF_RESOURCE,
    severity=INFO,
    title="Node added to cluster",
    kind="Node",
    metadata=("cpu", "memory", "zone", "kubelet_version"),
)
NODE_LEFT = msgspec.structs.replace(NODE_JOINED, name="node left", title="Node removed from cluster")
NODE_READY = Row(
    name="node ready",
    repeat="each",
    key=STEP_OF_RESOURCE,
    severity=INFO,
    title="Node Ready",
    kind="Node",
    metadata=("previous", "current", "not_ready_seconds"),
)
NODE_CORDONED = Row(
    name="node cordoned", repeat="each", key=STEP_OF_RESOURCE, severity=INFO, title="Node cordoned", kind="Node"
)
NODE_UNCORDONED = msgspec.structs.replace(NODE_CORDONED, name="node uncordoned", title="Node uncordoned")
NAMESPACE_CREATED = Row(
    name="namespace created",
    repeat="each",
    key=STEP_OF_RESOURCE,
    severity=INFO,
    title="Namespace created",
    kind="Namespace",
)
NAMESPACE_DELETED = msgspec.structs.replace(
    NAMESPACE_CREATED, name="namespace deleted", severity=WARNING, title="Namespace deleted"
)
CREATED = Row(
    name="object created",
    repeat="each",
    key=("uid",),
    severity=INFO,
    title="{kind} created",
    metadata=("images", "replicas"),
)
DELETED = Row(name="object deleted", repeat="each", key=("uid",), severity=INFO, title="{kind} deleted")
SCALED = Row(
    name="workload scaled",
    repeat="each",
    key=STEP_OF_RESOURCE,
    severity=INFO,
    title="{kind} scaled",
    metadata=("previous_replicas", "new_replicas"),
)
IMAGE_CHANGED = Row(
    name="workload image changed",
    repeat="each",
    key=("container", *STEP_OF_RESOURCE),
    severity=INFO,
    title="{kind} image changed",
    metadata=("container", "previous", "current"),
)
CONFIGURATION_CHANGED = Row(
    name="workload configuration changed",
    repeat="each",
    key=("manager", *STEP_OF_RESOURCE),
    severity=INFO,
    title="{kind} configuration changed",
    metadata=("changed", "previous", "current"),
)
CONFIG_MAP_CHANGED = Row(
    name="ConfigMap changed", repeat="each", key=STEP_OF_RESOURCE, severity=INFO, title="ConfigMap changed", kind="ConfigMap"
)
CONFIG_MAP_BUSY = Row(name="ConfigMap changes often", severity=INFO, title="ConfigMap changes often", kind="ConfigMap")
ROLLOUT_STUCK = Row(name="rollout stuck", severity=ERROR, title="Deployment rollout stuck", kind="Deployment")
ENDPOINTS_REDUCED = Row(
    name="service endpoints reduced",
    severity=WARNING,
    title="Service endpoints reduced",
    kind="Service",
    metadata=("previous_endpoints", "current_endpoints"),
)
NO_ENDPOINTS = msgspec.structs.replace(
    ENDPOINTS_REDUCED, name="service has no endpoints", severity=ERROR, title="Service has no endpoints"
)
CONTAINER_OOM = Row(
    name="container OOM killed",
    key=("container",),
    severity=CRITICAL,
    title="Container OOM killed",
    kind="Pod",
    metadata=("container", "restart_count", "memory_limit", "last_exit_code", "exit_code", "termination_message"),
)
POD_FAILED = Row(
    name="pod failed",
    severity=ERROR,
    title="Pod failed",
    kind="Pod",
    metadata=("container", "exit_code", "termination_reason", "termination_message"),
)
POD_REPLACED = msgspec.structs.replace(POD_FAILED, severity=WARNING, title="Pod failed and is replaced")
APPLICATION_HEALTH = Row(
    name="argocd/degraded",
    key=("previous", "current"),
    severity=ERROR,
    title="Application degraded",
    kind="Application",
    metadata=("previous", "current", "revision", "message"),
    status_describes=True,
    apart="all",
)
APPLICATION_UNHEALTHY = msgspec.structs.replace(APPLICATION_HEALTH, severity=WARNING, title="Application unhealthy")
APPLICATION_HEALTHY = msgspec.structs.replace(APPLICATION_HEALTH, severity=INFO, title="Application healthy")
APPLICATION_CHANGES = msgspec.structs.replace(APPLICATION_HEALTH, severity=INFO, title="Application health changed")
APPLICATION_SYNC = Row(
    name="argocd/sync unknown",
    key=("previous", "current"),
    severity=WARNING,
    title="Application cannot be compared",
    kind="Application",
    metadata=("previous", "current", "revision", "initiated_by", "message"),
    status_describes=True,
    apart="all",
)
APPLICATION_OUT_OF_SYNC = msgspec.structs.replace(APPLICATION_SYNC, severity=INFO, title="Application out of sync")
APPLICATION_SYNCED = msgspec.structs.replace(APPLICATION_SYNC, severity=INFO, title="Application synced")
OPERATION_SUCCEEDED = Row(
    name="argocd/operation",
    key=("phase",),
    severity=INFO,
    title="Application sync succeeded",
    kind="Application",
    metadata=("phase", "revision", "initiated_by", "message", "changed_resources", "workloads", "seconds"),
    status_describes=True,
    apart="all",
)
OPERATION_STARTED = msgspec.structs.replace(OPERATION_SUCCEEDED, title="Application sync started")
OPERATION_TERMINATED = msgspec.structs.replace(OPERATION_SUCCEEDED, title="Application sync is terminated")
OPERATION_FAILED = msgspec.structs.replace(OPERATION_SUCCEEDED, severity=ERROR, title="Application sync failed")
FLUX_FAILED = Row(
    name="flux/failed",
    key=("reason",),
    severity=ERROR,
    title="{kind} failed: {reason}",
    metadata=("previous", "current", "revision", "message"),
    status_describes=True,
    apart="statuses",
)
FLUX_NOT_READY = msgspec.structs.replace(FLUX_FAILED, severity=WARNING, title="{kind} is not ready: {reason}")
FLUX_WAITS = Row(
    name="flux/waits for a dependency",
    severity=WARNING,
    title="{kind} waits for a dependency",
    metadata=("previous", "current", "revision", "message"),
    status_describes=True,
    apart="statuses",
)
FLUX_READY = Row(
    name="flux/released",
    key=("reason",),
    severity=INFO,
    title="{kind} {reason}",
    metadata=("previous", "current", "revision", "previous_revision", "message"),
    status_describes=True,
    apart="all",
)
JOB_POD_FAILED = Row(
    name="pod of a job failed",
    key=("exit_code",),
    severity=WARNING,
    title="Pod of Job failed",
    kind="Job",
    metadata=("pod", *POD_FAILED.metadata, "memory_limit"),
)

TABLE: tuple[Row, ...] = (
    RESTARTS,
    RESTARTED,
    CRASH_LOOP,
    CANNOT_START,
    NODE_NOT_READY,
    NODE_NEVER_READY,
    DISK_PRESSURE,
    MEMORY_PRESSURE,
    PID_PRESSURE,
    NODE_CONDITION,
    NODE_ANNOUNCED,
    QUOTA_EXCEEDED,
    CLAIM_WAITS,
    HPA_SCALED,
    CANNOT_SCHEDULE,
    EVICTED,
    PREEMPTED,
    POD_SHUT_DOWN,
    POD_TURNED_AWAY,
    POD_LOST,
    POD_DISRUPTED,
    POD_REJECTED,
    NODE_JOINED,
    NODE_LEFT,
    NODE_READY,
    NODE_CORDONED,
    NODE_UNCORDONED,
    NAMESPACE_CREATED,
    NAMESPACE_DELETED,
    CREATED,
    DELETED,
    SCALED,
    IMAGE_CHANGED,
    CONFIGURATION_CHANGED,
    CONFIG_MAP_CHANGED,
    CONFIG_MAP_BUSY,
    ROLLOUT_STUCK,
    ENDPOINTS_REDUCED,
    NO_ENDPOINTS,
    CONTAINER_OOM,
    POD_FAILED,
    POD_REPLACED,
    JOB_POD_FAILED,
    APPLICATION_HEALTH,
    APPLICATION_UNHEALTHY,
    APPLICATION_HEALTHY,
    APPLICATION_CHANGES,
    APPLICATION_SYNC,
    APPLICATION_OUT_OF_SYNC,
    APPLICATION_SYNCED,
    OPERATION_SUCCEEDED,
    OPERATION_STARTED,
    OPERATION_TERMINATED,
    OPERATION_FAILED,
    FLUX_FAILED,
    FLUX_NOT_READY,
    FLUX_WAITS,
    FLUX_READY,
)
BY_NAME: dict[str, Row] = {row.name: row for row in reversed(TABLE)}
"""The first title variant of each name."""
RAISED: dict[str, Row] = {RESTARTS.name: CRASH_LOOP}
"""For rows with `raised_from`: the title variant from that count on."""
