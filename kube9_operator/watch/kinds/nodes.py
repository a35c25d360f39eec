"""Nodes: whether they are ready and schedulable, and what they have."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Node, NodeCondition
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

READY = "Ready"
MAX_CONDITIONS = 50
"""Of one node: a problem detector sets some fifteen."""


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The labels of a node."""

    zone: str | None = msgspec.field(default=None, name="topology.kubernetes.io/zone")


class NodeMeta(metadata.ChangedMeta, frozen=True, rename="camel", gc=False):
    """Metadata with labels."""

    labels: Labels | None = None


class Spec(msgspec.Struct, frozen=True, gc=False):
    """The spec of a node."""

    unschedulable: bool | None = None


class Capacity(msgspec.Struct, frozen=True, gc=False):
    """The capacity of a node."""

    cpu: str | None = None
    memory: str | None = None


class Info(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The software of a node."""

    kubelet_version: str | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status of a node."""

    conditions: list[metadata.Condition] | None = None
    capacity: Capacity | None = None
    node_info: Info | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """v1/Node."""

    metadata: NodeMeta
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> Node:
    """Reduces a node."""
    status = found.status or Status()
    ready = metadata.condition(status.conditions, READY)
    capacity = status.capacity or Capacity()
    return Node(
        created_ms=metadata.ms(found.metadata.creation_timestamp),
        unschedulable=bool((found.spec or Spec()).unschedulable),
        ready=metadata.name(ready.status),
        ready_since_ms=metadata.ms(ready.last_transition_time),
        ready_reason=metadata.name(ready.reason),
        ready_message=texts.line(ready.message),
        cpu=metadata.name(capacity.cpu),
        memory=metadata.name(capacity.memory),
        zone=metadata.name((found.metadata.labels or Labels()).zone),
        kubelet_version=metadata.name((status.node_info or Info()).kubelet_version),
        conditions=_others(status.conditions, texts),
    )


def _others(conditions: list[metadata.Condition] | None, texts: metadata.Texts) -> list[NodeCondition]:
    """All but Ready. When they were last confirmed is left out: that would be a change every few minutes."""
    others = sorted((one for one in conditions or () if one.type and one.type != READY), key=lambda one: one.type or "")
    return [
        NodeCondition(
            type=metadata.name(one.type),
            status=metadata.name(one.status),
            since_ms=metadata.ms(one.last_transition_time),
            reason=metadata.name(one.reason) if one.status == "True" else "",
            message=texts.line(one.message) if one.status == "True" else "",
        )
        for one in others[:MAX_CONDITIONS]
    ]


NODES = resource("nodes", Object, reduce)
