"""The chart and an image in a registry: packed and pushed as docs/install.md says, and installed or pulled from there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.registry import Registry
from tests.tools import tool
from tests.typed import Shell

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm" / "kube9-operator"
INSTALL = "docs/install.md"
DEFINITION = "FROM scratch\nCOPY hello /hello\nLABEL org.opencontainers.image.version=here\n"
"""An image of one file, in the place of the operator's: the commands are the same."""
STORE = '[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/store"\n'
EXAMPLE = "registry.example"
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


def test_who_pushes_logs_in(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("secret", encoding="utf-8")
    path = f"{Path(tool('helm')).parent}{os.pathsep}{os.environ['PATH']}"
    address = {f"login {EXAMPLE}": f"login --plain-http {registry.address}"}
    Shell(tmp_path, os.environ | {"HOME": str(tmp_path), "PATH": path}, address).line(INSTALL, "helm registry login")
    assert registry.address in next(tmp_path.rglob("config.json")).read_text(encoding="utf-8")


@pytest.fixture
def shell(registry: Registry, tmp_path: Path) -> Iterator[Shell]:
    """A shell whose buildah has a store of its own, and in it an image with the name that the documents give it."""
    tool("buildah", "apt-get install buildah")
    (tmp_path / "hello").touch()
    (tmp_path / "Containerfile").write_text(DEFINITION, encoding="utf-8")
    (tmp_path / "storage.conf").write_text(STORE.format(folder=tmp_path), encoding="utf-8")
    insecure = f'[[registry]]\nlocation = "{registry.address}"\ninsecure = true\n'
    (tmp_path / "registries.conf").write_text(insecure, encoding="utf-8")
    own = {f"CONTAINERS_{name.upper()}_CONF": str(tmp_path / f"{name}.conf") for name in ("storage", "registries")}
    typed = Shell(tmp_path, os.environ | own | {"BUILDAH_ISOLATION": "chroot"}, {EXAMPLE: registry.address})
    typed.run(typed.words(f"buildah build -t {EXAMPLE}/kube9-operator:0.1.0 ."))
    yield typed
    shutil.rmtree(tmp_path / "store")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: sudo make test-cluster")
def test_an_image_is_pushed_inspected_carried_over_and_removed(registry: Registry, shell: Shell) -> None:
    def is_there() -> bool:
        return ("kube9-operator", "0.1.0") in registry.manifests

    shell.line(INSTALL, "buildah push")
    assert is_there()
    assert '"org.opencontainers.image.version": "here"' in shell.span(INSTALL, "buildah inspect")
    registry.manifests.clear()

    shell.span(INSTALL, f"buildah push {EXAMPLE}/kube9-operator:0.1.0 docker-archive:")
    shell.span(INSTALL, f"buildah rmi {EXAMPLE}")
    shell.span(INSTALL, "buildah rmi --prune")
    assert "kube9-operator" not in shell.run("buildah images")
    shell.span(INSTALL, "buildah pull")
    shell.line("README.md", "buildah push")
    assert is_there()
