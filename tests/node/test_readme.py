"""The README's way into a cluster, in its words, from a fresh clone: what it says is run line by line."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.node.images import ROOT, archive_of, build_variables, building
from tests.node.node import Node
from tests.node.pod import NAMESPACE, OperatorPod
from tests.node.scenario_objects import pod
from tests.operator import until

HEADING = "## Install it in a cluster\n"
HERE = "as-read"
"""In the place of the README's namespace, which another operator of these tests has."""
QUESTION = ["kubectl", "exec", "-n", HERE, "kube9-operator-0", "--", "kube9-cli", "events", "list", "-o", "table"]
LONG_SECONDS = 120.0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that a clone has, as they are now."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    return tmp_path


def lines(readme: str) -> list[list[str]]:
    """The commands of the section, as a shell reads them."""
    section = readme.partition(HEADING)[2].partition("\n## ")[0]
    block = "\n".join(line for line in section.splitlines() if line.startswith("    "))
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").replace(NAMESPACE, HERE).splitlines()]


def test_in_its_words(node: Node, clone: Path) -> None:
    OperatorPod(node, HERE).make_volume()  # this node has nobody who makes one
    node.make_namespaces("shop")
    node.apply(pod("shop", "web", image="localhost/absent:1"))
    build, push, install, ask = lines((clone / "README.md").read_text(encoding="utf-8"))
    assert (build[:2], install[:2], ask[:2]) == (["make", "image"], ["helm", "install"], ["kubectl", "exec"])

    environment = node.environment() | build_variables() | {"PATH": f"{node.binaries}{os.pathsep}{os.environ['PATH']}"}

    def run(command: list[str]) -> str:
        done = subprocess.run(command, cwd=clone, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        return done.stdout

    image = next(word for word in build if word.startswith("IMAGE=")).removeprefix("IMAGE=")
    assert push == ["podman", "push", image]
    with building():
        run(build)
        archive = archive_of(image, clone)
    node.load(archive)  # in the place of a registry
    archive.unlink()
    said = run(install)
    assert " ".join(ask) in said, "the notes have the first question too"
    assert "running" in run(ask)
    until(lambda: "/shop/web " in run(QUESTION), "what happens", LONG_SECONDS)
    node.program("helm", "uninstall", "kube9-operator", "-n", HERE, "--wait")
