"""Two revisions side by side."""

import msgspec
import pytest

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.control_group import control_group as rule
from tests.unit.insight_stories import DAY_MS, Story, at, findings, holds, looping, only, ref


def told(pods: int = 2, each: int = 2, old_pods: int = 1) -> tuple[Story, Ref, list[Record]]:
    """1.8.3 fails since 14:03, and pods of 1.8.2 run beside it."""
    story = Story()
    web = story.workload()
    old = story.replicaset(web, "aaaa", at("09:00", -3), 1)
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    records = [story.image(web, at("14:02"), "shop/web:1.8.2", "shop/web:1.8.3")]
    for number in range(pods):
        pod = story.pod(web, f"web-bbbb-{number}", new, created_ms=at("14:02:10"), containers=[looping(1)])
        moments = [at(f"14:0{3 + minute}") for minute in range(each)]
        records.append(story.restarts(pod, web, moments, controller=new))
    for number in range(old_pods):
        story.pod(web, f"web-aaaa-{number}", old, created_ms=at("09:00", -3))
    return story, web, records


def test_only_the_new_image_fails() -> None:
    story, web, records = told()
    found = holds(rule, story, *records)
    assert (found.owner, found.container, found.cause) == (web, "app", "exit code 1")
    assert found.title == "Deployment web: only shop/web:1.8.3 fails with exit code 1"
    assert found.text == (
        "Only shop/web:1.8.3 fails: exit code 1, 4 times in 2 pods. "
        "In the same 18m, 1 pod of the previous revision (web-aaaa-0) did not fail in this way."
    )
    assert findings(rule, story, keep=lambda one: one is not records[1]) == [], "one pod is not enough"


def test_no_pod_of_the_old_revision_is_left() -> None:
    assert findings(rule, told(old_pods=0)[0]) == []


def test_the_old_revision_fails_too() -> None:
    story, web, _ = told()
    story.restarts(ref("Pod", "web-aaaa-0"), web, [at("14:10")], controller=ref("ReplicaSet", "web-aaaa"))
    assert findings(rule, story) == []


def test_the_old_revision_does_not_run() -> None:
    story, web, _ = told()
    story.pod(web, "web-aaaa-0", ref("ReplicaSet", "web-aaaa"), phase="Pending")
    assert findings(rule, story) == []


@pytest.mark.parametrize(("pods", "each"), [(1, 5), (2, 1)])
def test_too_few_failures(pods: int, each: int) -> None:
    assert findings(rule, told(pods, each)[0]) == []


def test_side_by_side_for_five_minutes() -> None:
    story, _, _ = told()
    story.now_ms = at("14:07")
    assert findings(rule, story) == []


def test_a_gap_while_both_ran() -> None:
    story, _, _ = told()
    story.gap(at("14:10"), at("14:11"), "pods")
    assert findings(rule, story) == []


def test_the_last_seconds_are_not_confirmed() -> None:
    story, _, _ = told()
    story.gap(at("14:19:30"), story.now_ms, "pods")
    assert len(findings(rule, story)) == 1


def test_the_change_is_ruled_out() -> None:
    story, web, records = told()
    before = story.restarts(ref("Pod", "web-aaaa-0"), web, [at("13:40"), at("13:50")], controller=ref("ReplicaSet", "web-aaaa"))
    found = holds(rule, story, *records, before)
    assert found.title == "Deployment web: change ruled out, exit code 1 is older"
    assert found.text.endswith("exit code 1 was there since 2026-11-30 13:40:00 UTC, before it was made.")
    assert found.recommendation == "Look for what came before 2026-11-30 13:40:00 UTC: kube9-cli events summary."
    assert [one.role for one in found.evidence] == ["cause", "against", "effect", "effect"]
    assert findings(rule, story, keep=lambda one: one is not records[0]) == []


def a_day_later(story: Story) -> None:
    """The pods of the new revision still fail: what was recorded before them is out of the window."""
    story.now_ms = at("14:10", 1)
    records, story.records = story.records, []
    for one in records:
        if one.reason == "ContainerRestarted" and one.first_ms >= at("14:03"):
            occurrences = (*one.occurrences, (story.now_ms - 60_000, one.count + 1))
            one = msgspec.structs.replace(one, last_ms=story.now_ms - 60_000, count=one.count + 1, occurrences=occurrences)
        (story.records if one.last_ms >= story.now_ms - DAY_MS else story.past.records).append(one)


def test_the_change_stays_ruled_out_a_day_later() -> None:
    story, web, _ = told()
    story.restarts(ref("Pod", "web-aaaa-0"), web, [at("13:40"), at("13:50")], controller=ref("ReplicaSet", "web-aaaa"))
    a_day_later(story)
    assert only(findings(rule, story)).cause == "exit code 1, change ruled out"


def test_both_run_for_days() -> None:
    story, _, _ = told()
    a_day_later(story)
    assert only(findings(rule, story)).title == "Deployment web: only shop/web:1.8.3 fails with exit code 1"
    story.past.holes.append((at("14:04"), at("14:05")))
    assert findings(rule, story) == []


def test_the_workload_is_deleted() -> None:
    story, web, _ = told()
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED
