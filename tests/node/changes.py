"""What changes on the node, made for real, and what a person should read of it: the table of the scenario."""

import time
from typing import Any, NamedTuple

from tests.node.images import NODE_IMAGE
from tests.node.node import NODE, Node
from tests.node.reading import LONG_SECONDS, Expected, Stays, expected
from tests.node.scenario_objects import container, deployment, made, pod, pod_spec
from tests.operator import until

NAMESPACE, AGED, BRIEF, LATE = "changed", "changed-aged", "changed-brief", "changed-late"
NEXT_IMAGE, LATER_IMAGE = "localhost/kube9-node:next", "localhost/kube9-node:later"
ABSENT_IMAGE = "localhost/absent:1"
LOOP_RESTARTS = 5
BY_HAND = {"tuned": "kubectl-set", "sized": "kubectl-scale", "pictured": "kubectl-set", "settings": "kubectl-patch"}
"""Of what `change_by_hand` changes once who managedFields say it was."""
REPEATED, PACED = "repeated", "paced"
"""What it changes twice, and a StatefulSet that it scales: of neither anything says exactly when, if nobody watched."""
LATE_CHANGES = {"sized": "kubectl-scale", "pictured": "kubectl-set", LATE: ""}
"""Of what `change_late` changes who it was, as far as it is said."""


class Moment(NamedTuple):
    """Between which times something was done, in seconds since 1970."""

    began: float
    ended: float


STAYS: Stays = {
    ("Node", NODE, "Node CgroupV1"): "the kubelet warns of the machine, and it is for its owner to know",
    **{
        ("Service", name, "Service ClusterIPNotAllocated"): "the API server's repair has found its address first"
        for name in ("api", "gone", "ledger")
    },
}


def table(watched: bool) -> list[Expected]:
    """What is to be read of `happen` by one who watched, or by one who did not, and sees how it ended."""
    ready = f"Node {NODE} is ready again after" if watched else "it was not while nothing watched"
    both = [
        expected(
            *("Pod", "glutton", "Container OOM killed", "critical", "killed at its memory limit of 32Mi"),
            container="main",
            reason="OOMKilled",
            memory_limit="32Mi",
            last_exit_code=137,
        ),
        Expected(
            *("Pod", "looper", {"Container crash loop": "error"}, "exit code 3|restarting failed container main in pod looper"),
            {"container": "main", "reason": "CrashLoopBackOff", "last_exit_code": 3},
            counted="restart_count",
        ),
        _image("web", NODE_IMAGE, NEXT_IMAGE),
        _image("stuck", NODE_IMAGE, ABSENT_IMAGE),
        expected("Deployment", "stuck", "Deployment rollout stuck", "error", "timed out progressing"),
        expected("Pod", "stuck-*", "Image pull failed", "error", "not present", container="main", image=ABSENT_IMAGE),
        expected("Namespace", AGED, "Namespace deleted", "warning", f"Namespace {AGED} was deleted"),
        _endpoints("ledger", "Service has no endpoints", "error", 2, 0),
        expected("Pod", "gone-*", "Pod Unhealthy", "warning", "no database", container="main", probe="readiness"),
        expected(
            *("Deployment", "tuned", "Deployment configuration changed", "info", "limits.memory from 64Mi to 96Mi"),
            changed=["spec.template.spec.containers[main].resources.limits.memory"],
            changed_by=BY_HAND["tuned"],
        ),
        _scaled("Deployment", "sized", 1, 2, changed_by=BY_HAND["sized"]),
        _image("pictured", NODE_IMAGE, NEXT_IMAGE, changed_by=BY_HAND["pictured"]),
        _scaled("StatefulSet", PACED, 1, 2, changed_by="kubectl-scale"),
        expected("ConfigMap", "settings", "ConfigMap changed", "info", "was changed", changed_by=BY_HAND["settings"]),
        expected("Node", NODE, "Node NotReady", "critical", "NotReady|stopped posting node status"),
        expected("Node", NODE, "Node Ready", "info", ready, current="True"),
        created("DaemonSet", "agent"),
        *(created(kind, name) for kind in ("Deployment", "Service") for name in ("api", "gone")),
    ]
    if not watched:
        return [*both, _scaled("Deployment", "web", 2, 1), _image(REPEATED, NODE_IMAGE, LATER_IMAGE, changed_by="kubectl-set")]
    return [
        *both,
        _image(REPEATED, NODE_IMAGE, NEXT_IMAGE),
        _image(REPEATED, NEXT_IMAGE, LATER_IMAGE),
        _scaled("Deployment", "web", 2, 4),
        _scaled("Deployment", "web", 4, 1),
        # Its controller wants no pod of it on a node that is not ready.
        _scaled("DaemonSet", "agent", 1, 0),
        _scaled("DaemonSet", "agent", 0, 1),
        expected("Namespace", BRIEF, "Namespace created", "info", f"Namespace {BRIEF} was created"),
        expected("Namespace", BRIEF, "Namespace deleted", "warning", f"Namespace {BRIEF} was deleted"),
        expected("Node", NODE, "Node cordoned", "info", f"Node {NODE} was cordoned"),
        expected("Node", NODE, "Node uncordoned", "info", f"Node {NODE} was uncordoned"),
        _endpoints("api", "Service endpoints reduced", "warning", 3, 1),
        _endpoints("gone", "Service has no endpoints", "error", 1, 0),
    ]


def created(kind: str, name: str) -> Expected:
    return expected(kind, name, f"{kind} created", "info", f"{kind} {name} was created")


def _scaled(kind: str, name: str, previous: int, new: int, **more: Any) -> Expected:
    text = f"{kind} {name} scaled from {previous} to {new} replicas"
    metadata = {"previous_replicas": previous, "new_replicas": new} | more
    return Expected(kind, name, {f"{kind} scaled": "info"}, text, metadata, each=True)


def _image(name: str, previous: str, current: str, **more: Any) -> Expected:
    text = f"changed its image from {previous} to {current}"
    metadata = {"container": "main", "previous": previous, "current": current} | more
    return Expected("Deployment", name, {"Deployment image changed": "info"}, text, metadata, each=True)


def _endpoints(name: str, title: str, severity: str, previous: int, current: int) -> Expected:
    text = f"Service {name} lost {previous - current} of {previous} endpoints"
    return expected("Service", name, title, severity, text, previous_endpoints=previous, current_endpoints=current)


def is_about_it(event: dict[str, Any]) -> bool:
    """Whether an event is of the scenario: of its namespaces, or of the node."""
    kind, name, ours = event.get("object_kind"), event.get("object_name"), (NAMESPACE, AGED, BRIEF, LATE)
    if kind == "Node":
        return name == NODE
    return name in ours if kind == "Namespace" else event.get("object_namespace") in ours


def prepare(node: Node) -> None:
    """What is there before anything changes."""
    for image in (NEXT_IMAGE, LATER_IMAGE):
        node.inside(node.binaries / "ctr", "-n", "k8s.io", "images", "tag", NODE_IMAGE, image)
    node.make_namespaces(NAMESPACE, AGED, LATE)
    node.apply(deployment(NAMESPACE, "web", 2), deployment(NAMESPACE, "stuck", 1))
    limit = {"limits": {"memory": "64Mi"}}
    node.apply(deployment(NAMESPACE, "tuned", 1, resources=limit), deployment(NAMESPACE, "sized", 1))
    node.apply(deployment(NAMESPACE, "pictured", 1), deployment(NAMESPACE, REPEATED, 1), _stateful(PACED))
    about = {"namespace": NAMESPACE, "name": "settings"}
    node.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"level": "info"}})
    # Of endpoints outside of the cluster.
    node.apply(made("v1", "Service", NAMESPACE, "ledger", {"ports": [{"port": 80}]}), _slice("10.9.9.1", "10.9.9.2"))
    _until_available(node, "web", 2)
    _until_available(node, "stuck", 1)
    _until_available(node, "tuned", 1)
    for name in ("sized", "pictured", REPEATED):
        _until_available(node, name, 1)


def fail_and_roll_out(node: Node) -> dict[str, Moment]:
    """Containers fail, workloads are scaled and changed, namespaces come and go, a node is cordoned.

    Returns when what is not there any more was deleted.
    """
    eats = "kept = []\nwhile True: kept.append(bytearray(1 << 20))"
    limit = {"limits": {"memory": "32Mi"}}
    node.apply(
        pod(NAMESPACE, "glutton", {"restartPolicy": "Never"}, command=["python3", "-c", eats], resources=limit),
        pod(NAMESPACE, "looper", command=["sh", "-c", "exit 3"]),
        _agent(),
    )
    _change(node, "stuck", {"progressDeadlineSeconds": 2} | _template(ABSENT_IMAGE))
    _change(node, "web", {"replicas": 4})
    _until_available(node, "web", 4)
    node.make_namespaces(BRIEF)
    _change(node, "web", _template(NEXT_IMAGE))
    _until_available(node, "web", 4)
    # A pod that comes while the node is cordoned would not be scheduled, truly.
    node.kubectl("cordon", NODE)
    node.kubectl("uncordon", NODE)
    times = _by_hand(node, {AGED: ("delete", "namespace", AGED, "--wait=false")})
    node.kubectl("delete", "namespace", AGED, BRIEF, "--ignore-not-found")
    _change(node, "web", {"replicas": 1})
    node.apply(_slice())
    until(lambda: _terminated(node, "glutton") == "OOMKilled", "the kernel to kill", LONG_SECONDS)
    until(lambda: _is_stuck(node), "the rollout to be stuck", LONG_SECONDS)
    until(lambda: _restarts(node, "looper") >= LOOP_RESTARTS, "the crash loop", LONG_SECONDS)
    return times


def change_by_hand(node: Node) -> dict[str, Moment]:
    """What somebody changes with kubectl; returns when each was changed last."""
    set_image = ("set", "image", f"deployment/{REPEATED}")
    times = _by_hand(
        node,
        {
            REPEATED: (*set_image, f"main={NEXT_IMAGE}"),
            "tuned": ("set", "resources", "deployment/tuned", "--limits=memory=96Mi"),
            "sized": ("scale", "deployment/sized", "--replicas=2"),
            "pictured": ("set", "image", "deployment/pictured", f"main={NEXT_IMAGE}"),
            PACED: ("scale", f"statefulset/{PACED}", "--replicas=2"),
            "settings": ("patch", "configmap", "settings", "-p", '{"data":{"level":"debug"}}'),
        },
    )
    _until_available(node, REPEATED, 1)
    times |= _by_hand(node, {REPEATED: (*set_image, f"main={LATER_IMAGE}")})
    for name, count in (("tuned", 1), ("sized", 2), ("pictured", 1), (REPEATED, 1)):
        _until_available(node, name, count)
    _until_available(node, PACED, 2, "statefulsets")
    return times


def change_late(node: Node) -> dict[str, Moment]:
    """The same, each alone, after everything else."""
    return _by_hand(
        node,
        {
            "sized": ("scale", "deployment/sized", "--replicas=1"),
            "pictured": ("set", "image", "deployment/pictured", f"main={LATER_IMAGE}"),
            LATE: ("delete", "namespace", LATE, "--wait=false"),
        },
    )


def _by_hand(node: Node, commands: dict[str, tuple[str, ...]]) -> dict[str, Moment]:
    """Calls kubectl; returns when it wrote each: while it ran."""
    times = {}
    for name, words in commands.items():
        began = time.time()
        node.kubectl(words[0], "-n", NAMESPACE, *words[1:])
        times[name] = Moment(began, time.time())
    return times


def lose_node(node: Node) -> None:
    """The node falls silent, and comes back."""
    node.stop_kubelet()
    until(lambda: node.ready_condition() != "True", "the node to be missed", LONG_SECONDS)
    until(lambda: _wanted_agents(node) == 0, "the DaemonSet's controller to miss it", LONG_SECONDS)
    node.start_kubelet()
    until(node.is_ready, "the node to be back", LONG_SECONDS)
    until(lambda: _wanted_agents(node) == 1, "the DaemonSet's controller to see it", LONG_SECONDS)


def _wanted_agents(node: Node) -> int:
    return int(node.get("daemonset", "agent", "-n", NAMESPACE)["status"]["desiredNumberScheduled"])


def lose_endpoints(node: Node) -> None:
    """Two of three pods are taken out of a service by hand; the only pod of another one is not ready any more.

    These come after the node, with which every service of it loses its endpoints.
    """
    broken = "if test -e /tmp/broken; then echo no database; exit 1; fi"
    probe = {"exec": {"command": ["sh", "-c", broken]}, "periodSeconds": 1, "failureThreshold": 2}
    api = deployment(NAMESPACE, "api", 3)
    # The pods stay with their ReplicaSet, which would make others, when they leave the service.
    api["spec"]["template"]["metadata"]["labels"] = {"app": "api", "serves": "yes"}
    node.apply(api, deployment(NAMESPACE, "gone", 1, readinessProbe=probe))
    for name, count, selector in (("api", 3, {"serves": "yes"}), ("gone", 1, {"app": "gone"})):
        node.apply(made("v1", "Service", NAMESPACE, name, {"selector": selector, "ports": [{"port": 80}]}))
        _until_endpoints(node, name, count)
    node.kubectl("exec", "-n", NAMESPACE, "deploy/gone", "--", "touch", "/tmp/broken")
    pods = node.get("pods", "-n", NAMESPACE, "-l", "app=api")["items"]
    node.kubectl("label", "pod", "-n", NAMESPACE, *(one["metadata"]["name"] for one in pods[:2]), "serves-")
    _until_endpoints(node, "api", 1)
    _until_endpoints(node, "gone", 0)


def _agent() -> dict[str, Any]:
    """A DaemonSet: that its nodes are counted for the first time is no change."""
    labels = {"app": "agent"}
    template = {"metadata": {"labels": labels}, "spec": pod_spec()}
    return made("apps/v1", "DaemonSet", NAMESPACE, "agent", {"selector": {"matchLabels": labels}, "template": template})


def _slice(*addresses: str) -> dict[str, Any]:
    """The endpoints of the service `ledger`."""
    about = {"namespace": NAMESPACE, "name": "ledger", "labels": {"kubernetes.io/service-name": "ledger"}}
    endpoints = [{"addresses": [one], "conditions": {"ready": True}} for one in addresses]
    made_of = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": about}
    return made_of | {"endpoints": endpoints, "ports": [{"port": 80, "protocol": "TCP"}]}


def _stateful(name: str) -> dict[str, Any]:
    spec = deployment(NAMESPACE, name, 1)["spec"]
    return made("apps/v1", "StatefulSet", NAMESPACE, name, spec | {"serviceName": name, "podManagementPolicy": "Parallel"})


def _template(image: str) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [container("main", image=image)]}}}


def _change(node: Node, name: str, spec: dict[str, Any]) -> None:
    node.plane.api("PATCH", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}", {"spec": spec})


def _workload(node: Node, name: str, resource: str = "deployments") -> dict[str, Any]:
    found: dict[str, Any] = node.plane.api("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/{resource}/{name}")
    return found


def _until_available(node: Node, name: str, count: int, resource: str = "deployments") -> None:
    """Returns when a workload has no pods but those that it wants now, and they are available."""

    def is_available() -> bool:
        found = _workload(node, name, resource)
        status, generation = found["status"], found["metadata"]["generation"]
        counts = [status.get(one, 0) for one in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == generation and counts == [count] * 3

    until(is_available, f"{count} pods of {name}", LONG_SECONDS)


def _is_stuck(node: Node) -> bool:
    conditions = _workload(node, "stuck")["status"]["conditions"]
    return "ProgressDeadlineExceeded" in [one.get("reason") for one in conditions]


def _container(node: Node, name: str) -> dict[str, Any]:
    """The status of a pod's container; {} while there is none."""
    found = node.plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")["status"].get("containerStatuses", [])
    return dict(found[0]) if found else {}


def _terminated(node: Node, name: str) -> str:
    return str(_container(node, name).get("state", {}).get("terminated", {}).get("reason", ""))


def _restarts(node: Node, name: str) -> int:
    return int(_container(node, name).get("restartCount", 0))


def _until_endpoints(node: Node, service: str, count: int) -> None:
    """Returns when a service has so many ready endpoints."""
    path = (
        f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}"
    )

    def ready() -> int:
        endpoints = [one for each in node.plane.api("GET", path)["items"] for one in each.get("endpoints") or ()]
        return sum(one.get("conditions", {}).get("ready", True) for one in endpoints)

    until(lambda: ready() == count, f"{count} endpoints of {service}", LONG_SECONDS)
