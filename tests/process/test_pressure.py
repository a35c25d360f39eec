"""More than the writer can take: lists wait, watches stop reading, then the least severe give way, and a list heals it."""

import queue
import threading
from pathlib import Path

import apsw
import pytest

from kube9_operator.model.frame import MAX_FRAMES_IN_QUEUE, MAX_OBSERVATIONS_IN_FRAME, Counts, EventFrame, decode
from kube9_operator.model.observation import CRITICAL, Observation
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.outbox import Outbox, Stopped
from tests.bench.database import observations
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn

BURST = MAX_FRAMES_IN_QUEUE * MAX_OBSERVATIONS_IN_FRAME + 2_000
"""More than the queue and the outbox take."""
MORE = 8_000
"""More than waits anywhere, where the queue has two frames."""


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def watched(standin: StandIn) -> bool:
    return any("watch=1" in one for one in standin.control("requests"))


def test_a_burst_is_taken_whole(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"patience": 300.0}  # a busy machine is no reason to drop here
    with operator:
        until(lambda: watched(standin), "the watch")
        standin.control("prepare", {"from": 0, "count": BURST, "reason": "BackOff", "times": 1})
        standin.control("release")
        until(lambda: operator.accounting()["stored"] == BURST, "all of them")
        assert operator.accounting()["dropped"] == 0
        assert operator.cli("events", "list", "--limit=1", "--type=cluster")["pagination"]["total"] == BURST


def test_what_was_dropped_is_counted_and_healed(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"hang": 15.0, "confirmation": 60.0}
    operator.frames = 2
    with operator:
        until(lambda: watched(standin), "the watch")
        holder = apsw.Connection(str(operator.data / "kube9.db"))
        holder.execute("BEGIN IMMEDIATE")
        standin.control("prepare", {"from": 0, "count": MORE, "reason": "BackOff", "times": 1})
        standin.control("release")
        until(lambda: operator.health()[1]["reasons"], "the trouble to show")
        until(lambda: "drops.began" in operator.log_text(), "the first to be given up")
        holder.execute("COMMIT")
        holder.close()
        until(
            lambda: operator.cli("events", "list", "--limit=1", "--type=cluster")["pagination"]["total"] == MORE,
            "all of them",
            seconds=60,
        )
        assert operator.accounting()["dropped"] > 0
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"], "Events live longer than that took"
        until(lambda: operator.health()[0] == 200, "it to heal")
    (ended,) = [line for line in operator.log() if line["event"] == "drops.ended"]
    assert ended["dropped"] > 0


def outbox(frames: "queue.Queue[bytes]", stop: threading.Event, patience: float = 0.0) -> Outbox:
    return Outbox("events", frames, stop, max_items=1_000, patience_seconds=patience)


def received(frames: "queue.Queue[bytes]") -> list[EventFrame]:
    got = [decode(frames.get(timeout=10)) for _ in range(frames.qsize())]
    assert all(isinstance(frame, EventFrame) for frame in got)
    return got  # type: ignore[return-value]


def severe(seen: Observation, severity: int) -> Observation:
    fields = {name: getattr(seen, name) for name in seen.__struct_fields__}
    return Observation(**fields | {"severity": severity})


def test_the_least_severe_and_oldest_give_way() -> None:
    """A queue of one frame, into which nothing goes: the outbox fills, and then chooses."""
    frames: queue.Queue[bytes] = queue.Queue(1)
    stop = threading.Event()
    full = outbox(frames, stop)
    made = list(observations(2_500))
    critical = [severe(one, CRITICAL) for one in made[::100]]
    lines = [severe(one, CRITICAL if at % 100 == 0 else at % 2) for at, one in enumerate(made)]
    for at in range(0, len(lines), 100):
        full.put(Batch(lines[at : at + 100], counts=Counts(received=100), version=str(at)), at, patient=False)
    assert full.lossy()
    got: list[EventFrame] = []
    until(lambda: got.extend(received(frames)) or sum(frame.counts.received for frame in got) == len(lines), "the rest")
    stop.set()
    kept = [one for frame in got for one in frame.observations]
    assert sum(frame.counts.dropped for frame in got) + len(kept) == len(lines)
    assert full.dropped == len(lines) - len(kept) > 0
    assert [one.name for one in kept if one.severity == CRITICAL] == [one.name for one in critical]
    assert [frame.sequence for frame in got] == list(range(1, len(got) + 1))
    first_lost = next(at for at, frame in enumerate(got) if frame.counts.dropped)
    assert not [frame for frame in got[first_lost:] if frame.version], "a version after a loss would hide it"


def test_a_list_waits_for_room_and_ends_with_the_process() -> None:
    frames: queue.Queue[bytes] = queue.Queue(1)
    stop = threading.Event()
    full = outbox(frames, stop)
    made = list(observations(4_000))
    ended: list[type[BaseException]] = []

    def listing() -> None:
        try:
            full.put(Batch(made, counts=Counts(received=4_000), version="9"))
        except Stopped:
            ended.append(Stopped)

    waiting = threading.Thread(target=listing)
    waiting.start()
    until(frames.full, "the queue to fill")
    assert not full.lossy()
    stop.set()
    waiting.join()
    assert ended == [Stopped]
    assert full.dropped == 0
