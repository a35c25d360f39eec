"""Another file in the place of the database while it runs, and a file that cannot be looked at for a moment."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import apsw
import pytest

from kube9_operator.deadlines import Deadlines
from kube9_operator.write import database, inspection
from tests.bench import database as made
from tests.faults.test_damage import DEADLINES, ids_now, quick_check
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, warning


@pytest.mark.parametrize("somebody_reads", [False, True])
def test_a_copy_is_put_back_while_it_runs(tmp_path: Path, standin: StandIn, somebody_reads: bool) -> None:
    """Both files stay sound: the old one has all that was committed, the copy goes on from its own versions."""
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES | {"write_back": 600.0})
    path, copy, old = operator.data / "kube9.db", tmp_path / "copy.db", tmp_path / "old.db"
    standin.write(warning("one", "SoakHappened", "it happened"))
    with operator:
        until(lambda: "one" in ids_now(operator), "the list")
        assert operator.stop() == 0
    shutil.copy(path, copy)
    with operator:
        standin.write(*(warning(f"more-{number}", "SoakHappened", "it happened") for number in range(300)))
        until(lambda: len(ids_now(operator)) == 301, "what is in the WAL only")
        reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        if somebody_reads:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM events").get >= 301
        else:
            reader.close()
        os.link(path, old)
        os.replace(copy, path)
        until(lambda: "has been replaced" in operator.log_text(), "it to be noticed")
        standin.write(warning("two", "SoakHappened", "and this"))
        until(lambda: len(ids_now(operator)) == 302, "all in the new file")
        assert not list(operator.data.glob("kube9.db.corrupt-*"))
        until(lambda: operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"], "no gap: the API still had all")
        until(lambda: "has been replaced" in str(operator.events("--type=system")), "an event that says so")
        reader.close()
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
    assert quick_check(old) == "ok"
    rest = apsw.Connection(str(old))
    assert rest.execute("SELECT count(*) FROM events e JOIN objects o ON o.id = e.object WHERE o.name LIKE 'more-%'").get == 300
    rest.close()


def test_a_file_that_cannot_be_looked_at_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.create(str(tmp_path)).close()
    inspector = inspection.Inspector(str(tmp_path / database.FILE_NAME), Deadlines())
    stat = os.stat

    def fails(path: str) -> os.stat_result:
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(os, "stat", fails)
    inspector.step()
    monkeypatch.setattr(os, "stat", stat)
    inspector.step()
    (tmp_path / database.FILE_NAME).unlink()
    with pytest.raises(database.Damaged, match="removed"):
        inspector.step()


def test_who_looks_is_killed_and_looks_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made.create(str(tmp_path)).close()
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: object, **named: object) -> subprocess.Popen[bytes]:
        begun.append(popen(*arguments, **named))  # type: ignore[call-overload]
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    times = Deadlines(inspect_first=0.0, inspect_retry=0.1)
    inspector = inspection.Inspector(str(tmp_path / database.FILE_NAME), times)

    def step() -> int:
        inspector.step()
        return len(begun)

    until(lambda: step() == 1, "it to begin")
    begun[0].send_signal(signal.SIGKILL)
    until(lambda: step() == 2, "it to begin again")
    assert begun[1].wait() == 0
    enough = time.monotonic() + 0.5
    while time.monotonic() < enough:
        assert step() == 2, "it has been looked through"
    inspector.close()
