"""A failure that was there before, and ended each time after the same kind of change."""

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.seen_before import seen_before as rule
from tests.unit.insight_stories import Story, at, findings, holds, looping, only, ref

WHY = "cannot reach postgres"


def told(minutes_after: int = 2, kind: str = "rollback", episodes: int = 2) -> tuple[Story, Ref, Record]:
    """Exit 3 was there twice in the last weeks; each time it ended when the image was rolled back."""
    story = Story()
    web = story.workload()
    for number in range(episodes):
        day = -10 + 4 * number
        story.image(web, at("10:00", day), "shop/web:1", "shop/web:2")
        story.restarts(ref("Pod", f"web-{number}"), web, [at("10:01", day), at("10:30", day)], 3, WHY)
        if kind == "rollback":
            story.image(web, at("10:30", day) - minutes_after * 60_000, "shop/web:2", "shop/web:1")
        elif kind == "scale":
            story.scaled(web, at("10:30", day) - minutes_after * 60_000, 3, 0)
    story.image(web, at("14:00"), "shop/web:1", "shop/web:2")
    pod = story.pod(web, "web-9", containers=[looping(3)])
    return story, web, story.restarts(pod, web, [at("14:01"), at("14:10")], 3, WHY)


def test_both_times_after_a_rollback() -> None:
    story, web, now = told()
    found = holds(rule, story, now)
    assert (found.owner, found.container, found.cause) == (web, "app", f"exit code 3: {WHY}")
    assert found.title == "Deployment web: seen before, ended both times after a rollback of the image"
    assert found.text == (
        "Container app of Deployment web has failed since 2026-11-30 14:01:00 UTC: "
        f"exit code 3: {WHY}. The same happened 2 times before. "
        "It ended both times after a rollback of the image: 2026-11-20 10:28:00 UTC and 2026-11-24 10:28:00 UTC."
    )
    assert {one.role for one in found.evidence} == {"effect", "control"}
    assert findings(rule, story, keep=lambda one: one is not now) == []


def test_once_before() -> None:
    assert findings(rule, told(episodes=1)[0]) == []


def test_each_of_the_past_events_is_needed() -> None:
    story, _, _ = told()
    for record in list(story.past.records):
        if not (record.reason == "DeploymentImageChanged" and record.metadata["current"] == "shop/web:2"):
            story.past.records.remove(record)
            assert findings(rule, story) == [], record
            story.past.records.append(record)
    assert len(findings(rule, story)) == 1


def test_the_change_was_long_before_the_end() -> None:
    assert findings(rule, told(minutes_after=10)[0]) == []


def test_after_scaling() -> None:
    story, _, _ = told(kind="scale")
    assert only(findings(rule, story)).figures["change"] == "scale"


def test_nothing_was_changed_then() -> None:
    assert findings(rule, told(kind="nothing")[0]) == []


def test_another_message() -> None:
    story, web, now = told()
    story.records.remove(now)
    story.restarts(now.object, web, [at("14:01"), at("14:10")], 3, "no disk")
    assert findings(rule, story) == []


def test_a_number_in_the_message_does_not_matter() -> None:
    story, web, now = told()
    story.records.remove(now)
    for record in list(story.past.records):
        if record.reason == "ContainerRestarted":
            story.past.records.remove(record)
            story.restarts(record.object, web, [one for one, _ in record.occurrences], 3, "pid 4711: no disk")
    story.restarts(now.object, web, [at("14:01"), at("14:10")], 3, "pid 12: no disk")
    assert only(findings(rule, story)).cause == "exit code 3: pid *: no disk"


def test_an_hour_ago() -> None:
    story, _, _ = told()
    story.now_ms = at("15:10")
    assert findings(rule, story) == []


def test_the_workload_is_deleted() -> None:
    story, web, _ = told()
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED
