"""The outbox of operator events: nothing is lost when a writer dies, and nothing grows without bounds."""

import pytest

from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, INFO, Observation
from kube9_operator.supervise.event_outbox import MAX_IN_BATCH, MAX_WAITING, EventOutbox
from kube9_operator.supervise.messages import OutboxBatch


def observation(number: int, severity: int = INFO) -> Observation:
    return operator_event.observation("Test", severity, f"{number}", "", 1_795_000_000_000 + number)


@pytest.fixture
def outbox() -> EventOutbox:
    return EventOutbox()


def titles(batch: OutboxBatch | None) -> list[str]:
    assert batch
    return [one.title for one in batch.observations]


def test_what_is_not_committed_is_sent_again_to_another_writer(outbox: EventOutbox) -> None:
    outbox.add(observation(1), observation(2))
    first = outbox.next_batch()
    assert titles(first) == ["1", "2"]
    outbox.add(observation(3))
    assert outbox.next_batch() is None, "one at a time"
    outbox.writer_replaced()
    again = outbox.next_batch()
    assert titles(again) == ["1", "2", "3"]
    assert first
    outbox.acknowledge(first.number)
    assert again
    outbox.writer_replaced()
    assert titles(outbox.next_batch()) == ["1", "2", "3"], "what a dead writer acknowledges of an old batch means nothing"


def test_what_is_committed_is_not_sent_again(outbox: EventOutbox) -> None:
    outbox.add(*(observation(number) for number in range(MAX_IN_BATCH + 1)))
    batch = outbox.next_batch()
    assert batch
    outbox.acknowledge(batch.number)
    assert titles(outbox.next_batch()) == [str(MAX_IN_BATCH)]


def test_health_is_sent_when_it_changes_and_to_each_writer(outbox: EventOutbox) -> None:
    assert outbox.next_batch() is None
    outbox.set_health("1")
    batch = outbox.next_batch()
    assert batch
    assert batch.health == "1"
    outbox.acknowledge(batch.number)
    outbox.set_health("1")
    assert outbox.next_batch() is None
    outbox.writer_replaced()
    assert outbox.next_batch()


def test_the_least_severe_and_oldest_are_dropped_and_counted(outbox: EventOutbox) -> None:
    outbox.add(observation(0, CRITICAL), *(observation(number) for number in range(1, MAX_WAITING + 3)))
    batch = outbox.next_batch()
    assert batch
    assert batch.dropped == 3
    assert titles(batch)[:2] == ["0", "4"]
    outbox.add(observation(1_000))
    outbox.acknowledge(batch.number)
    more = outbox.next_batch()
    assert more
    assert more.dropped == 1


def test_the_final_batch_does_not_wait_for_one_in_flight(outbox: EventOutbox) -> None:
    outbox.add(*(observation(number) for number in range(MAX_IN_BATCH)))
    assert outbox.next_batch()
    outbox.add(observation(99))
    assert titles(outbox.next_batch(final=True))[-1] == "99"
