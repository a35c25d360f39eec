"""Deployments, StatefulSets and DaemonSets."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.assess import suspicion
from kube9_operator.assess.cluster import DAEMONSET, DEPLOYMENT, NAME_LABEL, STATEFULSET, Container, Probe, Workload
from kube9_operator.assess.kinds.forms import (
    ALWAYS,
    KeyValueForm,
    Meta,
    Reading,
    ResourcesForm,
    SelectorForm,
    TermForm,
    key_values,
    term,
    word,
    words,
)
from kube9_operator.assess.quantities import quantity

HA_EXEMPT, RESOURCE_EXEMPT, PROBE_EXEMPT = "kube9.io/ha-exempt", "kube9.io/resource-exempt", "kube9.io/probe-exempt"
COMPONENT_LABEL = "component"
KEPT_LABELS = (HA_EXEMPT, RESOURCE_EXEMPT, PROBE_EXEMPT, NAME_LABEL, COMPONENT_LABEL)
LOG_LEVELS = ("error", "warn", "warning", "info", "debug")
"""Those of the operator, and `warn`, as the original has it."""
UNKNOWN = "?"
DEFAULT_FAILURES = 3
"""Of a probe, before something is done."""


class FieldRef(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Where a variable's value comes from."""

    field_path: str = ""


class ValueFrom(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Where a variable's value comes from."""

    field_ref: FieldRef | None = None


class Variable(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An environment variable."""

    name: str = ""
    value: str | None = None
    value_from: ValueFrom | None = None


class HttpGet(msgspec.Struct, frozen=True, gc=False):
    """Of a probe."""

    path: str | None = None
    port: int | str | None = None


class Port(msgspec.Struct, frozen=True, gc=False):
    """Of a probe: tcpSocket or grpc."""

    port: int | str | None = None


class Exec(msgspec.Struct, frozen=True, gc=False):
    """Of a probe."""

    command: list[str] | None = None


class ProbeForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A probe."""

    http_get: HttpGet | None = None
    tcp_socket: Port | None = None
    exec: Exec | None = None
    grpc: Port | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    failure_threshold: int | None = None


class PortForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A port of a container."""

    name: str | None = None
    container_port: int = 0


class ContainerForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A container of a template."""

    name: str = ""
    restart_policy: str | None = None
    env: list[Variable] | None = None
    ports: list[PortForm] | None = None
    resources: ResourcesForm | None = None
    liveness_probe: ProbeForm | None = None
    readiness_probe: ProbeForm | None = None
    startup_probe: msgspec.Raw = msgspec.Raw(b"null")


class RequiredForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A required node affinity."""

    node_selector_terms: list[TermForm] | None = None


class PreferredForm(msgspec.Struct, frozen=True, gc=False):
    """A preferred node affinity."""

    preference: TermForm | None = None


class NodeAffinityForm(msgspec.Struct, frozen=True, gc=False):
    """A node affinity."""

    required: RequiredForm | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[PreferredForm] | None = msgspec.field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class AntiAffinityForm(msgspec.Struct, frozen=True, gc=False):
    """An anti-affinity of pods: only whether there is one."""

    required: list[msgspec.Raw] | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[msgspec.Raw] | None = msgspec.field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class AffinityForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The affinity of a template."""

    node_affinity: NodeAffinityForm | None = None
    pod_anti_affinity: AntiAffinityForm | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a template's pods are made of."""

    containers: list[ContainerForm] | None = None
    init_containers: list[ContainerForm] | None = None
    service_account_name: str | None = None
    node_name: str | None = None
    node_selector: dict[str, str] | None = None
    affinity: AffinityForm | None = None
    topology_spread_constraints: list[msgspec.Raw] | None = None
    tolerations: list[KeyValueForm] | None = None


class TemplateMeta(msgspec.Struct, frozen=True, gc=False):
    """The metadata of a template, which has no name."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(msgspec.Struct, frozen=True, gc=False):
    """A template."""

    metadata: TemplateMeta | None = None
    spec: PodSpec | None = None


class RollingForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """How pods are replaced."""

    max_unavailable: int | str | None = None
    partition: int | None = None


class StrategyForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A strategy or update strategy."""

    type: str | None = None
    rolling_update: RollingForm | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of a workload."""

    replicas: int | None = None
    selector: SelectorForm | None = None
    template: Template | None = None
    strategy: StrategyForm | None = None
    update_strategy: StrategyForm | None = None
    progress_deadline_seconds: int | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status of a DaemonSet."""

    desired_number_scheduled: int | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """apps/v1 Deployment, StatefulSet or DaemonSet."""

    metadata: Meta
    spec: Spec | None = None
    status: Status | None = None


def reducer(kind: str) -> Callable[[Any], Workload]:
    """Returns what reduces the workloads of a kind."""

    def reduce(found: Any) -> Workload:
        return _workload(kind, found)

    return reduce


def _workload(kind: str, found: Object) -> Workload:
    spec = found.spec or Spec()
    template = spec.template or Template()
    pods, meta = template.spec or PodSpec(), template.metadata or TemplateMeta()
    affinity = pods.affinity or AffinityForm()
    nodes, others = affinity.node_affinity or NodeAffinityForm(), affinity.pod_anti_affinity or AntiAffinityForm()
    strategy = spec.strategy or spec.update_strategy or StrategyForm()
    rolling = strategy.rolling_update or RollingForm()
    labels = found.metadata.labels or {}
    replicas = (found.status or Status()).desired_number_scheduled if kind == DAEMONSET else spec.replicas
    return Workload(
        kind=kind,
        namespace=word(found.metadata.namespace),
        name=word(found.metadata.name),
        labels={label: word(labels[label]) for label in KEPT_LABELS if label in labels},
        replicas=1 if replicas is None else replicas,
        pod_labels=words(meta.labels),
        selector=words((spec.selector or SelectorForm()).match_labels),
        scrape=word((meta.annotations or {}).get("prometheus.io/scrape")),
        service_account=word(pods.service_account_name),
        containers=tuple(
            [_container(one, True) for one in pods.init_containers or ()]
            + [_container(one, False) for one in pods.containers or ()]
        ),
        node_name=word(pods.node_name),
        node_selector=words(pods.node_selector),
        node_terms=None if nodes.required is None else tuple(map(term, nodes.required.node_selector_terms or ())),
        preferred_terms=tuple(term(one.preference or TermForm()) for one in nodes.preferred or ()),
        tolerations=key_values(pods.tolerations),
        spread=bool(pods.topology_spread_constraints or others.required or others.preferred),
        strategy=word(strategy.type),
        max_unavailable=str(rolling.max_unavailable) if rolling.max_unavailable is not None else "",
        partition=rolling.partition or 0,
        progress_deadline_seconds=spec.progress_deadline_seconds,
    )


def _container(found: ContainerForm, init: bool) -> Container:
    resources = found.resources or ResourcesForm()
    requests, limits = resources.requests or {}, resources.limits or {}
    cpu_limit, memory_limit = quantity(limits.get("cpu")), quantity(limits.get("memory"))
    cpu, memory = quantity(requests.get("cpu")), quantity(requests.get("memory"))
    return Container(
        name=word(found.name),
        init=init,
        sidecar=init and found.restart_policy == ALWAYS,
        # A pod whose container has a limit and no request is given the limit as its request.
        cpu_request=cpu_limit if cpu is None else cpu,
        memory_request=memory_limit if memory is None else memory,
        cpu_limit=cpu_limit,
        memory_limit=memory_limit,
        liveness=_probe(found.liveness_probe),
        readiness=_probe(found.readiness_probe),
        starts_apart=bytes(found.startup_probe) != b"null",
        ports=tuple((word(one.name), one.container_port) for one in found.ports or ()),
        hardcoded=tuple(word(one.name) for one in found.env or () if one.value and suspicion.in_variable(one.name, one.value)),
        log_level=_log_level(found.env),
        knows_namespace=any(_is_namespace(one) for one in found.env or ()),
    )


def _probe(found: ProbeForm | None) -> Probe | None:
    if found is None:
        return None
    http, port, command = found.http_get, found.tcp_socket or found.grpc, found.exec
    handler, fault = "", ""
    if http is not None:
        handler = "httpGet"
        fault = "httpGet without port" if _none(http.port) else "" if (http.path or "").strip() else "httpGet without path"
    elif port is not None:
        handler = "tcpSocket" if found.tcp_socket else "grpc"
        fault = f"{handler} without port" if _none(port.port) else ""
    elif command is not None:
        handler, fault = "exec", "" if command.command else "exec without command"
    at = http.port if http is not None else port.port if port is not None else None
    path = http.path or "" if http is not None else ""
    delay = found.initial_delay_seconds or 0
    often = (delay, found.period_seconds or 0, found.failure_threshold or DEFAULT_FAILURES)
    asked = (handler, path, at, tuple(command.command or ()) if command else (), *often)
    return Probe(handler, fault, word(path), "" if _none(at) else word(str(at)), delay, hash(asked))


def _none(port: int | str | None) -> bool:
    return port is None or port == ""


def _log_level(found: list[Variable] | None) -> str | None:
    """A known level, UNKNOWN for any other literal value, None without one."""
    literal = next((one.value for one in found or () if one.name == "LOG_LEVEL"), None)
    if literal is None:
        return None
    plain = literal.strip().lower()
    return plain if plain in LOG_LEVELS else UNKNOWN


def _is_namespace(one: Variable) -> bool:
    ref = one.value_from.field_ref if one.value_from else None
    return one.name == "POD_NAMESPACE" and ref is not None and ref.field_path == "metadata.namespace"


DEPLOYMENTS = Reading("deployments", "apps", "v1", Object, reducer(DEPLOYMENT))
STATEFULSETS = Reading("statefulsets", "apps", "v1", Object, reducer(STATEFULSET))
DAEMONSETS = Reading("daemonsets", "apps", "v1", Object, reducer(DAEMONSET))
