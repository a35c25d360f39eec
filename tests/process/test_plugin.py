"""`kubectl kube9` with a stand-in for kubectl, which knows pods by a file and runs on this machine what would run in the pod.

That the words of the plugin are what the real kubectl takes is shown in tests/cluster and tests/node.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests import cli_database, kubectl
from tests.krew import PLUGIN
from tests.kubectl import KUBECTL, RUNS
from tests.operator import BIN, until
from tests.terminal import on_a_terminal

COUNT = 30
SHELLS = [each for each in ("sh", "dash", "bash", "busybox") if shutil.which(each)]


class Cluster:
    """The environment of the plugin, in which kubectl is the stand-in."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        own = {"DB_PATH": str(database), "TZ": "Europe/Berlin", "HOME": str(folder)}
        self.environment = kubectl.install(folder) | own

    def pods(self, *lines: str) -> None:
        """The pods with the label of an operator, as the plugin asks for them."""
        (self.folder / "pods").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def refuse(self, why: str, *namespaces: str) -> None:
        """Pods of all namespaces cannot be listed, nor those of `namespaces`."""
        for name in ("refusal", *(f"refused-{one}" for one in namespaces)):
            (self.folder / name).write_text(f"{why}\n", encoding="utf-8")

    def run(self, *words: str, shell: str = "sh", cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs the plugin without a terminal, with an empty stdin."""
        command = [shell, *(["sh"] if shell == "busybox" else []), str(PLUGIN), *words]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = self.environment | more
        return subprocess.run(command, env=environment, cwd=cwd or self.folder, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]

    def calls(self) -> list[str]:
        """The command lines of kubectl."""
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plugin")
    cli_database.build(made, COUNT)
    return made


@pytest.fixture
def cluster(tmp_path: Path, database: Path) -> Cluster:
    return Cluster(tmp_path, database)


def directly(database: Path, *words: str) -> str:
    command = [BIN / "kube9-cli", *words, "--db", str(database)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_it_answers_as_kube9_cli_does(cluster: Cluster, database: Path, shell: str) -> None:
    words = ("events", "list", "--search", "two words", "--limit", "5")
    done = cluster.run(*words, shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["pagination"] == json.loads(directly(database, *words))["pagination"]
    listed, asked = cluster.calls()
    assert " -l app.kubernetes.io/name=kube9-operator " in listed
    assert asked.startswith("exec -i -n kube9-system kube9-operator-0 -c operator -- env KUBE9_EXIT_ON_STDIN_CLOSE=1 ")
    assert " TZ=Europe/Berlin kube9-cli events list --search two words" in asked, "neither format nor colour nor width"
    assert not list(cluster.folder.glob("kubectl-kube9.*")), "nothing stays in the folder for temporary files"


@pytest.mark.parametrize("shell", SHELLS)
def test_on_a_terminal_it_looks_as_on_this_terminal(cluster: Cluster, shell: str) -> None:
    command = [shell, *(["sh"] if shell == "busybox" else []), str(PLUGIN), "events", "list", "--limit", "3"]
    said = on_a_terminal(command, 100, cluster.environment | {"TERM": "xterm"})
    assert "\x1b[" in said
    plain = re.sub(r"\x1b\[[\d;]*m", "", said).splitlines()
    assert plain[0].startswith("LAST SEEN")
    assert 80 < max(map(len, plain[:-1])) <= 100
    assert "COLUMNS=100 KUBE9_OUTPUT=table FORCE_COLOR=1 " in cluster.calls()[-1]
    on_a_terminal(
        command, 100, cluster.environment | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "90", "KUBE9_OUTPUT": "csv"}
    )
    assert " COLUMNS=90 KUBE9_OUTPUT=csv kube9-cli" in cluster.calls()[-1]


def test_the_chosen_cluster_is_asked(cluster: Cluster) -> None:
    cluster.pods(RUNS, RUNS.replace("kube9-system", "monitoring"))
    chosen = ("--context", "a b", "--kubeconfig=/k", "--as=me", "--operator", "monitoring/kube9-operator-0")
    assert cluster.run(*chosen, "status").returncode == 0
    for call in cluster.calls():
        assert call.startswith("--kubeconfig=/k --context=a b --as=me ")
    assert " -n monitoring kube9-operator-0 " in cluster.calls()[-1]
    assert cluster.run("status", KUBE9_OPERATOR="monitoring").returncode == 0
    assert " -n monitoring kube9-operator-0 " in cluster.calls()[-1]


def test_who_may_list_pods_of_one_namespace_only(cluster: Cluster) -> None:
    cluster.refuse('Error from server (Forbidden): pods is forbidden: User "a" cannot list resource "pods"')
    assert cluster.run("status").returncode == 0
    cluster.pods(RUNS.replace("kube9-system", "elsewhere"))
    done = cluster.run("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert "in kube9-system and default, and you may not list pods elsewhere. Name its namespace" in done.stderr
    assert cluster.run("--operator", "elsewhere", "status").returncode == 0


def test_who_may_list_no_pods_is_told_whom_to_ask(cluster: Cluster) -> None:
    forbidden = 'Error from server (Forbidden): pods is forbidden: User "a" cannot list resource "pods"'
    cluster.refuse(forbidden, "kube9-system", "default")
    for words, said in (
        ((), "you may not list pods in any namespace that was tried (kube9-system and default), so the operator cannot be"),
        (
            ("--operator", "kube9-system"),
            "you may not list pods in namespace kube9-system. Ask your administrator for the Role",
        ),
    ):
        done = cluster.run(*words, "status")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"kubectl kube9: {said}")
        assert "Role kube9-operator-reader (chart values reader.create and reader.subjects)" in done.stderr
    cluster.refuse("Unable to connect to the server: no such host", "kube9-system")
    assert cluster.run("--operator", "kube9-system", "status").stderr == "Unable to connect to the server: no such host\n"


def test_an_error_of_kubectl_is_shown(cluster: Cluster) -> None:
    cluster.refuse("Unable to connect to the server: no such host")
    done = cluster.run("status")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Unable to connect to the server: no such host\n")


PENDING = "kube9-system|kube9-operator-0|Pending|||ContainerCreating||operator"
CRASHES = "kube9-system|kube9-operator-0|Running||false|CrashLoopBackOff||operator"
OF_ANOTHER = "kube9-system|kube9-operator-5d9c-x|Running||true|||"


@pytest.mark.parametrize(
    ("pods", "words", "said"),
    [
        (
            (),
            ("status",),
            "no operator found: there is no pod with the label app.kubernetes.io/name=kube9-operator in any name",
        ),
        ((RUNS,), ("--operator", "kube9-system/other", "status"), "there is no pod other with the label"),
        (
            (RUNS, RUNS.replace("system", "two")),
            ("status",),
            "several operators found: kube9-system/kube9-operator-0, kube9-two/",
        ),
        ((PENDING,), ("status",), "does not run: Pending ContainerCreating. To see why: kubectl describe pod -n kube9-system"),
        ((CRASHES,), ("status",), "kube9-system/kube9-operator-0 does not run: Running CrashLoopBackOff."),
        ((OF_ANOTHER,), ("status",), "of another program with the same name: kube9-system/kube9-operator-5d9c-x"),
        ((RUNS,), ("--contxt", "a", "status"), "unknown option --contxt: options of kube9-cli come after its command"),
        ((RUNS,), ("--context",), "--context takes a value"),
        ((RUNS,), ("--operator=", "status"), "--operator takes a value, and it is empty"),
        ((RUNS,), ("report", "--output"), "--output takes a file"),
        ((RUNS,), ("report", "--output", "/"), "--output / is a folder"),
        ((RUNS,), ("report", "--output", "none/a.html"), "--output none/a.html: there is no folder none"),
        ((RUNS,), ("report", "--output", "/proc/a.html"), "--output /proc/a.html: no file can be written in this folder"),
        ((RUNS,), ("--operator", "elsewhere", "status"), "in namespace elsewhere. Is --operator (or KUBE9_OPERATOR) right?"),
    ],
)
def test_what_is_wrong_is_said(cluster: Cluster, pods: tuple[str, ...], words: tuple[str, ...], said: str) -> None:
    cluster.pods(*pods)
    done = cluster.run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kubectl kube9: ")
    assert said in done.stderr


def test_a_pod_that_is_not_ready_is_asked_all_the_same(cluster: Cluster) -> None:
    cluster.pods(RUNS.replace("|true|", "|false|"))
    done = cluster.run("status")
    assert done.returncode == 0
    assert (
        done.stderr == "kubectl kube9: the operator's pod kube9-system/kube9-operator-0 is not ready: its answers may be old\n"
    )


def test_its_help_needs_no_cluster(cluster: Cluster) -> None:
    for words in ((), ("--help",), ("-h",)):
        done = cluster.run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "usage: kubectl kube9" in done.stdout
    assert not (cluster.folder / "calls").exists()
    assert cluster.run("help", "events", "list").stdout.startswith("usage: kube9-cli events list")
    assert cluster.run("--version").stdout.startswith("kube9-cli ")


def test_the_exit_code_is_that_of_kube9_cli(cluster: Cluster) -> None:
    done = cluster.run("events", "list", "--limit", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Invalid --limit x" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("option", [("--output", "a report.html"), ("--output=a report.html",)], ids=len)
def test_a_report_becomes_a_file_of_this_machine(cluster: Cluster, shell: str, option: tuple[str, ...]) -> None:
    here = cluster.folder / "here"
    here.mkdir()
    done = cluster.run("report", *option, "--since", "9999d", shell=shell, cwd=here)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, list(here.iterdir())) == ("", [here / "a report.html"])
    assert (here / "a report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert done.stderr.endswith("kubectl kube9: the report is in a report.html\n")
    assert cluster.calls()[-1].endswith("kube9-cli report --since 9999d")


def test_a_report_that_fails_leaves_what_was_there(cluster: Cluster) -> None:
    file = cluster.folder / "report.html"
    file.write_text("before", encoding="utf-8")
    assert cluster.run("report", "--output", "report.html", "--since", "nonsense").returncode == 1
    assert file.read_text(encoding="utf-8") == "before"
    assert not list(cluster.folder.glob("*.part"))
    link = cluster.folder / "link.html"
    link.symlink_to("report.html")
    assert cluster.run("report", "--output", "link.html").returncode == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_on_stdout(cluster: Cluster) -> None:
    for words in ((), ("--output", "-")):
        assert cluster.run("report", *words).stdout.startswith("<!doctype html>")
    said = on_a_terminal(["sh", str(PLUGIN), "report"], 80, cluster.environment)
    assert said == "kubectl kube9: a report on a terminal cannot be read: give --output FILE.html\n"


def test_ctrl_c_ends_the_watch(cluster: Cluster) -> None:
    command = ["sh", str(PLUGIN), "events", "list", "--watch", "--limit", "1", "-o", "jsonl"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    environment = cluster.environment
    with subprocess.Popen(command, env=environment, cwd=cluster.folder, start_new_session=True, **pipes) as watching:  # type: ignore[call-overload]
        assert json.loads(watching.stdout.readline())["id"], "its stdin is open, although that of the plugin is not"
        os.killpg(watching.pid, signal.SIGINT)
        assert watching.wait() == -signal.SIGINT


def test_the_end_of_a_report_is_the_end_of_kubectl(cluster: Cluster) -> None:
    """The part of a report is removed, and kubectl does not go on."""
    (cluster.folder / "kubectl").write_text(KUBECTL.replace('exec "$@"', "echo begun; exec sleep 600"), encoding="utf-8")
    command = ["sh", str(PLUGIN), "report", "--output", "report.html"]
    with subprocess.Popen(command, env=cluster.environment, cwd=cluster.folder) as reporting:
        part = cluster.folder / f"report.html.{reporting.pid}.part"
        until(lambda: part.exists() and part.read_text(encoding="utf-8") == "begun\n", "the report to begin")
        (child,) = Path(f"/proc/{reporting.pid}/task/{reporting.pid}/children").read_text(encoding="ascii").split()
        reporting.send_signal(signal.SIGTERM)
        assert reporting.wait() == 130
    until(lambda: not Path(f"/proc/{child}").exists(), "kubectl to end")
    assert not part.exists()
    assert not (cluster.folder / "report.html").exists()


def test_shellcheck_finds_nothing() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck: apt-get install shellcheck")
    subprocess.run(["shellcheck", "--shell=sh", PLUGIN], check=True)
