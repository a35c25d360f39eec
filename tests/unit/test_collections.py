"""What collections are made of: numbers, however large the cluster is, and nothing that names or betrays anything."""

import json
from typing import Any

import msgspec
import pytest

from kube9_operator.assess.run import ListFailed, Read
from kube9_operator.collect.collector import Api
from kube9_operator.collect.counting import MAX_VALUES, OTHER, Histogram, hidden
from kube9_operator.collect.gather import gather
from kube9_operator.collect.kinds import READINGS
from kube9_operator.collect.payloads import COLLECTIONS, MAX_NAMESPACES, Gathered, failure, missing, payload
from kube9_operator.collect.totals import TOTALS
from kube9_operator.model.collection import Collected, CollectionFrame, Request, cluster_id, new_request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.findings import Numbered, encode
from kube9_operator.watch.errors import Unreachable, http_error
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS, TYPES
from tests.assessed import FakeClient, Manifest, node, running, thing, workload

NOW_MS = 1_795_000_000_000
UID = "7c1f0a52-6c0e-4b0c-9d3c-6a8c1a4c1f00"
SECRET = "hunter2-Pa55w0rd"


class Link:
    """A link that nothing stops."""

    stop = type("Stop", (), {"wait": staticmethod(lambda _: False), "is_set": staticmethod(lambda: False)})()


def served(*manifests: Manifest) -> FakeClient:
    client = FakeClient(*manifests, readings=READINGS)
    client.documents = {"/version": {"gitVersion": "v1.31.4-eks-2d5f260"}}
    client.documents["/api/v1/namespaces/kube-system"] = {"metadata": {"uid": UID, "name": "kube-system"}}
    return client


def gathered(client: FakeClient, *types: str) -> Gathered:
    return gather(Api(client, Deadlines(), Link()), types or TYPES)  # type: ignore[arg-type]


def data(client: FakeClient, kind: str) -> Any:
    made: Any = json.loads(payload(Request("coll_1", kind, NOW_MS), gathered(client, kind), NOW_MS))
    return made["data"]


def service(kind: str | None = None, ports: int = 1, **own: Any) -> Manifest:
    spec = {"ports": [{"port": 80}] * ports} | ({"type": kind} if kind else {})
    return thing("v1", "Service", "front", "shop", spec=spec, metadata=own)


def cluster() -> list[Manifest]:
    """A cluster in which every text says SECRET that may be any text."""
    env = [{"name": SECRET, "value": SECRET}, {"name": "A", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": SECRET}}}]
    container = {
        "name": SECRET,
        "image": SECRET,
        "command": [SECRET],
        "args": [SECRET],
        "env": env,
        "imagePullPolicy": "Always",
        "resources": {"requests": {"cpu": "100m", f"{SECRET}/gpu": "1"}, "limits": {"memory": "64Mi", "cpu": SECRET}},
        "securityContext": {"runAsNonRoot": True, "capabilities": {"add": ["NET_ADMIN", SECRET], "drop": ["ALL"]}},
        "livenessProbe": {"httpGet": {"path": SECRET, "port": 80}, "periodSeconds": 10},
        "readinessProbe": {"exec": {"command": [SECRET]}, "initialDelaySeconds": 5},
    }
    volumes = [{"name": SECRET, "secret": {"secretName": SECRET}}, {"name": SECRET, "hostPath": {"path": SECRET}}]
    volumes.append({"name": SECRET, SECRET: {"a": SECRET}})
    own = {"labels": {SECRET: SECRET}, "annotations": {SECRET: SECRET, "b": SECRET}}
    pod = running(SECRET, SECRET, containers=[container], volumes=volumes, securityContext={"fsGroup": 1})
    pod["metadata"] |= own
    return [
        pod,
        node(SECRET, {SECRET: SECRET, "topology.kubernetes.io/region": "eu-west-1"}, spec={"providerID": f"aws:///{SECRET}"}),
        thing("v1", "Namespace", SECRET, metadata=own),
        workload(name=SECRET, namespace=SECRET, metadata=own, containers=[container]),
        workload("StatefulSet", SECRET, SECRET, 3, metadata=own),
        workload("DaemonSet", SECRET, SECRET, metadata=own),
        thing("apps/v1", "ReplicaSet", SECRET, SECRET, metadata=own),
        service(SECRET, 2, **own),
    ]


def test_nothing_that_may_be_a_secret_or_a_name_is_in_any_payload() -> None:
    client = served(*cluster())
    found = gathered(client)
    assert not found.unreadable
    for kind in TYPES:
        text = payload(Request("coll_1", kind, NOW_MS), found, NOW_MS)
        assert SECRET not in text
        assert SECRET.lower() not in text.lower()
        assert UID not in text


def test_metadata_say_what_cluster_it_is() -> None:
    assert data(served(*cluster()), METADATA) == {
        "timestamp": "2026-11-18T11:06:40.000Z",
        "collectionId": "coll_1",
        "clusterId": cluster_id(UID),
        "kubernetesVersion": "1.31.4-eks-2d5f260",
        "nodeCount": 1,
        "provider": "aws",
        "region": "eu-west-1",
        "zone": None,
        "missing": [],
    }


@pytest.mark.parametrize(
    ("provider_id", "labels", "expected"),
    [
        ("aws:///eu-west-1a/i-1", {}, "aws"),
        ("gce://project/zone/name", {}, "gcp"),
        ("azure:///subscriptions/1", {}, "azure"),
        ("kind://docker/kind/kind-control-plane", {}, "on-premise"),
        ("digitalocean://1", {"node-role.kubernetes.io/control-plane": ""}, "other"),
        ("", {"eks.amazonaws.com/nodegroup": "a"}, "aws"),
        ("", {"cloud.google.com/gke-nodepool": "a"}, "gcp"),
        ("", {"kubernetes.azure.com/agentpool": "a"}, "azure"),
        ("", {"node-role.kubernetes.io/control-plane": ""}, "on-premise"),
        ("", {"kubernetes.io/role": "agent"}, "unknown"),
    ],
)
def test_the_provider_comes_from_the_id_of_the_first_node_then_from_its_labels(
    provider_id: str, labels: dict[str, str], expected: str
) -> None:
    later = node("node-2", {"eks.amazonaws.com/nodegroup": "a"}, spec={"providerID": "aws:///x"})
    first = node("node-1", labels, spec={"providerID": provider_id})
    assert data(served(later, first), METADATA)["provider"] == expected


def test_a_cluster_without_nodes_has_an_unknown_provider() -> None:
    found = data(served(), METADATA)
    assert (found["nodeCount"], found["provider"], found["region"], found["zone"]) == (0, "unknown", None, None)


def test_an_inventory_counts_and_hides_namespaces() -> None:
    objects = [running(f"p{number}", "shop") for number in range(3)] + [running("q", "blog")]
    objects += [thing("v1", "Namespace", name) for name in ("blog", "empty", "shop")]
    objects += [workload(), workload("StatefulSet", "db"), thing("apps/v1", "ReplicaSet", "web-1", "shop")]
    objects += [service(), service("LoadBalancer"), service("NodePort")]
    found = data(served(*objects), INVENTORY)
    assert found["namespaces"] == {"count": 3, "list": [hidden("shop"), hidden("blog"), hidden("empty")]}
    assert found["resources"] == {
        "pods": {"total": 4, "byNamespace": {hidden("shop"): 3, hidden("blog"): 1}},
        "deployments": {"total": 1},
        "statefulSets": {"total": 1},
        "replicaSets": {"total": 1},
        "services": {"total": 3, "byType": {"ClusterIP": 1, "NodePort": 1, "LoadBalancer": 1, "ExternalName": 0}},
    }
    assert hidden("shop") == "namespace-8d9001d32c6a"


def test_patterns_count_how_containers_are_configured() -> None:
    found = data(served(*cluster(), running("bare")), PATTERNS)
    assert found["resourceLimitsRequests"]["containers"] == {
        "cpuRequests": {"100m": 1, "notSet": 1},
        "cpuLimits": {"notSet": 1, "other": 1},
        "memoryRequests": {"notSet": 2},
        "memoryLimits": {"64Mi": 1, "notSet": 1},
        "totalCount": 2,
    }
    assert found["replicaCounts"] == {"deployments": {"2": 1}, "statefulSets": {"3": 1}, "daemonSetCount": 1}
    assert found["imagePullPolicies"]["policies"] == {"Always": 1, "IfNotPresent": 0, "Never": 0, "notSet": 1}
    contexts = found["securityContexts"]
    assert contexts["podLevel"]["fsGroup"] == {"set": 1, "notSet": 1}
    assert contexts["containerLevel"]["runAsNonRoot"] == {"true": 1, "false": 0, "notSet": 1}
    capabilities = contexts["containerLevel"]["capabilities"]
    assert {name: number for name, number in capabilities["added"].items() if number} == {"NET_ADMIN": 1, "other": 1}
    assert {name: number for name, number in capabilities["dropped"].items() if number} == {"ALL": 1}
    assert found["labelsAnnotations"]["labelCounts"] == {
        "pods": {"0": 1, "1": 1},
        "deployments": {"1": 1},
        "services": {"1": 1},
    }
    assert found["labelsAnnotations"]["annotationCounts"]["pods"] == {"0": 1, "2": 1}
    types = found["volumes"]["volumeTypes"]
    assert {name: number for name, number in types.items() if number} == {"secret": 1, "hostPath": 1, "other": 1}
    assert found["volumes"]["volumesPerPod"] == {"0": 1, "3": 1}
    assert found["services"]["portsPerService"] == {"2": 1}
    liveness, readiness = found["probes"]["livenessProbes"], found["probes"]["readinessProbes"]
    assert (liveness["configured"], liveness["notConfigured"]) == (1, 1)
    assert (liveness["probeTypes"]["http"], readiness["probeTypes"]["exec"]) == (1, 1)
    assert (liveness["periodSeconds"], readiness["initialDelaySeconds"]) == ({"10": 1}, {"5": 1})


def test_each_kind_is_listed_once_by_pages() -> None:
    client = served(*(running(f"p{number}") for number in range(250)))
    gathered(client)
    asked = [path for path, query in client.asked if "continue" not in query]
    assert len(asked) == len(set(asked))
    assert set(asked) == {one.path for one in READINGS.values()} | {"/version", "/api/v1/namespaces/kube-system"}
    assert len([path for path, _ in client.asked if path == "/api/v1/pods"]) == 3


def test_a_list_that_begins_again_counts_once() -> None:
    class Source:
        def pages(self, kind: str) -> Any:
            pod = msgspec.json.decode(json.dumps(running()), type=READINGS["pods"].form)
            one = [pod] if kind == "pods" else []
            yield Read(one, 1, True)
            yield Read(one * 2, 0, True)
            yield Read(one, 0, False)

        def version(self) -> str:
            return "v1.2.3"

        def cluster_uid(self) -> str:
            return UID

    found = gather(Source(), [INVENTORY])
    assert found.totals["pods"].total == 3
    assert found.unreadable == {}


@pytest.mark.parametrize("kind", TYPES)
def test_a_missing_permission_makes_it_partial_and_is_named(kind: str) -> None:
    for resource in COLLECTIONS[kind].reads:
        client = served(*cluster())
        path = READINGS[resource].path if resource in READINGS else "/version"
        client.failures[path] = [http_error(403, "forbidden")]
        found, request = gathered(client, kind), Request("coll_1", kind, NOW_MS)
        assert failure(request, found) == ""
        (said,) = missing(request, found)
        permission = READINGS[resource].permission if resource in READINGS else "/version"
        assert permission in said
        assert json.loads(payload(request, found, NOW_MS))["data"]["missing"] == [said]


def test_without_the_identity_of_the_cluster_a_collection_is_partial() -> None:
    client = served(*cluster())
    client.failures["/api/v1/namespaces/kube-system"] = [http_error(403, "forbidden")]
    found = data(client, METADATA)
    assert (found["clusterId"], found["nodeCount"]) == (None, 1)
    assert found["missing"] == ["the operator lacks the permission to get the namespace kube-system"]


@pytest.mark.parametrize("kind", TYPES)
def test_without_any_permission_it_fails(kind: str) -> None:
    client = served()
    for path in (*(one.path for one in READINGS.values()), "/version"):
        client.failures[path] = [http_error(403, "forbidden")]
    why = failure(Request("coll_1", kind, NOW_MS), gathered(client, kind))
    assert "the operator lacks the permission to" in why


def test_an_unreachable_server_fails_what_needs_it_and_nothing_else() -> None:
    client = served(*cluster())
    client.failures["/api/v1/nodes"] = [Unreachable("refused")]
    found = gathered(client)
    assert "nodes could not be listed" in failure(Request("coll_1", METADATA, NOW_MS), found)
    assert failure(Request("coll_2", INVENTORY, NOW_MS), found) == ""


def test_what_takes_too_long_fails() -> None:
    def late(_kind: str) -> None:
        raise ListFailed("the collector took too long")

    found = gather(Api(served(), Deadlines(), Link()), TYPES, late)  # type: ignore[arg-type]
    for kind in TYPES:
        assert "took too long" in failure(Request("coll_1", kind, NOW_MS), found)


def test_a_histogram_has_a_bounded_size() -> None:
    made = Histogram()
    for number in range(1000):
        for _ in range(1 + number % 3):
            made.add(number)
    made.add(None)
    values = made.values()
    assert len(values) == MAX_VALUES + 1
    assert sum(values.values()) == sum(1 + number % 3 for number in range(1000)) + 1
    assert values[OTHER] > 0


def test_the_largest_payloads_fit_into_a_finding() -> None:
    totals = {kind: make() for kind, make in TOTALS.items()}
    for number in range(5 * MAX_NAMESPACES):
        totals["namespaces"].ids.append(hidden(str(number)))  # type: ignore[attr-defined]
        totals["pods"].by_namespace[hidden(str(number))] = 100_000 + number  # type: ignore[attr-defined]
    found = Gathered(cluster_id(UID), "1.31.4", totals, {}, {}, {})
    request = new_request(INVENTORY, NOW_MS)
    made = payload(request, found, NOW_MS)
    assert len(encode(Numbered(1, CollectionFrame(Collected(request, found.cluster, NOW_MS, 1.0, [], made))))) < 65_536
    part = json.loads(made)["data"]["namespaces"]
    assert (part["count"], len(part["list"]), part["omitted"]) == (5 * MAX_NAMESPACES, MAX_NAMESPACES, 4 * MAX_NAMESPACES)


def test_ids_have_the_form_of_the_contract_and_rise() -> None:
    first, second = new_request(METADATA, NOW_MS), new_request(METADATA, NOW_MS + 1)
    assert first.id < second.id
    assert first.id.startswith("coll_")
    assert len(first.id) == len("coll_") + 32
    assert len(cluster_id(UID)) == len("cls_") + 32
    assert cluster_id("") == ""
