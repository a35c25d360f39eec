"""A cluster of one node on this machine: the control plane of tests/cluster, containerd, kubelet and kube-proxy.

All of it runs in a space of its own (space.py), from which nothing leads off this machine.
"""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.cluster.plane import ControlPlane
from tests.node.images import NODE_IMAGE, node_image
from tests.node.space import Space
from tests.operator import until

NODE = "node-1"
POD_NETWORK = "10.244.0.0/24"
READY_SECONDS = 120.0
GRACE_SECONDS = 12
"""A node that has said nothing for this long is not ready any more (40 s in life)."""

CONTAINERD = """
version = 3
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{image}"
"""
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [
        {
            "type": "ptp",
            "ipam": {"type": "host-local", "subnet": POD_NETWORK, "routes": [{"dst": "0.0.0.0/0"}]},
        }
    ],
}
KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "failCgroupV1": False,
    "cgroupDriver": "cgroupfs",
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    # Nobody answers there, and no pod of these tests asks.
    "clusterDNS": ["10.96.0.10"],
    "failSwapOn": False,
    "nodeStatusUpdateFrequency": "2s",
    "nodeLeaseDurationSeconds": 8,
    # A full disk of this machine is none of the tests' business.
    "evictionHard": {"memory.available": "50Mi"},
    "imageGCHighThresholdPercent": 100,
    # Five restarts in half a minute.
    "featureGates": {"KubeletCrashLoopBackOffMax": True},
    "crashLoopBackOff": {"maxContainerRestartPeriod": "8s"},
}


class Node:
    """Runs as long as the `with` block."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self.binaries = binaries
        self._space = Space(folder)
        self._plane: ControlPlane | None = None

    def __enter__(self) -> "Node":
        image = node_image()
        self._space.__enter__()
        try:
            self._start(image)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops all: the kubelet first, which would make new containers."""
        self._space.stop("kubelet")
        if self._plane:
            self._plane.stop()
        self._space.__exit__(None, None, None)

    @property
    def plane(self) -> ControlPlane:
        assert self._plane
        return self._plane

    @property
    def control_group(self) -> str:
        """The name of the control group of all that runs on the node."""
        return self._space.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def load(self, archive: Path) -> None:
        """Brings an image into the node."""
        self._space.call(self.binaries / "ctr", "-n", "k8s.io", "images", "import", archive)

    def start_kubelet(self) -> None:
        self._space.start(
            self.binaries / "kubelet",
            *("--config", self.folder / "kubelet.json", "--kubeconfig", self.kubeconfig),
            *("--hostname-override", NODE, "--node-ip", self._space.address),
        )

    def stop_kubelet(self) -> None:
        """The node falls silent; its containers go on."""
        self._space.stop("kubelet")

    def lose_power(self) -> None:
        """All of the node's containers die at once, and what would start them again is gone; the control plane goes on."""
        self.stop_kubelet()
        tasks = (self.binaries / "ctr", "-n", "k8s.io", "tasks")
        for each in self.inside(*tasks, "list", "--quiet").split():
            with contextlib.suppress(AssertionError):  # the end of one of its pod may have ended it
                self.inside(*tasks, "kill", "--signal", "SIGKILL", each)
        self._space.stop("containerd")

    def have_power(self) -> None:
        """Starts the node again; returns when it is ready."""
        self._run_containerd()
        self.start_kubelet()
        until(self.is_ready, "the node to be back", READY_SECONDS)

    def inside(self, *command: object) -> str:
        """Runs a command as root among the node's processes; what it says."""
        return self._space.call(*command)

    def program(self, name: str, *arguments: object, fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs kubectl or helm with this cluster; an end other than 0 fails the test unless it is wanted."""
        words = [str(self.binaries / name), *map(str, arguments)]
        done = subprocess.run(words, env=self.environment(), check=False, capture_output=True, text=True)
        assert fail or done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-3000:]}"
        return done

    def kubectl(self, *arguments: object) -> str:
        """What kubectl says."""
        return self.program("kubectl", *arguments).stdout

    def get(self, *arguments: object) -> Any:
        """What `kubectl get` says as JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """Makes objects, or makes them so."""
        path = self.folder / "apply.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}), encoding="utf-8")
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", path)

    def make_namespaces(self, *names: str) -> None:
        """Namespaces in which pods can be made."""
        self.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))
        for name in names:
            accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
            until(lambda path=accounts: self.plane.api("GET", path)["items"], f"the service account of {name}")

    def environment(self) -> dict[str, str]:
        """For programs that use this cluster."""
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), self._space.address)
        return os.environ | {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)} | direct

    def _start(self, image: Path) -> None:
        self._plane = ControlPlane(
            self.folder,
            self.binaries,
            controllers=True,
            address=self._space.address,
            inside=("setpriv", "--pdeathsig=KILL", *self._space.inside("net")),
            manager_options=("--node-monitor-grace-period", f"{GRACE_SECONDS}s", "--node-monitor-period", "1s"),
        )
        self._start_containerd()
        self.plane.__enter__()
        self.plane.kubeconfig(self.folder)
        self.load(image)
        own = {"cgroupRoot": f"/{self._space.name}"}
        (self.folder / "kubelet.json").write_text(json.dumps(KUBELET | own | self._resolver()), encoding="utf-8")
        self.start_kubelet()
        self._space.start(
            self.binaries / "kube-proxy",
            *("--kubeconfig", self.kubeconfig, "--hostname-override", NODE, "--cluster-cidr", POD_NETWORK),
            # Limits of connections are this machine's own.
            *("--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0s"),
            *("--conntrack-tcp-timeout-close-wait", "0s"),
        )
        until(self.is_ready, f"the node to be ready, see {self.folder}/kubelet.log", READY_SECONDS)

    def _start_containerd(self) -> None:
        (self.folder / "cni").mkdir()
        (self.folder / "cni" / "pods.conflist").write_text(json.dumps(NETWORK), encoding="utf-8")
        config = self.folder / "containerd.toml"
        config.write_text(CONTAINERD.format(folder=self.folder, image=NODE_IMAGE), encoding="utf-8")
        self._run_containerd()

    def _run_containerd(self) -> None:
        self._space.start(self.binaries / "containerd", "--config", self.folder / "containerd.toml")
        containerd = (self.binaries / "ctr", "version")
        until(lambda: self._answers(*containerd), f"containerd, see {self.folder}/containerd.log", READY_SECONDS)

    def _answers(self, *command: object) -> bool:
        try:
            self._space.call(*command)
        except AssertionError:
            assert self._space.is_running("containerd"), f"containerd has ended, see {self.folder}/containerd.log"
            return False
        return True

    def _resolver(self) -> dict[str, str]:
        """Pods have no DNS: they know the API server by its address."""
        path = self.folder / "resolv.conf"
        path.write_text("nameserver 127.0.0.1\n", encoding="ascii")
        return {"resolvConf": str(path)}

    def is_ready(self) -> bool:
        """Whether the node says so, and pods can be made."""
        assert self._space.is_running("kubelet"), f"the kubelet has ended, see {self.folder}/kubelet.log"
        accounts = self.plane.api("GET", "/api/v1/namespaces/default/serviceaccounts")["items"]
        return bool(accounts) and self.ready_condition() == "True"

    def ready_condition(self) -> str:
        """True, False or Unknown; '' where there is none."""
        nodes = self.plane.api("GET", "/api/v1/nodes")["items"]
        conditions = nodes[0]["status"].get("conditions", []) if nodes else []
        return next((str(one["status"]) for one in conditions if one["type"] == "Ready"), "")
