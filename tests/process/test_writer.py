"""The writer in trouble: a locked database, content that is refused, a frame that is missing, a disk that is full."""

import fcntl
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Counts, EventFrame, Frame, StateFrame, encode
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State, Workload
from kube9_operator.model.resource_states import encode as reduced
from kube9_operator.model.tally import Tally
from kube9_operator.settings import from_environment
from kube9_operator.supervise.exits import BeginAgain, CannotStart
from kube9_operator.supervise.messages import OutboxBatch
from kube9_operator.write.events.store import Applied, Store
from kube9_operator.write.resources import detect
from kube9_operator.write.sqlite import database, lock
from kube9_operator.write.writer import Writer
from tests.bench import database as made
from tests.operator import FAST, Operator, until
from tests.standin import StandIn, warning


class Asked:
    """A link whose supervisor asks it to end when the queue is empty."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.stop.set()
        self.abandon = False
        self.tally = Tally()
        self.phases: list[str] = []
        self.batches: queue.SimpleQueue[OutboxBatch] = queue.SimpleQueue()
        self.pipes: queue.SimpleQueue[object] = queue.SimpleQueue()

    def beat_from_thread(self, report: object = None) -> None:
        pass

    def beat(self, phase: str = "running", report: object = None) -> None:
        self.phases.append(phase)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = made.create(str(tmp_path))
    yield opened
    opened.close()


def write(connection: apsw.Connection, link: Asked, *frames: Frame) -> None:
    """What the writer makes of the frames."""
    waiting: queue.Queue[bytes] = queue.Queue()
    for frame in frames:
        waiting.put(encode(frame))
    settings = from_environment({"DB_PATH": "/"})
    Writer(link, waiting, connection, settings, Deadlines(**FAST)).write_until_stopped()  # type: ignore[arg-type]


def frame(sequence: int, observations: list[Observation], version: str = "7") -> Frame:
    return EventFrame("events", Counts(received=len(observations)), observations, version, 1_795_000_000_000, sequence)


def test_what_is_refused_is_set_aside_and_blocks_nobody(connection: apsw.Connection, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad, other = made.observations(3)
    bad = Observation(**{name: getattr(bad, name) for name in bad.__struct_fields__} | {"count": 0, "reason": "NewWord"})
    other = Observation(**{name: getattr(other, name) for name in other.__struct_fields__} | {"reason": "NewWord"})
    write(connection, Asked(), frame(1, [good, bad, other]))
    assert connection.execute("SELECT count(*) FROM events").get == 2
    assert connection.execute("SELECT source, error FROM dead_letters").fetchall() == [
        ("events", "ConstraintError: CHECK constraint failed: count >= 1")
    ]
    accounting = connection.execute("SELECT received, stored, refused FROM books").fetchall()
    assert accounting == [(3, 2, 1)]
    words = "SELECT w.word FROM events e JOIN words w ON w.id = e.reason ORDER BY e.id DESC LIMIT 1"
    assert connection.execute(words).get == "NewWord", "a word that went with the refused one is made again"
    (line,) = [line for line in capfd.readouterr().out.splitlines() if "event.refused" in line]
    assert f"{bad.kind}/{bad.namespace}/{bad.name}" in line


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has a fault: it stumbles over what is about web-1."""
    apply = Store.apply

    def stumble(store: Store, seen: Observation) -> Applied:
        if seen.reason == "Stumble":
            raise KeyError(seen.name)
        return apply(store, seen)

    monkeypatch.setattr(Store, "apply", stumble)


@pytest.mark.usefixtures("stumbling")
def test_an_error_that_nobody_thought_of_blocks_nobody(connection: apsw.Connection) -> None:
    good, bad, other = made.observations(3)
    link = Asked()
    write(connection, link, frame(1, [good, msgspec.structs.replace(bad, reason="Stumble", name="web-1"), other]))
    assert "looking for damage" in link.phases
    assert connection.execute("SELECT count(*) FROM events").get == 2
    assert connection.execute("SELECT source, error FROM dead_letters").fetchall() == [("events", "KeyError: 'web-1'")]
    assert connection.execute("SELECT received, stored, refused FROM books").fetchall() == [(3, 2, 1)]
    assert connection.execute("SELECT version FROM sources").get == "7"


def test_a_state_that_nobody_thought_of_blocks_nobody(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    known: dict[str, list[Observation]] = {"even": []}
    monkeypatch.setattr(detect, "compare", lambda seen, *_: known[seen.name])
    states = [State("shop", name, f"uid-{name}", "7", reduced(Workload(2, {}))) for name in ("odd", "even")]
    write(connection, Asked(), StateFrame("deployments", Counts(received=2), states, "7", 1_795_000_000_000, 1))
    assert connection.execute("SELECT name FROM states").fetchall() == [("even",)]
    assert connection.execute("SELECT error FROM dead_letters").fetchall() == [("KeyError: 'odd'",)]
    assert connection.execute("SELECT received, filtered, refused FROM books").fetchall() == [(2, 1, 1)]
    assert "Deployment/shop/odd" in capfd.readouterr().out, "the log names the object"


@pytest.mark.usefixtures("stumbling")
def test_damage_behind_an_error_that_nobody_thought_of(connection: apsw.Connection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'departed'").get
    with Path(connection.filename).open("r+b", buffering=0) as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)
    (bad,) = made.observations(1)
    with pytest.raises(database.Damaged, match=f"page {page}"):
        write(connection, Asked(), frame(1, [msgspec.structs.replace(bad, reason="Stumble")]))
    assert connection.execute("SELECT count(*) FROM dead_letters").get == 0


def test_a_missing_frame_ends_the_generation_before_anything_after_it_is_kept(connection: apsw.Connection) -> None:
    one, other = made.observations(2)
    write(connection, Asked(), frame(1, [one]))
    assert connection.execute("SELECT version FROM sources").get == "7"
    with pytest.raises(BeginAgain, match="frame 1 of events is missing, 2 came instead"):
        write(connection, Asked(), frame(2, [other], version="9"))
    assert connection.execute("SELECT version FROM sources").get == "7"
    assert connection.execute("SELECT count(*) FROM events").get == 1


def test_a_clock_that_was_ahead_confirms_nothing_to_come(connection: apsw.Connection) -> None:
    def confirmed(ms: int) -> int:
        write(connection, Asked(), EventFrame("events", Counts(), [], "7", ms, 1))
        return int(connection.execute("SELECT proved_until_ms FROM sources").get)

    now = time.time_ns() // 1_000_000
    assert confirmed(now) == now
    assert confirmed(now - 5_000) == now, "never backwards"
    assert confirmed(now + 86_400_000) == now + 86_400_000, "as long as the clock says so"
    assert confirmed(now + 1_000) == now + 1_000


def test_a_locked_database_is_waited_for(connection: apsw.Connection, tmp_path: Path) -> None:
    holder = apsw.Connection(str(tmp_path / database.FILE_NAME))
    holder.execute("BEGIN IMMEDIATE")
    connection.set_busy_timeout(10)
    link = Asked()
    threading.Timer(0.5, lambda: holder.execute("COMMIT")).start()
    write(connection, link, frame(1, list(made.observations(100))))
    assert "waiting for the database" in link.phases
    assert connection.execute("SELECT received, stored FROM books").fetchall() == [(100, 100)]
    holder.close()


def test_a_lock_names_its_holder(tmp_path: Path) -> None:
    hold = f"from kube9_operator.write.sqlite.lock import hold; hold({str(tmp_path)!r}, 1, print)"
    command = [sys.executable, "-c", f"import time; {hold}; print('held', flush=True); time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CannotStart, match=f"is held by process {holder.pid} on"):
            lock.hold(str(tmp_path), 0.1, lambda: None)
        holder.kill()


def test_a_lock_is_held_also_where_there_is_no_room_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock.hold(str(tmp_path), 0.1, lambda: None)
    with pytest.raises(CannotStart, match="is held by another process"):
        lock.hold(str(tmp_path), 0.1, lambda: None)
    lock.release(str(tmp_path))


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Has another process take the lock file that is there, whatever was locked before it."""
    take = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    command = [sys.executable, "-c", f"{take}; print('held', flush=True); sys.stdin.read()", tmp_path / lock.LOCK_NAME]
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert started[0].stdout
        assert started[0].stdout.readline() == b"held\n"

    yield begin
    for one in started:
        one.communicate()


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_lock_is_held_also_where_its_file_is_removed(tmp_path: Path, made_anew: bool) -> None:
    lock.hold(str(tmp_path), 0.1, lambda: None)
    (tmp_path / lock.LOCK_NAME).unlink()
    if made_anew:
        lock.check()
        assert f"process {os.getpid()} on" in (tmp_path / lock.LOCK_NAME).read_text(encoding="utf-8")
    with pytest.raises(CannotStart, match="only one operator may write a database"):
        lock.hold(str(tmp_path), 0.1, lambda: None)
    lock.check()
    lock.release(str(tmp_path))


@pytest.mark.parametrize("taken", [False, True], ids=["it is there again", "another has it"])
def test_a_lock_file_that_is_removed_where_no_folder_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another: Callable[[], None], taken: bool
) -> None:
    """As on some network file systems: the first of two ends."""
    real = fcntl.flock

    def only_files(descriptor: int, operation: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(9, "Bad file descriptor")
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", only_files)
    lock.hold(str(tmp_path), 0.1, lambda: None)
    (tmp_path / lock.LOCK_NAME).unlink()
    if taken:
        another()
        with pytest.raises(BeginAgain, match="another operator holds the new one"):
            lock.check()
    else:
        lock.check()
    with pytest.raises(CannotStart, match="only one operator may write a database"):
        lock.hold(str(tmp_path), 0.1, lambda: None)
    lock.release(str(tmp_path))


EVENTS_OF_A_FULL_DISK = 2_000
"""More than the WAL has room for that is on the disk already."""


@pytest.mark.skipif(not Path("/usr/bin/mount").exists() or os.getuid() != 0, reason="needs root and mount: sudo make test")
def test_a_full_disk_is_waited_for(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", operator.data], check=True)
    try:
        with operator:
            until(lambda: operator.pid("watcher-events"), "the watcher")
            ballast = operator.data / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            standin.write(*(warning(f"pod-{number}", "BackOff", "again" * 50) for number in range(EVENTS_OF_A_FULL_DISK)))
            # It meets the full disk, or sees in time that there is too little room.
            until(lambda: re.search("database.(failed|blocked)", operator.log_text()), "it to be said")
            until(lambda: operator.health()[0] == 503, "health")
            ballast.unlink()
            until(lambda: operator.accounting()["stored"] >= EVENTS_OF_A_FULL_DISK, "what waited")
            until(lambda: re.search("database.(restored|unblocked)", operator.log_text()), "the end of it")
            assert operator.accounting()["stored"] == EVENTS_OF_A_FULL_DISK
            assert operator.stop() == 0
        assert operator.integrity() == "ok"
    finally:
        subprocess.run(["umount", "--lazy", operator.data], check=True)
