"""The installed operator, as README's local section installs and runs it, in any working directory."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from kube9_operator.write.recovery import inspection
from kube9_operator.write.recovery.salvage_process import SalvageProcess
from tests.operator import WAIT_SECONDS, until
from tests.packaging import hostile
from tests.standin import StandIn, warning
from tests.typed import span

ROOT = Path(__file__).parent.parent.parent
HEADING = "## Run it on your machine\n"
INSTALL_SECONDS = 300.0


class Installed(NamedTuple):
    """A home folder in which README's section was run, and what came of it."""

    home: Path
    clone: Path
    environment: dict[str, str]
    listed: str
    log: str
    exit_code: int

    @property
    def programs(self) -> Path:
        return self.home / "kube9-venv" / "bin"


def blocks() -> tuple[str, str]:
    """The commands for the first terminal, and for the second."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEADING)[2].partition("\n## ")[0]
    first, second = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return first, second


@contextmanager
def running(command: list[str], log: Path, cwd: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command with its own process group, as in a terminal; Ctrl-C ends it."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=file, stderr=file, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as standin:
        standin.write(warning("web", "BackOff", "again"))
        yield standin


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, cluster: StandIn) -> Installed:
    """README's words, typed in a clone: the first block until it records, then the second, then Ctrl-C."""
    home, clone = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("clone")
    leave_out = shutil.ignore_patterns(".*", "man", "build", "dist", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, clone, dirs_exist_ok=True, ignore=leave_out)
    (home / ".kube").mkdir()
    cluster.kubeconfig(home / ".kube").rename(home / ".kube" / "config")
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True).stdout
    left_out = ("KUBECONFIG", "DB_PATH", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_CACHE_DIR": cache.strip(),
        "PIP_NO_COMPILE": "1",  # thousands of modules that nothing imports
        "HEALTH_PORT": "0",  # another operator may have README's
    }
    first, second = blocks()
    log = home / "log"

    def ask() -> str:
        done = subprocess.run(["sh", "-ec", second], cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        return done.stdout if done.returncode == 0 and '"web"' in done.stdout else ""

    with running(["sh", "-ec", first], log, clone, environment) as process:
        until(lambda: process.poll() is not None or (home / "kube9" / "kube9.db").exists(), "the start", INSTALL_SECONDS)
        listed = until(ask, "what happened")
    return Installed(home, clone, environment, listed, log.read_text(encoding="utf-8"), process.returncode)


def test_the_readme_in_its_words(installed: Installed) -> None:
    assert '"object_name": "web"' in installed.listed
    assert installed.exit_code in (0, -signal.SIGINT, 128 + signal.SIGINT), "of the shell, which Ctrl-C ends too"
    assert '"event": "operator.stopped"' in installed.log
    assert "Traceback" not in installed.log
    assert "workers.restarting" not in installed.log


def test_nothing_is_imported_from_the_current_directory(installed: Installed, tmp_path: Path) -> None:
    folder = hostile.make(tmp_path / "hostile")
    (tmp_path / "data").mkdir()
    environment = installed.environment | {"DB_PATH": str(tmp_path / "data")}

    def ask(program: str, *arguments: str) -> str:
        command = [installed.programs / program, *arguments, "events", "list"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout

    log = tmp_path / "log"
    with running([str(installed.programs / "kube9-operator")], log, folder, environment) as process:
        until(lambda: process.poll() is not None or '"web"' in ask("kube9-cli"), "what happened")
        assert '"web"' in ask("kube9-operator", "query")
    assert process.returncode == 0, log.read_text(encoding="utf-8")
    assert hostile.imported(folder) == []
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_helper_processes_import_nothing_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hostile.make(tmp_path / "hostile")
    monkeypatch.chdir(folder)
    path = str(tmp_path / "kube9.db")
    with inspection._start(path) as process:
        assert b"CantOpenError" in process.communicate(timeout=WAIT_SECONDS)[0], "it ran, and there is no database"
    reading = SalvageProcess(path)
    until(lambda: reading.read() or reading.ended, "the end")
    reading.close()
    assert hostile.imported(folder) == []


def test_the_plug_in_for_credentials_sees_the_environment_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    from kube9_operator import interpreter

    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    interpreter.set_up_child(safe_path=True)
    assert os.environ["PYTHONSAFEPATH"] == "1"
    interpreter.set_up_child(safe_path=False)
    assert "PYTHONSAFEPATH" not in os.environ


def test_pip_removes_it(installed: Installed) -> None:
    """The last test of this module: the others need what is removed here."""
    path = f"{installed.programs}{os.pathsep}{installed.environment['PATH']}"
    command = ["sh", "-c", span("docs/install.md", "pip uninstall")]
    done = subprocess.run(
        command, env=installed.environment | {"PATH": path}, input="y\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [path for path in installed.programs.iterdir() if "kube9" in path.name]
