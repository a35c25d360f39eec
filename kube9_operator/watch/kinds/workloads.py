"""Deployments, StatefulSets and DaemonSets: replicas, images, and whether a rollout is stuck."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Workload
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

STUCK = "ProgressDeadlineExceeded"


class Container(msgspec.Struct, frozen=True, gc=False):
    """A container of the pod template."""

    name: str | None = None
    image: str | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of the pod template."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class TemplateMeta(msgspec.Struct, frozen=True, gc=False):
    """Of a pod's template."""

    labels: dict[str, str] | None = None


class Template(msgspec.Struct, frozen=True, gc=False):
    """The pod template."""

    metadata: TemplateMeta | None = None
    spec: PodSpec | None = None


class Spec(msgspec.Struct, frozen=True, gc=False):
    """The spec of a workload. A DaemonSet has no `replicas`."""

    replicas: int | None = None
    template: Template | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status. Only a DaemonSet has `desiredNumberScheduled`, only a Deployment the condition Progressing."""

    desired_number_scheduled: int | None = None
    observed_generation: int | None = None
    """Absent or 0 until the controller has written the status for the first time."""
    conditions: list[metadata.Condition] | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """apps/v1 Deployment, StatefulSet or DaemonSet."""

    metadata: metadata.ObjectMeta
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> Workload:
    """Reduces a workload."""
    spec, status = found.spec or Spec(), found.status or Status()
    made_from = spec.template or Template()
    template = made_from.spec or PodSpec()
    progressing = metadata.condition(status.conditions, "Progressing")
    stuck = progressing.status == "False" and progressing.reason == STUCK
    counted_by_controller = spec.replicas is None
    replicas = status.desired_number_scheduled if counted_by_controller else spec.replicas
    return Workload(
        replicas=metadata.number(replicas),
        images={
            metadata.name(one.name): texts.line(one.image)
            for one in (*(template.init_containers or ()), *(template.containers or ()))
        },
        stuck_since_ms=metadata.ms(progressing.last_transition_time) if stuck else 0,
        stuck_message=texts.line(progressing.message) if stuck else "",
        deleting_since_ms=metadata.ms(found.metadata.deletion_timestamp),
        owner=metadata.controller(found.metadata),
        uncounted=counted_by_controller and not status.observed_generation,
        labels=metadata.labels((made_from.metadata or TemplateMeta()).labels),
    )


DEPLOYMENTS = resource("deployments", Object, reduce)
STATEFULSETS = resource("statefulsets", Object, reduce)
DAEMONSETS = resource("daemonsets", Object, reduce)
