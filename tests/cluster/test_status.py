"""The ConfigMap that says how the operator is, for readers that ask the API server alone."""

import json
import time
from pathlib import Path
from typing import Any

from tests.cluster.plane import ApiError, ControlPlane
from tests.cluster.recorder import DEADLINES, logged
from tests.operator import Operator, until

NAME = "kube9-operator-status"
FOUND_OUT = {"assessment", "argocd"}
"""The operator has to find out first what these blocks say."""
KEYS = {"mode", "version", "health", "lastUpdate", "error", "namespace", "clusterId", "collectionStats"} | FOUND_OUT


def published(plane: ControlPlane, namespace: str) -> dict[str, Any] | None:
    try:
        data = plane.api("GET", f"/api/v1/namespaces/{namespace}/configmaps/{NAME}")["data"]
    except ApiError:
        return None
    assert data["namespace"] == namespace
    status: dict[str, Any] = json.loads(data["status"])
    assert KEYS - FOUND_OUT <= set(status) <= KEYS
    return status


def test_the_status_is_written_at_start_on_change_and_at_the_interval(
    plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    environment = {"NO_PROXY": "127.0.0.1", "POD_NAMESPACE": namespace, "STATUS_UPDATE_INTERVAL_SECONDS": "1"}
    with Operator(tmp_path, plane.kubeconfig(tmp_path), DEADLINES, **environment) as operator:

        def whole() -> dict[str, Any] | None:
            found = published(plane, namespace)
            return found if found and found["health"] == "healthy" and set(found) == KEYS else None

        first = until(whole, "the whole status")
        assert (first["mode"], first["error"], first["namespace"]) == ("operated", None, namespace)
        assert first["clusterId"] == plane.api("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        assert first["lastUpdate"].endswith("Z")
        until(lambda: (published(plane, namespace) or first)["lastUpdate"] > first["lastUpdate"], "the next one")
        plane.api("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/{NAME}")
        until(lambda: published(plane, namespace), "it to be made again")
        document = operator.health()[1]["status_configmap"]
        assert document["trouble"] == ""
        assert document["last_written"] >= first["lastUpdate"][:10]


def test_trouble_with_it_is_said_and_stops_nothing(plane: ControlPlane, tmp_path: Path) -> None:
    environment = {"NO_PROXY": "127.0.0.1", "POD_NAMESPACE": "nowhere", "STATUS_UPDATE_INTERVAL_SECONDS": "1"}
    with Operator(tmp_path, plane.kubeconfig(tmp_path), DEADLINES, **environment) as operator:
        until(lambda: logged(operator, "watch.listed", source="events"), "the first list")
        found = until(lambda: (answer := operator.health()[1])["status"] == "degraded" and answer, "it to be said")
        assert found["reasons"] == ["the status ConfigMap cannot be written: no such namespace"]
        until(lambda: operator.health("/readyz")[0] == 200, "history to be readable")
        until(lambda: logged(operator, "status.failed", configmap=f"nowhere/{NAME}"), "the log line status.failed")
        name = f"later-{time.time_ns():x}"
        event = {
            "metadata": {"name": name, "namespace": "default"},
            "involvedObject": {"kind": "Pod", "namespace": "default", "name": name},
            "reason": "FailedScheduling",
            "message": "0/1 nodes are available",
            "type": "Warning",
        }
        plane.api("POST", "/api/v1/namespaces/default/events", event)
        until(lambda: operator.events("--object-name", name), "recording to go on")
