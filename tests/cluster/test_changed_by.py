"""When changes were made, and by whom, as a real API server says it of kubectl and of others who write."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kube9_operator.write.resources.detect.dating import SECOND_MS, TOLERANCE_MS
from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import DEADLINES, LONG_SECONDS
from tests.cluster.test_changes import current, deployment, event, events
from tests.operator import Operator, until

AWAY_SECONDS = 5.0
CLEARLY_OLDER_SECONDS = (TOLERANCE_MS + SECOND_MS) / 1000 + 0.5
SCALED, IMAGED, CONFIGURED = "Deployment scaled", "Deployment image changed", "Deployment configuration changed"
NAMES = ("scaled", "imaged", "limited", "both", "patched", "twice")
BY_KUBECTL: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("scaled", SCALED, "kubectl-scale", ("scale", "deployment/scaled", "--replicas=3")),
    ("imaged", IMAGED, "kubectl-set", ("set", "image", "deployment/imaged", "app=web:2")),
    ("limited", CONFIGURED, "kubectl-set", ("set", "resources", "deployment/limited", "--limits=memory=96Mi")),
    ("patched", SCALED, "kubectl-patch", ("patch", "deployment", "patched", "-p", '{"spec":{"replicas":4}}')),
    ("settings", "ConfigMap changed", "kubectl-patch", ("patch", "configmap", "settings", "-p", '{"data":{"a":"2"}}')),
)
"""Of each object the title, the manager and what is done with kubectl."""


@contextmanager
def watching(plane: ControlPlane, folder: Path, namespace: str) -> Iterator[Operator]:
    """An operator that watches ConfigMaps too, and has listed what will be changed."""
    for name in NAMES:
        plane.api("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment(name, deadline_seconds=600))
    config = {"metadata": {"name": "settings"}, "data": {"a": "1"}}
    plane.api("POST", f"/api/v1/namespaces/{namespace}/configmaps", config)
    # The API server's times are whole seconds, and may be two seconds off: what is older than the list must be clearly older.
    # Whoever made an object owns fields that are changed below.
    time.sleep(CLEARLY_OLDER_SECONDS)
    environment = {"NO_PROXY": "127.0.0.1", "WATCH_CONFIG_MAPS": "true"}
    with Operator(folder, plane.kubeconfig(folder), DEADLINES, **environment) as running:
        until(lambda: "watch.listed" in running.log_text(), "the first list")
        current(running, "deployments", "replicasets", "configmaps")
        yield running


def kubectl(operator: Operator, namespace: str, *words: str) -> float:
    """Returns when it was done."""
    command = ["kubectl", "--kubeconfig", operator.environment["KUBECONFIG"], "-n", namespace, *words]
    subprocess.run(command, check=True, capture_output=True, env=operator.environment)
    return time.time()


def dated(operator: Operator, name: str, title: str, at: float) -> dict[str, Any]:
    """The event, as soon as it is dated: what says when a Deployment was scaled may come from another watch."""
    until(lambda: "noticed_at" not in event(operator, name, title)["metadata"], f"the date of {name}", LONG_SECONDS)
    found = event(operator, name, title)
    assert found["first_seen_at"] == found["last_seen_at"]
    assert abs(datetime.fromisoformat(found["first_seen_at"]).timestamp() - at) <= 2.0, (found, at)
    return found


def change(operator: Operator, namespace: str) -> dict[str, float]:
    """Changes all, in some seconds; returns when each was changed last."""
    made = {name: kubectl(operator, namespace, *words) for name, _, _, words in BY_KUBECTL}
    made["both"] = kubectl(operator, namespace, "set", "image", "deployment/both", "app=web:2")
    kubectl(operator, namespace, "set", "resources", "deployment/twice", "--limits=memory=96Mi")
    time.sleep(AWAY_SECONDS)
    made["both, scaled"] = kubectl(operator, namespace, "scale", "deployment/both", "--replicas=5")
    made["twice"] = kubectl(operator, namespace, "set", "image", "deployment/twice", "app=web:3")
    time.sleep(AWAY_SECONDS)
    return made


def check(operator: Operator, made: dict[str, float]) -> None:
    """What is clear from a watch and from a list."""
    for name, title, manager, _ in BY_KUBECTL:
        found = dated(operator, name, title, made[name])
        assert found["metadata"].get("changed_by") == manager, found
    dated(operator, "both", IMAGED, made["both"])
    dated(operator, "both", SCALED, made["both, scaled"])
    limit = event(operator, "limited", CONFIGURED)["metadata"]
    path = "spec.template.spec.containers[app].resources.limits.memory"
    assert (limit["changed"], limit["current"]) == ([path], {path: "96Mi"})
    assert event(operator, "twice", IMAGED)["metadata"]["changed_by"] == "kubectl-set"
    for name, title, _, _ in BY_KUBECTL:
        assert len(events(operator, name, title)) == 1


def test_who_changed_it_by_a_watch_that_goes_on(plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with watching(plane, tmp_path, namespace) as operator:
        operator.stop()
        made = change(operator, namespace)
        operator.start()
        check(operator, made)
        dated(operator, "twice", IMAGED, made["twice"])


def test_who_changed_it_by_a_list(binaries: Path, tmp_path: Path) -> None:
    with ControlPlane(tmp_path, binaries, controllers=True) as plane, watching(plane, tmp_path, "default") as operator:
        operator.stop()
        began = time.time()
        made = change(operator, "default")
        # What an API server remembers beyond what etcd does, it forgets when it is started again.
        plane.compact()
        plane.restart_api_server(kill=True)
        operator.start()
        check(operator, made)
        image = event(operator, "twice", IMAGED)
        first, last = (datetime.fromisoformat(image[key]).timestamp() for key in ("first_seen_at", "last_seen_at"))
        assert first - 1.0 <= made["twice"] <= last, "one manager that wrote twice: a range"
        assert began - DEADLINES.get("bookmark", 95.0) <= first
