"""The README's way into a cluster, in its words, from a fresh clone; and what other documents type at an operator that runs."""

import contextlib
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.images import ROOT, archive_of, build_variables, building
from tests.node.node import Node
from tests.node.pod import NAMESPACE, OperatorPod
from tests.node.scenario_objects import pod
from tests.operator import BIN, until
from tests.typed import Shell, block, section

HEADING = "## Install it in a cluster\n"
HERE = "as-read"
"""In the place of the README's namespace, which another operator of these tests has."""
OPERATIONS, CLI = "docs/operations.md", "docs/cli.md"
QUESTION = f"kubectl exec -n {HERE} kube9-operator-0 -- kube9-cli events list -o table"
OF_WEB = f"kubectl exec -n {HERE} kube9-operator-0 -- kube9-cli events list --object-name web --reverse --limit 1 -o name"
LONG_SECONDS = 120.0


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a clone has, as they are now."""
    folder = tmp_path_factory.mktemp("clone")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def lines(readme: str) -> list[list[str]]:
    """The commands of the section, as a shell reads them."""
    section = readme.partition(HEADING)[2].partition("\n## ")[0]
    block = "\n".join(line for line in section.splitlines() if line.startswith("    "))
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").replace(NAMESPACE, HERE).splitlines()]


@pytest.fixture(scope="module")
def shell(node: Node, clone: Path) -> Iterator[Shell]:
    """A shell in the clone. The operator was installed there in the README's words."""
    OperatorPod(node, HERE).make_volume()  # this node has nobody who makes one
    node.make_namespaces("shop")
    node.apply(pod("shop", "web", image="localhost/absent:1"))
    build, push, install, ask = lines((clone / "README.md").read_text(encoding="utf-8"))
    assert (build[:2], install[:2], ask[:2]) == (["make", "image"], ["helm", "install"], ["kubectl", "exec"])

    path = os.pathsep.join((str(node.binaries), str(BIN), os.environ["PATH"]))
    environment = node.environment() | build_variables() | {"PATH": path}
    typed = Shell(clone, environment, {NAMESPACE: HERE})
    image = next(word for word in build if word.startswith("IMAGE=")).removeprefix("IMAGE=")
    assert push == ["buildah", "push", image], "tests/packaging/test_registry.py pushes"
    with building():
        typed.run(shlex.join(build))
        archive = archive_of(image, clone)
    node.load(archive)  # in the place of a registry
    archive.unlink()
    said = typed.run(shlex.join(install))
    assert "running" in typed.run(shlex.join(ask))
    notes = re.findall(r"^  (kubectl .*)$", said, re.MULTILINE)
    assert notes[1:3] == [QUESTION, shlex.join(ask)], "the notes have the first questions too"
    typed.run("\n".join(notes))
    yield typed
    node.program("helm", "uninstall", "kube9-operator", "-n", HERE, "--wait")


def recorded(shell: Shell) -> str:
    """The object of the first pod's event, as a pipe is told; '' while none is recorded."""
    return "/shop/web " if "/shop/web " in shell.run(f"{QUESTION} || true") else ""


def test_in_its_words(shell: Shell) -> None:
    until(lambda: recorded(shell), "what happens", LONG_SECONDS)


def test_its_health_is_asked(shell: Shell) -> None:
    configuration, forward = filter(None, block(OPERATIONS, "kubectl get configmap").splitlines())
    said = until(lambda: shell.run(shell.words(f"{configuration} || true")), "the status", LONG_SECONDS)
    assert '"health"' in said
    command, _, comment = forward.partition("#")
    asked = comment.partition("curl ")[2].strip()
    assert (command.split()[-1], asked) == ("8080", "http://localhost:8080/healthz")
    # Somebody else may have the port of the document.
    words = shlex.split(shell.words(command).replace(" 8080", " :8080"))
    with subprocess.Popen(words, env=shell.environment, stdout=subprocess.PIPE, text=True) as forwarding:
        try:
            assert forwarding.stdout
            (port,) = re.findall(r":(\d+) -> 8080", forwarding.stdout.readline())
            said = shell.run(f"curl -sS {asked.replace('8080', port)}")
        finally:
            forwarding.terminate()
    assert '"status"' in said


def test_where_the_api_server_is(node: Node, shell: Shell) -> None:
    service = node.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    assert shell.line("docs/security.md", "kubectl get service") == service
    address = node.plane.access()[0].rpartition("/")[2].partition(":")[0]
    assert address in shell.line("docs/security.md", "kubectl get endpointslices")


def test_files_are_brought_out_of_the_pod(shell: Shell) -> None:
    assert "CycloneDX" in shell.block("docs/install.md", "kubectl exec -n kube9-system kube9-operator-0 -- cat /opt/")
    shell.span(CLI, "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli report")
    assert (shell.folder / "shop.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_a_watch_ends_with_its_input(shell: Shell) -> None:
    """The shell of these tests has an input that is at its end: the command ends with the exit code that says so."""
    command = shell.words(block(CLI, "kubectl exec -i -n kube9-system kube9-operator-0 -- kube9-cli events list --watch"))
    shell.run(f"{command.strip()} || test $? -eq 129")


def test_a_backup_is_made_and_restored(shell: Shell) -> None:
    until(lambda: recorded(shell), "what happens", LONG_SECONDS)
    shell.run(shell.words(section(OPERATIONS, "### Back up")))
    with contextlib.closing(sqlite3.connect(shell.folder / "kube9.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM events").fetchone() > (0,)
    kept = shell.run(OF_WEB)
    # The node has the image, and no registry.
    shell.run(shell.words(section(OPERATIONS, "### Restore")))
    until(lambda: recorded(shell), "the restored history", LONG_SECONDS)
    assert shell.run(OF_WEB) == kept
