"""For every n the n-th call fails: statements of the writer, what SQLite asks of the disk. Each time the same is recorded in
the end as without any failure, once. `make test` takes some n; KUBE9_EVERY_CALL=1, in `make test-long PART=calls`, all.
"""

import functools
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from kube9_operator import settings
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ControlFrame, Counts, EventFrame, Frame, ListBegins, ListEnds, StateFrame, encode
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Node, State, Workload
from kube9_operator.model.resource_states import encode as reduced
from kube9_operator.model.tally import Tally
from kube9_operator.supervise import messages
from kube9_operator.write import writer
from kube9_operator.write.sqlite import database, lock
from tests.bench import database as made
from tests.faults.failing import Failing, failing
from tests.operator import FAST

NOW = 1_795_000_000_000
QUICK: dict[str, Any] = FAST | {"database_retry_first": 0.001, "database_retry_most": 0.002, "inspect_first": 600.0}
STRIDE = 1 if os.environ.get("KUBE9_EVERY_CALL") else 13
"""From one n to the next."""
ERRORS = [apsw.FullError("database or disk is full"), apsw.IOError("disk I/O error"), apsw.BusyError("database is locked")]


@functools.cache
def story() -> list[bytes]:
    """Lists of Events and of resources, then what changes: counts that rise, replicas, a node that is lost."""
    observations = list(made.observations(6))
    risen = [msgspec.structs.replace(one, count=3, last_ms=one.last_ms + 1_000) for one in observations[:3]]
    written: list[bytes] = []
    sequences: dict[str, int] = {}

    def send(frame: Frame) -> None:
        frame.sequence = sequences[frame.source] = sequences.get(frame.source, 0) + 1
        written.append(encode(frame))

    def events(seen: list[Observation], version: str = "") -> None:
        send(EventFrame("events", Counts(received=len(seen)), seen, version, NOW if version else 0))

    def state(source: str, seen: State, version: str = "") -> None:
        send(StateFrame(source, Counts(received=1), [seen], version, NOW if version else 0))

    def workload(replicas: int, version: str) -> State:
        return State("shop", "web", "uid-web", version, reduced(Workload(replicas, {"app": "web:1"})))

    def node(ready: str, version: str) -> State:
        return State(
            "", "node-1", "uid-node-1", version, reduced(Node(NOW - 9_000_000, False, ready, NOW - 5_000, "KubeletReady"))
        )

    begins, ends = ListBegins("cluster-1"), ListEnds("7", NOW, cluster="cluster-1")
    send(ControlFrame("events", begins))
    events(observations)
    send(ControlFrame("events", ends))
    for source, seen in (("deployments", workload(2, "1")), ("nodes", node("True", "2"))):
        send(ControlFrame(source, begins))
        state(source, seen)
        send(ControlFrame(source, ends))
    events(risen, "8")
    state("deployments", workload(5, "8"), "8")
    state("nodes", node("Unknown", "9"), "9")
    return written


class Frames(queue.Queue[bytes]):
    """Nothing more comes than there is."""

    def get(self, block: bool = True, timeout: float | None = None) -> bytes:
        return super().get(block=False)


class Link:
    """A link that asks the writer to end when the story has been told."""

    def __init__(self, frames: Frames) -> None:
        self.stop = threading.Event()
        self.abandon = False
        self.tally = Tally()
        self.batches: queue.SimpleQueue[messages.OutboxBatch] = queue.SimpleQueue()
        self.pipes: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._frames = frames

    def beat_from_thread(self, report: object = None) -> None:
        pass

    def beat(self, phase: str = "running", deadline: float | None = None, report: Callable[[], object] | None = None) -> None:
        if report is not None:
            report()
        if phase == "running" and self._frames.empty():
            self.stop.set()

    def send(self, message: object) -> None:
        pass


def tell(folder: Path) -> bool:
    """Has the writer record the story, from opening the database to closing it. Says whether it ended as it should."""
    frames = Frames()
    for one in story():
        frames.put(one)
    try:
        writer.run(Link(frames), frames, settings.from_environment({"DB_PATH": str(folder)}), Deadlines(**QUICK))  # type: ignore[arg-type]
    except database.TROUBLE:
        return False
    return True


def recorded(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What there is to read afterwards, without our own clock and the numbers that rows have."""
    reader = apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY, vfs="unix")
    try:
        assert reader.pragma("integrity_check") == "ok"
        accounting = reader.execute(
            "SELECT source, received, stored, updated, unchanged, filtered FROM books ORDER BY 1"
        ).fetchall()
        for _, received, *became in accounting:
            assert received == sum(became)
        return {
            name: reader.execute(sql).fetchall()
            for name, sql in {
                "events": """SELECT o.name, w.word, e.count, e.severity, e.lead_events, e.lead_statuses, t.metadata
                    FROM events e JOIN objects o ON o.id = e.object JOIN words w ON w.id = e.title
                    JOIN texts t ON t.event = e.id ORDER BY 1, 2""",
                "contributors": "SELECT hash, part, count, base FROM contributors ORDER BY 1, 2",
                "states": "SELECT source, name, resource_version, state FROM states ORDER BY 1, 2",
                "sources": "SELECT source, version, listing_since_ms FROM sources ORDER BY 1",
                "lasting": "SELECT source, name FROM lasting ORDER BY 1, 2",
                "gaps": "SELECT source, reason FROM gaps",
            }.items()
        } | {"books": accounting}
    finally:
        reader.close()


def told(folder: Path) -> bool:
    """Whether a writer that has ended had told all of the story: it ends between batches only at its beginning and its end."""
    try:
        return ("nodes", "9", None) in recorded(folder)["sources"]
    except apsw.SQLError:  # no tables
        return False


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What is recorded where nothing fails."""
    folder = tmp_path_factory.mktemp("expected")
    assert tell(folder)
    found = recorded(folder)
    titles = {row[1] for row in found["events"]}
    assert {"Deployment scaled", "Node NotReady"} < titles
    assert len(found["events"]) == 8
    return found


@pytest.fixture(autouse=True)
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is held for the life of a process, which sees many writers here."""
    monkeypatch.setattr(lock, "hold", lambda *_: None)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: it is about what SQLite answers, and the disk takes most of the time."""
    with tempfile.TemporaryDirectory(prefix="kube9-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def test_every_statement(memory: Path, expected: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the batches, BEGIN and COMMIT among them: the batch is kept, tried again, and committed once."""
    left = [0]

    def fail(_cursor: object, _sql: str, _values: object) -> bool:
        left[0] -= 1
        if left[0] == 0:
            raise ERRORS[n % len(ERRORS)]
        return True

    real = writer.Writer.write_until_stopped

    def traced(self: writer.Writer) -> None:
        self._session.connection.exec_trace = fail
        real(self)
        self._session.connection.exec_trace = None

    monkeypatch.setattr(writer.Writer, "write_until_stopped", traced)
    n = 1 - STRIDE
    while left[0] <= 0:
        n += STRIDE
        left[0] = n
        folder = memory / str(n)
        folder.mkdir()
        assert tell(folder), n
        assert recorded(folder) == expected, n
        shutil.rmtree(folder)
    assert n > 100


@pytest.fixture(scope="module")
def vfs() -> Iterator[Failing]:
    with failing() as one:
        yield one


@pytest.mark.parametrize(
    ("kind", "error", "at_least"),
    [
        ("read", ERRORS[1], 20),
        ("write", ERRORS[0], 40),
        ("write", ERRORS[1], 40),
        ("sync", ERRORS[1], 4),
        ("size", ERRORS[1], 4),
    ],
    ids=["read", "write, full", "write", "sync", "size"],
)
def test_every_call_of_the_disk(
    memory: Path, expected: dict[str, list[tuple[Any, ...]]], vfs: Failing, kind: str, error: apsw.Error, at_least: int
) -> None:
    """From opening to closing, in a database that is new. Where a writer ends of it, the next one is told it all again."""
    n, stride = 1, min(STRIDE, at_least // 4)
    while True:
        folder = memory / str(n)
        folder.mkdir()
        vfs.plan(kind, n, error)
        ended_well = tell(folder)
        if not vfs.failed():
            break
        if not ended_well and not told(folder):
            assert tell(folder), n
        assert recorded(folder) == expected, n
        shutil.rmtree(folder)
        n += stride
    assert n > at_least
