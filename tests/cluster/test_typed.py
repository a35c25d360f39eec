"""What the documents type at a cluster, in their words, on a control plane without nodes: there no pod ever runs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane
from tests.operator import BIN, until
from tests.packaging.test_registry import make
from tests.registry import Registry
from tests.tools import tool
from tests.typed import ROOT, Shell, text

NAMESPACE = "typed"
"""In the place of kube9-system."""
INSTALL, OPERATIONS = "docs/install.md", "docs/operations.md"
CLAIM = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}


@pytest.fixture(scope="module")
def shell(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in a folder that has the chart; the operator is installed as docs/operations.md says, but for the wait."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "helm").symlink_to(ROOT / "helm")
    (folder / "values.yaml").write_text("events: {persistence: {storageClassName: wrong}}\n", encoding="utf-8")
    programs = (Path(tool("helm")).parent, Path(tool("kubectl")).parent, BIN)
    path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
    own = {"KUBECONFIG": str(plane.kubeconfig(folder)), "HOME": str(folder), "PATH": path}
    typed = Shell(folder, os.environ | own, {"kube9-system": NAMESPACE, " --wait": ""})
    typed.line(OPERATIONS, "helm install")
    until(lambda: pod(plane), "a pod of the operator")
    yield typed
    typed.block(INSTALL, "helm uninstall")
    assert "NotFound" in typed.run(f"kubectl get namespace {NAMESPACE} 2>&1 || true")


def pod(plane: ControlPlane) -> str:
    """The uid of the operator's pod, '' where there is none."""
    found = plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    return "".join(one["metadata"]["uid"] for one in found)


def claim_of(plane: ControlPlane) -> dict[str, object]:
    found: dict[str, object] = plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/kube9-operator")["spec"]
    return found


def test_a_claim_of_a_wrong_class_is_replaced(plane: ControlPlane, shell: Shell) -> None:
    before = pod(plane)
    assert claim_of(plane)["storageClassName"] == "wrong"
    assert "Pending" in shell.span(OPERATIONS, "kubectl describe pod")
    shell.span(INSTALL, "kubectl delete pvc")
    right = "--reuse-values --set events.persistence.storageClassName=right"
    shell.run(f"helm upgrade kube9-operator helm/kube9-operator -n {NAMESPACE} {right}")
    shell.block(INSTALL, "kubectl delete pod")
    until(lambda: pod(plane) not in ("", before), "another pod")
    assert claim_of(plane)["storageClassName"] == "right"


def test_secrets_are_made_and_used(plane: ControlPlane, shell: Shell) -> None:
    shell.block(INSTALL, "kubectl create secret docker-registry")
    (shell.folder / "key.txt").write_text("key", encoding="utf-8")
    shell.block("docs/collections.md", "kubectl create secret")
    (shell.folder / "ca.crt").write_text("certificate", encoding="utf-8")
    shell.line("docs/configuration.md", "kubectl -n kube9-system create secret")
    found = plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets")["items"]
    kept = {one["metadata"]["name"]: set(one["data"]) for one in found}
    assert kept.items() >= {"kube9": {"apiKey"}, "sink": {"headers", "ca.crt"}, "registry": {".dockerconfigjson"}}.items()
    used = plane.api("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/kube9-operator")["spec"]["template"]["spec"]
    assert "kube9" in [one["secret"]["secretName"] for one in used["volumes"] if "secret" in one]


def test_what_a_release_was_told_is_shown_again(shell: Shell) -> None:
    shown = shell._replace(instead={"NAMESPACE": NAMESPACE})
    said = shown.span(OPERATIONS, "helm status")
    assert f"kubectl exec -n {NAMESPACE} kube9-operator-0 -- kube9-cli status -o table" in said


def test_what_the_operator_may_do_is_asked(shell: Shell) -> None:
    assert (
        shell.run(shell.words("kubectl auth can-i list pods --as=system:serviceaccount:kube9-system:kube9-operator -A"))
        == "yes\n"
    )
    assert "`kubectl auth can-i list pods" in text(OPERATIONS)


def test_rules_are_tried_on_the_events_of_a_cluster(plane: ControlPlane, shell: Shell) -> None:
    about = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": NAMESPACE}
    event = {"metadata": {"name": "web.1"}, "involvedObject": about, "reason": "FailedMount", "type": "Warning", "message": "x"}
    plane.api("POST", f"/api/v1/namespaces/{NAMESPACE}/events", event | {"firstTimestamp": "2026-11-24T10:00:00Z"})
    rules = [one for one in text("docs/events.md").split("\n\n") if one.startswith("    rules:")]
    (shell.folder / "rules.yaml").write_text(rules[0] if rules else "rules: []\n", encoding="utf-8")
    said = shell.block("docs/events.md", "kubectl get events -A -o json | kube9-operator rules check")
    assert "pod/typed/web" in said


def test_the_volume_of_another_program_is_kept(plane: ControlPlane, shell: Shell) -> None:
    about = {"namespace": NAMESPACE, "name": "kube9-operator-events-data"}
    volume = {"accessModes": CLAIM["accessModes"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nowhere"}}
    more = {"claimRef": about, "storageClassName": "", "persistentVolumeReclaimPolicy": "Delete"}
    plane.api("POST", "/api/v1/persistentvolumes", {"metadata": {"name": "typed"}, "spec": volume | more})
    claims = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
    plane.api("POST", claims, {"metadata": about, "spec": CLAIM})
    until(lambda: plane.api("GET", f"{claims}/{about['name']}")["spec"].get("volumeName"), "the volume to be bound")
    shell.block(OPERATIONS, "kubectl patch pv")
    assert plane.api("GET", "/api/v1/persistentvolumes/typed")["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    plane.api("DELETE", "/api/v1/persistentvolumes/typed")


def test_the_chart_is_installed_from_a_registry(plane: ControlPlane, shell: Shell, tmp_path: Path) -> None:
    for name in ("helm", "Makefile"):
        (tmp_path / name).symlink_to(ROOT / name)
    with Registry() as registry:
        make(tmp_path, "push-chart", f"REGISTRY=oci://{registry.address}/charts", "HELM_FLAGS=--plain-http")
        address = {"oci://registry.example": f"--plain-http oci://{registry.address}", "kube9-system": "from-registry"}
        shell._replace(instead=shell.instead | address).block(INSTALL, "helm install")
    made = plane.api("GET", "/apis/apps/v1/namespaces/from-registry/statefulsets/kube9-operator")
    assert "registry.example/kube9-operator:" in json.dumps(made)
    shell.run("helm uninstall kube9-operator -n from-registry")
