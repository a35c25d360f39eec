"""One node for all tests of this tier, and on it one operator, installed by helm."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import assets
from tests.node import endings
from tests.node.images import ROOT, operator_image
from tests.node.node import Node
from tests.node.pod import OperatorPod

BINARIES = ("kubelet", "kube-proxy", "kubectl", "containerd", "containerd-shim-runc-v2", "ctr", "helm")
PROGRAMS = ("runc", "buildah", "mmdebstrap", "iptables", "conntrack", "ip", "nsenter", "unshare", "setpriv")
PLUGINS = Path("/usr/lib/cni/ptp")
PACKAGES = "runc containernetworking-plugins buildah mmdebstrap iptables conntrack iproute2"


def missing() -> str:
    """The one line that says what brings this tier, or nothing."""
    folder = assets()
    if folder is None or not all(os.access(folder / name, os.X_OK) for name in BINARIES):
        return "needs a node: make cluster-tools"
    if not all(map(shutil.which, PROGRAMS)) or not PLUGINS.exists():
        return f"needs programs of a node: apt-get install {PACKAGES}"
    return "" if os.geteuid() == 0 else "needs root: sudo make test"


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The folder with the binaries of a cluster, on a machine that can run a node."""
    if found := missing():
        if os.environ.get("KUBE9_REQUIRE_TOOLS") == "1":
            pytest.fail(found, pytrace=False)
        pytest.skip(found)
    folder = assets()
    assert folder
    return folder


@pytest.fixture(scope="session")
def node(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node"), binaries) as running:
        yield running


@pytest.fixture(scope="session")
def image(node: Node) -> str:
    """The tag of the operator's image of this source, which the node has."""
    tag = "test"
    node.load(operator_image(tag, node.folder))
    return tag


@pytest.fixture(scope="session")
def operator(node: Node, image: str) -> OperatorPod:
    """The operator, installed as the README says; it goes with the node."""
    pod = OperatorPod(node)
    pod.make_volume()
    pod.install(image, ROOT, "--set", f"watch.configMaps=true,events.waitMinutes={endings.WAIT_MINUTES}")
    pod.until_ready()
    return pod
