"""Crash loops and rollouts without progress that last."""

import msgspec
import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record, Ref
from kube9_operator.analyze.rules.stuck import stuck as rule
from kube9_operator.clock import iso
from tests.unit.insight_stories import Story, at, findings, holds, looping, only, ref


def loop(story: Story, minutes: int, stable_minutes: int = 0, owner: Ref | None = None) -> Record:
    """A container that ended every two minutes for so long, and has run since."""
    owner = owner or story.workload()
    end_ms = story.now_ms - stable_minutes * 60_000
    state = {} if stable_minutes else {"containers": [looping(3)]}
    pod = story.pod(owner, f"{owner.name}-1", **state)
    times = [end_ms - one * 120_000 for one in range(minutes // 2 + 1)]
    return story.restarts(pod, owner, times, 3, "FATAL: cannot reach postgres", loop=True)


def test_exit_3_for_70_minutes() -> None:
    story = Story()
    record = loop(story, 70)
    found = holds(rule, story, record)
    assert (found.severity, found.container, found.cause) == ("error", "app", "exit code 3")
    assert found.title == "Deployment web: container app is in a crash loop: exit code 3"
    assert found.text == (
        "Container app of Deployment web has been in a crash loop since 2026-11-30 13:10:00 UTC, for 1h10m, in 1 pod. "
        "Its last end was: exit code 3: FATAL: cannot reach postgres."
    )
    assert (found.first_ms, found.last_ms) == (at("13:10"), story.now_ms)
    assert findings(rule, story, keep=lambda one: one is not record) == []


@pytest.mark.parametrize(("minutes", "severity"), [(12, ""), (16, "warning"), (58, "warning"), (62, "error")])
def test_how_long(minutes: int, severity: str) -> None:
    story = Story()
    loop(story, minutes)
    assert [one.severity for one in findings(rule, story)] == ([severity] if severity else [])


def test_forty_restarts_and_stable_for_six_minutes() -> None:
    """It was stuck, and is not any more: nothing new begins with it."""
    story = Story()
    loop(story, 80, stable_minutes=6)
    assert only(findings(rule, story)).ended == RECOVERED


def test_it_runs_for_two_minutes() -> None:
    story = Story()
    loop(story, 80, stable_minutes=2)
    assert only(findings(rule, story)).ended == ""


def test_five_restarts_in_a_loop_that_ended_long_ago() -> None:
    story = Story()
    loop(story, 10, stable_minutes=6)
    assert findings(rule, story) == []


def test_restarts_hours_apart_are_no_loop() -> None:
    story = Story()
    web = story.workload()
    pod = story.pod(web, "web-1", containers=[looping(3)])
    story.restarts(pod, web, [at(f"{hour:02}:00") for hour in range(2, 14)], 3, loop=True)
    assert findings(rule, story) == []


def test_pods_that_replace_each_other_are_one_loop() -> None:
    story = Story()
    web = story.workload()
    first = story.restarts(ref("Pod", "web-1"), web, [at("13:00") + one * 120_000 for one in range(15)], 3, loop=True)
    pod = story.pod(web, "web-2", containers=[looping(3)])
    second = story.restarts(pod, web, [at("13:32") + one * 120_000 for one in range(24)], 3, loop=True)
    found = holds(rule, story, first, second)
    assert (found.first_ms, found.severity) == (at("13:00"), "error")


def test_a_loop_of_five_days() -> None:
    """The record keeps the first time and the newest ones."""
    story = Story()
    record = loop(story, 70)
    begin_ms = at("14:20", -5)
    occurrences = ((begin_ms, 1), *((moment, number + 1400) for moment, number in record.occurrences))
    story.records = [msgspec.structs.replace(record, first_ms=begin_ms, count=1436, occurrences=occurrences)]
    found = only(findings(rule, story))
    assert found.first_ms == begin_ms
    assert "since 2026-11-25 14:20:00 UTC, for 5d, in 1 pod" in found.text
    assert found.figures["ends"] == 1436


def test_exit_codes_that_alternate() -> None:
    """It is one loop, although the two codes each have only a first and a last time."""
    story = Story()
    record = loop(story, 70)
    codes = {
        str(code): {"count": 18, "first": iso(at(first)), "last": iso(at(last))}
        for code, first, last in ((1, "13:12", "14:18"), (3, "13:10", "14:20"))
    }
    story.records = [msgspec.structs.replace(record, metadata=record.metadata | {"exit_codes": codes})]
    found = {one.cause: (one.severity, one.first_ms, one.figures["ends"]) for one in findings(rule, story)}
    assert found == {"exit code 1": ("error", at("13:12"), 18), "exit code 3": ("error", at("13:10"), 18)}
    story.now_ms = at("14:24")
    assert {one.cause: one.ended for one in findings(rule, story)} == {"exit code 1": "", "exit code 3": ""}


def test_it_was_rolled_back() -> None:
    story = Story()
    record = loop(story, 70)
    web = record.owner
    story.workload(replicas=1)
    story.states.gone.add(record.object)
    del story.states.states[record.object]
    assert only(findings(rule, story)).ended == ""
    story.pod(web, "web-2", created_ms=story.now_ms - 301_000)
    assert only(findings(rule, story)).ended == RECOVERED


def test_zero_replicas() -> None:
    story = Story()
    loop(story, 70, owner=story.workload(replicas=0))
    assert findings(rule, story) == []


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_job_that_retries(kind: str) -> None:
    story = Story()
    loop(story, 70, owner=ref(kind, "nightly"))
    assert findings(rule, story) == []


def test_the_owner_is_deleted() -> None:
    story = Story()
    loop(story, 70)
    story.states.gone.add(ref("Deployment", "web"))
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story = Story()
    loop(story, 70)
    story.gap(at("13:30"), at("13:40"), "pods")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]


def rollout(story: Story, minutes: int, lasts: bool = True) -> tuple[Record, Record]:
    since_ms = story.now_ms - minutes * 60_000
    web = story.workload(stuck_since_ms=since_ms if lasts else 0)
    record = story.tell(
        "ProgressDeadlineExceeded", "Deployment rollout stuck", web, since_ms, last_ms=story.now_ms - 300_000, severity="error",
        ongoing=lasts,
    )  # fmt: skip
    return record, story.restarts(story.pod(web, "web-1"), web, [story.now_ms - 300_000], 3)


def test_a_rollout_without_progress_for_an_hour() -> None:
    story = Story()
    found = holds(rule, story, *rollout(story, 61))
    assert (found.cause, found.severity, found.last_ms) == ("rollout stuck", "error", story.now_ms)
    assert found.text.endswith("for 1h1m. Its pods failed meanwhile: exit code 3.")


def test_a_rollout_that_is_stuck_for_half_an_hour() -> None:
    story = Story()
    rollout(story, 30)
    assert findings(rule, story) == []


def test_a_rollout_goes_on() -> None:
    story = Story()
    rollout(story, 90, lasts=False)
    assert only(findings(rule, story)).ended == RECOVERED
