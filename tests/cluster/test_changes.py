"""What changes with resources on a real control plane. There is no kubelet: what it writes of nodes is written by hand."""

import time
from typing import Any

from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import LONG_SECONDS
from tests.operator import Operator, until


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
