"""What `kubectl kube9` asks for is what kubectl takes, and what a real API server has of pods that do not run yet."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.plane import ControlPlane
from tests.krew import PLUGIN
from tests.tools import tool

LABELS = {"app.kubernetes.io/name": "kube9-operator"}
PAUSED = {"image": "localhost/none:1"}


@pytest.fixture
def environment(plane: ControlPlane, tmp_path: Path) -> dict[str, str]:
    """kubectl finds the plugin on the PATH."""
    path = os.pathsep.join((str(PLUGIN.parent), str(Path(tool("kubectl")).parent), os.environ["PATH"]))
    return os.environ | {"PATH": path, "KUBECONFIG": str(plane.kubeconfig(tmp_path)), "HOME": str(tmp_path)}


def pod(name: str, *containers: str) -> dict[str, Any]:
    made = [PAUSED | {"name": each} for each in containers]
    # No scheduler takes it.
    spec = {"containers": made, "schedulerName": "nobody"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": LABELS}, "spec": spec}


def ask(environment: dict[str, str], *words: str) -> str:
    """The one line of an error."""
    done = subprocess.run(
        [tool("kubectl"), "kube9", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_pods_of_a_plugin(plane: ControlPlane, namespace: str, environment: dict[str, str]) -> None:
    pods, here = f"/api/v1/namespaces/{namespace}/pods", ("--operator", namespace, "status")
    assert (
        f"no operator found: there is no pod with the label app.kubernetes.io/name=kube9-operator in namespace {namespace}"
        in (ask(environment, *here))
    )
    plane.api("POST", pods, pod("another", "other"))
    assert f"these pods are of another program with the same name: {namespace}/another\n" in ask(environment, *here)
    plane.api("POST", pods, pod("operator-0", "sidecar", "operator"))
    wanted = f"the operator's pod {namespace}/operator-0 does not run: Pending. To see why: kubectl describe pod -n {namespace}"
    assert wanted in ask(environment, *here)
    waiting = {"name": "operator", "ready": False, "restartCount": 0, "image": "", "imageID": ""}
    status = {"phase": "Pending", "containerStatuses": [waiting | {"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
    plane.api("PATCH", f"{pods}/operator-0/status", {"status": status})
    assert "does not run: Pending ImagePullBackOff." in ask(environment, *here)
    # Without a node there is no container, but kubectl is asked for one.
    running = {
        "phase": "Running",
        "containerStatuses": [waiting | {"state": {"running": {"startedAt": "2026-11-24T10:00:00Z"}}}],
    }
    plane.api("PATCH", f"{pods}/operator-0/status", {"status": running})
    said = ask(environment, *here)
    assert f"the operator's pod {namespace}/operator-0 is not ready: its answers may be old\n" in said
    assert "does not have a host assigned" in said
    plane.api("POST", pods, pod("operator-1", "operator"))
    assert f"several operators found: {namespace}/operator-0, {namespace}/operator-1. Choose one:" in ask(environment, *here)


def test_a_user_who_may_do_nothing(plane: ControlPlane, environment: dict[str, str]) -> None:
    said = ask(environment, "--as", "nobody", "status")
    assert "you may not list pods in any namespace that was tried (kube9-system and default)" in said
    assert "Role kube9-operator-reader" in said
