"""A change of days ago that shows when pods are made."""

import msgspec

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.latent_change import latent_change as rule
from kube9_operator.model.resource_states import Part
from tests.unit.insight_stories import Story, at, findings, holds, looping, only, ref

CONFIG = Ref("ConfigMap", "", "shop", "web-config", "")
"""Asked for without a uid: the workload names it by its name alone."""


def told(pods: int = 2, days: int = -3, code: int = 2) -> tuple[Story, Ref, Record, list[Record]]:
    """A ConfigMap was changed three days ago. Today a node was drained, and the pods that were made then fail."""
    story = Story()
    web = story.workload(parts={"volumes[config]": Part(1, "configMap web-config")})
    change = story.tell("ConfigMapChanged", "ConfigMap changed", CONFIG, at("10:00", days), severity="info")
    story.pod(web, "web-9", created_ms=at("09:00", -9))
    failing = []
    for one in range(pods):
        pod = story.pod(web, f"web-{one}", created_ms=at("14:10"), containers=[looping(code)])
        failing.append(story.restarts(pod, web, [at("14:10:20"), at("14:11")], code))
    return story, web, change, failing


def test_a_config_map_of_three_days_ago() -> None:
    story, web, change, failing = told()
    found = holds(rule, story, *failing)
    assert (found.owner, found.container, found.cause) == (web, "app", "exit code 2")
    assert found.title == "Deployment web: exit code 2 at the first start after a change 3d4h before"
    assert found.text == (
        "ConfigMap web-config changed at 2026-11-27 10:00:00 UTC, and no pod was made in the 3d4h after. "
        "This was followed by exit code 2 at the first start of 2 pods (web-0 and web-1). "
        "The first failure was at 2026-11-30 14:10:20 UTC."
    )
    assert found.evidence[0].event_id == change.id
    story.past.records.clear()
    assert findings(rule, story) == []


def test_one_pod() -> None:
    assert findings(rule, told(1)[0]) == []


def test_a_change_of_today() -> None:
    assert findings(rule, told(days=0)[0]) == []


def test_a_later_change() -> None:
    story, web, _, _ = told()
    story.image(web, at("13:00"), "a", "b")
    assert findings(rule, story) == []


def test_a_pod_was_made_since() -> None:
    story, web, _, _ = told()
    story.pod(web, "web-5", created_ms=at("10:00", -1))
    assert findings(rule, story) == []


def test_a_pod_was_made_in_the_same_second_as_the_change() -> None:
    """A pod's time is a whole second, so the pod may have been made after the change, with it."""
    story, web, change, _ = told()
    at_ms = change.first_ms + 187
    story.past.records[story.past.records.index(change)] = msgspec.structs.replace(
        change, first_ms=at_ms, last_ms=at_ms, occurrences=((at_ms, 1),)
    )
    story.pod(web, "web-5", created_ms=at_ms - 187)
    assert findings(rule, story) == []
    story.states.states.pop(ref("Pod", "web-5"))
    assert only(findings(rule, story)).rule == "latent-change"


def test_it_failed_alike_since() -> None:
    story, web, _, _ = told()
    story.restarts(ref("Pod", "web-8"), web, [at("10:00", -2)], 2)
    assert findings(rule, story) == []


def test_a_config_map_that_the_pods_do_not_use() -> None:
    story, _, _, _ = told()
    story.workload(parts={"volumes[config]": Part(1, "configMap other")})
    assert findings(rule, story) == []


def test_pods_that_ran_for_long_before() -> None:
    story, web, _, _ = told()
    for one in range(2):
        story.pod(web, f"web-{one}", created_ms=at("13:00"), containers=[looping(2)])
    assert findings(rule, story) == []


def test_a_gap_since_the_change() -> None:
    story, _, _, _ = told()
    story.gap(at("10:00", -2), at("10:05", -2))
    assert findings(rule, story) == []


def test_a_part_of_a_workload_that_is_not_rolled_out() -> None:
    """A DaemonSet with the strategy OnDelete."""
    story = Story()
    agent = story.workload("agent", "DaemonSet")
    change = story.configuration(agent, at("10:00", -2), "spec.template.spec.containers[app].args", "a", "b")
    failing = [
        story.restarts(story.pod(agent, f"agent-{one}", created_ms=at("14:10")), agent, [at("14:11")], 2) for one in range(2)
    ]
    assert change.id in {one.event_id for one in holds(rule, story, *failing).evidence}


def test_the_workload_is_deleted() -> None:
    story, web, _, _ = told()
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED


def test_long_over() -> None:
    story, _, _, _ = told()
    story.now_ms = at("16:00")
    story.states.states = {one: state for one, state in story.states.states.items() if one.name != "web-0"}
    assert findings(rule, story) == []
