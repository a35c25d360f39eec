"""What goes back and forth: nodes, endpoints, autoscalers and rollouts."""

import itertools

import pytest

from kube9_operator.analyze.model import DELETED, Record
from kube9_operator.analyze.rules.flapping import flapping as rule
from kube9_operator.model.resource_states import Node, Service
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

NODE, SERVICE, HPA = ref("Node", "n3"), ref("Service", "web"), ref("HorizontalPodAutoscaler", "web")
READY = "spec.template.spec.containers[app].readinessProbe"


def node_story(times: tuple[str, ...] = ("14:00", "14:08")) -> tuple[Story, list[Record]]:
    story = Story()
    story.states.states[NODE] = Node(ready="True")
    lost = story.tell("NodeNotReady", "Node NotReady", NODE, at(times[0]), times=map(at, times), severity="critical", node="n3")
    back = [
        story.tell("NodeReady", "Node Ready", NODE, at(one) + 120_000, severity="info", node="n3", not_ready_seconds=120)
        for one in times
    ]
    return story, [lost, *back]


def test_a_node() -> None:
    story, records = node_story()
    found = holds(rule, story, *records)
    assert (found.owner, found.cause, found.category, found.severity) == (NODE, "node", "issue", "critical")
    assert found.text == (
        "Condition Ready of Node n3 changed 4 times since 2026-11-30 14:00:00 UTC. "
        "The shortest time between two of these was 2m."
    )


def test_a_node_that_was_lost_once() -> None:
    story, _ = node_story(("14:00",))
    assert findings(rule, story) == []


def test_a_node_that_is_lost_every_hour() -> None:
    story, _ = node_story(("11:00", "12:00", "13:00", "14:00"))
    assert findings(rule, story) == []


@pytest.mark.parametrize("told", ["state", "event"])
def test_a_node_that_is_cordoned(told: str) -> None:
    story, _ = node_story()
    if told == "state":
        story.states.states[NODE] = Node(ready="True", unschedulable=True)
    else:
        story.tell("NodeCordoned", "Node cordoned", NODE, at("13:59"), severity="info")
    assert findings(rule, story) == []


def endpoints(losses: int = 3, step: int = 480_000, lasts: bool = False) -> tuple[Story, Record]:
    story = Story()
    story.states.states[SERVICE] = Service(selector={"app": "web"})
    story.workload(labels={"app": "web", "tier": "front"})
    times = [at("14:00") + one * step for one in range(losses)]
    return story, story.tell(
        "EndpointsReduced", "Service endpoints reduced", SERVICE, times[0], times=times, ongoing=lasts, previous_endpoints=3
    )


def test_endpoints() -> None:
    """Three losses and three recoveries."""
    story, record = endpoints()
    found = holds(rule, story, record)
    assert (found.cause, found.severity) == ("endpoints", "warning")
    assert found.text.startswith("Service web lost most or all of its endpoints 3 times since")
    assert findings(rule, story, keep=lambda one: one is not record) == []


def test_endpoints_of_both_kinds_of_losses() -> None:
    story, record = endpoints(2)
    none = story.tell("NoEndpoints", "Service has no endpoints", SERVICE, at("14:15"), severity="error")
    assert holds(rule, story, record, none).severity == "error"


def test_the_last_loss_lasts() -> None:
    """Three losses and two recoveries are five changes."""
    assert findings(rule, endpoints(3, lasts=True)[0]) == []
    assert len(findings(rule, endpoints(4, 400_000, lasts=True)[0])) == 1


def test_endpoints_over_hours() -> None:
    assert findings(rule, endpoints(3, 1_200_000)[0]) == []


def test_endpoints_while_a_workload_is_rolled_out() -> None:
    story, _ = endpoints()
    story.image(ref("Deployment", "web"), at("13:58"), "a", "b")
    assert findings(rule, story) == []


def test_endpoints_while_another_workload_is_rolled_out() -> None:
    story, _ = endpoints()
    story.image(story.workload("api", labels={"app": "api"}), at("13:58"), "a", "b")
    assert len(findings(rule, story)) == 1


def test_endpoints_while_a_node_is_drained() -> None:
    story, _ = endpoints()
    story.tell("NodeCordoned", "Node cordoned", NODE, at("13:59"), severity="info")
    assert findings(rule, story) == []


def autoscaler(*sizes: int, with_previous: bool = True) -> tuple[Story, list[Record]]:
    story = Story("15:30")
    records = []
    for number, (previous, new) in enumerate(itertools.pairwise(sizes)):
        facts = {"previous": previous} if with_previous else {}
        records.append(
            story.tell(
                "SuccessfulRescale",
                "HPA scaled Deployment",
                HPA,
                at("14:00") + number * 600_000,
                severity="info",
                new=new,
                **facts,
            )
        )
    return story, records


def test_an_autoscaler() -> None:
    story, records = autoscaler(3, 9, 3, 9, 3, 9)
    found = holds(rule, story, *records[1:])
    assert (found.owner, found.cause, found.category, found.severity) == (HPA, "autoscaler", "optimization", "warning")
    assert "changed its direction 4 times since 2026-11-30 14:10:00 UTC, between 3 and 9 replicas." in found.text


def test_an_autoscaler_whose_previous_numbers_are_unknown() -> None:
    assert len(findings(rule, autoscaler(1, 3, 9, 3, 9, 3, 9, with_previous=False)[0])) == 1


@pytest.mark.parametrize("sizes", [(2, 5, 8), (3, 9, 3), (2, 4, 8, 16, 32, 64), (3, 9, 3, 9, 9, 3)])
def test_an_autoscaler_that_does_its_work(sizes: tuple[int, ...]) -> None:
    assert findings(rule, autoscaler(*sizes)[0]) == []


def test_a_rollout() -> None:
    story = Story()
    web = story.workload()
    records = [
        story.image(web, at("13:30"), "shop/web:1", "shop/web:2"),
        story.image(web, at("13:45"), "shop/web:2", "shop/web:1"),
        story.image(web, at("14:00"), "shop/web:1", "shop/web:2"),
    ]
    found = holds(rule, story, *records)
    assert (found.owner, found.cause) == (web, "rollout")
    assert found.text.startswith("Deployment web went 3 times between shop/web:1 and shop/web:2 (containers[app].image) since")
    assert findings(rule, story, keep=lambda one: one is not records[1]) == []


def test_a_rollout_and_its_rollback() -> None:
    story = Story()
    web = story.workload()
    story.image(web, at("13:30"), "shop/web:1", "shop/web:2")
    story.image(web, at("13:45"), "shop/web:2", "shop/web:1")
    story.image(web, at("14:00"), "shop/web:1", "shop/web:3")
    assert findings(rule, story) == []


def test_a_part_of_the_configuration() -> None:
    story = Story()
    web = story.workload()
    records = [story.configuration(web, at(f"14:0{one}"), READY, "ab"[one % 2], "ba"[one % 2]) for one in range(3)]
    holds(rule, story, *records)


def test_the_strategy_makes_no_pods() -> None:
    story = Story()
    web = story.workload()
    for one in range(3):
        story.configuration(web, at(f"14:0{one}"), "spec.strategy", "ab"[one % 2], "ba"[one % 2])
    assert findings(rule, story) == []


def test_the_object_is_deleted() -> None:
    story, _ = node_story()
    story.states.gone.add(NODE)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story, _ = node_story()
    story.gap(at("14:03"), at("14:04"), "nodes")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
