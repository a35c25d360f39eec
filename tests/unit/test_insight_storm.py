"""Far more events of a reason than usual."""

import msgspec

from kube9_operator.analyze.model import Record, Ref
from kube9_operator.analyze.rules.storm import storm as rule
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

HPA = ref("HorizontalPodAutoscaler", "web")


def told(story: Story, count: int = 900, first: str = "14:11", last: str = "14:20") -> Record:
    return story.tell(
        "FailedGetScale", "HorizontalPodAutoscaler FailedGetScale", HPA, at(first), last_ms=at(last) - 1, count=count,
        description='deployments.apps "web" not found',
    )  # fmt: skip


def test_900_times() -> None:
    story = Story()
    record = told(story)
    found = holds(rule, story, record)
    assert (found.owner, found.object, found.cause) == (Ref(kind="Namespace", name="shop"), HPA, "FailedGetScale")
    assert found.text == (
        "FailedGetScale was recorded 900 times in the 10m after 2026-11-30 14:10:00 UTC (usual: 0). "
        'Most are of HorizontalPodAutoscaler web, and say: deployments.apps "web" not found.'
    )
    assert findings(rule, story, keep=lambda one: one is not record) == []


def test_99_times() -> None:
    story = Story()
    told(story, 99)
    assert findings(rule, story) == []


def test_as_many_as_usual() -> None:
    story = Story()
    told(story, 120)
    story.tell(
        "FailedGetScale", "HorizontalPodAutoscaler FailedGetScale", ref("HorizontalPodAutoscaler", "api"), at("15:00", -1),
        last_ms=at("14:09"), count=140 * 20,
    )  # fmt: skip
    assert findings(rule, story) == [], "20 in ten minutes are usual"


def test_a_count_of_57_that_arrives_after_a_gap() -> None:
    story = Story()
    story.gap(at("13:00"), at("14:15"), "events")
    record = told(story, 2, "13:00", "14:16")
    story.records = [msgspec.structs.replace(record, count=57, occurrences=((at("13:00"), 1), (at("14:16"), 57)))]
    assert findings(rule, story) == []


def test_a_count_of_1000_that_arrives_after_a_gap() -> None:
    story = Story()
    story.gap(at("14:12"), at("14:15"), "events")
    told(story, 1000)
    assert findings(rule, story) == []


def test_a_rise_is_spread_over_its_interval() -> None:
    """Of 600 within ten hours, ten are of the last ten minutes."""
    story = Story()
    record = told(story, 2, "04:20", "14:20")
    story.records = [msgspec.structs.replace(record, count=600, occurrences=((at("04:20"), 1), (at("14:19"), 600)))]
    assert findings(rule, story) == []


def test_the_first_day() -> None:
    story = Story(begin_days=0)
    told(story)
    assert findings(rule, story) == []


def test_nothing_is_confirmed_since_then() -> None:
    story = Story()
    told(story)
    story.gap(at("14:05"), story.now_ms, "events")
    assert findings(rule, story) == []


def test_the_last_seconds_are_not_confirmed_yet() -> None:
    story = Story()
    told(story)
    story.gap(at("14:19:40"), story.now_ms, "events")
    assert len(findings(rule, story)) == 1


def unhealthy(story: Story, kind: str = "Deployment") -> Ref:
    owner = story.workload("agent", kind)
    for one in range(10):
        story.tell(
            "Unhealthy", "Pod Unhealthy", ref("Pod", f"agent-{one}"), at("14:11"), last_ms=at("14:19"), count=50, owner=owner
        )
    return owner


def test_a_rollout_of_a_daemon_set() -> None:
    story = Story()
    agent = unhealthy(story, "DaemonSet")
    assert len(findings(rule, story)) == 1
    story.image(agent, at("14:05"), "a", "b")
    assert findings(rule, story) == []


def test_an_upgrade_of_nodes() -> None:
    story = Story()
    unhealthy(story)
    assert only(findings(rule, story)).figures["count"] == 500
    story.tell("NodeCordoned", "Node cordoned", ref("Node", "n1"), at("13:50"), severity="info")
    assert findings(rule, story) == []
