"""A healthy day gives no insight: rollouts, drains, scaling, Jobs, and what they stir up."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.analyze.limits import least
from kube9_operator.analyze.model import WINDOW_MS, Ref, Rule
from kube9_operator.analyze.rules import RULES
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.model.resource_states import Namespace, Node, Part, Service
from kube9_schema.insights import RULES as NAMES
from kube9_schema.insights import UNSTEADY
from tests.unit.insight_stories import HOUR_MS, MINUTE_MS, Story, at, findings, ref

NODES = [ref("Node", f"n{one}") for one in range(5)]


def rollout(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """Image and configuration change; new pods take their time to become ready."""
    number = chance.randrange(1_000_000)
    new = story.replicaset(owner, f"r{number}", moment, number)
    story.image(owner, moment, f"shop/{owner.name}:{number}", f"shop/{owner.name}:{number + 1}", changed_by="helm")
    if chance.random() < 0.5:
        story.configuration(owner, moment, "spec.template.spec.containers[app].env[MODE]", changed_by="helm")
    for one in range(3):
        pod = story.pod(owner, f"{owner.name}-{number}-{one}", new, created_ms=moment + 1000)
        unready(story, owner, pod, moment + 5000, chance.randrange(1, 12), new)


def unready(story: Story, owner: Ref, pod: Ref, moment: int, count: int, controller: Ref) -> None:
    story.tell(
        "Unhealthy", "Pod Unhealthy", pod, moment, last_ms=moment + count * 5000, count=count, owner=owner,
        controller=controller, probe="readiness", description="Readiness probe failed: connection refused", node="n1",
    )  # fmt: skip


def drain(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """A node is cordoned, its pods are evicted and made elsewhere, and it comes back."""
    node = chance.choice(NODES)
    story.tell("NodeCordoned", "Node cordoned", node, moment, severity="info", node=node.name, changed_by="kubectl-cordon")
    for one in range(4):
        other = story.workload(f"app-{one}")
        story.tell(
            "EvictionByEvictionAPI", "Pod evicted", ref("Pod", f"app-{one}-x"), moment + 2000, owner=other, node=node.name
        )
        pod = story.pod(other, f"app-{one}-{chance.randrange(1_000_000)}", created_ms=moment + 4000)
        scheduled(story, other, pod, moment + 4000, chance.randrange(1, 4))
    story.tell("NodeUncordoned", "Node uncordoned", node, moment + 20 * MINUTE_MS, severity="info", node=node.name)
    assert owner


def scheduled(story: Story, owner: Ref, pod: Ref, moment: int, minutes: int) -> None:
    """A pod waits for a few minutes until it is placed."""
    story.tell(
        "FailedScheduling", "Pod scheduling failed", pod, moment, last_ms=moment + minutes * MINUTE_MS, count=2, owner=owner,
        severity="error", description="0/5 nodes are available: 1 node(s) were unschedulable, 4 Insufficient cpu.",
    )  # fmt: skip


def scaling(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """An autoscaler goes up and down once; somebody scales by hand."""
    autoscaler = ref("HorizontalPodAutoscaler", owner.name)
    if any(one.object == autoscaler for one in story.records):
        return
    for one, (before, after) in enumerate(((2, 5), (5, 8), (8, 3))):
        at_ms = moment + one * 5 * MINUTE_MS
        story.tell(
            "SuccessfulRescale",
            "HPA scaled Deployment",
            autoscaler,
            at_ms,
            severity="info",
            previous=before,
            new=after,
            target=owner.name,
        )
        story.scaled(owner, at_ms + 1000, before, after, changed_by="kube-controller-manager-scale")
        pod = story.pod(owner, f"{owner.name}-{chance.randrange(1_000_000)}", created_ms=at_ms + 2000)
        unready(story, owner, pod, at_ms + 4000, 3, owner)


def jobs(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """A run whose pods fail and are tried again, and that completes."""
    cron = ref("CronJob", "nightly")
    job = ref("Job", f"nightly-{moment // MINUTE_MS}")
    story.tell(
        "PodFailed", "Pod of Job failed", job, moment, last_ms=moment + 3 * MINUTE_MS, count=chance.randrange(1, 4), owner=cron,
        controller=cron, exit_code=1, container="main", pod=f"{job.name}-x",
    )  # fmt: skip
    story.pod(cron, f"{job.name}-y", job, phase="Succeeded", created_ms=moment + 4 * MINUTE_MS)
    assert owner


def small_things(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """What passes by itself: a volume that waits for a cache, a pull that fails once, one restart, one lost endpoint."""
    pod = story.pod(owner, f"{owner.name}-{chance.randrange(1_000_000)}", created_ms=moment - 3 * HOUR_MS)
    story.tell("FailedMount", "Volume waits for a Secret or ConfigMap", pod, moment, owner=owner, count=2, node="n2")
    story.tell(
        "ImagePullBackOff", "Image pull failed", pod, moment, last_ms=moment + 30_000, count=2, owner=owner, severity="error",
        image="shop/web:2", description='Failed to pull image "shop/web:2": i/o timeout', container="app", node="n2",
    )  # fmt: skip
    if not any(one.reason == "ContainerRestarted" and one.owner == owner for one in story.records):
        story.restarts(pod, owner, [moment], 2)
    service = ref("Service", owner.name)
    story.states.states[service] = Service(selector={"app": owner.name})
    if not any(one.object == service for one in story.records):
        story.tell("EndpointsReduced", "Service endpoints reduced", service, moment, previous_endpoints=3, current_endpoints=1)


def nodes(story: Story, owner: Ref, moment: int, chance: random.Random) -> None:
    """A node joins for a moment's load, and leaves; another restarts once a day."""
    node = ref("Node", f"burst-{chance.randrange(1000)}")
    story.tell("NodeAdded", "Node added to cluster", node, moment, severity="info", node=node.name)
    story.tell(
        "NetworkNotReady", "Pod NetworkNotReady", ref("Pod", f"agent-{node.name}"), moment + 5000, count=2, node=node.name
    )
    story.tell("NodeRemoved", "Node removed from cluster", node, moment + HOUR_MS, severity="info", node=node.name)
    if not any(one.reason == "NodeNotReady" for one in story.records):
        story.tell("NodeNotReady", "Node NotReady", NODES[0], moment, severity="critical", node="n0")
        story.tell("NodeReady", "Node Ready", NODES[0], moment + 2 * MINUTE_MS, severity="info", node="n0")
    assert owner


ROUTINES: list[Callable[[Story, Ref, int, random.Random], None]] = [rollout, drain, scaling, jobs, small_things, nodes]


def healthy_day(seed: int, routines: int = 60) -> Story:
    chance = random.Random(seed)
    story = Story("23:30")
    story.states.states |= {node: Node(ready="True", created_ms=1) for node in NODES}
    story.states.states[Ref(kind="Namespace", name="shop")] = Namespace(created_ms=1)
    owners = [
        story.workload(f"app-{one}", parts={"spec.strategy": Part(1, "{}")}, labels={"app": f"app-{one}"}) for one in range(8)
    ]
    for _ in range(routines):
        moment = story.now_ms - chance.randrange(5 * MINUTE_MS, WINDOW_MS - 2 * HOUR_MS)
        chance.choice(ROUTINES)(story, chance.choice(owners), moment, chance)
    for reason in {one.reason for one in story.records if one.severity != "info"}:  # the days before were like it
        story.tell(reason, reason, ref("Pod", "earlier"), at("12:00", -3))
    return story


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 100))
def test_a_healthy_day_gives_none(seed: int, routines: int) -> None:
    story = healthy_day(seed, routines)
    assert {name: found for name, rule in RULES.items() if (found := findings(rule, story))} == {}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_an_empty_record_gives_none(rule: Callable[..., object]) -> None:
    story = Story()
    assert findings(rule, story) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_least_thresholds_make_no_rule_fail(rule: Rule) -> None:
    story = healthy_day(3)
    web = story.workload("web")
    for name, times in (("web-1", ["14:00", "16:00"]), ("web-2", ["15:00"])):
        pod = story.pod(web, name, created_ms=at("13:59"))
        story.killed(pod, web, [at(clock) for clock in times])
        story.restarts(pod, web, [at(clock) for clock in times], 3, loop=True)
        story.scaled(web, at(times[0]), 2, 3, changed_by=name)
    nightly, job = ref("CronJob", "nightly"), ref("Job", "nightly-29933340")
    story.tell("BackoffLimitExceeded", "Job failed", job, at("15:00"), owner=nightly, severity="error")
    story.now_ms = at("16:10")
    strict = Thresholds(**{name: least(name) for name in Thresholds.__struct_fields__})
    assert all(one.evidence for one in findings(rule, story, strict))


def test_names_of_rules() -> None:
    assert all(name == name.lower() and " " not in name for name in RULES)
    assert (*RULES, UNSTEADY) == NAMES
