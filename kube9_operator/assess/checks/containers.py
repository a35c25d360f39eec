"""Checks of the pillar reliability that look at containers: their resources and their probes."""

from collections.abc import Callable
from typing import Any

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import Cluster, Container
from kube9_operator.assess.model import FAILING, LOW, MEDIUM, PASSING, RELIABILITY, WARNING, Check, Verdict
from kube9_operator.assess.quantities import cores, size

READS = ("deployments", "statefulsets", "daemonsets")
CPU_REQUEST, MEMORY_REQUEST = "100m", "128Mi"
CPU_LIMIT, MEMORY_LIMIT = "500m", "256Mi"
"""Examples in remediations. Their ratios satisfy cost-optimization.resource-request-limit-ratios."""
ROOM = 2
"""The limit in a remediation, as a multiple of the request."""
SOON_SECONDS = 1
"""Equal probes with so short a delay restart a container that is only not ready yet."""
DEFAULT_PORT = 8080
DELAY_SECONDS = 10


def resource_requests(cluster: Cluster) -> Verdict:
    """Fails for containers without requests."""
    found = _without(cluster, lambda one: (one.cpu_request, one.memory_request))
    if not found:
        return Verdict(PASSING, "All containers request processor time and memory.")
    remediation = _set_resources(found, "requests", CPU_REQUEST, MEMORY_REQUEST)
    return found.verdict(FAILING, "Containers without requests", remediation)


def resource_limits(cluster: Cluster) -> Verdict:
    """Warns for containers without limits."""
    found = _without(cluster, lambda one: (one.cpu_limit, one.memory_limit))
    if not found:
        return Verdict(PASSING, "All containers have limits of processor time and memory.")
    remediation = _set_resources(found, "limits", CPU_LIMIT, MEMORY_LIMIT)
    return found.verdict(WARNING, "Containers without limits", remediation)


def liveness_readiness_probes(cluster: Cluster) -> Verdict:
    """Fails for containers without probes, with malformed ones, or with equal ones that restart what only starts slowly."""
    found = text.Offenders()
    for workload, container in scope.for_probes(cluster):
        faults = _probe_faults(container)
        if faults:
            found.add(scope.shown(workload, container, ", ".join(faults)), (workload, container))
    if not found:
        return Verdict(PASSING, "All containers have a liveness and a readiness probe.")
    workload, container = found.subject
    probes: dict[str, Any] = {"name": container.name}
    answers: dict[str, Any] = {"tcpSocket": {"port": container.ports[0][1] if container.ports else DEFAULT_PORT}}
    delayed = {"livenessProbe": answers | {"initialDelaySeconds": DELAY_SECONDS}, "readinessProbe": answers}
    for field, probe in (("livenessProbe", container.liveness), ("readinessProbe", container.readiness)):
        if probe is None or not probe.handler:
            probes[field] = delayed[field]
        elif probe.fault:
            probes[field] = {"$patch": "replace", **delayed[field]}
    if _is_hasty(container):
        probes["livenessProbe"] = {"initialDelaySeconds": DELAY_SECONDS}
    condition = "" if container.ports else f", if it listens on port {DEFAULT_PORT}"
    remediation = text.advice(
        "Let the kubelet know when the container is ready and when it hangs. Or label the workload kube9.io/probe-exempt=true. "
        f"For example{condition}:",
        text.patch_pods(workload, {"containers": [probes]}),
    )
    return found.verdict(FAILING, "Containers whose probes are missing or wrong", remediation)


def _probe_faults(container: Container) -> list[str]:
    faults = []
    for name, probe in (("liveness", container.liveness), ("readiness", container.readiness)):
        if probe is None or not probe.handler:
            faults.append(f"no {name} probe")
        elif probe.fault:
            faults.append(f"{name} probe is {probe.fault}")
    if _is_hasty(container):
        faults.append("equal probes without a delay")
    return faults


def _is_hasty(container: Container) -> bool:
    live, ready = container.liveness, container.readiness
    if live is None or ready is None or not live.handler or container.starts_apart:
        return False
    return live.digest == ready.digest and live.delay_seconds <= SOON_SECONDS


def _without(cluster: Cluster, amounts: Callable[[Container], tuple[float | None, float | None]]) -> text.Offenders:
    found = text.Offenders()
    for workload, container in scope.containers(scope.for_resources(cluster.workloads)):
        missing = [name for name, amount in zip(("cpu", "memory"), amounts(container), strict=True) if amount is None]
        if missing:
            found.add(scope.shown(workload, container, f"no {' and '.join(missing)}"), (workload, container, missing))
    return found


def _set_resources(found: text.Offenders, field: str, cpu: str, memory: str) -> str:
    """Sets what is missing, and leaves alone what is there."""
    workload, container, missing = found.subject
    amounts = {"cpu": cpu, "memory": memory}
    if field == "limits":
        # A limit below the request would be refused.
        if container.cpu_request is not None:
            amounts["cpu"] = cores(ROOM * container.cpu_request)
        if container.memory_request is not None:
            amounts["memory"] = size(ROOM * container.memory_request)
    said = f"Set {field} by what the container uses. Or label the workload kube9.io/resource-exempt=true. For example:"
    changed = {"name": container.name, "resources": {field: {name: amounts[name] for name in missing}}}
    lists = "initContainers" if container.init else "containers"
    return text.advice(said, text.patch_pods(workload, {lists: [changed]}))


CHECKS = (
    Check("reliability.resource-requests", "Resource Requests", RELIABILITY, MEDIUM, READS, resource_requests),
    Check("reliability.resource-limits", "Resource Limits", RELIABILITY, LOW, READS, resource_limits),
    Check(
        "reliability.liveness-readiness-probes",
        "Liveness and Readiness Probes",
        RELIABILITY,
        MEDIUM,
        READS,
        liveness_readiness_probes,
    ),
)
