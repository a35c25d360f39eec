"""Containers that are killed for memory again and again."""

import pytest

from kube9_operator.analyze.model import CRASH_QUIET_MS, DELETED, Record, Ref
from kube9_operator.analyze.rules.recurring_oom import recurring_oom as rule
from tests.unit.insight_stories import HOUR_MS, Story, at, findings, holds, looping, only, ref

LIMIT = "spec.template.spec.containers[app].resources.limits.memory"


def told(now: str = "14:20") -> tuple[Story, Ref, list[Record]]:
    """512Mi, three kills, two pods; one pod is gone."""
    story = Story(now)
    web = story.workload()
    story.pod(web, "web-2")
    records = [
        story.killed(ref("Pod", "web-1"), web, [at("08:00")]),
        story.killed(ref("Pod", "web-2"), web, [at("10:00"), at("12:00")]),
    ]
    return story, web, records


def test_three_kills_of_two_pods() -> None:
    story, web, records = told()
    found = holds(rule, story, *records)
    assert (found.owner, found.container, found.category, found.severity) == (web, "app", "optimization", "critical")
    assert found.cause == "killed for memory at 512Mi"
    assert found.text == (
        "Container app of Deployment web was killed at its memory limit of 512Mi: 3 times since 2026-11-30 08:00:00 UTC, "
        "in 2 pods. Between two kills of a pod it ran for 2h at most."
    )
    assert found.figures == {"kills": 3, "memory_limit": "512Mi", "pods": 2, "uptimes_seconds": [7200]}
    assert (found.first_ms, found.last_ms, found.quiet_ms) == (at("08:00"), at("12:00"), 4 * HOUR_MS)


@pytest.mark.parametrize("left_out", range(2))
def test_each_of_the_events_is_needed(left_out: int) -> None:
    story, _, records = told()
    assert findings(rule, story, keep=lambda one: one is not records[left_out]) == []


def test_killed_by_a_liveness_probe() -> None:
    """Exit code 137 without OOMKilled."""
    story = Story()
    web = story.workload()
    story.restarts(ref("Pod", "web-1"), web, [at("14:00"), at("14:05"), at("14:10"), at("14:15")], 137)
    assert findings(rule, story) == []


def test_two_kills() -> None:
    story = Story()
    story.killed(ref("Pod", "web-1"), story.workload(), [at("14:00"), at("14:05")])
    assert findings(rule, story) == []


def test_restarts_are_not_counted_twice() -> None:
    story = Story()
    web, times = story.workload(), [at("14:00"), at("14:05")]
    story.killed(ref("Pod", "web-1"), web, times)
    story.restarts(ref("Pod", "web-1"), web, times, 137, termination_reason="OOMKilled")
    assert findings(rule, story) == []


def test_older_than_a_day() -> None:
    story = Story()
    web = story.workload()
    story.killed(ref("Pod", "web-1"), web, [at("13:00", -1), at("14:00", -1), at("14:00")])
    assert findings(rule, story) == []


def test_a_new_limit_starts_anew() -> None:
    """Two kills at the old limit and two at the new one are not three at one."""
    story = Story()
    web = story.workload()
    story.killed(ref("Pod", "web-1"), web, [at("10:00"), at("11:00")], "256Mi")
    story.configuration(web, at("12:00"), LIMIT, "256Mi", "512Mi")
    story.killed(ref("Pod", "web-2"), web, [at("13:00"), at("14:00")])
    assert findings(rule, story) == []


def test_the_same_limit_again_starts_anew_too() -> None:
    story = Story()
    web = story.workload()
    story.killed(ref("Pod", "web-1"), web, [at("10:00"), at("11:00")])
    story.configuration(web, at("12:00"), LIMIT, "1Gi", "512Mi")
    story.killed(ref("Pod", "web-2"), web, [at("13:00"), at("14:00")])
    assert findings(rule, story) == []


def test_after_a_change_of_the_limit_it_is_soon_quiet() -> None:
    story, web, records = told()
    change = story.configuration(web, at("13:00"), LIMIT, "512Mi", "1Gi")
    found = holds(rule, story, *records)
    assert found.quiet_ms == CRASH_QUIET_MS
    assert only(findings(rule, story, keep=lambda one: one is not change)).quiet_ms > CRASH_QUIET_MS


def test_a_limit_of_another_container() -> None:
    story, web, records = told()
    story.configuration(web, at("11:00"), LIMIT.replace("app", "proxy"), "512Mi", "1Gi")
    holds(rule, story, *records)


def test_it_waits_in_a_crash_loop() -> None:
    story = Story()
    web = story.workload()
    pod = story.pod(web, "web-1", containers=[looping(137, reason="OOMKilled")])
    story.killed(pod, web, [at("14:00"), at("14:05"), at("14:10")])
    assert only(findings(rule, story)).last_ms == story.now_ms


def test_without_a_limit() -> None:
    story = Story()
    web = story.workload()
    records = [story.killed(ref("Pod", f"web-{one}"), web, [at("14:00")], "") for one in range(3)]
    found = holds(rule, story, *records)
    assert "killed because its node ran out of memory; it has no limit" in found.text
    assert found.text.endswith("Each pod was killed once.")


def test_a_job() -> None:
    story = Story()
    nightly, job = story.workload("nightly", "CronJob"), ref("Job", "nightly-1")
    record = story.tell(
        "OOMKilled", "Pod of Job failed", job, at("14:00"), last_ms=at("14:10"), count=3, owner=nightly,
        container="main", memory_limit="64Mi", exit_code=137, pod="nightly-1-x",
    )  # fmt: skip
    assert holds(rule, story, record).owner == nightly


def test_the_workload_is_deleted() -> None:
    story, web, _ = told()
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story, _, _ = told()
    story.gap(at("09:00"), at("09:30"), "pods")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
