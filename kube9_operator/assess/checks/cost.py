"""Checks of the pillar cost-optimization."""

from typing import Any

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import DAEMONSET, Cluster, Container, Node, NodeTerm, Workload
from kube9_operator.assess.faults import Fault, verdict
from kube9_operator.assess.model import COST, FAILING, MEDIUM, PASSING, WARNING, Check, Verdict
from kube9_operator.assess.quantities import cores, plain, size

READS = ("deployments", "statefulsets", "daemonsets")
LEAST_RATIO, GOOD_RATIO = 0.05, 0.2
"""Of request and limit: below the first a check fails, below the second it warns."""
GI = 2.0**30
POD_FAILS, POD_WARNS = (16.0, 64 * GI), (4.0, 16 * GI)
WORKLOAD_FAILS, WORKLOAD_WARNS = (128.0, 1024 * GI), (32.0, 256 * GI)
"""Cores and bytes that the pods of a workload request: from so many on."""
SPOT_LABELS = {
    "eks.amazonaws.com/capacityType": "spot",
    "kubernetes.azure.com/scalesetpriority": "spot",
    "cloud.google.com/gke-provisioning": "spot",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "node.kubernetes.io/lifecycle": "spot",
    "karpenter.sh/capacity-type": "spot",
}
"""Labels of nodes that may be taken away, with their values in lower case."""
SPOT_WORDS = ("spot", "preempt", "interruptible")


def resource_request_limit_ratios(cluster: Cluster) -> Verdict:
    """Fails for containers whose request is above their limit or a small part of it; warns for a rather small part."""
    faults: list[Fault] = []
    for workload, container in scope.containers(scope.for_resources(cluster.workloads)):
        faults += _ratio_faults(workload, container)
    said = "Containers that request a small part of their limit"
    return verdict(faults, said, said, "Requests are in proportion to limits.")


def over_provisioning_detection(cluster: Cluster) -> Verdict:
    """Fails or warns for pods and workloads that request very much."""
    faults = [fault for one in scope.for_resources(cluster.workloads) for fault in _size_faults(one)]
    return verdict(faults, "Requests that are very large", "Requests that are large", "No workload requests very much.")


def spot_instance_usage(cluster: Cluster) -> Verdict:
    """Fails if no workload is meant for the spot nodes that there are; warns if some are not."""
    spot = [one for one in cluster.nodes if _is_spot(one)]
    if not spot:
        return Verdict(PASSING, "There are no spot nodes.")
    workloads = [one for one in scope.for_resources(cluster.scalable) if not one.own]
    found = text.Offenders()
    for one in workloads:
        if not _aims_at_spot(one):
            found.add(one.shown, one)
    there = f"{len(spot)} of {len(cluster.nodes)} nodes are spot nodes"
    if not found:
        return Verdict(PASSING, f"{there}, and all workloads may run there.")
    remediation = text.advice(
        "Let workloads that bear an interruption prefer spot nodes. Label others kube9.io/resource-exempt=true.",
        text.patch_pods(found.subject, _for_spot(spot[0])),
    )
    if found.total == len(workloads):
        return found.verdict(FAILING, f"{there}, and no workload is meant for them", remediation)
    return found.verdict(WARNING, f"{there}, and some workloads are not meant for them", remediation)


def _ratio_faults(workload: Workload, container: Container) -> list[Fault]:
    faults = []
    for name, request, limit, written in (
        ("cpu", container.cpu_request, container.cpu_limit, cores),
        ("memory", container.memory_request, container.memory_limit, size),
    ):
        if request is None or limit is None or limit <= 0:
            continue
        ratio = plain(request / limit)
        if GOOD_RATIO <= ratio <= 1:
            continue
        fails = ratio > 1 or ratio < LEAST_RATIO
        said = f"{name} request {written(request)}, limit {written(limit)}"
        amounts = {"requests": {name: written(limit / 2)}}
        lists = "initContainers" if container.init else "containers"
        remedy = text.advice(
            "Bring request and limit closer to what the container uses. For example:",
            text.patch_pods(workload, {lists: [{"name": container.name, "resources": amounts}]}),
        )
        faults.append(Fault(fails, scope.shown(workload, container, said), remedy))
    return faults


def pod_requests(workload: Workload) -> tuple[float, float]:
    """Cores and bytes that a pod of a workload requests: init containers run before the others."""
    init = [one for one in workload.containers if one.init]
    rest = [one for one in workload.containers if not one.init]
    cpu = max(sum(one.cpu_request or 0.0 for one in init), sum(one.cpu_request or 0.0 for one in rest))
    memory = max(sum(one.memory_request or 0.0 for one in init), sum(one.memory_request or 0.0 for one in rest))
    return plain(cpu), plain(memory)


def _size_faults(workload: Workload) -> list[Fault]:
    if workload.replicas <= 0:
        return []
    pod = pod_requests(workload)
    whole = (plain(pod[0] * workload.replicas), plain(pod[1] * workload.replicas))
    faults = []
    for at, name in enumerate(("cpu", "memory")):
        written = size if at else cores
        if pod[at] >= POD_WARNS[at]:
            said = f"{workload.shown} (a pod requests {name} {written(pod[at])})"
            faults.append(Fault(pod[at] >= POD_FAILS[at], said, _smaller(workload, at, POD_WARNS[at])))
        if whole[at] >= WORKLOAD_WARNS[at]:
            said = f"{workload.shown} ({workload.replicas} pods request {name} {written(whole[at])})"
            faults.append(Fault(whole[at] >= WORKLOAD_FAILS[at], said, _fewer(workload, at, pod[at])))
    return faults


def _smaller(workload: Workload, at: int, most: float) -> str:
    """Lets a pod request half of what is too much, shared by its containers."""
    name = ("cpu", "memory")[at]
    amounts = [(one, one.memory_request if at else one.cpu_request) for one in workload.containers]
    share = most / 2 / len(amounts)
    changed: dict[str, list[dict[str, Any]]] = {}
    for container, amount in amounts:
        if amount is not None and amount > share:
            wanted = {"name": container.name, "resources": {"requests": {name: size(share) if at else cores(share)}}}
            changed.setdefault("initContainers" if container.init else "containers", []).append(wanted)
    return text.advice("Request what the pods use. For example:", text.patch_pods(workload, changed))


def _fewer(workload: Workload, at: int, pod: float) -> str:
    if workload.kind == DAEMONSET:
        return _smaller(workload, at, WORKLOAD_WARNS[at] / workload.replicas)
    replicas = max(1, int(WORKLOAD_WARNS[at] / pod / 2))
    scaled = text.kubectl(workload.namespace, f"scale {text.reference(workload)} --replicas={replicas}")
    return text.advice("Run fewer replicas, or let each request what it uses. For example:", scaled)


def _is_spot(node: Node) -> bool:
    labelled = any(node.labels.get(key, "").lower() == value for key, value in SPOT_LABELS.items())
    return labelled or any(_names_spot(one.key, one.value) for one in node.taints)


def _aims_at_spot(one: Workload) -> bool:
    terms = (*(one.node_terms or ()), *one.preferred_terms)
    return (
        any(_names_spot(key, value) for key, value in one.node_selector.items())
        or any(map(_term_names_spot, terms))
        or any(_names_spot(each.key, each.value) for each in one.tolerations)
    )


def _term_names_spot(term: NodeTerm) -> bool:
    """A requirement that excludes spot nodes does not aim at them."""
    return any(_names_spot(one.key, *one.values) for one in term.labels if one.operator in ("In", "Exists"))


def _names_spot(*words: str) -> bool:
    return any(part in word.lower() for word in words for part in SPOT_WORDS)


def _for_spot(node: Node) -> dict[str, Any]:
    """What lets a pod prefer nodes such as this one."""
    spec: dict[str, Any] = {}
    labels = [key for key, value in SPOT_LABELS.items() if node.labels.get(key, "").lower() == value]
    if labels:
        wanted = {"key": labels[0], "operator": "In", "values": [node.labels[labels[0]]]}
        preferred = [{"weight": 100, "preference": {"matchExpressions": [wanted]}}]
        spec["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    taints = [one.key for one in node.taints if _names_spot(one.key, one.value)]
    if taints:
        spec["tolerations"] = [{"key": key, "operator": "Exists"} for key in taints]
    return spec


CHECKS = (
    Check(
        "cost-optimization.resource-request-limit-ratios",
        "Resource Request/Limit Ratios",
        COST,
        MEDIUM,
        READS,
        resource_request_limit_ratios,
    ),
    Check(
        "cost-optimization.over-provisioning-detection",
        "Over-Provisioning Detection",
        COST,
        MEDIUM,
        READS,
        over_provisioning_detection,
    ),
    Check(
        "cost-optimization.spot-instance-usage",
        "Spot/Preemptible Capacity Usage",
        COST,
        MEDIUM,
        ("deployments", "statefulsets", "nodes"),
        spot_instance_usage,
    ),
)
