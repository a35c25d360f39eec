"""All collections of a cluster with 10,000 pods: how long they take, and how much memory above an idle process.

Once more with ten times as many pods, for the memory must not grow with them.
"""

from pathlib import Path
from threading import Event
from typing import Any

from kube9_operator.collect.collector import Api
from kube9_operator.collect.gather import gather
from kube9_operator.collect.kinds import READINGS
from kube9_operator.collect.payloads import payload
from kube9_operator.model.collection import new_request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link
from kube9_operator.watch.client import Client
from kube9_schema.collections import TYPES
from tests.assessed import thing
from tests.bench.large_lists import (
    DEPLOYMENTS,
    NAMESPACE,
    NAMESPACES,
    NODES,
    OWN,
    PODS,
    Lists,
    deployment,
    machine,
    measure,
    pod,
)

REPLICA_SETS = 10 * DEPLOYMENTS
"""Old ones are kept."""
MORE = 10
BARS = {"seconds": 60.0, "MiB": 16.0}


def run(_large: Path) -> None:
    """Two runs, each in a process that has done nothing before."""
    for pods in (PODS, MORE * PODS):
        taken = measure(_lists(pods), collect)
        print(f"{pods:,} pods, {DEPLOYMENTS:,} Deployments, {REPLICA_SETS:,} ReplicaSets, {taken.given['pages']:,} pages")
        print(f"{taken.seconds:.1f} s (bar {BARS['seconds']:.0f}), {taken.processor:.1f} s of the processor")
        print(f"{taken.peak:.1f} MiB above idle at most (bar {BARS['MiB']:.0f}), idle {taken.idle:.1f} MiB resident")
        print(", ".join(f"{name} {length:,} bytes" for name, length in taken.given["bytes"].items()))


def collect(client: Client, deadlines: Deadlines) -> dict[str, Any]:
    """Makes a collection of each type."""
    pages = 0

    def count(_: str) -> None:
        nonlocal pages
        pages += 1

    api = Api(client, deadlines, _Idle())
    gathered = gather(api, TYPES, count)
    assert not gathered.missing, gathered.missing
    assert not gathered.failed, gathered.failed
    made = {one: payload(new_request(one, 0), gathered, 0) for one in TYPES}
    return {"pages": pages, "bytes": {name: len(one) for name, one in made.items()}}


class _Idle(Link):
    """A link to no supervisor."""

    def __init__(self) -> None:
        self.stop = Event()


def _lists(pods: int) -> Lists:
    owned = thing("apps/v1", "ReplicaSet", f"{OWN}-@OBJECT@", NAMESPACE)
    service = thing("v1", "Service", OWN, NAMESPACE, spec={"type": "ClusterIP", "ports": [{"port": 80}]})
    return {one.path: (0, {}) for one in READINGS.values()} | {
        READINGS["pods"].path: (pods, pod()),
        READINGS["deployments"].path: (DEPLOYMENTS, deployment()),
        READINGS["replicasets"].path: (REPLICA_SETS, owned),
        READINGS["services"].path: (DEPLOYMENTS, service),
        READINGS["namespaces"].path: (NAMESPACES, thing("v1", "Namespace", "team-@OBJECT@")),
        READINGS["nodes"].path: (NODES, machine()),
    }
