"""What ends or never begins on the node, for real or by statuses written through the API, and what is to be read of it."""

import time
from typing import Any

from kube9_operator.clock import iso, now_ms
from tests.node.node import Node
from tests.node.reading import LONG_SECONDS, Expected, expected
from tests.node.scenario_objects import deployment, job, made, pod
from tests.operator import until

NAMESPACE = "ended"
PRETENDED = "node-9"
"""A node without a kubelet."""
WAIT_MINUTES = 1
"""EVENT_WAIT_MINUTES of the operators."""
SETTLE_SECONDS = 13.0
SHUTDOWN = "Pod was terminated in response to imminent node shutdown."
NO_NETWORK = "container runtime network not ready: cni plugin not initialized"


def table(watched: bool) -> list[Expected]:
    """What is to be read of `happen`; one who was away sees nothing of what is as it was before."""
    text = "exit code 4: cannot reach postgres. Container main of pod once ended"
    told = [
        expected("Pod", "once", "Pod failed", "error", text, container="main", exit_code=4),
        Expected(
            *("Job", "reports", {"Pod of Job failed": "warning"}, "exit code 3: no disk. Container main of pod reports-"),
            {"exit_code": 3, "count": 2, "termination_message": "no disk"},
        ),
        expected("Job", "reports", "Job failed", "error", "backoff limit"),
        expected("Pod", "batch", "Pod terminated by node shutdown", "warning", SHUTDOWN, reason="Terminated", exit_code=143),
        expected("Node", PRETENDED, "Node added to cluster", "info", "joined"),
        # Its kubelet says nothing, so the controller takes it for lost before long.
        Expected(
            *(
                "Node",
                PRETENDED,
                {"Node does not become ready": "critical"} | ({} if watched else {"Node NotReady": "critical"}),
            ),
            f"{NO_NETWORK}|stopped posting node status",
        ),
        expected("Service", "idle", "Service deleted", "info", "Service idle was deleted"),
        expected("Node", PRETENDED, "Node problem: DockerHung", "error", "task docker:7 blocked", condition="KernelDeadlock"),
    ]
    if not watched:
        return told
    return [*told, _scaled(1, 0), _scaled(0, 1)]


def _scaled(previous: int, new: int) -> Expected:
    text = f"Deployment idle scaled from {previous} to {new} replicas"
    return Expected("Deployment", "idle", {"Deployment scaled": "info"}, text, {"new_replicas": new}, each=True)


def is_about_it(event: dict[str, Any]) -> bool:
    """Whether an event is of this module."""
    if event.get("object_kind") == "Node":
        return event.get("object_name") == PRETENDED
    return event.get("object_namespace") == NAMESPACE


def prepare(node: Node) -> None:
    """What is there before anything ends."""
    node.make_namespaces(NAMESPACE)
    selector = {"selector": {"app": "idle"}, "ports": [{"port": 80}]}
    node.apply(deployment(NAMESPACE, "idle", 1), made("v1", "Service", NAMESPACE, "idle", selector))
    until(lambda: _endpoints(node) == 1, "the endpoint of idle", LONG_SECONDS)


def happen(node: Node) -> None:
    """Pods fail, a node appears that does not become ready, a workload is scaled to zero and back."""
    node.plane.api("POST", "/api/v1/nodes", _node())
    command = ["sh", "-c", "printf 'cannot reach postgres' > /dev/termination-log; exit 4"]
    node.apply(
        pod(NAMESPACE, "once", {"restartPolicy": "Never"}, command=command),
        job(NAMESPACE, "reports", "printf 'no disk' > /dev/termination-log; exit 3", backoffLimit=1),
        pod(NAMESPACE, "batch", {"nodeName": PRETENDED, "tolerations": [{"operator": "Exists"}]}),
    )
    node.plane.api("PATCH", f"/api/v1/namespaces/{NAMESPACE}/pods/batch/status", {"status": _shut_down()})
    node.kubectl("scale", "deployment", "idle", "-n", NAMESPACE, "--replicas", 0)
    until(lambda: _endpoints(node) == 0, "idle to have no endpoint", LONG_SECONDS)
    time.sleep(SETTLE_SECONDS)
    node.kubectl("scale", "deployment", "idle", "-n", NAMESPACE, "--replicas", 1)
    until(lambda: _endpoints(node) == 1, "the endpoint of idle", LONG_SECONDS)
    time.sleep(SETTLE_SECONDS)
    # Later the node is lost, and with it the endpoint of a service that is there: for how long is up to this machine.
    node.kubectl("delete", "service", "idle", "-n", NAMESPACE)
    until(lambda: _phase(node, "once") == "Failed", "a pod to fail", LONG_SECONDS)
    until(lambda: _failed(node) == 2, "both pods of a job to fail", LONG_SECONDS)


def _node() -> dict[str, Any]:
    """A node that has just registered, and what a problem detector says of it."""
    now = iso(now_ms())[:19] + "Z"

    def condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
        return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}

    conditions = [
        condition("Ready", "False", "KubeletNotReady", NO_NETWORK),
        condition("KernelDeadlock", "True", "DockerHung", "task docker:7 blocked for more than 300 seconds"),
        condition("EtcdIsVoter", "True", "MemberNotLearner", "Node is a voting member of the etcd cluster"),
    ]
    about = {"name": PRETENDED, "labels": {"kubernetes.io/hostname": PRETENDED}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": about, "status": {"conditions": conditions}}


def _shut_down() -> dict[str, Any]:
    """The status that a kubelet writes when its node shuts down."""
    now = iso(now_ms())[:19] + "Z"
    target = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": SHUTDOWN}
    ended = {"reason": "Error", "exitCode": 143, "startedAt": now, "finishedAt": now}
    container = {"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
    return {
        "phase": "Failed",
        "reason": "Terminated",
        "message": SHUTDOWN,
        "conditions": [target | {"lastTransitionTime": now}],
        "containerStatuses": [container],
    }


def _endpoints(node: Node) -> int:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices?labelSelector=kubernetes.io/service-name%3Didle"
    endpoints = [one for each in node.plane.api("GET", path)["items"] for one in each.get("endpoints") or ()]
    return sum(one.get("conditions", {}).get("ready", True) for one in endpoints)


def _phase(node: Node, name: str) -> str:
    return str(node.plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")["status"]["phase"])


def _failed(node: Node) -> int:
    """How many pods of the job have failed."""
    return int(node.plane.api("GET", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/reports")["status"].get("failed", 0))
