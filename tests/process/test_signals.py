"""A signal that asks the operator to stop is never lost, however early it comes. To PID 1 the kernel delivers none that has no
handler.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.operator import WAIT_SECONDS, until

START = "import sys; from kube9_operator.main import main; sys.argv = ['kube9-operator']; sys.exit(main())"
FIRST = f"""
import signal, sys
taken = signal.signal
def note(number, handler):
    imported = {{name.partition(".")[0] for name in sys.modules}}
    print(*imported & {{"apsw", "argparse", "kubernetes", "msgspec", "structlog", "yaml"}})
    sys.stdout.flush()
    signal.signal = taken
    return taken(number, handler)
signal.signal = note
{START}
"""
TIMES = 12
NEW_PID_SPACE = ("unshare", "--pid", "--fork", "--kill-child")


def catches(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"DB_PATH": str(folder), "KUBECONFIG": str(folder / "none"), "HEALTH_PORT": "0"}


def below(pid: int) -> int | None:
    """The only child of a process."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return int(found[0]) if found else None


@pytest.mark.parametrize(
    "prefix",
    [
        (),
        pytest.param(NEW_PID_SPACE, marks=pytest.mark.skipif(os.getuid() != 0, reason="needs root: sudo make test")),
    ],
    ids=["as any process", "as PID 1"],
)
def test_a_signal_at_any_moment_of_a_start_ends_it(tmp_path: Path, prefix: tuple[str, ...]) -> None:
    chance = random.Random(7)
    for number in range(TIMES):
        with (tmp_path / "log").open("ab") as log:
            command = [*prefix, sys.executable, "-c", START]
            started = subprocess.Popen(command, env=environment(tmp_path), stderr=log, stdout=log)
        try:
            pid = until(lambda: below(started.pid), "PID 1 of its space") if prefix else started.pid  # noqa: B023
            until(lambda: catches(pid), "its handler")  # noqa: B023
            time.sleep(chance.random() * number / TIMES)
            os.kill(pid, signal.SIGTERM)
            assert started.wait(WAIT_SECONDS) == 0, (number, (tmp_path / "log").read_text(encoding="utf-8")[-2000:])
        finally:
            started.kill()
            started.wait()


def test_the_handlers_are_there_before_anything_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", FIRST], env=environment(tmp_path), stdout=subprocess.PIPE) as started:
        assert started.stdout
        assert started.stdout.readline() == b"\n", "these were imported before"
        until(lambda: catches(started.pid), "the handler")
        started.terminate()
        assert started.wait(WAIT_SECONDS) == 0
