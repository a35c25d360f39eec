"""`kubectl kube9` on a real node: its answers, its files, and that nothing stays in the pod."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.krew import PLUGIN
from tests.node.node import Node
from tests.node.pod import NAMESPACE, POD, OperatorPod
from tests.operator import until
from tests.terminal import on_a_terminal

WATCHING = ("events", "list", "--watch", "-o", "jsonl")
MARK = "--search=watched-by-a-test"
"""What its process in the pod is known by. No event has it."""


@pytest.fixture
def environment(node: Node, operator: OperatorPod) -> dict[str, str]:
    """kubectl finds the plugin, and the operator of these tests among others."""
    operator.until_ready()
    path = os.pathsep.join((str(PLUGIN.parent), str(node.binaries), os.environ["PATH"]))
    return node.environment() | {"PATH": path, "TZ": "Europe/Berlin", "KUBE9_OPERATOR": f"{NAMESPACE}/{POD}"}


def asked(environment: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "kube9", *words]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(command, env=environment, cwd=folder, text=True, check=False, **streams)  # type: ignore[call-overload, no-any-return]


def test_what_it_answers(environment: dict[str, str], operator: OperatorPod, tmp_path: Path) -> None:
    done = asked(environment, tmp_path, "status")
    assert done.returncode == 0, done.stderr
    assert '"status": "running"' in done.stdout
    said = on_a_terminal(["kubectl", "kube9", "events", "list", "--since", "yesterday"], 100, environment | {"TERM": "xterm"})
    assert "Europe/Berlin" in said
    done = asked(environment, tmp_path, "report", "--output", "report.html", "--since", "1h")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert asked(environment, tmp_path, "events", "list", "--limit", "x").returncode == 1


@pytest.fixture
def watching(environment: dict[str, str], operator: OperatorPod) -> Iterator[subprocess.Popen[bytes]]:
    command = ["kubectl", "kube9", *WATCHING, MARK]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            until(lambda: watches(operator), "the watch in the pod", 60.0)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def watches(operator: OperatorPod) -> list[str]:
    """The command lines of the watch that run in the pod."""
    said = operator.exec("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'")
    return [line for line in said.splitlines() if line == MARK]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "the connection is lost"])
def test_a_watch_ends_in_the_pod(operator: OperatorPod, watching: subprocess.Popen[bytes], end: signal.Signals) -> None:
    os.killpg(watching.pid, end)
    watching.wait()
    until(lambda: not watches(operator), "the end of the watch in the pod", 60.0)
