"""Nodes: whether they are ready and schedulable, and what they have."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Node
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

READY = "Ready"


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The labels of a node."""

    zone: str | None = msgspec.field(default=None, name="topology.kubernetes.io/zone")


class NodeMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
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
    )


NODES = resource("nodes", Object, reduce)
