"""Pods that cannot be scheduled for the same lack."""

import msgspec
import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record
from kube9_operator.analyze.rules.capacity import capacity as rule
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

CPU = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found."


def unschedulable(
    story: Story, name: str, owner_name: str = "web", clock: str = "14:04", text: str = CPU, **more: str
) -> Record:
    owner = story.workload(owner_name, more.get("kind", "Deployment"))
    pod = story.pod(owner, name, phase="Pending", node="", unschedulable_since_ms=at(clock))
    return story.tell(
        "FailedScheduling", "Pod scheduling failed", pod, at(clock), last_ms=at("14:18"), count=4, owner=owner,
        severity="error", description=text, ongoing=True,
    )  # fmt: skip


def place(story: Story, *names: str) -> None:
    """Their pods are placed."""
    for name in names:
        story.pod(story.workload("web"), name)
    story.records = [
        record if record.object.name not in names else msgspec.structs.replace(record, ongoing=False)
        for record in story.records
    ]


def test_five_pods_for_16_minutes() -> None:
    story = Story()
    records = [unschedulable(story, f"web-{one}") for one in range(5)]
    found = holds(rule, story, *records)
    assert (found.cause, found.category, found.severity) == ("not enough cpu", "optimization", "error")
    assert found.object == ref("Deployment", "web")
    assert found.text == (
        "5 pods of shop/web have not been scheduled since 2026-11-30 14:04:00 UTC, for 16m: not enough cpu. "
        "The scheduler says: 0/3 nodes are available: 3 Insufficient cpu."
    )


def test_two_owners() -> None:
    story = Story()
    records = [unschedulable(story, "web-1"), unschedulable(story, "api-1", "api")]
    assert holds(rule, story, *records).object.name == "not enough cpu"
    assert findings(rule, story, keep=lambda one: one is not records[0]) == []


def test_two_pods_of_one_owner() -> None:
    story = Story()
    for one in range(2):
        unschedulable(story, f"web-{one}")
    assert findings(rule, story) == []


def test_for_ten_minutes() -> None:
    story = Story()
    for one in range(5):
        unschedulable(story, f"web-{one}", clock="14:10")
    assert findings(rule, story) == []


def test_placed_after_four_minutes() -> None:
    story = Story()
    for one in range(5):
        owner = story.workload("web")
        pod = story.pod(owner, f"web-{one}")
        story.tell(
            "FailedScheduling", "Pod scheduling failed", pod, at("14:04"), last_ms=at("14:08"), count=2, owner=owner,
            severity="error", description=CPU,
        )  # fmt: skip
    assert findings(rule, story) == []


def test_placed_after_14_minutes_of_16() -> None:
    """It lasted too short even though it was seen long ago."""
    story = Story("14:40")
    for one in range(5):
        unschedulable(story, f"web-{one}")
    place(story, *(f"web-{one}" for one in range(5)))
    assert findings(rule, story) == []


def test_placed_at_last() -> None:
    story = Story("14:40")
    for one in range(5):
        unschedulable(story, f"web-{one}", clock="14:00")
    place(story, *(f"web-{one}" for one in range(5)))
    found = only(findings(rule, story))
    assert (found.ended, found.last_ms) == (RECOVERED, at("14:18"))


def test_the_pods_were_deleted() -> None:
    story = Story("14:40")
    for one in range(5):
        record = unschedulable(story, f"web-{one}", clock="14:00")
        del story.states.states[record.object]
        story.states.gone.add(record.object)
    story.records = [msgspec.structs.replace(record, ongoing=False) for record in story.records]
    assert only(findings(rule, story)).ended == DELETED


@pytest.mark.parametrize(
    "text",
    [
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available",
        'persistentvolumeclaim "data" not found',
    ],
)
def test_a_volume_is_missing(text: str) -> None:
    story = Story()
    for one in range(5):
        unschedulable(story, f"web-{one}", text=text)
    assert findings(rule, story) == []


def test_a_daemon_set() -> None:
    story = Story()
    for one in range(5):
        unschedulable(story, f"agent-{one}", "agent", kind="DaemonSet")
    assert findings(rule, story) == []


@pytest.mark.parametrize(("clock", "fires"), [("14:15", False), ("14:05", True)])
def test_a_scale_up_is_under_way(clock: str, fires: bool) -> None:
    story = Story()
    for one in range(5):
        record = unschedulable(story, f"web-{one}")
        story.tell("TriggeredScaleUp", "Node group scaled up for pod", record.object, at(clock), severity="info")
    assert len(findings(rule, story)) == fires


def test_different_lacks() -> None:
    story = Story()
    unschedulable(story, "web-1")
    unschedulable(story, "web-2")
    unschedulable(story, "api-1", "api", text=CPU.replace("cpu", "memory"))
    assert findings(rule, story) == []


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        ("0/9 nodes are available: 4 Insufficient memory, 5 Insufficient cpu.", "not enough cpu and memory"),
        ("0/9 nodes are available: 9 Insufficient nvidia.com/gpu.", "not enough nvidia.com/gpu"),
        ("0/9 nodes are available: 9 Too many pods.", "too many pods"),
        ("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", "node(s) didn't match Pod's node"),
    ],
)
def test_what_is_missing(text: str, lack: str) -> None:
    story = Story()
    for one in range(3):
        unschedulable(story, f"web-{one}", text=text)
    assert only(findings(rule, story)).cause.startswith(lack)


def test_a_gap_is_told() -> None:
    story = Story()
    for one in range(5):
        unschedulable(story, f"web-{one}")
    story.gap(at("14:05"), at("14:06"), "pods")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
