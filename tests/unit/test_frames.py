"""Frames: what travels from watchers to the writer, and what an outbox still sends after it has dropped something."""

import queue
import threading
import time
from typing import get_args

import msgspec
import pytest

from kube9_operator.model.frame import (
    Absent,
    ArgoCdFound,
    Compare,
    Confirmed,
    Control,
    ControlFrame,
    Counts,
    EventFrame,
    EventTtlLearned,
    Frame,
    ListBegins,
    ListEnds,
    ServerTime,
    StateFrame,
    Unavailable,
    decode,
    encode,
)
from kube9_operator.model.resource_states import State
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.outbox import Outbox
from tests.bench.database import observations

SEEN = list(observations(3))
CONTROLS: list[Control] = [
    ListBegins("cluster-1"),
    ListEnds("7", 5, 6, "expired", "cluster-1"),
    Confirmed(5),
    Absent(5),
    ArgoCdFound(True, "argocd", "v3.1.0", 5),
    ServerTime(5),
    Unavailable("not permitted"),
    EventTtlLearned(3_000),
    Compare(SEEN),
]
FRAMES: list[Frame] = [
    EventFrame("events", Counts(received=3), SEEN, "7", 5, 1),
    StateFrame("pods", Counts(received=1), [State("shop", "web", "u", "7", b"\x90")], "7", 5, 2),
    *(ControlFrame("pods", control, 3) for control in CONTROLS),
]


def test_every_control_is_tried() -> None:
    assert {type(one) for one in CONTROLS} == set(get_args(Control))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(getattr(frame, "control", frame)).__name__)
def test_a_frame_arrives_as_it_was_sent(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.msgpack.encode(["Unknown", "pods", 1]))


class Full(queue.Queue[bytes]):
    """A queue that takes nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        if not self.open.wait(0.01):
            raise queue.Full
        super().put(item)


def test_after_a_loss_nothing_confirms_the_source_until_a_list_begins() -> None:
    frames, stop = Full(), threading.Event()
    outbox = Outbox("events", frames, stop, max_items=10, patience_seconds=0.0)
    outbox.send(ServerTime(1))  # the sender has it in hand from now on
    until = time.monotonic() + 10
    while outbox._waiting and time.monotonic() < until:
        time.sleep(0.01)
    for control in CONTROLS[:-1]:
        outbox.send(control)
    outbox.send(Compare(list(observations(2, seed=5))))
    outbox.put(Batch(list(observations(20, seed=6)), counts=Counts(received=20), version="8"), 9, patient=False)
    assert outbox.lossy()
    assert outbox.dropped == 12
    outbox.send(Confirmed(6))
    outbox.send(ListBegins("cluster-1"))
    outbox.send(ListEnds("9", 7))
    stop_after = ListEnds("9", 7)
    frames.open.set()
    got: list[Frame] = []
    while not (got and isinstance(got[-1], ControlFrame) and got[-1].control == stop_after):
        got.append(decode(frames.get(timeout=10)))
    stop.set()
    outbox.close(10)
    said = [one.control for one in got if isinstance(one, ControlFrame)]
    assert said == [
        ServerTime(1),
        ServerTime(5),
        Unavailable("not permitted"),
        EventTtlLearned(3_000),
        ListBegins("cluster-1"),
        stop_after,
    ]
    data = [one for one in got if isinstance(one, EventFrame)]
    assert [(one.version, one.confirmed_ms) for one in data] == [("", 0)] * 2, "of the comparison, and of the watch"
    assert [one.counts.received for one in data] == [2, 20]
    assert sum(one.counts.dropped for one in data) == 12 == 22 - sum(len(one.observations) for one in data)
    assert [one.sequence for one in got] == list(range(1, len(got) + 1))


def test_a_large_comparison_is_compared_as_a_whole() -> None:
    frames: queue.Queue[bytes] = queue.Queue()
    stop = threading.Event()
    outbox = Outbox("events", frames, stop, max_items=10_000, patience_seconds=1.0)
    seen = list(observations(500))
    outbox.send(Compare(seen))
    got: list[Frame] = []
    while sum(len(one.items) for one in got) < len(seen):
        got.append(decode(frames.get(timeout=10)))
    stop.set()
    outbox.close(10)
    assert len(got) > 1, "a frame is bounded in bytes"
    assert all(isinstance(one, ControlFrame) and isinstance(one.control, Compare) for one in got)
    assert [one for frame in got for one in frame.items] == seen
