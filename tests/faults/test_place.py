"""Another file in the place of the database while it runs, and a file that cannot be looked at for a moment."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import apsw
import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.write.recovery import inspection
from kube9_operator.write.sqlite import database, file_identity, sizes
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


def test_a_wal_that_is_removed_is_put_back_for_the_next(tmp_path: Path) -> None:
    """Also while somebody reads what was before, who keeps it from being written back."""
    connection = made.create(str(tmp_path))
    connection.execute("CREATE TABLE ballast (data)")
    database.checkpoint(connection)
    path = tmp_path / database.FILE_NAME
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM ballast").get == 0
    connection.execute("INSERT INTO ballast VALUES (randomblob(100000))")
    was = file_identity.FileIdentity(str(path))
    for gone in ("-wal", "-shm", "-wal"):
        path.with_name(path.name + gone).unlink()
        with pytest.raises(file_identity.WalRemoved, match=f"kube9.db{gone} has been removed") as raised:
            was.check()
        raised.value.leave(connection)
        connection = database.connect(str(tmp_path), busy_seconds=1.0)
        database.prepare(connection)
        connection.execute("INSERT INTO ballast VALUES (randomblob(100000))")
        was = file_identity.FileIdentity(str(path))
        was.check()
    assert reader.execute("SELECT count(*) FROM ballast").get == 0
    reader.close()
    assert connection.execute("SELECT count(*), sum(length(data)) FROM ballast").get == (4, 400_000)
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


def test_a_wal_that_is_removed_where_there_is_no_room_is_written_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = made.create(str(tmp_path))
    connection.execute("CREATE TABLE ballast (data)")
    path = tmp_path / database.FILE_NAME
    was = file_identity.FileIdentity(str(path))
    Path(f"{path}-wal").unlink()
    monkeypatch.setattr(file_identity, "OPEN_FILES", str(tmp_path / "none"))
    with pytest.raises(file_identity.WalRemoved) as raised:
        was.check()
    raised.value.leave(connection)
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name]
    connection = database.connect(str(tmp_path), busy_seconds=1.0)
    assert connection.execute("SELECT count(*) FROM ballast").get == 0
    connection.close()


@pytest.mark.parametrize("part", ["", "-wal"])
def test_a_file_that_is_cut_is_noticed_and_no_other(tmp_path: Path, part: str) -> None:
    """Neither one that retention makes smaller, nor one of which another program writes the WAL back, or vacuums it."""
    connection = made.create(str(tmp_path))
    path = tmp_path / database.FILE_NAME
    found = sizes.Sizes(connection)
    connection.set_wal_hook(lambda *_: found.committed() or 0)
    other = apsw.Connection(str(path))
    connection.execute("CREATE TABLE ballast (data)")
    for number in range(40):
        connection.execute("INSERT INTO ballast VALUES (randomblob(?))", (4_000 * number,))
        found.check()
        if number % 7 == 0:
            connection.execute("DELETE FROM ballast WHERE rowid % 2").execute("PRAGMA incremental_vacuum").fetchall()
        found.check()
        if number % 5 == 0:
            assert database.checkpoint(connection)
        found.check()
        if number == 20:
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        elif number % 11 == 0:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        found.check()
    other.close()
    connection.execute("INSERT INTO ballast VALUES (1)")
    cut = path.with_name(path.name + part)
    os.truncate(cut, (database.wal_bytes(database.wal_state(connection)[0]) if part else cut.stat().st_size) - 1)
    with pytest.raises(sizes.WalCut if part else database.Damaged, match="was cut"):
        found.check()
    database.leave_wal(connection)


def test_a_wal_that_is_cut_to_nothing_and_written_on_is_noticed(tmp_path: Path) -> None:
    connection = made.create(str(tmp_path))
    connection.execute("CREATE TABLE ballast (data)")
    connection.execute("INSERT INTO ballast VALUES (1)")
    found = sizes.Sizes(connection)
    wal = tmp_path / f"{database.FILE_NAME}-wal"
    os.truncate(wal, 0)
    connection.execute("INSERT INTO ballast VALUES (2)")
    assert wal.stat().st_size == database.wal_bytes(database.wal_state(connection)[0]), "with a hole in it"
    with pytest.raises(sizes.WalCut, match="was cut"):
        found.check()
    database.leave_wal(connection)


@pytest.mark.parametrize("harm", ["the WAL is removed", "the WAL is cut", "the file is cut", "the index is removed"])
def test_a_file_that_is_harmed_while_it_runs(tmp_path: Path, standin: StandIn, harm: str) -> None:
    """Noticed, told, and nothing is missing that is still open here or that the API server still has."""
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES | {"write_back": 600.0})
    path = operator.data / "kube9.db"
    standin.write(warning("one", "SoakHappened", "it happened"))
    with operator:
        until(lambda: "one" in ids_now(operator), "the list")
        standin.write(*(warning(f"more-{number}", "SoakHappened", "it happened") for number in range(60)))
        until(lambda: len(ids_now(operator)) == 61, "what is in the WAL only")
        if harm == "the WAL is removed":
            standin.control("expire", 61)  # what is lost here is lost for good
        part, said = {"the WAL": ("-wal", "kube9.db-wal"), "the file": ("", "the file"), "the index": ("-shm", "kube9.db-shm")}[
            harm.rpartition(" is ")[0]
        ]
        said = "the WAL was cut" if harm == "the WAL is cut" else said
        one = path.with_name(path.name + part)
        one.unlink() if harm.endswith("removed") else os.truncate(one, 0)
        until(lambda: f"{said}" in operator.log_text(), "it to be noticed")
        standin.write(warning("two", "SoakHappened", "and this"))
        until(lambda: len(ids_now(operator)) == 62, "all of it")
        until(lambda: said in str(operator.events("--type=system")), "an event that says so")
        if harm == "the file is cut":
            until(lambda: operator.cli("events", "list", "--since=8d", "--limit=1")["coverage"]["gaps"], "a gap")
        else:
            assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
