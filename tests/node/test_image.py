"""The image as it is built: small, in layers that upgrades share, with nothing in it that builds."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.node.images import cache
from tests.node.node import Node
from tests.node.pod import OperatorPod

MOST_BYTES = 45_000_000
"""Above its base, as its layers are unpacked; the base has its own bytecode here, which is 6 MB otherwise."""
MOST_OF_THE_OPERATOR = 7_500_000
"""What an upgrade of the operator alone brings."""


@pytest.fixture(scope="module")
def layers(node: Node, image: str) -> list[bytes]:
    """The image's layers above those of its base, lowest first."""
    base, ours = read(cache() / "node.tar"), read(node.folder / "image.tar")
    known = base[0]["rootfs"]["diff_ids"]
    assert ours[0]["rootfs"]["diff_ids"][: len(known)] == known
    return ours[1][len(known) :]


def read(archive: Path) -> tuple[dict[str, Any], list[bytes]]:
    """The configuration of an image, and its layers."""

    def whole(tar: tarfile.TarFile, name: str) -> bytes:
        member = tar.extractfile(name)
        assert member
        return member.read()

    with tarfile.open(archive) as tar:
        manifest = json.loads(whole(tar, "manifest.json"))[0]
        return json.loads(whole(tar, manifest["Config"])), [whole(tar, name) for name in manifest["Layers"]]


def names(layer: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return set(tar.getnames())


def test_it_is_small_and_the_operator_is_the_least_of_it(layers: list[bytes]) -> None:
    assert sum(map(len, layers)) < MOST_BYTES
    assert len(layers[-1]) < MOST_OF_THE_OPERATOR
    assert any("kube9_operator/main.py" in name for name in names(layers[-1]))
    assert not any("kube9_operator/" in name or "kube9_cli/" in name for layer in layers[:-1] for name in names(layer))


def test_nothing_in_it_builds(layers: list[bytes]) -> None:
    everything = set().union(*map(names, layers))
    for part in ("site-packages/pip/", "site-packages/setuptools/", "site-packages/build/", "/image/", "/source/", "/uv"):
        assert not [name for name in everything if part in f"/{name}"], part


def test_the_man_pages_are_in_it(operator: OperatorPod) -> None:
    """The base has no man, and whoever copies a page out of the pod reads it."""
    for page in ("kube9-cli.1", "kube9-operator.1"):
        said = operator.exec("sh", "-c", f'cat "${{MANPATH%%:*}}/man1/{page}"')
        assert said.startswith(".TH KUBE9"), said[:100]


def test_it_says_of_what_it_is_made(node: Node, operator: OperatorPod) -> None:
    """The list of packages has those that are installed, and the labels have the commit."""
    made = json.loads(operator.exec("cat", "/opt/kube9/share/kube9-operator.cdx.json"))
    lines = "import importlib.metadata as all, json; print(json.dumps({one.name: one.version for one in all.distributions()}))"
    installed = json.loads(operator.exec("python3", "-c", lines))
    assert [made["metadata"]["component"]["name"], *(one["name"] for one in made["components"])] == [
        "kube9-operator",
        *sorted(canonicalize_name(name) for name in installed if name != "kube9-operator"),
    ]
    labels = read(node.folder / "image.tar")[0]["config"]["Labels"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.base.name"]
