"""What changes of resources are recorded as: of each row its name, key, severity and title. What Events are recorded as is in
`model/rules/rules.yaml`. A row and a rule of one name share the key: an Event and a status that tell of the same are one event.
docs/events.md shows both.
"""

from typing import Literal

import msgspec

from kube9_operator.model.observation import hash64
from kube9_schema.codes import CRITICAL, ERROR, INFO, WARNING

Repeat = Literal["fold", "each"]


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
    metadata=("container", "restart_count", "last_exit_code"),
    raised_from=10,
    prefers_statuses=True,
)
RESTARTED = msgspec.structs.replace(RESTARTS, title="Container restarted")
"""From a status; of two titles of one severity the first in the alphabet stands, which is this."""
CRASH_LOOP = msgspec.structs.replace(RESTARTS, severity=ERROR, title="Container crash loop")
"""metadata.reason is CRASH_LOOP_REASON."""
CRASH_LOOP_REASON = "CrashLoopBackOff"

NODE_NOT_READY = Row(
    name="node not ready", severity=CRITICAL, title="Node NotReady", kind="Node", metadata=("previous", "current")
)
QUOTA_EXCEEDED = Row(
    name="quota exceeded",
    key=("quota", "controller"),
    severity=WARNING,
    title="Resource quota exceeded",
    kind="ResourceQuota",
    metadata=("resource", "requested", "used", "quota_limit", "controller"),
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
    metadata=("container", "restart_count", "memory_limit", "last_exit_code"),
)

TABLE: tuple[Row, ...] = (
    RESTARTS,
    RESTARTED,
    CRASH_LOOP,
    NODE_NOT_READY,
    QUOTA_EXCEEDED,
    HPA_SCALED,
    CANNOT_SCHEDULE,
    NODE_JOINED,
    NODE_LEFT,
    NODE_READY,
    NODE_CORDONED,
    NODE_UNCORDONED,
    NAMESPACE_CREATED,
    NAMESPACE_DELETED,
    SCALED,
    IMAGE_CHANGED,
    CONFIGURATION_CHANGED,
    CONFIG_MAP_CHANGED,
    CONFIG_MAP_BUSY,
    ROLLOUT_STUCK,
    ENDPOINTS_REDUCED,
    NO_ENDPOINTS,
    CONTAINER_OOM,
)
BY_NAME: dict[str, Row] = {row.name: row for row in reversed(TABLE)}
"""Of each name the first face."""
RAISED: dict[str, Row] = {RESTARTS.name: CRASH_LOOP}
"""Of rows with `raised_from` the face from that count on."""
