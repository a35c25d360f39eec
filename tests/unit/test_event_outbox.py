"""What the supervisor tells the writer: nothing is lost by a writer's death, and nothing grows without bounds."""

import pytest

from kube9_operator.model import operator_event
from kube9_operator.model.frame import CRITICAL, INFO, Observation
from kube9_operator.supervise.event_outbox import MAX_IN_BATCH, MAX_WAITING, EventOutbox
from kube9_operator.supervise.messages import OutboxBatch


def observation(number: int, severity: int = INFO) -> Observation:
    return operator_event.observation("Test", severity, f"{number}", "", 1_795_000_000_000 + number)


@pytest.fixture
def outbox() -> EventOutbox:
    return EventOutbox()


def titles(told: OutboxBatch | None) -> list[str]:
    assert told
    return [one.title for one in told.observations]


def test_what_is_not_committed_is_told_again_to_writer_replaced(outbox: EventOutbox) -> None:
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
    assert titles(outbox.next_batch()) == ["1", "2", "3"], "the word of a dead writer on an old telling means nothing"


def test_what_is_committed_is_told_no_more(outbox: EventOutbox) -> None:
    outbox.add(*(observation(number) for number in range(MAX_IN_BATCH + 1)))
    told = outbox.next_batch()
    assert told
    outbox.acknowledge(told.number)
    assert titles(outbox.next_batch()) == [str(MAX_IN_BATCH)]


def test_health_is_told_when_it_changes_and_to_each_writer(outbox: EventOutbox) -> None:
    assert outbox.next_batch() is None
    outbox.set_health("1")
    told = outbox.next_batch()
    assert told
    assert told.health == "1"
    outbox.acknowledge(told.number)
    outbox.set_health("1")
    assert outbox.next_batch() is None
    outbox.writer_replaced()
    assert outbox.next_batch()


def test_the_least_severe_and_oldest_give_way_and_are_counted(outbox: EventOutbox) -> None:
    outbox.add(observation(0, CRITICAL), *(observation(number) for number in range(1, MAX_WAITING + 3)))
    told = outbox.next_batch()
    assert told
    assert told.dropped == 3
    assert titles(told)[:2] == ["0", "4"]
    outbox.add(observation(1_000))
    outbox.acknowledge(told.number)
    more = outbox.next_batch()
    assert more
    assert more.dropped == 1


def test_the_last_is_hurried_behind_one_that_is_under_way(outbox: EventOutbox) -> None:
    outbox.add(*(observation(number) for number in range(MAX_IN_BATCH)))
    assert outbox.next_batch()
    outbox.add(observation(99))
    assert titles(outbox.next_batch(final=True))[-1] == "99"
