"""Pods: how their containers run, restart and end; their node and owner."""

from datetime import datetime
from typing import Any

import msgspec

from kube9_operator.model import resource_states
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

FAILED = "Failed"
"""The phase of a pod that has ended and is not started again."""
NEVER = "Never"
PAGE_LIMIT = 250
"""A pod takes 5 to 20 KB, so a page takes a few MiB."""


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Of a pod's annotations."""

    mirror: str | None = msgspec.field(default=None, name="kubernetes.io/config.mirror")
    """Of the mirror of a static pod the static pod's uid, which is a hash of its configuration."""


class PodMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
    """With annotations."""

    annotations: Annotations | None = None


class Limits(msgspec.Struct, frozen=True, gc=False):
    """Resource limits."""

    memory: str | None = None


class Resources(msgspec.Struct, frozen=True, gc=False):
    """The resources of a pod or container."""

    limits: Limits | None = None


class Container(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A container of the spec."""

    name: str | None = None
    resources: Resources | None = None
    restart_policy: str | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of a pod."""

    node_name: str | None = None
    restart_policy: str | None = None
    resources: Resources | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """Why a container waits."""

    reason: str | None = None


class Terminated(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """How a container ended."""

    reason: str | None = None
    exit_code: int | None = None
    finished_at: datetime | None = None
    message: str | None = None


class ContainerState(msgspec.Struct, frozen=True, gc=False):
    """The present or the last state of a container."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status of a container."""

    name: str | None = None
    restart_count: int | None = None
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    resources: Resources | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status of a pod."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    start_time: datetime | None = None
    conditions: list[metadata.Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """v1/Pod."""

    metadata: PodMeta
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> resource_states.Pod:
    """Reduces a pod."""
    spec, status = found.spec or Spec(), found.status or Status()
    scheduled = metadata.condition(status.conditions, "PodScheduled")
    unschedulable = scheduled.status == "False" and scheduled.reason == "Unschedulable"
    shared = _memory(spec.resources)
    containers = [
        *_containers("init", spec.init_containers, status.init_container_statuses, shared, texts),
        *_containers("", spec.containers, status.container_statuses, shared, texts),
        *_containers("ephemeral", spec.ephemeral_containers, status.ephemeral_container_statuses, shared, texts),
    ]
    return resource_states.Pod(
        node=metadata.name(spec.node_name),
        owner=metadata.controller(found.metadata),
        deleting_since_ms=metadata.ms(found.metadata.deletion_timestamp),
        unschedulable_since_ms=metadata.ms(scheduled.last_transition_time) if unschedulable else 0,
        containers=containers,
        phase=metadata.name(status.phase),
        reason=metadata.name(status.reason),
        message=texts.line(status.message),
        disruption=_disruption(status, texts),
        started_ms=metadata.ms(status.start_time) if status.phase == FAILED else 0,
        mirror_uid=metadata.name(found.metadata.uid) if _static_uid(found) else "",
        # A container may have a policy of its own, and so start again in a pod that does not.
        never=spec.restart_policy == NEVER and all(one.restart_policy in (None, NEVER) for one in spec.containers or ()),
        created_ms=metadata.ms(found.metadata.creation_timestamp),
    )


def _static_uid(found: Object) -> str:
    """Of a mirror pod the uid of the static pod that it shows; '' of any other."""
    return metadata.name((found.metadata.annotations or Annotations()).mirror)


def _disruption(status: Status, texts: metadata.Texts) -> resource_states.Disruption | None:
    one = metadata.condition(status.conditions, "DisruptionTarget")
    if one.status != "True":
        return None
    return resource_states.Disruption(metadata.name(one.reason), texts.line(one.message), metadata.ms(one.last_transition_time))


def _containers(
    kind: str, asked: list[Container] | None, found: list[ContainerStatus] | None, shared: str, texts: metadata.Texts
) -> list[resource_states.Container]:
    """Reduces the containers of one list, with their statuses. `shared` is the memory limit of the whole pod."""
    statuses = {one.name: one for one in found or ()}
    made = []
    for one in asked or ():
        status = statuses.get(one.name) or ContainerStatus()
        state, last = status.state or ContainerState(), status.last_state or ContainerState()
        made.append(
            resource_states.Container(
                name=metadata.name(one.name),
                kind="sidecar" if kind == "init" and one.restart_policy == "Always" else kind,
                restart_count=metadata.number(status.restart_count),
                waiting_reason=metadata.name((state.waiting or Waiting()).reason),
                # The limit after a resize in place, else that of the spec, else the one that all containers share.
                memory_limit=_memory(status.resources) or _memory(one.resources) or shared,
                ends=[_end(ended.terminated, texts) for ended in (last, state) if ended.terminated],
            )
        )
    return made


def _memory(resources: Resources | None) -> str:
    return metadata.name(((resources or Resources()).limits or Limits()).memory)


def _end(terminated: Terminated, texts: metadata.Texts) -> resource_states.End:
    return resource_states.End(
        reason=metadata.name(terminated.reason),
        exit_code=metadata.number(terminated.exit_code),
        finished_ms=metadata.ms(terminated.finished_at),
        message=texts.line(terminated.message),
    )


PODS = resource("pods", Object, reduce, page_limit=PAGE_LIMIT, other_uid=_static_uid)
