"""CronJobs of which one run after the other fails or is skipped."""

import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record, Ref
from kube9_operator.analyze.rules.cronjob import cronjob as rule
from kube9_operator.analyze.rules.cronjob import due_ms
from kube9_operator.model.resource_states import CronJob, Part
from tests.unit.insight_stories import DAY_MS, HOUR_MS, Story, at, findings, holds, only, ref


def job_name(moment_ms: int) -> str:
    return f"nightly-{moment_ms // 60_000}"


def cron(story: Story, suspended: bool = False) -> Ref:
    found = ref("CronJob", "nightly")
    story.states.states[found] = CronJob(parts={"spec.suspend": Part(1, "true" if suspended else "false")})
    return found


def fails(story: Story, owner: Ref, moment_ms: int) -> Record:
    job = ref("Job", job_name(moment_ms))
    return story.tell(
        "BackoffLimitExceeded", "Job failed", job, moment_ms + 300_000, owner=owner, controller=owner,
        severity="error", description="Job has reached the specified backoff limit",
    )  # fmt: skip


def succeeds(story: Story, owner: Ref, moment_ms: int) -> None:
    name = job_name(moment_ms)
    story.pod(owner, f"{name}-x", ref("Job", name), phase="Succeeded", created_ms=moment_ms)


def skips(story: Story, owner: Ref, *times: int) -> Record:
    return story.tell(
        "JobAlreadyActive", "CronJob skipped, still running", owner, times[0], times=times,
        description="Not starting job because prior execution is running and concurrency policy is Forbid",
    )  # fmt: skip


def nights(story: Story, *days: int) -> tuple[Ref, list[Record]]:
    owner = cron(story)
    return owner, [fails(story, owner, at("01:00", one)) for one in days]


def test_three_nights() -> None:
    """Two of the three are older than the window."""
    story = Story()
    owner, records = nights(story, -2, -1, 0)
    found = holds(rule, story, records[-1])
    assert (found.owner, found.cause, found.severity) == (owner, "runs", "error")
    assert found.text == (
        "CronJob nightly failed 3 times in a row. The first of these runs was due at 2026-11-28 01:00:00 UTC. "
        "The last one: Job has reached the specified backoff limit."
    )
    assert {one.id for one in records} <= {one.event_id for one in found.evidence}
    assert found.quiet_ms > 2 * DAY_MS
    story.past.records.pop()
    assert findings(rule, story) == []


def test_the_exit_code_is_told() -> None:
    story = Story()
    owner, records = nights(story, -2, -1, 0)
    job = records[-1].object
    story.tell(
        "PodFailed", "Pod of Job failed", job, at("01:03"), owner=owner, container="main", exit_code=3, pod="x",
        termination_message="no disk",
    )  # fmt: skip
    assert "The last one: exit code 3: no disk; Job has reached" in only(findings(rule, story)).text


def test_two_nights() -> None:
    story = Story()
    nights(story, -1, 0)
    assert findings(rule, story) == []


def test_three_pods_fail_and_the_job_completes() -> None:
    story = Story()
    owner = cron(story)
    job = ref("Job", job_name(at("01:00")))
    story.tell("PodFailed", "Pod of Job failed", job, at("01:01"), last_ms=at("01:05"), count=3, owner=owner, exit_code=3)
    succeeds(story, owner, at("01:00"))
    assert findings(rule, story) == []


def test_a_good_night_between() -> None:
    story = Story()
    owner, _ = nights(story, -3, -2, 0)
    succeeds(story, owner, at("01:00", -1))
    assert findings(rule, story) == []


def test_a_good_night_before() -> None:
    story = Story()
    owner, _ = nights(story, -2, -1, 0)
    succeeds(story, owner, at("01:00", -3))
    assert only(findings(rule, story)).unknown == []


def test_nights_that_are_missing() -> None:
    """Nothing is kept of runs that succeeded, and the runs that failed have no even times: there may have been others."""
    story = Story()
    nights(story, -6, -1, 0)
    assert findings(rule, story) == []


def test_it_succeeds_again() -> None:
    story = Story()
    owner, _ = nights(story, -2, -1, 0)
    succeeds(story, owner, at("13:00"))
    assert only(findings(rule, story)).ended == RECOVERED


def test_suspended() -> None:
    story = Story()
    owner, _ = nights(story, -2, -1, 0)
    assert cron(story, suspended=True) == owner
    assert findings(rule, story) == []


def test_skipped_three_times() -> None:
    """The Job that runs does not end."""
    story = Story()
    owner = cron(story)
    record = skips(story, owner, at("11:00"), at("12:00"), at("13:00"))
    found = holds(rule, story, record)
    assert found.title == "CronJob nightly was skipped several times in a row"
    assert found.figures == {"runs": 3, "skipped": 3, "failed": 0}
    assert found.quiet_ms == 2 * HOUR_MS + 600_000


def test_skipped_while_a_job_ran_that_succeeded() -> None:
    story = Story()
    owner = cron(story)
    skips(story, owner, at("11:00"), at("12:00"), at("13:00"))
    succeeds(story, owner, at("10:00"))
    assert findings(rule, story) == []


def test_failed_and_skipped() -> None:
    story = Story()
    owner = cron(story)
    failed = [fails(story, owner, at("11:00")), fails(story, owner, at("13:00"))]
    skipped = skips(story, owner, at("12:00"))
    assert holds(rule, story, *failed, skipped).title == "CronJob nightly failed or was skipped several times in a row"


def test_a_job_that_nobody_schedules() -> None:
    story = Story()
    for one in range(3):
        story.tell("BackoffLimitExceeded", "Job failed", ref("Job", f"import-{one}"), at(f"1{one}:00"), severity="error")
    assert findings(rule, story) == []


def test_the_cronjob_is_deleted() -> None:
    story = Story()
    owner, _ = nights(story, -2, -1, 0)
    story.states.gone.add(owner)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story = Story()
    nights(story, -2, -1, 0)
    story.gap(at("09:00"), at("09:10"), "events")
    assert any("Not everything was watched" in one for one in only(findings(rule, story)).unknown)


@pytest.mark.parametrize(("name", "due"), [("nightly-29934000", 1_796_040_000_000), ("nightly-manual", 5), ("nightly-1", 5)])
def test_when_a_run_was_due(name: str, due: int) -> None:
    assert due_ms(name, 5) == due
