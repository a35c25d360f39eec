"""Deployments, StatefulSets and DaemonSets: replicas, the pod template, and whether a rollout is stuck."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Workload
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource
from kube9_operator.watch.template import NOTHING, PodSpec, Template, TemplateMeta, containers, environment, parts, plain_parts

STUCK = "ProgressDeadlineExceeded"


class Spec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of a workload. A DaemonSet has no `replicas`."""

    replicas: int | None = None
    template: Template | None = None
    strategy: msgspec.Raw = NOTHING
    """Of a Deployment."""
    update_strategy: msgspec.Raw = NOTHING
    """Of a StatefulSet or DaemonSet."""


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status. Only a DaemonSet has `desiredNumberScheduled`, only a Deployment the condition Progressing."""

    desired_number_scheduled: int | None = None
    observed_generation: int | None = None
    """Absent or 0 until the controller has written the status for the first time."""
    conditions: list[metadata.Condition] | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """apps/v1 Deployment, StatefulSet or DaemonSet."""

    metadata: metadata.ChangedMeta
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> Workload:
    """Reduces a workload."""
    spec, status = found.spec or Spec(), found.status or Status()
    template = spec.template or Template()
    pods = template.spec or PodSpec()
    strategies: dict[str, str | msgspec.Raw] = {"spec.strategy": spec.strategy, "spec.updateStrategy": spec.update_strategy}
    uid = found.metadata.uid
    progressing = metadata.condition(status.conditions, "Progressing")
    stuck = progressing.status == "False" and progressing.reason == STUCK
    counted_by_controller = spec.replicas is None
    replicas = status.desired_number_scheduled if counted_by_controller else spec.replicas
    return Workload(
        replicas=metadata.number(replicas),
        images={metadata.name(one.name): texts.line(one.image) for _, one in containers(pods)},
        stuck_since_ms=metadata.ms(progressing.last_transition_time) if stuck else 0,
        stuck_message=texts.line(progressing.message) if stuck else "",
        deleting_since_ms=metadata.ms(found.metadata.deletion_timestamp),
        owner=metadata.controller(found.metadata),
        uncounted=counted_by_controller and not status.observed_generation,
        generation=metadata.number(found.metadata.generation),
        parts=plain_parts(strategies, texts, uid) | parts(template, texts, uid),
        environment=environment(pods, uid),
        labels=metadata.labels((template.metadata or TemplateMeta()).labels),
    )


DEPLOYMENTS = resource("deployments", Object, reduce)
STATEFULSETS = resource("statefulsets", Object, reduce)
DAEMONSETS = resource("daemonsets", Object, reduce)
