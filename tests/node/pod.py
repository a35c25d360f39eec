"""The operator as a pod of the node: installed by helm, asked by `kubectl exec`, and what kills it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
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

EATER = """
import time
print("waiting")
while open("/proc/self/oom_score_adj").read() != "0\\n":
    time.sleep(0.01)
kept = [bytearray(1 << 20) for _ in range(4096)]
"""
SINGLE_OUT = """
for each in /proc/[0-9]*; do
    if [ "$(readlink $each/ns/pid)" = "$(readlink /proc/PID/ns/pid)" ]; then echo 0 > $each/oom_score_adj; fi
done
echo 1000 > /proc/PID/oom_score_adj
"""
"""Of the processes of a container the kernel takes the one with the most memory, unless told otherwise."""


class OperatorPod:
    """An operator of a node: one in each namespace, at most."""

    def __init__(self, node: Node, namespace: str = NAMESPACE) -> None:
        self.node = node
        self.namespace = namespace
        self.history = node.folder / f"history-{namespace}"
        """The folder of the database, as this machine sees it."""

    def make_volume(self) -> None:
        """A volume for the chart's claim, which outlives every pod: a folder of this machine."""
        self.history.mkdir(mode=0o700)
        os.chown(self.history, USER, USER)
        self.node.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": self.history.name},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": {"storage": "5Gi"},
                    "claimRef": {"namespace": self.namespace, "name": RELEASE},
                    "hostPath": {"path": str(self.history)},
                },
            }
        )

    def install(self, tag: str, source: Path = ROOT, *options: str, verb: str = "install") -> None:
        """Installs the chart of `source`, or upgrades to it, as the README says, with an image that the node has."""
        own = {"image.repository": OPERATOR_IMAGE, "image.tag": tag, "image.pullPolicy": "Never"}
        # The volume is there.
        own["events.persistence.storageClassName"] = "-"
        values = [word for name, value in own.items() for word in ("--set", f"{name}={value}")]
        chart = source / "helm" / "kube9-operator"
        where = ("-n", self.namespace, "--create-namespace") if verb == "install" else ("-n", self.namespace)
        self.node.program("helm", verb, RELEASE, chart, *where, *values, *options)

    def until_ready(self) -> None:
        """Returns when the pod is ready."""
        until(self.is_ready, "the operator's pod to be ready", LONG_SECONDS)

    def is_ready(self) -> bool:
        states = self._containers()
        return bool(states) and states[0]["ready"]

    def exec(self, *command: str, fail: bool = False) -> str:
        """What a command in the pod says; with `fail` also where it does not run."""
        words = ("exec", "-n", self.namespace, POD, "-c", "operator", "--", *command)
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
        words = [
            self.node.binaries / "kubectl",
            "exec",
            "-n",
            self.namespace,
            POD,
            "-c",
            "operator",
            "--",
            "python3",
            "-uc",
            EATER,
        ]
        with subprocess.Popen(words, env=self.node.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as eater:
            assert eater.stdout
            assert eater.stdout.readline() == b"waiting\n"
            self.node.inside("sh", "-c", SINGLE_OUT.replace("PID", pid))
        until(lambda: self.restarts() > before, "the operator to be started again", LONG_SECONDS)
        ended = self._containers()[0]["lastState"]["terminated"]
        assert ended["reason"] == "OOMKilled", ended

    def delete(self) -> None:
        """Deletes the pod; returns when its successor is ready."""
        self.until_another(lambda: self.node.kubectl("delete", "pod", "-n", self.namespace, POD))

    def evict(self) -> None:
        """Evicts the pod, as one who drains the node does; returns when its successor is ready."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{POD}/eviction"
        about = {"name": POD, "namespace": self.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about}
        self.until_another(lambda: self.node.plane.api("POST", path, eviction))

    def use_up_its_space(self) -> None:
        """Has the kubelet evict the pod: its /tmp takes more than it may. Returns when its successor is ready."""
        fill = ("python3", "-c", "open('/tmp/fill', 'wb').write(bytes(80 << 20))")
        self.until_another(lambda: self.exec(*fill))

    def until_another(self, act: Callable[[], object]) -> None:
        """Does what ends the pod; returns when another one is ready."""
        before = self._uid()
        act()
        until(lambda: self._uid() not in (None, before), "another pod", LONG_SECONDS)
        self.until_ready()

    def _uid(self) -> str | None:
        found = self.node.get("pods", "-n", self.namespace)["items"]
        return next((one["metadata"]["uid"] for one in found if one["metadata"]["name"] == POD), None)

    def _containers(self) -> list[dict[str, Any]]:
        found = self.node.get("pods", "-n", self.namespace)["items"]
        states = [one["status"].get("containerStatuses", []) for one in found if one["metadata"]["name"] == POD]
        return states[0] if states else []

    def container(self) -> str:
        """The id of the container that runs."""
        until(self.is_ready, "the operator to run", LONG_SECONDS)
        return str(self._containers()[0]["containerID"].removeprefix("containerd://"))

    def _process(self) -> str:
        """The id of process 1 of the container, as the node sees it."""
        container = self.container()
        tasks = self.node.inside(self.node.binaries / "ctr", "-n", "k8s.io", "tasks", "list")
        return next(line.split()[1] for line in tasks.splitlines() if line.startswith(container))
