"""Pods that end and that nobody starts again, by the real operator against the stand-in API server."""

from pathlib import Path
from typing import Any

from kube9_operator.clock import iso, now_ms
from tests.operator import Operator, until
from tests.standin import StandIn


def pod(name: str, code: int | None, **meta: Any) -> dict[str, Any]:
    """A pod that runs, or whose container has ended."""
    at = iso(now_ms())[:19] + "Z"
    ended = {"terminated": {"reason": "Error", "exitCode": code, "finishedAt": at, "message": "no database: token=abc12345"}}
    status = {
        "phase": "Running" if code is None else "Failed",
        "containerStatuses": [{"name": "app", "restartCount": 0, "state": {"running": {}} if code is None else ended}],
    }
    spec = {"nodeName": "n1", "restartPolicy": "Never", "containers": [{"name": "app", "image": "r/a:1"}]}
    return {"metadata": {"name": name, "namespace": "shop"} | meta, "spec": spec, "status": status}


def job(name: str, number: int, code: int | None) -> dict[str, Any]:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": f"uid-{name}", "controller": True}
    return pod(f"{name}-{number}", code, ownerReferences=[owner])


def test_a_failed_pod_and_the_pods_of_a_job(tmp_path: Path, standin: StandIn) -> None:
    with Operator(tmp_path, standin.kubeconfig(tmp_path)) as operator:
        until(lambda: operator.health()[0] == 200, "the watches")
        standin.put("pods", pod("runner", None), *(job("nightly", number, None) for number in range(3)))
        until(lambda: operator.cli("status")["accounting"].get("pods", {}).get("received") == 4, "the pods that run")
        standin.put("pods", pod("runner", 1), *(job("nightly", number, 3) for number in range(2)), job("nightly", 2, 42))
        until(lambda: sum(one["count"] for one in operator.events("--type=cluster")) == 4, "what failed")
        before = operator.events("--type=cluster")
        found = {(one["object_kind"], one["object_name"], one["metadata"]["exit_code"]): one for one in before}
        assert {key: (one["severity"], one["title"], one["count"]) for key, one in found.items()} == {
            ("Pod", "runner", 1): ("error", "Pod failed", 1),
            ("Job", "nightly", 3): ("warning", "Pod of Job failed", 2),
            ("Job", "nightly", 42): ("warning", "Pod of Job failed", 1),
        }
        one = found["Job", "nightly", 3]
        assert one["description"].startswith("exit code 3: no database: token=[REDACTED]. Container app of pod nightly-")
        assert one["metadata"]["termination_message"] == "no database: token=[REDACTED]"
        shown = operator.cli("events", "get", one["id"])
        assert [step["count"] for step in shown["occurrences"]] == [1, 2]
        operator.stop()
        standin.remove("pods", "shop", "nightly-0")
        operator.start()
        until(lambda: operator.cli("status")["accounting"]["pods"]["received"] == 9, "that one is deleted")
        assert operator.events("--type=cluster") == before
