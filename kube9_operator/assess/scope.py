"""Which workloads a check looks at: not those of managed namespaces, nor those with an exemption label. Pure."""

from collections.abc import Iterable, Iterator

from kube9_operator.assess.cluster import Cluster, Container, Workload
from kube9_operator.assess.kinds.workloads import HA_EXEMPT, PROBE_EXEMPT, RESOURCE_EXEMPT


def own(cluster: Cluster) -> list[Workload]:
    """Returns kube9-operator itself: its StatefulSet, or the Deployment of another distribution of it."""
    return [one for one in cluster.scalable if one.own]


def in_scope(workloads: Iterable[Workload]) -> list[Workload]:
    """Returns the workloads that somebody here configures."""
    return [one for one in workloads if not one.managed]


def for_availability(cluster: Cluster) -> list[Workload]:
    """Returns the Deployments and StatefulSets that should survive the loss of a pod. Scaled to zero, none is wanted; and
    kube9-operator is one process, because only one may write its database.
    """
    chosen = in_scope(cluster.scalable)
    return [one for one in chosen if one.replicas > 0 and not one.own and not one.labelled(HA_EXEMPT)]


def for_resources(workloads: Iterable[Workload]) -> list[Workload]:
    """Returns the workloads whose resources are looked at."""
    return [one for one in in_scope(workloads) if not one.labelled(RESOURCE_EXEMPT)]


def for_probes(cluster: Cluster) -> Iterator[tuple[Workload, Container]]:
    """Yields the containers that should have probes."""
    for workload in in_scope(cluster.workloads):
        if not workload.labelled(PROBE_EXEMPT):
            yield from ((workload, one) for one in workload.containers if not one.init)


def containers(workloads: Iterable[Workload]) -> Iterator[tuple[Workload, Container]]:
    """Yields every container with its workload."""
    for workload in workloads:
        yield from ((workload, one) for one in workload.containers)


def users(cluster: Cluster) -> list[Workload]:
    """Returns the workloads that somebody brought here: neither the cluster's own nor kube9-operator."""
    return [one for one in in_scope(cluster.workloads) if not one.own]


def shown(workload: Workload, container: Container, more: str = "") -> str:
    """A container as an offender: `Deployment shop/web (container app)`."""
    what = "init container" if container.init else "container"
    return f"{workload.shown} ({what} {container.name}{f': {more}' if more else ''})"
