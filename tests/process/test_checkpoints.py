"""The WAL is written back beside the writer: nothing is lost, it begins anew, and is cut when a long reader let it grow."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator import settings
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.write import housekeeping
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.events.store import Store
from kube9_operator.write.housekeeping import Housekeeping
from kube9_operator.write.sqlite import checkpoints, database
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made
from tests.operator import BIN, OF_EVENTS, Operator, until
from tests.standin import StandIn, warning

PAGES = 50
MIB = 2**20


class Writing:
    """A writer of a table of its own that notes how many pages the WAL has after each commit."""

    def __init__(self, folder: Path) -> None:
        self.connection = made.create(str(folder))
        self.session = Session(self.connection)
        self.connection.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, data)")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the migrations took more than PAGES
        self.checkpoints = checkpoints.Checkpoints(self.connection, PAGES, every_seconds=0.05)
        self.wal = Path(f"{self.connection.filename}-wal")
        self.rows = 0

    def write(self, rows: int = 1) -> None:
        for _ in range(rows):
            with self.session.transaction(0):
                self.connection.execute("INSERT INTO ballast (data) VALUES (randomblob(10000))")
            self.rows += 1

    def whole(self) -> bool:
        """Whether another finds all of it, and no damage."""
        reader = apsw.Connection(self.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
        with reader:
            found = reader.execute("SELECT count(*) FROM ballast").get
            checked = reader.pragma("quick_check")
        reader.close()
        return bool((found, checked) == (self.rows, "ok"))


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    one = Writing(tmp_path)
    yield one
    one.checkpoints.close()
    one.connection.close()


def test_the_wal_begins_anew_without_the_writer(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    by_whom: set[int] = set()
    real = database.checkpoint

    def noted(connection: apsw.Connection) -> bool:
        by_whom.add(id(connection))
        return real(connection)

    monkeypatch.setattr(database, "checkpoint", noted)
    for _ in range(20):
        while not writing.checkpoints.behind():
            writing.write()
        until(lambda: not writing.checkpoints.behind(), "it to be written back")
    assert id(writing.connection) not in by_whom
    assert writing.wal.stat().st_size < 2 * PAGES * database.PAGE_BYTES, "it did begin anew each time"
    assert writing.whole()


def test_a_little_is_written_back_too(writing: Writing) -> None:
    writing.write()

    def written_back() -> bool:
        writing.checkpoints.step()
        uri = f"file:{writing.connection.filename}?immutable=1"
        alone = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            return bool(alone.execute("SELECT count(*) FROM ballast").get == writing.rows)
        except (apsw.SQLError, apsw.CorruptError):  # no such table yet, or not yet all pages
            return False
        finally:
            alone.close()

    until(written_back, "the row in the file alone")
    assert writing.whole()


def test_a_writer_that_never_pauses_helps_itself(writing: Writing) -> None:
    writing.write(3_000)
    assert writing.wal.stat().st_size < writing.rows * 10_000 / 2, "it began anew"
    assert writing.whole()


def test_a_long_reader_lets_it_grow_and_it_is_cut_afterwards(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    writing.connection.pragma("journal_size_limit", MIB)
    tries: list[int] = []
    real = database.checkpoint
    monkeypatch.setattr(database, "checkpoint", lambda connection: (tries.append(0), real(connection))[1])
    writing.write()
    reader = apsw.Connection(writing.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM ballast").get == 1
    writing.write(1_000)
    assert writing.wal.stat().st_size > 9 * MIB
    assert reader.execute("SELECT count(*) FROM ballast").get == 1
    assert len(tries) <= 2 * 1_001, "what cannot be done is not tried for ever"
    reader.execute("COMMIT")
    reader.close()

    def cut() -> bool:
        writing.write()
        return writing.wal.stat().st_size <= MIB

    until(cut, "it to be cut")
    assert writing.whole()


def test_after_the_end_all_is_in_the_file_and_the_wal_stays_for_readers(tmp_path: Path) -> None:
    writing = Writing(tmp_path)
    writing.write(PAGES)
    before = set(os.listdir("/proc/self/fd"))
    writing.checkpoints.close()
    writing.connection.close()
    assert len(before) - len(os.listdir("/proc/self/fd")) >= 3, "both connections are closed"
    assert writing.wal.stat().st_size == 0
    assert Path(f"{tmp_path}/kube9.db-shm").exists()
    alone = apsw.Connection(f"file:{tmp_path}/kube9.db?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    assert alone.execute("SELECT count(*) FROM ballast").get == writing.rows
    alone.close()


def test_trouble_is_said_once_and_the_writer_goes_on(
    writing: Writing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real, fails = database.checkpoint, True

    def failing(connection: apsw.Connection) -> bool:
        if fails:
            raise apsw.IOError("disk I/O error")
        return real(connection)

    monkeypatch.setattr(database, "checkpoint", failing)
    for pages in (PAGES, 3 * PAGES):  # the thread finds it, and the writer, that helps itself
        writing.write(pages)
        until(lambda: writing.checkpoints._trouble, "the trouble")
    assert capfd.readouterr().out.count("checkpoint.failed") == 1
    fails = False

    def restored() -> bool:
        writing.write()
        return not writing.checkpoints.behind()

    until(restored, "it to be written back")
    until(lambda: not writing.checkpoints._trouble, "it to be said")
    assert capfd.readouterr().out.count("checkpoint.restored") == 1
    assert writing.whole()


def test_what_is_committed_just_after_it_was_written_back_is_not_forgotten(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the WAL has as many pages then as before, since it has begun anew."""
    real, again = database.checkpoint, "UPDATE ballast SET data = randomblob(10000)"
    writing.write()
    writing.checkpoints.write_back_now()
    writing.connection.execute(again)
    monkeypatch.setattr(
        database, "checkpoint", lambda connection: (real(connection), writing.connection.execute(again).fetchall())[0]
    )
    writing.checkpoints.write_back_now()
    tries: list[int] = []
    monkeypatch.setattr(database, "checkpoint", lambda connection: (tries.append(0), real(connection))[1])
    for _ in range(2):
        writing.checkpoints.write_back_now()
    assert len(tries) == 1, "once more, and then all is written back"


def test_it_does_not_wait_for_long(writing: Writing) -> None:
    writing.write()
    with writing.checkpoints._at_it:  # as where the disk takes its time
        began = time.monotonic()
        writing.checkpoints.write_back_now()
        assert time.monotonic() - began < 5 * checkpoints.WAIT_SECONDS


def test_a_copy_of_the_file_alone_while_the_operator_runs(standin: StandIn, tmp_path: Path) -> None:
    standin.write(warning("web-0", "Unhealthy", "Readiness probe failed"))
    copy = tmp_path / "copy"

    def of_copy(*options: str) -> dict[str, Any]:
        shutil.copy(tmp_path / "data" / "kube9.db", copy)
        command = [BIN / "kube9-cli", "events", "list", "--db", str(copy), *options]
        done = subprocess.run(command, capture_output=True, check=False)
        answer: dict[str, Any] = json.loads(done.stdout or done.stderr)
        return answer

    with Operator(tmp_path, standin.kubeconfig(tmp_path), {"write_back": 0.2}) as operator:
        until(lambda: operator.events("--object-name=web-0"), "the event")
        until(lambda: of_copy("--object-name=web-0").get("events"), "it in the file alone")
        covered = until(lambda: (found := of_copy(OF_EVENTS).get("coverage", {})).get("until") and found, "a proof in it")
        assert covered["until"] <= operator.cli("events", "list", OF_EVENTS)["coverage"]["until"]


def test_the_file_has_its_tables_from_the_start(standin: StandIn, tmp_path: Path) -> None:
    with Operator(tmp_path, standin.kubeconfig(tmp_path), {"write_back": 600.0}) as operator:
        until(lambda: operator.cli("status")["watches"] if operator.pid("watcher-pods") else None, "a source")
        copy = shutil.copy(tmp_path / "data" / "kube9.db", tmp_path / "copy.db")
        done = subprocess.run([BIN / "kube9-cli", "status", "--db", copy], capture_output=True, check=False)
        assert json.loads(done.stdout)["database"]["schema_version"] == operator.cli("status")["database"]["schema_version"]


@dataclass
class Kept:
    """A writer that asks before each commit whether it may, and notes what the volume and the database had at the most."""

    writing: Writing
    house: Housekeeping
    size: int = 0

    @classmethod
    def of(cls, folder: Path, max_mib: int) -> "Kept":
        writing = Writing(folder)
        chosen = settings.from_environment({"DB_PATH": str(folder), "DATABASE_MAX_SIZE_MIB": str(max_mib)})
        store = Store(writing.session, 3_600_000)
        coverage = Coverage(writing.session, store, 3_600_000)
        journal = Journal(writing.session, store.changed, str(folder), max_mib * 2**20, wanted=False)
        return cls(writing, Housekeeping(writing.session, store, coverage, chosen, Deadlines(), Tally(), journal))

    def write_until_full(self, rows: int) -> int:
        """Returns how many of them could be written."""
        for number in range(rows):
            if self.house.full():
                return number
            self.writing.write()
            files = (self.writing.wal, Path(self.writing.connection.filename))
            self.size = max(self.size, sum(one.stat().st_size for one in files))
        return rows

    def read(self) -> apsw.Connection:
        reader = apsw.Connection(self.writing.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM ballast").get == self.writing.rows
        return reader

    def close(self) -> None:
        self.house.close()
        self.writing.connection.close()


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """24 MiB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


needs_mount = pytest.mark.skipif(
    not Path("/usr/bin/mount").exists() or os.getuid() != 0, reason="needs root and mount: sudo make test"
)


@needs_mount
def test_writing_stops_while_a_reader_leaves_no_room_to_write_the_wal_back(small_volume: Path) -> None:
    kept = Kept.of(small_volume, 1024)
    kept.write_until_full(10)
    for _ in range(3):
        reader = kept.read()
        written = kept.write_until_full(3_000)
        assert 10 < written < 2_000, "it stopped, and no commit failed before that"
        size = kept.writing.wal.stat().st_size
        kept.house.step()
        assert kept.house.full()
        assert kept.house.blocked()
        assert kept.writing.wal.stat().st_size == size, "nothing is deleted either: that takes room too"
        reader.close()
        until(lambda: not kept.house.full(), "the WAL to begin anew")
        kept.writing.connection.execute("DELETE FROM ballast").execute("PRAGMA incremental_vacuum").fetchall()
        kept.writing.rows = 0
        until(lambda: not kept.house.full(), "room")
    assert kept.writing.whole()
    kept.close()


def test_database_and_wal_stay_below_the_limit_while_somebody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health says what it waits for, and who reads."""
    monkeypatch.setattr(housekeeping, "BLOCKED_SECONDS", 0.0)
    kept = Kept.of(tmp_path, 16)
    kept.write_until_full(100)
    hold = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN; SELECT count(*) FROM ballast').fetchall();"
    command = [sys.executable, "-c", f"{hold} print('reads', flush=True); sys.stdin.read()", kept.writing.connection.filename]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == b"reads\n"
        assert 100 < kept.write_until_full(5_000) < 5_000
        assert kept.size <= 16 * MIB
        assert "have reached DATABASE_MAX_SIZE_MIB=16" in kept.house.trouble()
        assert f"until process {reader.pid} (python" in kept.house.trouble()
        reader.communicate()
    until(lambda: not kept.house.full(), "the WAL to begin anew")
    assert kept.house.trouble() == ""
    assert kept.write_until_full(10) == 10
    assert kept.size <= 16 * MIB
    assert kept.writing.whole()
    kept.close()


@needs_mount
def test_a_volume_that_a_wal_has_filled_recovers(small_volume: Path, standin: StandIn, tmp_path: Path) -> None:
    """At a start too: it waits, goes on with what a database that was moved aside took, and lists what came meanwhile."""
    writing = Writing(small_volume)
    aside = small_volume / "kube9.db.corrupt-20260101T000000Z"
    aside.write_bytes(bytes(9 * MIB))
    database.checkpoint(writing.connection)
    reader = apsw.Connection(writing.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM ballast").get == 0
    with pytest.raises(apsw.FullError):
        writing.write(3_000)
    writing.checkpoints.close()
    writing.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    writing.connection.close()
    reader.close()
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DB_PATH=str(small_volume))
    operator.data.rmdir()
    operator.data = small_volume
    standin.write(warning("web-0", "Unhealthy", "Readiness probe failed"))
    with operator:
        until(lambda: operator.events("--object-name=web-0"), "the event")
        assert not aside.exists()
        until(lambda: operator.health()[0] == 200, "health")
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
