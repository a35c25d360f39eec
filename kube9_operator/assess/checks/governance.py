"""The check whether quotas and defaults of namespaces fit what their workloads want."""

from collections import defaultdict

import msgspec

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import Cluster, Namespace, Quota, Workload
from kube9_operator.assess.faults import Fault, verdict
from kube9_operator.assess.model import MEDIUM, PASSING, PERFORMANCE, Check, Verdict
from kube9_operator.assess.quantities import cores, plain, reserved, size

NEAR = 0.9
MANY_PODS = 3
REQUESTS_TOO_LARGE, LIMITS_TOO_LARGE, PODS_TOO_LARGE = 20.0, 25.0, 10.0
"""A quota of so many times the demand limits nothing."""
CPU, MEMORY, CPU_LIMITS, MEMORY_LIMITS, PODS = "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods"
COMPUTE = frozenset({CPU, MEMORY, CPU_LIMITS, MEMORY_LIMITS, PODS, "cpu", "memory"})
"""`cpu` and `memory` are other names of the first two."""
ALIASES = {"cpu": CPU, "memory": MEMORY}
LOOSE = {CPU: REQUESTS_TOO_LARGE, MEMORY: REQUESTS_TOO_LARGE, CPU_LIMITS: LIMITS_TOO_LARGE, MEMORY_LIMITS: LIMITS_TOO_LARGE}
IMPORTANT_NAMES = ("prod", "stage", "staging", "critical")
IMPORTANT_VALUES = frozenset({"prod", "production", "stage", "staging", "critical"})
ROOM = 2
"""The quota in a remediation, as a multiple of the demand."""
LEAST_CORES, LEAST_BYTES = 1.0, 2.0**30
"""The least quota in a remediation: where nothing is requested, the demand is not known."""


class Demand(msgspec.Struct):
    """What the workloads of a namespace want. Limits are compared with requests, as they need not be set."""

    cpu: float = 0.0
    memory: float = 0.0
    pods: int = 0
    without_requests: bool = False

    def of(self, key: str) -> float:
        """The demand that a key of a quota limits."""
        cpu, memory = plain(self.cpu), plain(self.memory)
        return {CPU: cpu, CPU_LIMITS: cpu, MEMORY: memory, MEMORY_LIMITS: memory, PODS: self.pods}[key]


def namespace_resource_governance(cluster: Cluster) -> Verdict:
    """Fails if workloads want more than a quota allows; warns if it is nearly used, far too large, or missing."""
    demands = _demands(cluster)
    if not demands:
        return Verdict(PASSING, "No workloads whose resources could be governed.")
    namespaces = {one.name: one for one in cluster.namespaces}
    quotas: dict[str, list[Quota]] = defaultdict(list)
    for quota in cluster.resourcequotas:
        quotas[quota.namespace].append(quota)
    defaulted = {one.namespace for one in cluster.limitranges if one.complete}
    faults: list[Fault] = []
    for name, demand in demands.items():
        important = _is_important(namespaces.get(name) or Namespace(name, {}), demand)
        if important and not quotas[name]:
            faults.append(_no_quota(name, demand))
        limits_compute = any(COMPUTE & quota.hard.keys() for quota in quotas[name])
        for quota in quotas[name]:
            if limits_compute and not COMPUTE & quota.hard.keys():
                continue  # it limits the numbers of objects, beside the other one
            if not quota.scoped:
                faults += _quota_faults(quota, demand)
        if important and demand.without_requests and name not in defaulted:
            faults.append(_no_defaults(name))
    return verdict(
        faults,
        "Workloads want more than a quota allows",
        "Quotas and defaults that do not fit",
        f"Quotas and defaults fit what workloads want. Namespaces: {len(demands)}.",
    )


def _demands(cluster: Cluster) -> dict[str, Demand]:
    found: dict[str, Demand] = defaultdict(Demand)
    for workload in scope.in_scope(cluster.workloads):
        demand = found[workload.namespace]
        demand.pods += workload.replicas
        cpu, memory = _pod(workload)
        demand.cpu += cpu * workload.replicas
        demand.memory += memory * workload.replicas
        for container in workload.containers:
            if workload.replicas and (container.cpu_request is None or container.memory_request is None):
                demand.without_requests = True
    return found


def _pod(workload: Workload) -> tuple[float, float]:
    """What a quota counts for a pod of a workload: cores and bytes."""
    init = [one for one in workload.containers if one.init]
    others = [one for one in workload.containers if not one.init]
    return (
        reserved(((one.cpu_request or 0.0, one.sidecar) for one in init), (one.cpu_request or 0.0 for one in others)),
        reserved(((one.memory_request or 0.0, one.sidecar) for one in init), (one.memory_request or 0.0 for one in others)),
    )


def _is_important(namespace: Namespace, demand: Demand) -> bool:
    name = namespace.name.lower()
    named = any(one in name for one in IMPORTANT_NAMES)
    labelled = any(value.lower() in IMPORTANT_VALUES for value in namespace.labels.values())
    return named or labelled or demand.pods >= MANY_PODS


def _quota_faults(quota: Quota, demand: Demand) -> list[Fault]:
    shown = f"ResourceQuota {quota.namespace}/{quota.name}"
    if not COMPUTE & quota.hard.keys():
        remedy = _set(quota, "Limit processor time, memory and pods too.", _hard(demand))
        return [Fault(False, f"{shown} (limits neither cpu, memory nor pods)", remedy)]
    faults = []
    for given, hard in quota.hard.items():
        key = ALIASES.get(given, given)
        if key not in (*LOOSE, PODS):
            continue
        wanted = demand.of(key)
        fitting = {given: _amount(key, ROOM * wanted)}
        raised, lowered = "Raise the quota, or let workloads request less.", "Lower the quota."
        limits_requests = key in (CPU, MEMORY, PODS)
        loose = LOOSE.get(key, PODS_TOO_LARGE)
        if limits_requests and wanted > hard:
            said = f"{shown} ({given} is {_amount(key, hard)}, wanted is {_amount(key, wanted)})"
            faults.append(Fault(True, said, _set(quota, raised, fitting)))
        elif limits_requests and wanted > 0 and wanted >= plain(NEAR * hard):
            faults.append(Fault(False, f"{shown} ({given} is {100 * wanted / hard:.0f} % used)", _set(quota, raised, fitting)))
        elif wanted > 0 and hard >= plain(loose * wanted):
            said = f"{shown} ({given} is {hard / wanted:.0f} times what is wanted)"
            faults.append(Fault(False, said, _set(quota, lowered, fitting)))
    return faults


def _no_quota(namespace: str, demand: Demand) -> Fault:
    hard = ",".join(f"{key}={value}" for key, value in _hard(demand).items())
    remedy = text.advice(
        "Limit what the namespace may request. For example, twice of what its workloads want:",
        text.kubectl(namespace, f"create quota compute --hard={hard}"),
    )
    return Fault(False, f"Namespace {namespace} (no ResourceQuota)", remedy)


def _no_defaults(namespace: str) -> Fault:
    requests, limits = {"cpu": "100m", "memory": "128Mi"}, {"cpu": "500m", "memory": "256Mi"}
    manifest = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "defaults"},
        "spec": {"limits": [{"type": "Container", "defaultRequest": requests, "default": limits}]},
    }
    said = "Give containers without requests a default. For example:"
    remedy = text.advice(said, text.apply(namespace, manifest))
    return Fault(False, f"Namespace {namespace} (containers without requests, and no defaults)", remedy)


def _set(quota: Quota, said: str, hard: dict[str, str]) -> str:
    return text.advice(said, text.patch("resourcequota", quota.namespace, quota.name, {"spec": {"hard": hard}}))


def _hard(demand: Demand) -> dict[str, str]:
    """A quota that fits a demand."""
    return {key: _amount(key, max(ROOM * demand.of(key), least)) for key, least in LEAST.items()}


LEAST = {CPU: LEAST_CORES, MEMORY: LEAST_BYTES, PODS: 1.0}


def _amount(key: str, amount: float) -> str:
    if key == PODS:
        return f"{amount:.0f}"
    return cores(amount) if key in (CPU, CPU_LIMITS) else size(amount)


CHECKS = (
    Check(
        "performance-efficiency.namespace-resource-governance",
        "Namespace Resource Governance",
        PERFORMANCE,
        MEDIUM,
        ("deployments", "statefulsets", "daemonsets", "namespaces", "resourcequotas", "limitranges"),
        namespace_resource_governance,
    ),
)
