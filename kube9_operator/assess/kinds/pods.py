"""Pods that have not ended: their containers' privileges, and what they reserve."""

from typing import Any

import msgspec

from kube9_operator.assess import builtin
from kube9_operator.assess.cluster import Pod, PodContainer
from kube9_operator.assess.kinds.forms import ALWAYS, Meta, Reading, ResourcesForm, word
from kube9_operator.assess.quantities import quantity, reserved

DANGEROUS = frozenset(
    {
        "SYS_ADMIN",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "NET_ADMIN",
        "DAC_READ_SEARCH",
        "AUDIT_CONTROL",
        "MKNOD",
        "SYS_BOOT",
        "SYS_TIME",
    }
)
ALL = "ALL"
ALL_BUT_TWO = 39
"""Whoever drops so many of Linux' 41 capabilities one by one drops practically all."""
ENDED = ("Succeeded", "Failed")
HASH_LABEL = "pod-template-hash"


class CapabilitiesForm(msgspec.Struct, frozen=True, gc=False):
    """Of a container."""

    add: list[str] | None = None
    drop: list[str] | None = None


class SecurityForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The security context of a container; that of a pod has only the first field."""

    run_as_non_root: bool | None = None
    privileged: bool | None = None
    capabilities: CapabilitiesForm | None = None


class ContainerForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A container."""

    name: str = ""
    restart_policy: str | None = None
    security_context: SecurityForm | None = None
    resources: ResourcesForm | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a pod."""

    containers: list[ContainerForm] | None = None
    init_containers: list[ContainerForm] | None = None
    ephemeral_containers: list[ContainerForm] | None = None
    security_context: SecurityForm | None = None


class Status(msgspec.Struct, frozen=True, gc=False):
    """Of a pod."""

    phase: str = ""


class Object(msgspec.Struct, frozen=True, gc=False):
    """A pod."""

    metadata: Meta
    spec: Spec | None = None
    status: Status | None = None


def reduce(found: Any) -> Pod | None:
    """Reduces a pod; None if it has ended."""
    own, spec = found.metadata, found.spec or Spec()
    if (found.status or Status()).phase in ENDED:
        return None
    kind, name = owner(own)
    namespace = word(own.namespace)
    non_root = (spec.security_context or SecurityForm()).run_as_non_root is True
    every = {
        "initContainers": spec.init_containers,
        "containers": spec.containers,
        "ephemeralContainers": spec.ephemeral_containers,
    }
    return Pod(
        namespace=namespace,
        name=own.name,
        owner_kind=kind,
        owner_name=name,
        builtin=builtin.is_pod(namespace, name, own.labels or {}, own.annotations or {}),
        containers=tuple(_container(one, non_root, field) for field, some in every.items() for one in some or ()),
        cpu_request=_reserved("cpu", spec),
        memory_request=_reserved("memory", spec),
    )


def owner(own: Meta) -> tuple[str, str]:
    """The kind and name of what a pod belongs to. A Deployment's ReplicaSet has the hash of its pods in its name."""
    for one in own.owner_references or ():
        if not one.controller:
            continue
        made = f"-{(own.labels or {}).get(HASH_LABEL, '')}"
        if one.kind == "ReplicaSet" and len(made) > 1 and one.name.endswith(made):
            return "Deployment", word(one.name.removesuffix(made))
        return word(one.kind), word(one.name)
    return "Pod", word(own.name)


def _container(found: ContainerForm, pod_non_root: bool, field: str) -> PodContainer:
    context = found.security_context or SecurityForm()
    capabilities = context.capabilities or CapabilitiesForm()
    added, dropped = _names(capabilities.add), _names(capabilities.drop)
    excused = ALL in dropped or len(dropped) >= ALL_BUT_TWO
    # Whoever adds all has all, whatever is dropped.
    dangerous = {ALL} if ALL in added else set() if excused else added & DANGEROUS
    return PodContainer(
        name=word(found.name),
        non_root=pod_non_root if context.run_as_non_root is None else context.run_as_non_root,
        refuses_non_root=context.run_as_non_root is False,
        privileged=context.privileged is True,
        dangerous=tuple(sorted(dangerous)),
        field=field,
    )


def _names(found: list[str] | None) -> set[str]:
    return {one.upper().removeprefix("CAP_") for one in found or ()}


def _reserved(resource: str, spec: Spec) -> float:
    init = ((_request(resource, one), one.restart_policy == ALWAYS) for one in spec.init_containers or ())
    return reserved(init, (_request(resource, one) for one in spec.containers or ()))


def _request(resource: str, found: ContainerForm) -> float:
    return quantity(((found.resources or ResourcesForm()).requests or {}).get(resource)) or 0.0


PODS = Reading("pods", "", "v1", Object, reduce)
