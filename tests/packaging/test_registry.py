"""The chart as an OCI artifact: packed and pushed as docs/install.md says, and installed from the registry."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.registry import Registry
from tests.tools import tool

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm" / "kube9-operator"
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry to which `make push-chart` has pushed the chart of this source."""
    copy = tmp_path_factory.mktemp("source")
    (copy / "helm").symlink_to(ROOT / "helm")
    (copy / "Makefile").symlink_to(ROOT / "Makefile")
    with Registry() as running:
        folder = f"REGISTRY=oci://{running.address}/charts"
        make(copy, "push-chart", folder, "HELM_FLAGS=--plain-http")
        yield running


def make(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["make", *arguments, f"HELM={tool('helm')}"],
        cwd=folder,
        env=os.environ | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def helm(home: Path, *arguments: str) -> str:
    command, environment = [tool("helm"), *arguments], os.environ | {"HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_what_is_installed_from_the_registry_is_the_chart(registry: Registry, tmp_path: Path) -> None:
    address = f"oci://{registry.address}/charts/kube9-operator"
    from_there = helm(tmp_path, "template", "x", address, "--version", VERSION, "--plain-http", "-n", "here")
    assert from_there == helm(tmp_path, "template", "x", str(CHART), "-n", "here")
    shown = yaml.safe_load(helm(tmp_path, "show", "chart", address, "--version", VERSION, "--plain-http"))
    assert (shown["name"], shown["version"]) == ("kube9-operator", VERSION)


def test_it_is_an_artifact_of_helm(registry: Registry) -> None:
    kind, text = registry.manifests["charts/kube9-operator", VERSION]
    manifest = json.loads(text)
    assert kind == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert manifest["annotations"]["org.opencontainers.image.version"] == VERSION
    assert manifest["layers"][0]["digest"] in registry.blobs


def test_only_a_registry_of_artifacts_is_pushed_to(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "push-chart", "REGISTRY=registry.example", "HELM=true"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert re.search(r"REGISTRY=registry\.example: must be oci://", done.stderr)
