"""A reason that a namespace has not had for days."""

import pytest

from kube9_operator.analyze.model import Record, Ref
from kube9_operator.analyze.rules.new_reason import new_reason as rule
from kube9_operator.model.resource_states import Namespace
from tests.unit.insight_stories import Story, at, findings, holds, only, ref


def told(story: Story, objects: int = 3, each: int = 4, reason: str = "FailedMount") -> list[Record]:
    return [
        story.tell(
            reason, "Volume mount failed", ref("Pod", f"web-{one}"), at(f"14:0{one}"), last_ms=at("14:15"), count=each,
            severity="error", description='MountVolume.SetUp failed for volume "v" : configmap "missing" not found',
        )
        for one in range(objects)
    ]  # fmt: skip


def test_the_first_failed_mount() -> None:
    story = Story()
    records = told(story)
    found = holds(rule, story, *records)
    assert (found.owner, found.cause, found.severity) == (Ref(kind="Namespace", name="shop"), "FailedMount", "error")
    assert found.title == "FailedMount for the first time in 7d in Namespace shop"
    assert (
        "12 times in the 1h after 2026-11-30 14:00:00 UTC, for 3 objects (web-0, web-1 and web-2), and never in the 7d"
        in found.text
    )


@pytest.mark.parametrize("left_out", range(3))
def test_each_of_the_objects_is_needed(left_out: int) -> None:
    story = Story()
    records = told(story)
    assert findings(rule, story, keep=lambda one: one is not records[left_out]) == []


def test_seen_six_days_ago() -> None:
    story = Story()
    told(story)
    story.tell("FailedMount", "Volume mount failed", ref("Pod", "old"), at("10:00", -6), severity="error")
    assert findings(rule, story) == []


def test_seen_six_days_ago_in_another_namespace() -> None:
    story = Story()
    told(story)
    story.tell("FailedMount", "Volume mount failed", ref("Pod", "old", "other"), at("10:00", -6), severity="error")
    assert len(findings(rule, story)) == 1


def test_seen_eight_days_ago() -> None:
    story = Story()
    told(story)
    story.tell("FailedMount", "Volume mount failed", ref("Pod", "old"), at("10:00", -8), severity="error")
    assert len(findings(rule, story)) == 1


def test_seen_in_the_morning() -> None:
    """It is not new any more when it comes in volume."""
    story = Story()
    told(story)
    story.tell("FailedMount", "Volume mount failed", ref("Pod", "old"), at("10:00"), severity="error")
    assert findings(rule, story) == []


def test_nine_times() -> None:
    story = Story()
    told(story, each=3)
    assert findings(rule, story) == []


def test_a_gap_in_the_seven_days() -> None:
    story = Story()
    told(story)
    story.gap(at("10:00", -3), at("10:05", -3))
    assert findings(rule, story) == []


def test_the_record_is_young() -> None:
    story = Story(begin_days=-6)
    told(story)
    assert findings(rule, story) == []


@pytest.mark.parametrize("told_by", ["state", "event"])
def test_the_namespace_is_new(told_by: str) -> None:
    story = Story()
    told(story)
    if told_by == "state":
        story.states.states[Ref(kind="Namespace", name="shop")] = Namespace(created_ms=at("10:00", -2))
    else:
        story.tell("NamespaceCreated", "Namespace created", ref("Namespace", "shop", ""), at("10:00"), severity="info")
    assert findings(rule, story) == []


def test_our_own_rules_changed() -> None:
    story = Story()
    told(story)
    story.rules_since_ms = at("10:00", -2)
    assert findings(rule, story) == []


def test_a_gap_afterwards_is_told() -> None:
    story = Story()
    told(story)
    story.gaps["events"].append((at("14:05"), at("14:06")))
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
