"""What changes with resources on a real control plane. There is no kubelet: what it writes of nodes is written by hand."""

import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import LONG_SECONDS
from tests.operator import Operator, until
from tests.tools import tool


def stamp(seconds_ago: int = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))


def events(operator: Operator, name: str, title: str) -> list[dict[str, Any]]:
    """The events of an object with this title."""
    return [one for one in operator.events("--object-name", name) if one["title"] == title]


def event(operator: Operator, name: str, title: str) -> dict[str, Any]:
    """The one event of an object with this title, as soon as it is there."""
    (found,) = until(lambda: events(operator, name, title), f"{title} of {name}", LONG_SECONDS)
    return dict(found)


def current(operator: Operator, *sources: str) -> None:
    """Waits until these are watched: what comes now is no baseline."""

    def states() -> set[str]:
        watches = operator.cli("status")["watches"]
        return {watches.get(source, {}).get("state", "") for source in sources}

    until(lambda: states() == {"current"}, f"the watches of {sources}", LONG_SECONDS)


def deployment(name: str, deadline_seconds: int) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "app", "image": "web:1", "resources": {"requests": {"cpu": "64k"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {
        "replicas": 2,
        "progressDeadlineSeconds": deadline_seconds,
        "selector": {"matchLabels": labels},
        "template": template,
    }
    return {"metadata": {"name": name}, "spec": spec}


def condition(status: str, reason: str, seconds_ago: int) -> dict[str, Any]:
    at = {"lastHeartbeatTime": stamp(), "lastTransitionTime": stamp(seconds_ago)}
    return {"status": {"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": reason} | at]}}


def test_a_deployment_is_scaled_changed_and_stuck(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    current(operator, "deployments", "replicasets", "pods")
    plane.api("POST", path, deployment("web", deadline_seconds=2))
    stuck = event(operator, "web", "Deployment rollout stuck")
    assert (stuck["severity"], stuck["metadata"]["reason"], stuck["count"]) == ("error", "ProgressDeadlineExceeded", 1)
    assert "timed out progressing" in stuck["description"]
    plane.api("PATCH", f"{path}/web", {"spec": {"replicas": 5}})
    scaled = event(operator, "web", "Deployment scaled")
    assert scaled["description"] == "Deployment web scaled from 2 to 5 replicas"
    assert (scaled["metadata"]["previous_replicas"], scaled["metadata"]["new_replicas"]) == (2, 5)
    operator.kill("writer")
    changed = deployment("web", deadline_seconds=2)["spec"]["template"]
    changed["spec"]["containers"][0]["image"] = "web:2"
    plane.api("PATCH", f"{path}/web", {"spec": {"template": changed}})
    image = event(operator, "web", "Deployment image changed")
    assert (image["metadata"]["previous"], image["metadata"]["current"]) == ("web:1", "web:2")
    # No node has so much: the scheduler says so, and whose pods they are is kept.
    pod = until(
        lambda: [
            one for one in operator.events("--object-namespace", namespace, "--object-kind", "Pod") if "Schedul" in str(one)
        ],
        "a pod that cannot be scheduled",
        LONG_SECONDS,
    )[0]
    owners = operator.cli("events", "get", pod["id"])["owners"]
    assert [one["kind"] for one in owners] == ["ReplicaSet", "Deployment"]
    assert owners[1]["name"] == "web"
    plane.api("DELETE", f"{path}/web")


def test_changes_while_the_operator_is_down_are_recorded_once(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    current(operator, "deployments")
    plane.api("POST", path, deployment("down", deadline_seconds=600))
    plane.api("PATCH", f"{path}/down", {"spec": {"replicas": 3}})
    event(operator, "down", "Deployment scaled")
    operator.kill("supervisor")
    until(lambda: not operator.children(), "the children to be gone")
    plane.api("PATCH", f"{path}/down", {"spec": {"replicas": 7}})
    plane.compact()
    operator.start()
    until(lambda: len(events(operator, "down", "Deployment scaled")) == 2, "the second change", LONG_SECONDS)
    newest = max(events(operator, "down", "Deployment scaled"), key=lambda one: str(one["id"]))
    assert newest["description"] == "Deployment down scaled from 3 to 7 replicas"
    plane.api("DELETE", f"{path}/down")


def test_a_node_and_a_namespace_come_and_go(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    current(operator, "nodes", "namespaces")
    name = f"node-{namespace}"
    plane.api("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    assert event(operator, name, "Node added to cluster")["description"] == f"New node {name} joined the cluster"
    plane.api("PATCH", f"/api/v1/nodes/{name}/status", condition("True", "KubeletReady", 0))
    plane.api("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}})
    event(operator, name, "Node cordoned")
    plane.api("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": False}})
    event(operator, name, "Node uncordoned")
    time_of_loss = int(time.time())
    until(lambda: time.time() > time_of_loss + 6, "the node to have been ready for a while")
    plane.api("PATCH", f"/api/v1/nodes/{name}/status", condition("False", "KubeletNotReady", 0))
    lost = event(operator, name, "Node NotReady")
    assert (lost["severity"], lost["metadata"]["current"]) == ("critical", "False")
    plane.api("PATCH", f"/api/v1/nodes/{name}/status", condition("True", "KubeletReady", 0))
    assert "is ready again after" in event(operator, name, "Node Ready")["description"]
    plane.api("DELETE", f"/api/v1/nodes/{name}")
    event(operator, name, "Node removed from cluster")
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": f"{namespace}-gone"}})
    event(operator, f"{namespace}-gone", "Namespace created")
    plane.api("DELETE", f"/api/v1/namespaces/{namespace}-gone")
    assert event(operator, f"{namespace}-gone", "Namespace deleted")["severity"] == "warning"


def test_workloads_and_services_come_and_go(plane: ControlPlane, operator: Operator, namespace: str, tmp_path: Path) -> None:
    """With kubectl: while the operator watches, while it is away and goes on, and while it is away and has to list."""
    current(operator, "deployments", "statefulsets", "cronjobs", "services")
    kubeconfig = str(plane.kubeconfig(tmp_path))

    def kubectl(*words: str) -> None:
        command = [tool("kubectl"), "--kubeconfig", kubeconfig, "-n", namespace, *words]
        subprocess.run(command, check=True, capture_output=True)

    def told(reason: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = operator.events("--object-namespace", namespace, "--name", name, "--reason", reason)
        return found

    def only(reason: str, name: str) -> dict[str, Any]:
        (found,) = until(lambda: told(reason, name), f"{reason} {name}", LONG_SECONDS)
        assert (found["severity"], found["count"]) == ("info", 1)
        return dict(found)

    def created_at(path: str) -> float:
        return datetime.fromisoformat(plane.api("GET", path)["metadata"]["creationTimestamp"]).timestamp()

    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    began = time.time()
    kubectl("create", "deployment", "web", "--image=web:1", "--replicas=2")
    kubectl("create", "service", "clusterip", "web", "--tcp=80")
    kubectl("create", "cronjob", "report", "--image=report:1", "--schedule=0 0 1 1 *")
    created = only("DeploymentCreated", "web")
    assert created["description"] == "Deployment web was created (2 replicas, image web:1)"
    assert created["metadata"]["images"] == {"web": "web:1"}
    assert created["metadata"]["changed_by"] == "kubectl-create"
    at = datetime.fromisoformat(created["first_seen_at"]).timestamp()
    assert at == created_at(f"{deployments}/web")
    assert created["first_seen_at"] == created["last_seen_at"]
    assert only("ServiceCreated", "web")["metadata"]["changed_by"] == "kubectl-create"
    assert only("CronJobCreated", "report")["description"] == "CronJob report was created (image report:1)"
    kubectl("delete", "service", "web")
    gone = only("ServiceDeleted", "web")
    assert began <= datetime.fromisoformat(gone["last_seen_at"]).timestamp() <= time.time()
    kubectl("delete", "deployment", "web", "--cascade=foreground")
    only("DeploymentDeleted", "web")

    assert operator.stop() == 0
    kubectl("create", "deployment", "late", "--image=late:1")
    operator.start()
    only("DeploymentCreated", "late")

    assert operator.stop() == 0
    kubectl("delete", "deployment", "late")
    kubectl("create", "deployment", "late", "--image=late:2")
    kubectl("create", "deployment", "brief", "--image=brief:1")
    kubectl("delete", "deployment", "brief")
    plane.compact()
    operator.start()
    deleted = only("DeploymentDeleted", "late")
    until(lambda: len(told("DeploymentCreated", "late")) == 2, "the other one", LONG_SECONDS)
    again = max(told("DeploymentCreated", "late"), key=lambda one: str(one["first_seen_at"]))
    assert "late:2" in again["description"]
    assert datetime.fromisoformat(again["first_seen_at"]).timestamp() == created_at(f"{deployments}/late")
    assert deleted["first_seen_at"] <= again["first_seen_at"] <= deleted["last_seen_at"]
    operator.kill("writer")
    operator.kill("supervisor")
    until(lambda: not operator.children(), "the children to be gone")
    operator.start()
    current(operator, "deployments", "services")
    for name, reasons in (("web", 4), ("report", 1), ("late", 3)):
        assert len(told("*Created,*Deleted", name)) == reasons, name
