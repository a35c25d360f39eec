"""Which Events of a comparing list are missed: those that the watch had time to deliver, and has not."""

import time
from unittest import mock

import pytest

from kube9_operator.model.frame import Compare
from kube9_operator.model.observation import Observation
from kube9_operator.write.events import missed
from kube9_operator.write.events.missed import MissedEvents
from tests.unit.test_event_outbox import observation

PATIENCE = 30.0


class Recorded:
    """A store that has what is put into it."""

    def __init__(self) -> None:
        self.known: list[object] = []

    def has(self, observation: object) -> bool:
        return observation in self.known


@pytest.fixture
def store() -> Recorded:
    return Recorded()


@pytest.fixture
def found(store: Recorded) -> MissedEvents:
    return MissedEvents(store, PATIENCE)  # type: ignore[arg-type]


def after(found: MissedEvents, seconds: float) -> dict[str, list[object]]:
    now = time.monotonic() + seconds
    with mock.patch.object(missed.time, "monotonic", return_value=now):
        return {source: list(events) for source, events in found.missed().items()}


@pytest.fixture
def event() -> Observation:
    return observation(1)


def test_what_the_watch_has_passed_is_missed_after_a_while(found: MissedEvents, event: Observation) -> None:
    assert found.take("events", Compare([event], "1000")) == 1
    found.delivered("events", "1001")
    assert after(found, PATIENCE - 1.0) == {}
    assert after(found, PATIENCE + 1.0) == {"events": [event]}
    assert after(found, PATIENCE + 2.0) == {}, "once"


def test_what_arrives_in_time_is_not_missed(found: MissedEvents, store: Recorded, event: Observation) -> None:
    found.take("events", Compare([event], "1000"))
    found.delivered("events", "1000")
    store.known.append(event)
    assert after(found, PATIENCE + 1.0) == {}


@pytest.mark.parametrize("delivered", ["", "999"])
def test_a_watch_that_is_behind_has_more_time(found: MissedEvents, event: Observation, delivered: str) -> None:
    found.take("events", Compare([event], "1000"))
    found.delivered("events", delivered)
    assert after(found, PATIENCE * missed.BEHIND) == {}
    assert after(found, PATIENCE * (missed.BEHIND + 2)) == {"events": [event]}, "but not for ever: it may be dead"
