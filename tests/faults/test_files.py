"""The CLI on every state of the files: the whole history, or one line that says why not; never a part of it in silence."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.operator import BIN, Operator, until
from tests.standin import StandIn, warning

EVENTS = 300
NOBODY = 65_534
AS_NOBODY = f"""
import datetime, locale, os, shutil, sys, textwrap, unicodedata, yaml
from kube9_cli.query import connection, coverage, events, search, status
from kube9_cli.render import coverage, details, listing, serialize, table
from kube9_cli.main import main
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
sys.argv = sys.argv[1:]
sys.exit(main())
"""
"""The CLI as another user, who may not be able to read Python's own files: all is imported before."""
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
"""Another user cannot write where coverage is measured, nor anybody on a read-only mount."""
needs_mount = pytest.mark.skipif(
    not Path("/usr/bin/mount").exists() or os.getuid() != 0, reason="needs root and mount: sudo make test"
)
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root: sudo make test")


def ask(folder: Path, *prefix: str) -> Any:
    """What each command of the CLI finds: the number of events, or the error, a single line of JSON, with its exit code."""
    found = []
    for arguments in (["events", "list", "--type=cluster", "--limit=1"], ["status"]):
        done = subprocess.run(
            [*prefix, BIN / "kube9-cli", *arguments],
            env=UNMEASURED | {"DB_PATH": str(folder)},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            (line,) = done.stderr.decode().splitlines()
            found.append((done.returncode, json.loads(line)["error"], json.loads(line)["details"]))
            assert not done.stdout
        else:
            said = json.loads(done.stdout)
            found.append(said["pagination"]["total"] if "pagination" in said else sum(said["events"]["by_severity"].values()))
            assert not done.stderr
    return found


def whole(folder: Path, *prefix: str) -> bool:
    """Whether both commands find all there is; those of the operator's own are counted by one of them."""
    listed, counted = ask(folder, *prefix)
    return listed == EVENTS and isinstance(counted, int) and counted >= EVENTS


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder as a mount that nothing can be written to."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module", params=["alive", "killed", "stopped"])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator that has recorded EVENTS events, and is in this state."""
    folder = tmp_path_factory.mktemp(request.param)
    with StandIn() as standin:
        operator = Operator(folder, standin.kubeconfig(folder))
        standin.write(*(warning(f"pod-{number}", "BackOff", "again") for number in range(EVENTS)))
        with operator:
            until(lambda: len(operator.events()) == EVENTS, "all of them")
            if request.param == "killed":
                children = operator.children()
                for pid in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                operator.kill("supervisor")
                until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in children), "them to be gone")
            elif request.param == "stopped":
                operator.stop()
            yield operator


def test_where_they_are(left: Operator) -> None:
    assert whole(left.data)


@needs_root
def test_for_another_uid(left: Operator) -> None:
    for folder in [left.data, *left.data.parents][:6]:  # pytest's own folders too, which nobody else may enter
        folder.chmod(folder.stat().st_mode | 0o755)
    before = sorted(os.listdir(left.data))
    assert whole(left.data, sys.executable, "-c", AS_NOBODY)
    assert sorted(os.listdir(left.data)) == before


@needs_mount
def test_on_a_read_only_mount(left: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "mounted"
    shutil.copytree(left.data, copy)
    with read_only(copy):
        assert whole(copy)


@needs_mount
def test_file_and_wal_on_a_read_only_mount(left: Operator, tmp_path: Path) -> None:
    """Without the -shm nobody can read there what is in a WAL: that is said, and what to do. An empty one is no matter."""
    copy = tmp_path / "mounted"
    shutil.copytree(left.data, copy)
    (copy / "kube9.db-shm").unlink()
    with read_only(copy):
        if (copy / "kube9.db-wal").stat().st_size:
            for code, error, details in ask(copy):
                assert (code, error) == (1, "The database cannot be read")
                assert details.endswith("its folder must be writable")
        else:
            assert whole(copy)


def test_file_and_wal_alone(left: Operator, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("kube9.db", "kube9.db-wal"):
        shutil.copy(left.data / name, copy)
    assert whole(copy)


def test_the_file_alone_says_until_when_it_is_whole(left: Operator, tmp_path: Path) -> None:
    """What was only in the WAL is not there, and nobody can know; what is there proves no more than what it holds."""
    shutil.copy(left.data / "kube9.db", tmp_path)
    listed = ask(tmp_path)[0]
    if listed == EVENTS:
        return
    done = subprocess.run(
        [BIN / "kube9-cli", "events", "list"], env=os.environ | {"DB_PATH": str(tmp_path)}, capture_output=True, check=False
    )
    if done.returncode:
        assert json.loads(done.stderr)["details"].endswith("if this is a copy, copy kube9.db-wal too")
    else:
        covered = json.loads(done.stdout)["coverage"]
        assert not covered["complete"]
        assert covered["unavailable"] or covered["gaps"], covered


@needs_mount
def test_an_operator_on_a_read_only_mount_says_so_and_stops(left: Operator, tmp_path: Path, standin: StandIn) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    operator = Operator(folder, standin.kubeconfig(folder))
    shutil.copytree(left.data, operator.data, dirs_exist_ok=True)
    with read_only(operator.data):
        operator.start()
        assert operator.wait() == 78
    (said,) = [line["reason"] for line in operator.log() if line["event"] == "operator.cannot_run"]
    assert f"cannot be written by uid {os.getuid()}" in said
    assert "Read-only file system" in said
    assert len(ask(operator.data)) == 2
    assert whole(operator.data)
