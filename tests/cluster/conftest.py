"""One control plane for all tests that ask no more of it; each has a namespace, an operator and a database of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane, assets
from tests.cluster.recorder import DEADLINES
from tests.operator import Operator, until


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The folder with the binaries of a control plane."""
    found = assets()
    if found is None:
        missing = "needs a control plane: make cluster-tools"
        if os.environ.get("KUBE9_REQUIRE_TOOLS") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def plane(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane"), binaries, controllers=True) as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane, request: pytest.FixtureRequest) -> str:
    """A namespace named after the test, in which pods can be made."""
    name = str(request.node.originalname).removeprefix("test_").replace("_", "-")
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
    until(lambda: plane.api("GET", accounts)["items"], "the service account of the namespace")
    return name


@pytest.fixture
def operator(plane: ControlPlane, tmp_path: Path) -> Iterator[Operator]:
    """A running operator that has listed what there is, and watches."""
    with Operator(tmp_path, plane.kubeconfig(tmp_path), DEADLINES, NO_PROXY="127.0.0.1") as running:
        until(
            lambda: [line for line in running.log() if line["event"] == "watch.listed" and line["source"] == "events"],
            "the first list",
        )
        yield running
