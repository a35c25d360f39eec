"""Checks of the pillar sustainability."""

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import Cluster
from kube9_operator.assess.model import MEDIUM, PASSING, SKIPPED, SUSTAINABILITY, WARNING, Check, Verdict
from kube9_operator.assess.quantities import plain

LEAST_USE = 0.15
LEAST_CORES, LEAST_BYTES = 4.0, 8 * 2.0**30
"""Smaller clusters may be idle."""
MIN_DEPLOYMENTS = 8
SINGLE_SHARE = 0.6


def resource_efficiency_signals(cluster: Cluster) -> Verdict:
    """Warns if pods request a small part of what the nodes offer."""
    nodes = [one for one in cluster.nodes if not one.unschedulable]
    cpu, memory = sum(one.cpu for one in nodes), sum(one.memory for one in nodes)
    if cpu <= 0 and memory <= 0:
        return Verdict(SKIPPED, "Skipped: no node that takes pods says how much it offers.")
    if not scope.users(cluster):
        return Verdict(PASSING, "No workloads that the nodes could be measured by.")
    wanted_cpu = plain(sum(one.cpu_request for one in cluster.pods))
    wanted_memory = plain(sum(one.memory_request for one in cluster.pods))
    idle = []
    if cpu >= LEAST_CORES and wanted_cpu < plain(LEAST_USE * cpu):
        idle.append(f"{wanted_cpu:.1f} of {cpu:.1f} cores ({100 * wanted_cpu / cpu:.0f} %)")
    if memory >= LEAST_BYTES and wanted_memory < plain(LEAST_USE * memory):
        gi = 2.0**30
        idle.append(f"{wanted_memory / gi:.1f} of {memory / gi:.1f} GiB ({100 * wanted_memory / memory:.0f} %)")
    if not idle:
        return Verdict(
            PASSING, f"Pods request at least {100 * LEAST_USE:.0f} % of what the nodes offer, or there is little of it."
        )
    largest = max(nodes, key=lambda one: (one.cpu, one.memory))
    remediation = text.advice(
        "Run on fewer or smaller nodes: take no more pods on one, move its pods, and remove it. Repeat while it is too much.",
        f"kubectl drain {text.quote(largest.name)} --ignore-daemonsets --delete-emptydir-data",
    )
    return Verdict(WARNING, f"Pods request {' and '.join(idle)}.", remediation=remediation)


def workload_consolidation_signals(cluster: Cluster) -> Verdict:
    """Warns if most of many Deployments run a single replica."""
    deployments = [one for one in scope.for_resources(cluster.deployments) if one.replicas > 0]
    if len(deployments) < MIN_DEPLOYMENTS:
        return Verdict(PASSING, f"Fewer than {MIN_DEPLOYMENTS} Deployments run.")
    single = text.Offenders()
    for one in deployments:
        if one.replicas == 1:
            single.add(one.shown, one)
    said = f"{single.total} of {len(deployments)} Deployments run a single replica"
    if single.total < SINGLE_SHARE * len(deployments):
        return Verdict(PASSING, f"{said}.")
    one = single.subject
    remediation = text.advice(
        "Merge small services where that is safe, or scale what is loaded. Where one replica is meant, label the Deployment.",
        text.kubectl(one.namespace, f"label {text.reference(one)} kube9.io/resource-exempt=true"),
    )
    return single.verdict(WARNING, said, remediation)


CHECKS = (
    Check(
        "sustainability.resource-efficiency-signals",
        "Resource Efficiency Signals",
        SUSTAINABILITY,
        MEDIUM,
        ("pods", "nodes", "deployments", "statefulsets", "daemonsets"),
        resource_efficiency_signals,
    ),
    Check(
        "sustainability.workload-consolidation-signals",
        "Workload Consolidation Signals",
        SUSTAINABILITY,
        MEDIUM,
        ("deployments",),
        workload_consolidation_signals,
    ),
)
