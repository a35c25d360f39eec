"""Commands that the documents type on one's own machine, in their words."""

import os
import signal
import subprocess
from pathlib import Path

from tests.operator import BIN, WAIT_SECONDS, until
from tests.record import Record
from tests.standin import StandIn, warning
from tests.tools import tool
from tests.typed import ROOT, Shell, block

SETTINGS = "docs/configuration.md", "EVENT_REASONS_INCLUDE="


def shell(folder: Path, **environment: str) -> Shell:
    path = os.pathsep.join((str(BIN), os.environ["PATH"]))
    return Shell(folder, os.environ | {"PATH": path, "HOME": str(folder), **environment}, {})


def test_settings_before_the_command(tmp_path: Path, standin: StandIn) -> None:
    standin.write(warning("web", "Killing", "Stopping container app", type="Normal"))
    own = {"DB_PATH": str(tmp_path), "HEALTH_PORT": "0", "KUBECONFIG": str(standin.kubeconfig(tmp_path))}
    typed = shell(tmp_path, **own)
    with subprocess.Popen(
        ["sh", "-c", f"exec env {block(*SETTINGS)}"], env=typed.environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            until(lambda: '"Killing"' in typed.run("kube9-cli events list -o json || true"), "a reason that was asked for")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_SECONDS)


def test_sqlite_makes_a_copy(tmp_path: Path) -> None:
    tool("sqlite3", "apt-get install sqlite3")
    record = Record(tmp_path)
    record.event("Pod/shop/web")
    said = shell(tmp_path).block("docs/cli.md", "sqlite3 kube9.db")
    record.close()
    assert '"web"' in said
    assert (tmp_path / "copy.db").exists()


def test_the_oracle_repeats_a_line() -> None:
    words = block("docs/testing.md", ".venv/bin/python -m tests.oracle").split()
    command = [str(BIN / "python"), *words[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
