"""The writer's end of the queue of frames: batches, their ends, and frames that are missing."""

import queue

import pytest

from kube9_operator.model.frame import Confirmed, ControlFrame, encode
from kube9_operator.supervise.exits import BeginAgain
from kube9_operator.write.inbox import MAX_FRAMES, Inbox


def sent(*sequences: int) -> Inbox:
    frames: queue.Queue[bytes] = queue.Queue()
    for sequence in sequences:
        frames.put(encode(ControlFrame("pods", Confirmed(1), sequence=sequence)))
    return Inbox(frames, 0.0)


def test_a_batch_ends_where_nothing_waits() -> None:
    inbox = sent(1, 2, 3)
    assert len(inbox.take(0.0, 1_000)) == 3
    assert inbox.is_drained
    assert inbox.take(0.0, 1_000) == []
    assert inbox.is_drained


def test_a_full_batch_leaves_the_rest() -> None:
    inbox = sent(*range(1, MAX_FRAMES + 2))
    assert len(inbox.take(0.0, 1_000)) == MAX_FRAMES
    assert not inbox.is_drained
    assert len(inbox.take(0.0, 1_000)) == 1
    assert inbox.is_drained


def test_a_missing_frame_begins_the_generation_again() -> None:
    with pytest.raises(BeginAgain, match="frame 2 of pods is missing, 3 came instead"):
        sent(1, 3).take(0.0, 1_000)
