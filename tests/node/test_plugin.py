"""`kubectl kube9` on a real node: its answers, its files, that nothing stays in the pod, and README's five commands."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.krew import PLUGIN
from tests.node.images import ROOT
from tests.node.node import Node
from tests.node.pod import NAMESPACE, POD, OperatorPod
from tests.node.scenario_objects import deployment
from tests.operator import until
from tests.terminal import on_a_terminal
from tests.typed import span

SHOP = "roll"
"""In the place of README's namespace, which other tests have, and as long: names are shortened at 80 columns."""
HEADING = "## An incident in five commands\n"
FAILS = ["sh", "-c", "echo 'FATAL: no database' >&2; exit 3"]
LONG_SECONDS = 180.0
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
    assert '"status": "running"' in done.stdout, done.stdout
    said = on_a_terminal(["kubectl", "kube9", "events", "list", "--since", "yesterday"], 100, environment | {"TERM": "xterm"})
    assert "Europe/Berlin" in said, said
    done = asked(environment, tmp_path, "report", "--output", "report.html", "--since", "1h")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert asked(environment, tmp_path, "events", "list", "--limit", "x").returncode == 1, "the code of the command in the pod"


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


def crashed(operator: OperatorPod) -> str:
    """The name of a pod of the shop whose crash loop is recorded, and ''."""
    found = operator.events(f"--object-namespace={SHOP}", "--reason=CrashLoopBackOff")
    return str(found[0]["object_name"]) if found else ""


def is_rolled_out(node: Node) -> bool:
    return bool(node.get("deployment", "web", "-n", SHOP)["status"].get("readyReplicas") == 2)


def test_the_five_commands_of_the_readme(
    node: Node, environment: dict[str, str], operator: OperatorPod, tmp_path: Path
) -> None:
    """A bad rollout on the node: what is wrong, in which order, why, who changed what, and a page for the others."""
    node.make_namespaces(SHOP)
    node.apply(deployment(SHOP, "web", 2))
    until(lambda: is_rolled_out(node), "the first release", LONG_SECONDS)
    changed = time.strftime("%H:%M", time.gmtime())
    node.apply(deployment(SHOP, "web", 2, command=FAILS, terminationMessagePolicy="FallbackToLogsOnError"))
    pod = until(lambda: crashed(operator), "a crash loop", LONG_SECONDS)

    section = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    lines = re.findall(r"^    (kubectl kube9 .*)$", section, re.MULTILINE)
    assert len(lines) == 5
    answers = []
    for line in lines:
        asked = line.replace("po/shop/web-7c8d5b6f9d-x2k4p", f"po/{SHOP}/{pod}").replace("-n shop", f"-n {SHOP}")
        asked = asked.replace("14:05", changed).replace("--since 14:00", "--since 30m")
        plain = environment | {"TERM": "xterm", "NO_COLOR": "1", "TZ": "UTC"}
        answers.append(on_a_terminal(["sh", "-c", f"cd {tmp_path} && {asked}"], 80, plain))
    summary, timeline, why, changes, report = answers
    assert "exit code 3: FATAL: no database" in summary
    assert re.search(rf"changed +deploy/{SHOP}/web", timeline)
    assert re.search(rf"broke +po/{SHOP}/web-\S*{pod[-5:]}", timeline), timeline
    assert re.search(r"Why +exit code 3: FATAL: no database", why)
    assert f"deploy/{SHOP}/web" in changes
    assert "kubectl kube9: the report is in web.html" in report
    assert "FATAL: no database" in (tmp_path / "web.html").read_text(encoding="utf-8")
    undo = span("docs/incident.md", "kubectl rollout undo").replace("-n shop", f"-n {SHOP}")
    node.kubectl(*undo.split()[1:])
    until(lambda: is_rolled_out(node), "the first release again", LONG_SECONDS)
    node.kubectl("delete", "namespace", SHOP, "--wait=false")
