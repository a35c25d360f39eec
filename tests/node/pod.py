"""The operator as a pod of the node: installed by helm, asked by `kubectl exec`, and what kills it."""

import json
import os
from typing import Any

from tests.node.images import OPERATOR_IMAGE, ROOT
from tests.node.node import Node
from tests.operator import until

NAMESPACE = "kube9-system"
RELEASE = "kube9-operator"
POD = f"{RELEASE}-0"
USER = 65532
"""Of the image. A folder of a machine is not given to a pod's group, as other volumes are."""
LONG_SECONDS = 180.0


class OperatorPod:
    """The one operator of a node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def make_volume(self) -> None:
        """A volume for the chart's claim, which outlives every pod: a folder of this machine."""
        folder = self.node.folder / "history"
        folder.mkdir(mode=0o700)
        os.chown(folder, USER, USER)
        self.node.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": "history"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": {"storage": "2Gi"},
                    "claimRef": {"namespace": NAMESPACE, "name": RELEASE},
                    "hostPath": {"path": str(folder)},
                },
            }
        )

    def install(self, *options: str) -> None:
        """As the README says, with the image that the node has."""
        own = ("--set", f"image.repository={OPERATOR_IMAGE}", "--set", "image.pullPolicy=Never")
        volume = ("--set", "events.persistence.storageClassName=")
        chart = ROOT / "helm" / "kube9-operator"
        self.node.program("helm", "install", RELEASE, chart, "-n", NAMESPACE, "--create-namespace", *own, *volume, *options)

    def until_ready(self) -> None:
        """Returns when the pod is ready."""
        until(self.is_ready, "the operator's pod to be ready", LONG_SECONDS)

    def is_ready(self) -> bool:
        states = self._containers()
        return bool(states) and states[0]["ready"]

    def exec(self, *command: str, fail: bool = False) -> str:
        """What a command in the pod says; with `fail` also where it does not run."""
        words = ("exec", "-n", NAMESPACE, POD, "-c", "operator", "--", *command)
        return self.node.program("kubectl", *words, fail=fail).stdout

    def cli(self, *arguments: str) -> Any:
        """The decoded JSON that the CLI answers."""
        return json.loads(self.exec("kube9-cli", *arguments))

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """What `events list` answers, up to 1000; [] while there is no pod that answers."""
        said = self.exec("kube9-cli", "events", "list", "--limit", "1000", *arguments, fail=True)
        return json.loads(said)["events"] if said.startswith("{") else []

    def restarts(self) -> int:
        states = self._containers()
        return int(states[0]["restartCount"]) if states else 0

    def kill(self) -> None:
        """Kills process 1 of the container with SIGKILL; returns when it has been started again."""
        before = self.restarts()
        self.node.inside("kill", "-9", self._process())
        until(lambda: self.restarts() > before, "the operator to be started again", LONG_SECONDS)

    def kill_for_memory(self) -> None:
        """Has the kernel kill process 1 of the container when the pod's memory is used up; returns when it is back."""
        before = self.restarts()
        pid = self._process()
        # Otherwise it takes whoever has the most memory, which is who asks for it here.
        self.node.inside("sh", "-c", f"echo 1000 > /proc/{pid}/oom_score_adj")
        self.exec("python3", "-c", "kept = [bytearray(1 << 20) for _ in range(4096)]", fail=True)
        until(lambda: self.restarts() > before, "the operator to be started again", LONG_SECONDS)
        ended = self._containers()[0]["lastState"]["terminated"]
        assert ended["reason"] == "OOMKilled", ended

    def delete(self) -> None:
        """Deletes the pod; returns when its successor is ready."""
        before = self.node.get("pod", "-n", NAMESPACE, POD)["metadata"]["uid"]
        self.node.kubectl("delete", "pod", "-n", NAMESPACE, POD)
        until(lambda: self._uid() not in (None, before), "another pod", LONG_SECONDS)
        self.until_ready()

    def _uid(self) -> str | None:
        found = self.node.get("pods", "-n", NAMESPACE)["items"]
        return next((one["metadata"]["uid"] for one in found if one["metadata"]["name"] == POD), None)

    def _containers(self) -> list[dict[str, Any]]:
        found = self.node.get("pods", "-n", NAMESPACE)["items"]
        states = [one["status"].get("containerStatuses", []) for one in found if one["metadata"]["name"] == POD]
        return states[0] if states else []

    def _process(self) -> str:
        """The id of process 1 of the container, as the node sees it."""
        until(self.is_ready, "the operator to run", LONG_SECONDS)
        container = self._containers()[0]["containerID"].removeprefix("containerd://")
        tasks = self.node.inside(self.node.binaries / "ctr", "-n", "k8s.io", "tasks", "list")
        return next(line.split()[1] for line in tasks.splitlines() if line.startswith(container))
