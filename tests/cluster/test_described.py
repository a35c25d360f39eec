"""What Events about claims and autoscalers do not say, and events do; how many a DaemonSet wants. A real control plane."""

from pathlib import Path
from typing import Any

from tests.cluster.metrics_api import MetricsApi
from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import LONG_SECONDS
from tests.operator import Operator, until


def one_event(operator: Operator, namespace: str, name: str, kind: str, **metadata: Any) -> dict[str, Any]:
    """The only event of an object besides that of its creation, as soon as it has this metadata."""

    def events() -> list[dict[str, Any]]:
        found = operator.events("--object-namespace", namespace, "--object-kind", kind, "--object-name", name)
        return [one for one in found if one["title"] != f"{kind} created"]

    until(lambda: [one for one in events() if metadata.items() <= one["metadata"].items()], f"{name}: {metadata}", LONG_SECONDS)
    (event,) = events()
    return event


def test_claims_that_cannot_bind(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    for name, storage_class, reason in (("fast", "fast", "ProvisioningFailed"), ("any", "", "FailedBinding")):
        asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
        plane.api("POST", claims, {"metadata": {"name": name}, "spec": asked | {"storageClassName": storage_class}})
        event = one_event(operator, namespace, name, "PersistentVolumeClaim", requested_size="5Gi", reason=reason)
        assert event["metadata"].get("storage_class", "") == storage_class
        assert (event["severity"], event["title"]) == ("error", "PVC binding failed")


def test_an_autoscaler_that_scales_by_a_metric(plane: ControlPlane, operator: Operator, namespace: str, tmp_path: Path) -> None:
    labels = {"app": "web"}
    container = {"name": "app", "image": "example.invalid/none", "resources": {"requests": {"cpu": "100m"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    plane.api(
        "POST",
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
        {"metadata": {"name": "web"}, "spec": deployment},
    )
    pods = f"/api/v1/namespaces/{namespace}/pods"
    made = until(lambda: (found := plane.api("GET", pods)["items"]) and len(found) == 2 and found, "two pods", LONG_SECONDS)
    for one in made:
        plane.api("PATCH", f"{pods}/{one['metadata']['name']}/status", {"status": running()})
    with MetricsApi(plane, namespace, tmp_path, cpu="150m"):
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        spec = {"minReplicas": 1, "maxReplicas": 3, "metrics": [metric], "scaleTargetRef": target}
        autoscalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
        plane.api("POST", autoscalers, {"metadata": {"name": "web"}, "spec": spec})
        event = one_event(operator, namespace, "web", "HorizontalPodAutoscaler", target="Deployment/web", previous=2)
    assert (event["severity"], event["title"]) == ("info", "HPA scaled Deployment")
    assert event["metadata"]["new"] == 3
    assert event["metadata"]["metric"] == "cpu resource utilization (percentage of request)"
    assert event["metadata"]["reason"] == "SuccessfulRescale"


def running() -> dict[str, Any]:
    """The status of a pod that has been ready for ten minutes, so that its figures count at once."""
    since = "2026-01-01T00:00:00Z"
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    return {"phase": "Running", "startTime": since, "conditions": [ready]}


def test_a_daemonset_scales_with_the_nodes_and_not_when_it_is_made(
    plane: ControlPlane, operator: Operator, namespace: str
) -> None:
    def node(name: str) -> dict[str, Any]:
        return {"metadata": {"name": f"{namespace}-{name}", "labels": labels}}

    labels = {"of": namespace}
    until(lambda: operator.cli("status")["watches"].get("daemonsets", {}).get("state") == "current", "the watch")
    plane.api("POST", "/api/v1/nodes", node("one"))
    container = {"name": "app", "image": "example.invalid/none"}
    # A node that is not ready is tainted, and there is no kubelet that would make it ready.
    everywhere = {"nodeSelector": labels, "tolerations": [{"operator": "Exists"}], "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": everywhere}
    sets = f"/apis/apps/v1/namespaces/{namespace}/daemonsets"
    plane.api(
        "POST", sets, {"metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    )
    until(lambda: plane.api("GET", f"{sets}/agent")["status"].get("desiredNumberScheduled") == 1, "the first count")
    plane.api("POST", "/api/v1/nodes", node("two"))
    event = one_event(operator, namespace, "agent", "DaemonSet", previous_replicas=1)
    assert event["description"] == "DaemonSet agent scaled from 1 to 2 replicas"
    for name in ("one", "two"):
        plane.api("DELETE", f"/api/v1/nodes/{namespace}-{name}")
