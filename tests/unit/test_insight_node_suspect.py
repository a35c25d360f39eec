"""Pods of several owners that fail on one node."""

import pytest

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.node_suspect import node_suspect as rule
from kube9_operator.model.resource_states import Node
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

NODE = ref("Node", "n3")


def sandbox(story: Story, owner: Ref, name: str, clock_ms: int, node: str = "n3") -> Record:
    pod = story.pod(owner, name, node=node, phase="Pending")
    text = "Failed to create pod sandbox: plugin type calico failed (add): connection is unauthorized"
    return story.tell(
        "FailedCreatePodSandBox",
        "Pod sandbox cannot be created",
        pod,
        clock_ms,
        last_ms=clock_ms + 300_000,
        count=20,
        owner=owner,
        severity="error",
        description=text,
        node=node,
    )


def told(healthy: bool = True) -> tuple[Story, list[Record]]:
    story = Story("14:10")
    story.states.states[NODE] = Node(ready="True")
    web, api = story.workload("web"), story.workload("api")
    found = [
        sandbox(story, web, "web-1", at("14:01")),
        sandbox(story, web, "web-2", at("14:02")),
        sandbox(story, api, "api-1", at("14:04")),
    ]
    if healthy:
        story.pod(web, "web-3", node="n4")
    return story, found


def test_two_owners_on_a_bad_node() -> None:
    story, records = told()
    found = holds(rule, story, *records)
    assert (found.owner, found.cause, found.severity) == (NODE, "sandbox", "error")
    assert found.title == "Node n3: pod sandboxes cannot be created, for several workloads"
    assert found.text == (
        "3 pods of api and web have failed on Node n3 since 2026-11-30 14:01:00 UTC: pod sandboxes cannot be created. "
        "On other nodes web runs without that."
    )
    assert found.figures == {"pods": 3, "owners": 2, "healthy_elsewhere": ["web"]}


@pytest.mark.parametrize("left_out", range(3))
def test_each_of_them_is_needed(left_out: int) -> None:
    story, records = told()
    assert findings(rule, story, keep=lambda one: one is not records[left_out]) == []


def test_six_replicas_of_one_deployment() -> None:
    story = Story("14:10")
    web = story.workload("web")
    for number in range(6):
        sandbox(story, web, f"web-{number}", at("14:01"))
    story.pod(web, "web-9", node="n4")
    assert findings(rule, story) == []


def test_nobody_is_well_elsewhere() -> None:
    story, _ = told(healthy=False)
    assert findings(rule, story) == []


def test_it_fails_elsewhere_too() -> None:
    story, _ = told(healthy=False)
    web = ref("Deployment", "web")
    failing = sandbox(story, web, "web-3", at("14:02"), node="n4")
    story.pod(web, failing.object.name, node="n4")
    assert findings(rule, story) == []


def test_not_within_ten_minutes() -> None:
    story = Story("14:50")
    web, api = story.workload("web"), story.workload("api")
    sandbox(story, web, "web-1", at("14:01"))
    sandbox(story, web, "web-2", at("14:20"))
    sandbox(story, api, "api-1", at("14:40"))
    story.pod(web, "web-3", node="n4")
    assert findings(rule, story) == []


def test_the_node_is_cordoned() -> None:
    story, _ = told()
    story.states.states[NODE] = Node(ready="True", unschedulable=True)
    assert findings(rule, story) == []


def test_the_node_shuts_down() -> None:
    """A shutdown does not cordon the node. When it is ready again, the shutdown is over."""
    story, _ = told()
    story.tell("Shutdown", "Node shuts down", NODE, at("14:00"))
    assert findings(rule, story) == []
    story.tell("NodeReady", "Node ready again", NODE, at("14:03"), severity="info")
    assert len(findings(rule, story)) == 1


def test_the_node_shut_down_and_is_gone() -> None:
    story, _ = told()
    del story.states.states[NODE]
    story.tell("NodeReady", "Node ready again", NODE, at("13:50"), severity="info")
    story.tell("Shutdown", "Node shuts down", NODE, at("14:00"))
    assert findings(rule, story) == []


def test_the_node_was_cordoned_and_is_gone() -> None:
    story, _ = told()
    del story.states.states[NODE]
    story.states.gone.add(NODE)
    assert only(findings(rule, story)).ended == DELETED
    story.tell("NodeCordoned", "Node cordoned", NODE, at("14:00"), severity="info")
    assert findings(rule, story) == []


def test_a_node_that_is_not_ready_does_not_explain_crashes() -> None:
    story = Story("14:10")
    web, api = story.workload("web"), story.workload("api")
    story.tell("NodeNotReady", "Node NotReady", NODE, at("14:00"), severity="critical", ongoing=True, node="n3")
    for owner, name in ((web, "web-1"), (web, "web-2"), (api, "api-1")):
        story.restarts(story.pod(owner, name, node="n3"), owner, [at("14:01"), at("14:02")], node="n3")
    story.pod(web, "web-3", node="n4")
    assert findings(rule, story) == []


@pytest.mark.parametrize(("limit", "fires"), [("", True), ("512Mi", False)])
def test_memory(limit: str, fires: bool) -> None:
    """A container that was killed at its own limit says nothing about the node."""
    story = Story("14:10")
    web, api = story.workload("web"), story.workload("api")
    for owner, name in ((web, "web-1"), (web, "web-2"), (api, "api-1")):
        pod = story.pod(owner, name, node="n3")
        story.killed(pod, owner, [at("14:01")], limit, node="n3")
        story.restarts(pod, owner, [at("14:01")], 137, termination_reason="OOMKilled", node="n3")
    story.pod(web, "web-3", node="n4")
    assert len(findings(rule, story)) == fires


def test_what_the_node_says_of_itself_is_told() -> None:
    story, records = told()
    pressure = story.tell("NodeHasDiskPressure", "Node disk pressure", NODE, at("14:00"), ongoing=True, node="n3")
    found = holds(rule, story, *records, pressure)
    assert "the node itself reports Node disk pressure" in found.text


def test_a_gap_is_told() -> None:
    story, _ = told()
    story.gap(at("14:05"), at("14:06"), "pods")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
