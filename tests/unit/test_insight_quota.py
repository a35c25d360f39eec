"""A quota that blocks a workload."""

from kube9_operator.analyze.model import DELETED, RECOVERED, Record, Ref
from kube9_operator.analyze.rules.quota import quota as rule
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

QUOTA = ref("ResourceQuota", "small")


def told(story: Story, first: str = "14:14", last: str = "14:20", pods: int = 3, count: int = 6) -> tuple[Ref, Record]:
    """A Deployment that wants five pods and has three."""
    web = story.workload(replicas=5)
    replicaset = story.replicaset(web, "aaaa", at("09:00", -3))
    for one in range(pods):
        story.pod(web, f"web-{one}", replicaset)
    controller = {"kind": "ReplicaSet", "name": replicaset.name, "uid": replicaset.uid}
    return web, story.tell(
        "FailedCreate", "Resource quota exceeded", QUOTA, at(first), last_ms=at(last), count=count, owner=web,
        controller=replicaset, resource="pods", requested="1", used="3", quota_limit="3", controller_=controller,
    )  # fmt: skip


def test_three_of_five_replicas_for_six_minutes() -> None:
    story = Story()
    web, record = told(story)
    found = holds(rule, story, record)
    assert (found.owner, found.object, found.cause, found.severity) == (web, web, "quota small", "warning")
    assert found.title == "Deployment web: blocked by quota small"
    assert found.text == (
        "Deployment web wants 5 replicas and has 3 pods. It has been blocked by quota small since 2026-11-30 14:14:00 UTC, "
        "with 6 rejections (pods: requested 1, used 3, limit 3)."
    )
    assert found.last_ms == story.now_ms
    assert findings(rule, story, keep=lambda one: one is not record) == []


def test_a_surge_pod_refused_for_40_seconds() -> None:
    story = Story()
    told(story, "14:14", "14:14:40", pods=5, count=4)
    assert findings(rule, story) == []


def test_one_rejection() -> None:
    story = Story()
    told(story, "14:10", "14:10", count=1)
    assert findings(rule, story) == []


def test_a_create_succeeds() -> None:
    story = Story()
    told(story, "14:10", "14:18", pods=5)
    assert only(findings(rule, story)).ended == RECOVERED


def test_the_workload_is_deleted() -> None:
    story = Story()
    web, _ = told(story, "14:10", "14:18")
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED


def test_it_was_scaled_to_what_it_has() -> None:
    story = Story()
    told(story, "14:10", "14:18")
    story.workload(replicas=3)
    assert only(findings(rule, story)).ended == RECOVERED


def test_a_new_replicaset_without_pods() -> None:
    """The old one has all pods that the Deployment wants, and the rollout cannot begin."""
    story = Story()
    web = story.workload(replicas=3)
    old, new = story.replicaset(web, "aaaa", at("09:00")), story.replicaset(web, "bbbb", at("14:00"), 2)
    for one in range(3):
        story.pod(web, f"web-{one}", old)
    controller = {"kind": "ReplicaSet", "name": new.name, "uid": new.uid}
    record = story.tell(
        "FailedCreate", "Resource quota exceeded", QUOTA, at("14:10"), last_ms=at("14:18"), count=4, owner=web, controller=new,
        resource="pods", facts={"controller": controller},
    )  # fmt: skip
    assert holds(rule, story, record).ended == ""


def test_the_owner_is_not_known() -> None:
    """The event names the controller."""
    story = Story()
    controller = {"kind": "StatefulSet", "name": "db", "uid": "u-db"}
    story.tell(
        "FailedCreate", "Resource quota exceeded", QUOTA, at("14:10"), last_ms=at("14:18"), count=4, resource="pods",
        facts={"controller": controller},
    )  # fmt: skip
    assert only(findings(rule, story)).owner == Ref("StatefulSet", "", "shop", "db", "u-db")


def test_a_gap_is_told() -> None:
    story = Story()
    told(story)
    story.gap(at("14:15"), at("14:16"), "events")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
