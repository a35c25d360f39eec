"""Collections of a real control plane: what is there is counted, and nothing of it is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.collect.counting import hidden
from kube9_operator.model.collection import cluster_id
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS, TYPES
from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import DEADLINES
from tests.operator import Operator, until

SHORT = DEADLINES | {"collect_first": 0.0, "side_first": 0.05}
SECRET = "hunter2-value"


def payloads(operator: Operator) -> dict[str, Any]:
    """The newest payload of each type; {} as long as there is no database."""
    if not operator.events("--type=operator"):
        return {}
    rows = operator.cli("collections", "list")["collections"]
    return {one["type"]: operator.cli("collections", "get", one["collection_id"]) for one in reversed(rows)}


@pytest.fixture
def shop(plane: ControlPlane, namespace: str) -> str:
    """A namespace with a Deployment of two containers, and a service."""
    containers = [
        {
            "name": "app",
            "image": "example/app:1",
            "env": [{"name": "PASSWORD", "value": SECRET}],
            "resources": {"requests": {"cpu": "100m"}},
        },
        {"name": "side", "image": "example/side:1"},
    ]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}
    spec = {"replicas": 7, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployment = {"metadata": {"name": "web"}, "spec": spec}
    plane.api("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment)
    pod = {"metadata": {"name": "one", "labels": {"app": "web"}}, "spec": template["spec"]}
    plane.api("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    plane.api("POST", f"/api/v1/namespaces/{namespace}/services", service)
    return namespace


def test_what_is_there_is_counted_without_names(plane: ControlPlane, shop: str, tmp_path: Path) -> None:
    with Operator(tmp_path, plane.kubeconfig(tmp_path), SHORT, NO_PROXY="127.0.0.1") as operator:
        found = until(lambda: len(made := payloads(operator)) == len(TYPES) and made, "the collections")
        uid = plane.api("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        version = plane.api("GET", "/version")["gitVersion"].removeprefix("v")
        assert {one["data"]["clusterId"] for one in found.values()} == {cluster_id(uid)}
        assert found[METADATA]["data"]["kubernetesVersion"] == version
        inventory = found[INVENTORY]["data"]
        assert hidden(shop) in inventory["namespaces"]["list"]
        assert 1 <= inventory["resources"]["pods"]["byNamespace"][hidden(shop)] <= 8  # the controller makes up to seven
        assert found[PATTERNS]["data"]["replicaCounts"]["deployments"]["7"] >= 1
        assert found[PATTERNS]["data"]["resourceLimitsRequests"]["containers"]["cpuRequests"]["100m"] >= 1
        text = json.dumps(found)
        for name in (shop, SECRET, "PASSWORD", "example/app", uid):
            assert name not in text
        assert all(one["data"]["missing"] == [] for one in found.values())
