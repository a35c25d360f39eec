"""When the assessor runs, by a made clock, whatever dies."""

from typing import Any

import pytest

from kube9_operator.assess.schedule import MAX_ATTEMPTS, Lost, Outcome, Prepare, Schedule
from kube9_operator.model.assessment import Request, manual
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import from_environment
from kube9_operator.supervise.messages import AssessmentProgress, Ready
from tests.made_clock import Clock

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FIRST_MS = int(Deadlines().assess_first * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(clock: Clock, last_ms: int = 0, unfinished: tuple[str, ...] = (), **settings: str) -> Schedule:
    """A schedule after the start of the operator, which has prepared."""
    schedule = Schedule(from_environment({"DB_PATH": "/", **settings}), Deadlines(), clock)
    schedule.writer_ready(Ready({}, "", 0, assessed_ms=last_ms, unfinished=list(unfinished)))
    (task,) = schedule.due() or ()
    reason = "the operator stopped before the assessment had ended"
    assert task == Prepare([Lost(one, reason) for one in unfinished])
    schedule.ended("")
    return schedule


def begun(schedule: Schedule) -> Request:
    """What the assessor is to do."""
    (task,) = schedule.due() or (None,)
    assert isinstance(task, Request)
    return task


def test_the_first_comes_soon_after_the_start_and_the_next_after_the_interval(clock: Clock) -> None:
    schedule = started(clock)
    clock.ms += FIRST_MS - 1
    assert schedule.due() is None
    clock.ms += 1
    first = begun(schedule)
    assert (first.origin, first.mode, first.pillar, first.check_id) == ("scheduled", "full", "", "")
    assert (first.requested_ms, first.timeout_seconds) == (clock.ms, 600)
    schedule.ended("")
    clock.ms += DAY_MS - 1
    assert schedule.due() is None
    clock.ms += 1
    assert begun(schedule).id > first.id


@pytest.mark.parametrize(
    ("ago_ms", "wait_ms"),
    [(HOUR_MS, 23 * HOUR_MS), (3 * DAY_MS, FIRST_MS), (-30 * DAY_MS, DAY_MS)],
    ids=["not due yet", "overdue", "the clock was set back"],
)
def test_a_restart_changes_nothing_in_the_schedule(clock: Clock, ago_ms: int, wait_ms: int) -> None:
    schedule = started(clock, clock.ms - ago_ms)
    if ago_ms < 0:
        assert schedule.due() is None
        clock.ms += 31 * DAY_MS
        begun(schedule)
        return
    clock.ms += wait_ms - 1
    assert schedule.due() is None
    clock.ms += 1
    begun(schedule)


def test_settings_say_what_is_made_and_whether(clock: Clock) -> None:
    schedule = started(clock, ASSESSMENT_ENABLED="false")
    clock.ms += 100 * DAY_MS
    assert schedule.due() is None
    settings = {
        "ASSESSMENT_MODE": "pillar",
        "ASSESSMENT_PILLAR": "security",
        "ASSESSMENT_INTERVAL_SECONDS": "3600",
        "ASSESSMENT_TIMEOUT_SECONDS": "90",
    }
    schedule = started(clock, clock.ms, **settings)
    clock.ms += HOUR_MS
    request = begun(schedule)
    assert (request.mode, request.pillar, request.timeout_seconds) == ("pillar", "security", 90)


def test_what_a_stopped_operator_left_is_ended_first(clock: Clock) -> None:
    schedule = started(clock, clock.ms, ("asm_1", "asm_2"))
    schedule.writer_ready(Ready({}, "", 0, unfinished=["asm_3"]))
    assert schedule.due() is None, "a later writer only knows what this operator does"


def test_preparing_goes_on_until_it_is_done(clock: Clock) -> None:
    schedule = Schedule(from_environment({"DB_PATH": "/"}), Deadlines(), clock)
    schedule.writer_ready(Ready({}, "", 0, unfinished=["asm_1"]))
    for _ in range(5):
        (task,) = schedule.due() or ()
        assert isinstance(task, Prepare)
        schedule.ended("was killed by signal 9")
    schedule.due()
    schedule.ended("")
    assert schedule.due() is None


def test_a_killed_assessor_makes_the_same_again_and_then_gives_up(clock: Clock) -> None:
    schedule, told = started(clock), list[Any]()
    request = manual("single-check", "", "security.run-as-non-root", 30.0, clock.ms)
    assert schedule.ask(request, told.append) == ""
    for _ in range(MAX_ATTEMPTS):
        assert begun(schedule) == request
        assert schedule.ask(manual("", "", "", 30.0, clock.ms), told.append) == request.id
        schedule.ended("was killed by signal 9")
    reason = "its process failed 3 times; at last it was killed by signal 9"
    assert schedule.due() == (Prepare([Lost(request.id, reason, request)]),)
    assert told == [], "nobody is told before it is stored"
    schedule.ended("")
    assert told == [Outcome(request.id, reason)]
    assert schedule.due() is None


def test_who_waits_is_told_how_far_it_is_and_how_it_ended(clock: Clock) -> None:
    schedule, told = started(clock), list[Any]()
    request = manual("full", "", "", 30.0, clock.ms)
    assert schedule.ask(request, told.append) == ""
    assert begun(schedule) == request
    progress = AssessmentProgress(request.id, 3, 31, "pods", 500)
    schedule.receive(progress)
    schedule.receive(AssessmentProgress("another", 1, 1, "", 0))
    schedule.ended("")
    schedule.receive(progress)
    assert told == [progress, Outcome(request.id, "")]
    assert schedule.ask(manual("full", "", "", 30.0, clock.ms), told.append) == "", "one after the other"
