"""What goes wrong on the node, made for real, and what a person should read of each: the table of the scenario."""

from typing import Any

from tests.node.images import NODE_IMAGE
from tests.node.node import NODE
from tests.node.reading import Expected, Stays, expected

RESTARTS = {"Pod BackOff": "warning", "Container restarted": "warning", "Container crash loop": "error"}
RESIZED = {"HPA scaled": "info", "HPA scaled Deployment": "info"}
"""Its Event does not say what the autoscaler scales."""


def table(namespace: str) -> list[Expected]:
    """What is to be read of `objects` and `filled`."""

    def restarts(name: str, container: str = "main") -> Expected:
        # What the container's status says; one who has not seen a restart has what the back-off says.
        back_off = rf"Back-off restarting failed container {container} in pod {name}_{namespace}"
        cause = rf"{back_off}|exit code \d+.* {container} (restarted|waits)"
        return Expected("Pod", name, RESTARTS, cause, {"container": container})

    def pull(name: str, cause: str, reason: str, image: str) -> Expected:
        return expected("Pod", name, "Image pull failed", "error", cause, reason=reason, container="main", image=image)

    def cannot_start(name: str, cause: str) -> Expected:
        return expected("Pod", name, "Container cannot start", "error", cause, reason="Failed", container="main")

    def unhealthy(name: str, cause: str, probe: str) -> Expected:
        return expected("Pod", name, "Pod Unhealthy", "warning", cause, reason="Unhealthy", container="main", probe=probe)

    quota = {"resource": "pods", "requested": "1", "used": "1", "quota_limit": "1"}
    return [
        restarts("crash"),
        restarts("eater"),
        expected("Pod", "eater", "Container OOM killed", "critical", "memory limit of 32Mi", container="main"),
        restarts("badinit", "prepare"),
        restarts("hook"),
        restarts("unlive"),
        restarts("nocmd"),
        pull("noimage", "Failed to pull image .*connection refused", "ImagePullBackOff", "localhost/none:1"),
        pull("badname", "couldn't parse image name", "InspectFailed", "UPPER/Case:1"),
        pull("neverpull", "not present with pull policy of Never", "ErrImageNeverPull", "localhost/absent:1"),
        cannot_start("noenv", 'configmap "missing" not found'),
        cannot_start("nocmd", "/no/such/program.* no such file or directory"),
        expected("Pod", "nomount", "Volume mount failed", "error", 'configmap "missing" not found', volume="settings"),
        unhealthy("unready", "not yet", "readiness"),
        unhealthy("unlive", "Liveness probe failed", "liveness"),
        expected("Pod", "giant", "Pod scheduling failed", "error", "Insufficient cpu", reason="FailedScheduling"),
        expected("Pod", "hog", "Pod evicted", "warning", "exceeds the limit", reason="Evicted"),
        expected("Job", "failing", "Job failed", "error", "backoff limit", reason="BackoffLimitExceeded"),
        expected("Job", "failing", "Pod of Job failed", "warning", "exit code 1. Container main of pod failing-", exit_code=1),
        expected("Job", "late", "Job failed", "error", "deadline", reason="DeadlineExceeded"),
        expected("PersistentVolumeClaim", "orphan", "PVC binding failed", "error", "no persistent volumes available"),
        expected("PersistentVolumeClaim", "noclass", "PVC binding failed", "error", '"nowhere" not found'),
        Expected("HorizontalPodAutoscaler", "small", RESIZED, "New size: 3", {"reason": "SuccessfulRescale", "new": 3}),
        expected("ResourceQuota", "few", "Resource quota exceeded", "warning", "exceeded quota: few", **quota),
        expected("Node", NODE, "Node NotReady", "critical", "NotReady"),
        expected("Deployment", "small", "Deployment created", "info", "small was created .1 replica, image"),
        expected("Deployment", "web", "Deployment created", "info", "web was created .3 replicas, image"),
    ]


STAYS: Stays = {
    ("Node", NODE, "Node CgroupV1"): "the kubelet warns of the machine, and it is for its owner to know",
    ("Pod", "hook", "Pod FailedPostStartHook"): "the cause of the restarts, which the back-off does not say",
    ("Deployment", "small", "Deployment scaled"): "what its autoscaler did, where the operator saw it before",
    ("HorizontalPodAutoscaler", "small", "HorizontalPodAutoscaler FailedGetResourceMetric"): "nobody measures here",
    ("HorizontalPodAutoscaler", "small", "HorizontalPodAutoscaler FailedComputeMetricsReplicas"): "the same, by its effect",
}


def objects(namespace: str) -> list[dict[str, Any]]:
    """The objects that fail, each named for what is wrong with it."""
    shell = ["sh", "-c"]
    missing_volume = {"name": "settings", "configMap": {"name": "missing"}}
    small_volume = {"name": "scratch", "emptyDir": {"sizeLimit": "5Mi"}}
    failing_hook = {"postStart": {"exec": {"command": [*shell, "exit 1"]}}}
    fills = "head -c 20000000 /dev/zero > /scratch/file; sleep 1000"
    eats = "kept = []\nwhile True: kept.append(bytearray(1 << 20))"
    limit = {"limits": {"memory": "32Mi"}}
    return [
        pod(namespace, "crash", command=[*shell, "echo cannot open the ledger >&2; exit 3"]),
        pod(namespace, "eater", command=["python3", "-c", eats], resources=limit),
        pod(namespace, "badinit", spec={"initContainers": [container("prepare", command=[*shell, "exit 1"])]}),
        pod(namespace, "hook", lifecycle=failing_hook),
        pod(namespace, "noimage", image="localhost/none:1", imagePullPolicy="IfNotPresent"),
        pod(namespace, "badname", image="UPPER/Case:1"),
        pod(namespace, "neverpull", image="localhost/absent:1"),
        pod(namespace, "nomount", spec={"volumes": [missing_volume]}, volumeMounts=[mount("settings")]),
        pod(namespace, "noenv", envFrom=[{"configMapRef": {"name": "missing"}}]),
        pod(namespace, "nocmd", command=["/no/such/program"]),
        pod(namespace, "unready", readinessProbe=probe("echo not yet; exit 1")),
        pod(namespace, "unlive", livenessProbe=probe("exit 1")),
        pod(namespace, "giant", resources={"requests": {"cpu": "1000"}}),
        pod(
            namespace,
            "hog",
            spec={"volumes": [small_volume], "restartPolicy": "Never"},
            command=[*shell, fills],
            volumeMounts=[mount("scratch")],
        ),
        job(namespace, "failing", "exit 1", backoffLimit=0),
        job(namespace, "late", "sleep 1000", activeDeadlineSeconds=2),
        claim(namespace, "orphan", ""),
        claim(namespace, "noclass", "nowhere"),
        *autoscaled(namespace),
    ]


def filled(namespace: str) -> list[dict[str, Any]]:
    """A quota of one pod, which is there, and a Deployment that wants more; the quota counts in a namespace of its own."""
    quota = made("v1", "ResourceQuota", namespace, "few", {"hard": {"pods": "1"}})
    return [quota, deployment(namespace, "web", 3)]


def autoscaled(namespace: str) -> list[dict[str, Any]]:
    """A Deployment of one, and an autoscaler that wants three."""
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "small"}
    wanted = {"minReplicas": 3, "maxReplicas": 4, "metrics": [metric], "scaleTargetRef": target}
    return [
        deployment(namespace, "small", 1),
        made("autoscaling/v2", "HorizontalPodAutoscaler", namespace, "small", wanted),
    ]


def deployment(namespace: str, name: str, replicas: int, **fields: Any) -> dict[str, Any]:
    """A Deployment of pods that sleep; the fields are its container's."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod_spec(**fields)}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return made("apps/v1", "Deployment", namespace, name, spec)


def pod(namespace: str, name: str, spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A pod of one container, `main`; the fields are the container's."""
    return made("v1", "Pod", namespace, name, pod_spec(**fields) | (spec or {}))


def pod_spec(**fields: Any) -> dict[str, Any]:
    return {"terminationGracePeriodSeconds": 1, "containers": [container("main", **fields)]}


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": NODE_IMAGE, "imagePullPolicy": "Never"} | fields


def mount(volume: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": f"/{volume}"}


def probe(command: str) -> dict[str, Any]:
    return {"exec": {"command": ["sh", "-c", command]}, "periodSeconds": 1, "failureThreshold": 2}


def job(namespace: str, name: str, command: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": pod_spec(command=["sh", "-c", command]) | {"restartPolicy": "Never"}}
    return made("batch/v1", "Job", namespace, name, {"template": template} | spec)


def claim(namespace: str, name: str, storage_class: str) -> dict[str, Any]:
    size = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": size, "storageClassName": storage_class}
    return made("v1", "PersistentVolumeClaim", namespace, name, spec)


def made(version: str, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec}
