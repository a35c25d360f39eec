"""The kinds that collections read, each in the form that has what is counted, and nothing else.

What is not decoded cannot be stored: no form has a variable's value, and labels and annotations are not even decoded.
"""

from typing import Any

import msgspec

from kube9_operator.assess.kinds.forms import Amounts, Reading

Pairs = dict[str, msgspec.Raw]
"""Labels or annotations, of which only the number matters."""


class Meta(msgspec.Struct, frozen=True, gc=False):
    """An object's metadata."""

    name: str = ""
    namespace: str | None = None
    labels: Pairs | None = None
    annotations: Pairs | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """An object that is only counted."""

    metadata: Meta


class NodeMeta(msgspec.Struct, frozen=True, gc=False):
    """The metadata of a node."""

    name: str = ""
    labels: dict[str, str] | None = None


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a node."""

    provider_id: str | None = msgspec.field(default=None, name="providerID")


class Node(msgspec.Struct, frozen=True, gc=False):
    """A node."""

    metadata: NodeMeta
    spec: NodeSpec | None = None


class WorkloadSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a Deployment or StatefulSet."""

    replicas: int | None = None


class Workload(msgspec.Struct, frozen=True, gc=False):
    """A Deployment or StatefulSet."""

    metadata: Meta
    spec: WorkloadSpec | None = None


class ServiceSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a Service."""

    type: str | None = None
    ports: list[msgspec.Raw] | None = None


class Service(msgspec.Struct, frozen=True, gc=False):
    """A Service."""

    metadata: Meta
    spec: ServiceSpec | None = None


class Resources(msgspec.Struct, frozen=True, gc=False):
    """The resources of a container."""

    requests: Amounts | None = None
    limits: Amounts | None = None


class Capabilities(msgspec.Struct, frozen=True, gc=False):
    """Of a container."""

    add: list[str] | None = None
    drop: list[str] | None = None


class Security(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The security context of a container."""

    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None


class PodSecurity(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The security context of a pod."""

    run_as_non_root: bool | None = None
    fs_group: int | None = None


class Handler(msgspec.Struct, frozen=True, gc=False):
    """How a probe asks: only that there is one."""


class Probe(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A probe."""

    http_get: Handler | None = None
    tcp_socket: Handler | None = None
    exec: Handler | None = None
    grpc: Handler | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None


class Container(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A container."""

    image_pull_policy: str | None = None
    resources: Resources | None = None
    security_context: Security | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a pod."""

    containers: list[Container] | None = None
    security_context: PodSecurity | None = None
    volumes: list[dict[str, msgspec.Raw]] | None = None


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod."""

    metadata: Meta
    spec: PodSpec | None = None


def _as_it_is(found: Any) -> Any:
    """An object is counted as soon as its page is there, so nothing has to be reduced."""
    return found


READINGS: dict[str, Reading] = {
    one.resource: one
    for one in (
        Reading("nodes", "", "v1", Node, _as_it_is),
        Reading("namespaces", "", "v1", Object, _as_it_is, 500),
        Reading("pods", "", "v1", Pod, _as_it_is),
        Reading("services", "", "v1", Service, _as_it_is, 500),
        Reading("deployments", "apps", "v1", Workload, _as_it_is),
        Reading("statefulsets", "apps", "v1", Workload, _as_it_is),
        Reading("daemonsets", "apps", "v1", Object, _as_it_is),
        Reading("replicasets", "apps", "v1", Object, _as_it_is),
    )
}
"""By their plural names. The operator watches all of them, so they need no permission of their own."""
