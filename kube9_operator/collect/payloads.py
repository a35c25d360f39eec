"""What a collection of each type consists of: the kinds that it reads, and the payload that is made of them. Pure.

The form of the payloads is that of alto9/kube9-operator, with two differences: a list with one entry for each container is a
histogram, and `missing` names what could not be read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from kube9_operator.clock import iso
from kube9_operator.collect import totals
from kube9_operator.model.collection import Request
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS

VERSION = "v1.0.0"
"""Of the payloads' form."""
MAX_NAMESPACES = 1_000
"""So many namespaces are listed, those with most pods first. Their number is always complete."""
MAX_VERSION_CHARACTERS = 64
APISERVER = "version"
"""Stands for the API server's own version among the kinds."""
CLUSTER = "cluster"
"""Stands for the identity of the cluster, which every collection has."""


class Gathered(NamedTuple):
    """What was read for the collections of one run."""

    cluster: str
    """The id of the cluster; '' if the operator may not know."""
    version: str
    """Of the API server, without its `v`; '' if it could not be read."""
    totals: dict[str, Any]
    """For each kind that could be listed, its numbers."""
    missing: dict[str, str]
    """For each kind that may not be read, a sentence that says so."""
    failed: dict[str, str]
    """For each kind that could not be read for another reason, why."""
    unreadable: dict[str, int]
    """How many objects of a kind could not be decoded."""


class CollectionType(msgspec.Struct, frozen=True):
    """A type of collection."""

    reads: tuple[str, ...]
    """The kinds that it reads."""
    rules: tuple[str, ...]
    """What its payload says about how names are left out."""
    make: Callable[[Gathered], dict[str, Any]]
    """Makes its part of the data. A part whose kind could not be read is None."""


def payload(request: Request, gathered: Gathered, collected_ms: int) -> str:
    """Returns the payload of a collection as JSON."""
    kind, at = COLLECTIONS[request.type], iso(collected_ms)
    data = {
        "timestamp": at,
        "collectionId": request.id,
        "clusterId": gathered.cluster or None,
        **kind.make(gathered),
        "missing": missing(request, gathered),
    }
    unreadable = {one: number for one, number in gathered.unreadable.items() if one in kind.reads}
    made = {
        "version": VERSION,
        "type": request.type,
        "data": data | ({"unreadable": unreadable} if unreadable else {}),
        "sanitization": {"rulesApplied": list(kind.rules), "timestamp": at},
    }
    return msgspec.json.encode(made).decode()


def missing(request: Request, gathered: Gathered) -> list[str]:
    """Returns what a collection lacks, because the operator may not read it."""
    return [gathered.missing[kind] for kind in (*COLLECTIONS[request.type].reads, CLUSTER) if kind in gathered.missing]


def failure(request: Request, gathered: Gathered) -> str:
    """Returns why a collection fails; '' if it can be made: something could not be read, or nothing may be."""
    reads = COLLECTIONS[request.type].reads
    failed = [gathered.failed[kind] for kind in reads if kind in gathered.failed]
    if failed:
        return "; ".join(failed)
    return "; ".join(missing(request, gathered)) if all(kind in gathered.missing for kind in reads) else ""


def _metadata(gathered: Gathered) -> dict[str, Any]:
    nodes: totals.Nodes | None = gathered.totals.get("nodes")
    return {
        "kubernetesVersion": gathered.version[:MAX_VERSION_CHARACTERS] or None,
        "nodeCount": nodes and nodes.count,
        "provider": nodes.provider() if nodes else "unknown",
        "region": nodes and nodes.place(totals.REGIONS),
        "zone": nodes and nodes.place(totals.ZONES),
    }


def _inventory(gathered: Gathered) -> dict[str, Any]:
    found = gathered.totals
    namespaces: totals.Namespaces | None = found.get("namespaces")
    pods: totals.Pods | None = found.get("pods")
    services: totals.Services | None = found.get("services")
    by_namespace = pods.by_namespace if pods else {}
    ids = sorted(namespaces.ids, key=lambda one: (-by_namespace.get(one, 0), one)) if namespaces else []
    return {
        "namespaces": namespaces and _cut({"count": len(ids), "list": ids[:MAX_NAMESPACES]}, len(ids)),
        "resources": {
            "pods": pods
            and _cut(
                {"total": pods.total, "byNamespace": dict(pods.by_namespace.most_common(MAX_NAMESPACES))},
                len(pods.by_namespace),
            ),
            "deployments": _total(found.get("deployments")),
            "statefulSets": _total(found.get("statefulsets")),
            "replicaSets": _total(found.get("replicasets")),
            "services": services and {"total": services.total, "byType": services.types.values()},
        },
    }


def _cut(part: dict[str, Any], namespaces: int) -> dict[str, Any]:
    """Says how many namespaces a part leaves out, if it does."""
    return part | ({"omitted": namespaces - MAX_NAMESPACES} if namespaces > MAX_NAMESPACES else {})


def _total(found: Any) -> dict[str, int] | None:
    return found and {"total": found.total}


def _patterns(gathered: Gathered) -> dict[str, Any]:
    found = gathered.totals
    pods: totals.Pods | None = found.get("pods")
    deployments: totals.Workloads | None = found.get("deployments")
    stateful: totals.Workloads | None = found.get("statefulsets")
    services: totals.Services | None = found.get("services")
    daemons: totals.Count | None = found.get("daemonsets")
    pairs = {
        name: one.pairs if one else None for name, one in (("pods", pods), ("deployments", deployments), ("services", services))
    }
    return {
        **(_of_pods(pods) if pods else dict.fromkeys(OF_PODS)),
        "replicaCounts": {
            "deployments": deployments and deployments.replicas.values(),
            "statefulSets": stateful and stateful.replicas.values(),
            "daemonSetCount": daemons and daemons.total,
        },
        "labelsAnnotations": {
            "labelCounts": {name: one and one.labels.values() for name, one in pairs.items()},
            "annotationCounts": {name: one and one.annotations.values() for name, one in pairs.items()},
        },
        "services": services
        and {
            "serviceTypes": services.types.values(),
            "portsPerService": services.ports.values(),
            "totalServices": services.total,
        },
    }


OF_PODS = ("resourceLimitsRequests", "imagePullPolicies", "securityContexts", "volumes", "probes")


def _of_pods(pods: totals.Pods) -> dict[str, Any]:
    amounts = {f"{name}{field.title()}": histogram.values() for (field, name), histogram in pods.amounts.items()}
    return {
        "resourceLimitsRequests": {"containers": {**amounts, "totalCount": pods.containers}},
        "imagePullPolicies": {"policies": pods.policies.values(), "totalContainers": pods.containers},
        "securityContexts": {
            "podLevel": {"runAsNonRoot": pods.pod_non_root.values(), "fsGroup": dict(pods.fs_group)},
            "containerLevel": {
                "runAsNonRoot": pods.non_root.values(),
                "readOnlyRootFilesystem": pods.read_only.values(),
                "allowPrivilegeEscalation": pods.escalation.values(),
                "capabilities": {"added": pods.added.values(), "dropped": pods.dropped.values()},
            },
            "totalPods": pods.total,
            "totalContainers": pods.containers,
        },
        "volumes": {
            "volumeTypes": pods.volume_types.values(),
            "volumesPerPod": pods.volumes_per_pod.values(),
            "totalPods": pods.total,
        },
        "probes": {
            **{f"{name}Probes": probes.values() for name, probes in pods.probes.items()},
            "totalContainers": pods.containers,
        },
    }


COLLECTIONS = {
    METADATA: CollectionType(("nodes", APISERVER), ("no-resource-names", "hashed-cluster-id"), _metadata),
    INVENTORY: CollectionType(
        ("namespaces", "pods", "deployments", "statefulsets", "replicasets", "services"),
        ("no-resource-names", "hashed-namespace-ids"),
        _inventory,
    ),
    PATTERNS: CollectionType(
        ("pods", "deployments", "statefulsets", "daemonsets", "services"),
        ("no-resource-names", "aggregated-configuration-data"),
        _patterns,
    ),
}
"""By their names in schema/collections.py."""
