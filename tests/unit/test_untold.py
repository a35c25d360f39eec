"""What the supervisor tells the writer: nothing is lost by a writer's death, and nothing grows without bounds."""

import pytest

from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, INFO, Observation
from kube9_operator.supervise.child import OutboxBatch
from kube9_operator.supervise.event_outbox import MAX_IN_BATCH, MAX_WAITING, Untold


def observation(number: int, severity: int = INFO) -> Observation:
    return operator_event.happened("Test", severity, f"{number}", "", 1_795_000_000_000 + number)


@pytest.fixture
def untold() -> Untold:
    return Untold()


def titles(told: OutboxBatch | None) -> list[str]:
    assert told
    return [one.title for one in told.observations]


def test_what_is_not_committed_is_told_again_to_another_writer(untold: Untold) -> None:
    untold.note(observation(1), observation(2))
    first = untold.next()
    assert titles(first) == ["1", "2"]
    untold.note(observation(3))
    assert untold.next() is None, "one at a time"
    untold.another_writer()
    again = untold.next()
    assert titles(again) == ["1", "2", "3"]
    assert first
    untold.committed(first.number)
    assert again
    untold.another_writer()
    assert titles(untold.next()) == ["1", "2", "3"], "the word of a dead writer on an old telling means nothing"


def test_what_is_committed_is_told_no_more(untold: Untold) -> None:
    untold.note(*(observation(number) for number in range(MAX_IN_BATCH + 1)))
    told = untold.next()
    assert told
    untold.committed(told.number)
    assert titles(untold.next()) == [str(MAX_IN_BATCH)]


def test_health_is_told_when_it_changes_and_to_each_writer(untold: Untold) -> None:
    assert untold.next() is None
    untold.note_health("1")
    told = untold.next()
    assert told
    assert told.health == "1"
    untold.committed(told.number)
    untold.note_health("1")
    assert untold.next() is None
    untold.another_writer()
    assert untold.next()


def test_the_least_severe_and_oldest_give_way_and_are_counted(untold: Untold) -> None:
    untold.note(observation(0, CRITICAL), *(observation(number) for number in range(1, MAX_WAITING + 3)))
    told = untold.next()
    assert told
    assert told.dropped == 3
    assert titles(told)[:2] == ["0", "4"]
    untold.note(observation(1_000))
    untold.committed(told.number)
    more = untold.next()
    assert more
    assert more.dropped == 1


def test_the_last_is_hurried_behind_one_that_is_under_way(untold: Untold) -> None:
    untold.note(*(observation(number) for number in range(MAX_IN_BATCH)))
    assert untold.next()
    untold.note(observation(99))
    assert titles(untold.next(hurry=True))[-1] == "99"
