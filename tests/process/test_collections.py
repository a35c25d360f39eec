"""Collections of a whole operator: each is stored once, whoever is killed meanwhile, and what fails is told."""

from pathlib import Path
from typing import Any

from kube9_schema.collections import INVENTORY, METADATA, PATTERNS, TYPES
from tests.operator import Operator, until
from tests.process.test_status_map import published
from tests.standin import StandIn

SHORT = {"collect_first": 0.0, "side_first": 0.05}


def stats(standin: StandIn) -> Any:
    return (published(standin) or {}).get("collectionStats") or {}


def reasons(operator: Operator) -> list[str]:
    return sorted(
        reason for one in operator.events("--type=operator") if (reason := one["metadata"]["reason"]).startswith("Collection")
    )


def test_each_is_made_once_whoever_is_killed(tmp_path: Path, standin: StandIn) -> None:
    with Operator(tmp_path, standin.kubeconfig(tmp_path), SHORT, POD_NAMESPACE="kube9-system") as operator:
        for victim in ("collector", "writer", "collector"):
            operator.kill(victim)
        said = until(lambda: (found := stats(standin)).get("totalSuccessCount") == 3 and found, "the collections")
        assert (said["totalFailureCount"], said["collectionsStoredCount"]) == (0, 3)
        listed = operator.cli("collections", "list")
        assert sorted(one["type"] for one in listed["collections"]) == sorted(TYPES)
        assert {one["state"] for one in listed["collections"]} == {"complete"}
        assert said["lastSuccessTime"] == max(one["collected_at"] for one in listed["collections"])
        metadata = next(one for one in listed["collections"] if one["type"] == METADATA)
        payload = operator.cli("collections", "get", metadata["collection_id"])
        assert payload["data"]["kubernetesVersion"] == "1.36.2"
        assert payload["data"]["clusterId"] == metadata["cluster_id"]
        assert reasons(operator) == ["CollectionCompleted"] * 3
        counted = {"type": INVENTORY, "state": "complete"}
        until(lambda: operator.counter("kube9_collections_total", **counted) == 1, "it to be counted")
        assert operator.counter("kube9_collection_last_success_timestamp_seconds", type=INVENTORY) > 0


def test_what_is_forbidden_or_fails_is_told_and_tried_again(tmp_path: Path, standin: StandIn) -> None:
    standin.control("refuse", {"services": 403, "nodes": 500})
    short = SHORT | {"collect_retry": 0.2, "retry_first": 0.01}
    with Operator(tmp_path, standin.kubeconfig(tmp_path), short, POD_NAMESPACE="kube9-system") as operator:
        until(lambda: stats(standin).get("totalFailureCount", 0) >= 2, "two failures")
        listed = operator.cli("collections", "list")
        assert {one["type"]: one["state"] for one in listed["collections"]} == {INVENTORY: "partial", PATTERNS: "partial"}
        failed = next(one for one in listed["types"] if one["type"] == METADATA)
        assert "nodes could not be listed" in failed["last_failure"]
        assert reasons(operator) == ["CollectionFailed", "CollectionPartial", "CollectionPartial"]
        standin.control("refuse", {"nodes": 0})
        until(lambda: stats(standin).get("totalSuccessCount") == 3, "a retry that works")


def test_without_collections_there_is_no_collector(tmp_path: Path, standin: StandIn) -> None:
    environment = {"POD_NAMESPACE": "kube9-system", "COLLECTIONS_ENABLED": "false"}
    with Operator(tmp_path, standin.kubeconfig(tmp_path), SHORT, **environment) as operator:
        until(lambda: (published(standin) or {}).get("health") == "healthy", "the ConfigMap")
        assert "collector" not in operator.health()[1]["processes"]
        assert stats(standin)["totalSuccessCount"] == 0
