"""When the collector runs, by a made clock, whatever dies."""

import pytest

from kube9_operator.collect.schedule import MAX_ATTEMPTS, Schedule
from kube9_operator.model.collection import Task
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import from_environment
from kube9_operator.supervise.messages import CollectionsFailed, Ready
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS, TYPES
from tests.made_clock import NOW_MS, Clock

HOUR_MS = 3_600_000
FIRST_MS = int(Deadlines().collect_first * 1000)
RETRY_MS = int(Deadlines().collect_retry * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(clock: Clock, collected_ms: dict[str, int] | None = None, **settings: str) -> Schedule:
    schedule = Schedule(from_environment({"DB_PATH": "/", **settings}), Deadlines(), clock)
    assert schedule.due() is None, "nothing before it is known what is stored"
    schedule.writer_ready(Ready({}, "", 0, collected_ms=collected_ms or {}))
    return schedule


def types(schedule: Schedule) -> list[str]:
    """The types of the collections of the next run."""
    (task,) = schedule.due() or (Task([]),)
    return [request.type for request in task.requests]


def test_all_are_made_soon_after_the_first_start_in_one_run(clock: Clock) -> None:
    schedule = started(clock)
    clock.ms += FIRST_MS - 1
    assert types(schedule) == []
    clock.ms += 1
    (task,) = schedule.due() or ()
    assert [request.type for request in task.requests] == list(TYPES)
    assert len({request.id for request in task.requests}) == 3
    assert {request.requested_ms for request in task.requests} == {clock.ms}
    schedule.ended("")
    assert schedule.due() is None


def test_each_type_has_its_interval(clock: Clock) -> None:
    schedule = started(clock)
    clock.ms += FIRST_MS
    first = clock.ms
    types(schedule)
    schedule.ended("")
    seen = []
    for _ in range(24):
        clock.ms += HOUR_MS
        if found := types(schedule):
            seen.append(((clock.ms - first) // HOUR_MS, found))
            schedule.ended("")
    assert seen == [
        (6, [INVENTORY]),
        (12, [INVENTORY, PATTERNS]),
        (18, [INVENTORY]),
        (24, [METADATA, INVENTORY, PATTERNS]),
    ]


def test_after_a_restart_the_interval_goes_on(clock: Clock) -> None:
    stored = {METADATA: NOW_MS - HOUR_MS, INVENTORY: NOW_MS - 7 * HOUR_MS, PATTERNS: NOW_MS + HOUR_MS}
    schedule = started(clock, stored, CLUSTER_METADATA_INTERVAL_SECONDS="7200")
    clock.ms += FIRST_MS
    assert types(schedule) == [INVENTORY]
    schedule.ended("")
    clock.ms = NOW_MS + HOUR_MS
    assert types(schedule) == [METADATA]
    schedule.ended("")
    clock.ms = NOW_MS + 12 * HOUR_MS
    assert PATTERNS in types(schedule), "a time that has not come yet was stored before the clock was set back"


def test_what_has_failed_is_made_again_soon(clock: Clock) -> None:
    schedule = started(clock)
    clock.ms += FIRST_MS
    types(schedule)
    schedule.receive(CollectionsFailed([INVENTORY]))
    schedule.ended("")
    clock.ms += RETRY_MS - 1
    assert types(schedule) == []
    clock.ms += 1
    assert types(schedule) == [INVENTORY]
    schedule.ended("")
    clock.ms += RETRY_MS
    assert types(schedule) == []


def test_a_run_whose_process_dies_is_made_again_and_then_given_up(clock: Clock) -> None:
    schedule = started(clock)
    clock.ms += FIRST_MS
    (task,) = schedule.due() or ()
    for _ in range(MAX_ATTEMPTS - 1):
        schedule.ended("was killed")
        assert schedule.due() == (task,)
    schedule.ended("was killed")
    (lost,) = schedule.due() or ()
    assert lost.requests == task.requests, "with the same ids, so that none counts twice"
    assert lost.given_up == f"the collector failed {MAX_ATTEMPTS} times; at last it was killed"
    schedule.ended("was killed")
    assert schedule.due() == (lost,)
    schedule.ended("")
    assert schedule.due() is None
    clock.ms += RETRY_MS
    assert types(schedule) == list(TYPES)


def test_later_writers_change_nothing(clock: Clock) -> None:
    schedule = started(clock, dict.fromkeys(TYPES, NOW_MS))
    schedule.writer_ready(Ready({}, "", 0))
    clock.ms += FIRST_MS
    assert schedule.due() is None
