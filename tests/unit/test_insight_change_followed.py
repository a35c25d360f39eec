"""A change followed by failures: image, configuration, scale, ConfigMap and node."""

import msgspec
import pytest

from kube9_operator.analyze import failures
from kube9_operator.analyze.model import DELETED, RECOVERED, Record, Ref
from kube9_operator.analyze.rules.change_followed import change_followed_by_failure as rule
from kube9_operator.model.resource_states import Part
from tests.unit.insight_stories import DAY_MS, NOTHING, Story, at, findings, holds, looping, only, ref


def rollout(story: Story, code: int = 1, pods: int = 3) -> tuple[Ref, Record, list[Record]]:
    """Image 1.8.3 at 14:02, all new pods exit 1 from 14:03 on."""
    web = story.workload()
    story.replicaset(web, "aaaa", at("09:00", -3), 1)
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    change = story.image(web, at("14:02"), "shop/web:1.8.2", "shop/web:1.8.3", changed_by="helm")
    failing = []
    for number in range(pods):
        pod = story.pod(web, f"web-bbbb-{number}", new, created_ms=at("14:02:10"), containers=[looping(code)])
        moments = [at(f"14:0{3 + minute}:{number:02}") for minute in range(4)]
        failing.append(story.restarts(pod, web, moments, code, "cannot reach postgres", controller=new))
    return web, change, failing


def test_a_new_image_that_ends_with_an_error() -> None:
    story = Story()
    web, change, failing = rollout(story)
    found = holds(rule, story, change, *failing)
    assert found.owner == found.object == web
    assert (found.container, found.cause, found.severity) == ("app", "exit code 1", "warning")
    assert found.title == "Deployment web: image change followed by exit code 1"
    assert "from shop/web:1.8.2 to shop/web:1.8.3 at 2026-11-30 14:02:00 UTC (by helm)." in found.text
    seen = "exit code 1 (cannot reach postgres) in 3 pods, 12 times since 2026-11-30 14:03:00 UTC"
    assert found.text.endswith(f"This was followed by {seen}; it was not there in the 1h before.")
    assert found.last_ms == story.now_ms, "its pods wait in a crash loop"
    assert found.figures["new"] is True
    assert (found.first_ms, found.quiet_ms, found.unknown) == (at("14:02"), 600_000, [])


def test_without_the_change_there_is_none() -> None:
    story = Story()
    _, change, _ = rollout(story)
    assert findings(rule, story, keep=lambda one: one is not change) == []


def test_it_failed_before_the_change_already() -> None:
    story = Story()
    web, _, _ = rollout(story)
    old = ref("ReplicaSet", "web-aaaa")
    pod = ref("Pod", "web-aaaa-0")
    story.restarts(pod, web, [at("13:50")], 1, controller=old)
    assert findings(rule, story) == []


def _pulled(failed_ms: int, changed_ms: int) -> Story:
    """A rollout to an image that cannot be pulled. The kubelet's times are whole seconds, the change's is exact."""
    story = Story()
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    story.image(web, changed_ms, "a", "b")
    pod = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02"))
    story.tell("ImagePullBackOff", "Image pull failed", pod, failed_ms, count=5, owner=web, controller=new, container="app")
    return story


def test_a_failure_in_the_same_second_as_the_change_may_come_after_it() -> None:
    assert only(findings(rule, _pulled(at("14:02"), at("14:02") + 187))).rule == "change-followed-by-failure"


def test_a_failure_in_the_second_before_the_change_was_there_before() -> None:
    assert findings(rule, _pulled(at("14:02") - 1_000, at("14:02") + 187)) == []
    assert findings(rule, _pulled(at("14:02") + 186, at("14:02") + 187)) == []


def test_another_failure_before_does_not_matter() -> None:
    story = Story()
    web, _, _ = rollout(story)
    story.restarts(ref("Pod", "web-aaaa-0"), web, [at("13:50")], 3, controller=ref("ReplicaSet", "web-aaaa"))
    assert only(findings(rule, story)).cause == "exit code 1"


def test_the_old_revision_fails_alike() -> None:
    story = Story()
    web, _, _ = rollout(story)
    old = ref("ReplicaSet", "web-aaaa")
    pod = story.pod(web, "web-aaaa-0", old, created_ms=at("09:00", -3))
    story.restarts(pod, web, [at("14:05")], 1, controller=old)
    assert findings(rule, story) == []


def test_a_pod_that_failed_once() -> None:
    story = Story()
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    story.image(web, at("14:02"), "a", "b")
    story.restarts(story.pod(web, "web-bbbb-0", new), web, [at("14:03")], controller=new)
    assert findings(rule, story) == []


def test_pods_that_ran_for_long() -> None:
    """They failed at 14:40, more than a quarter of an hour after their own start."""
    story = Story("14:50")
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    story.image(web, at("14:02"), "a", "b")
    pod = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02:10"))
    story.restarts(pod, web, [at("14:40"), at("14:41")], controller=new)
    assert findings(rule, story) == []


def test_a_slow_rollout() -> None:
    """The last pod is made 40 minutes after the change, and fails at its start."""
    story = Story("14:50")
    web = story.workload(kind="StatefulSet")
    change = story.image(web, at("14:02"), "a", "b")
    pod = story.pod(web, "web-0", created_ms=at("14:40"), containers=[looping()])
    failed = story.restarts(pod, web, [at("14:41"), at("14:42")], controller=web)
    holds(rule, story, change, failed)


def test_a_gap_in_the_hour_before() -> None:
    """It is not called new. Without the ReplicaSet that shows that the pods are of the new image, nothing is said."""
    story = Story()
    rollout(story)
    story.gap(at("13:30"), at("13:40"))
    found = only(findings(rule, story))
    assert "not there in the" not in found.text
    assert found.figures["new"] is False
    assert "Not everything was watched between 2026-11-30 13:30:00 UTC" in found.unknown[0]
    for state in list(story.states.states):
        if state.kind in ("ReplicaSet", "Pod"):
            del story.states.states[state]
    assert findings(rule, story) == []


def test_the_record_began_after_the_hour_before() -> None:
    story = Story()
    rollout(story)
    story.begin_ms = at("13:40")
    assert only(findings(rule, story)).unknown == ["The record begins 2026-11-30 13:40:00 UTC; nothing is known before."]


def test_the_order_is_unknown() -> None:
    """The change was noticed after the first failure, and nobody says when the pods were made."""
    story = Story()
    web = story.workload(kind="StatefulSet")
    change = story.image(web, at("14:02"), "a", "b")
    story.records.remove(change)
    story.records.append(msgspec.structs.replace(change, last_ms=at("14:10")))
    story.restarts(ref("Pod", "web-0"), web, [at("14:05"), at("14:06")], controller=web)
    found = only(findings(rule, story))
    assert found.unknown == ["Order unknown: the change may have been made after the first failure."]
    assert "followed by" not in f"{found.title} {found.text}".lower()


def test_several_changes_are_all_listed() -> None:
    story = Story()
    web, change, _ = rollout(story)
    other = story.configuration(web, at("14:01"), "spec.template.spec.containers[app].env[MODE]", changed_by="kubectl-edit")
    found = holds(rule, story, change, other)
    assert found.title == "Deployment web: configuration or image change followed by exit code 1"
    first = "Deployment web changed: containers[app].env[MODE] at 2026-11-30 14:01:00 UTC (by kubectl-edit)"
    assert f"{first}; Deployment web changed the image of container app" in found.text


def test_a_lowered_memory_limit() -> None:
    story = Story()
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    path = "spec.template.spec.containers[app].resources.limits.memory"
    change = story.configuration(web, at("14:02"), path, "512Mi", "32Mi")
    pod = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02:05"), containers=[looping(137, 2, reason="OOMKilled")])
    moments = [at("14:02:20"), at("14:02:40")]
    kills = story.killed(pod, web, moments, "32Mi", controller=new)
    story.restarts(pod, web, moments, 137, termination_reason="OOMKilled", controller=new)
    found = holds(rule, story, change, kills)
    assert (found.cause, found.severity) == ("killed for memory", "critical")
    assert found.figures["occurrences"] == 2, "the restarts are the same kills"
    assert "Deployment web changed: containers[app].resources.limits.memory from 512Mi to 32Mi at" in found.text
    assert found.title == "Deployment web: configuration change followed by kills for memory"
    assert "followed by kills for memory (killed at its memory limit) in 1 pod, 2 times since" in found.text


def test_a_broken_probe_shows_at_the_deadline() -> None:
    story = Story()
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02"), 2)
    change = story.configuration(web, at("14:02"), "spec.template.spec.containers[app].readinessProbe", "a", "b")
    pod = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02:05"))
    story.tell(
        "Unhealthy", "Pod Unhealthy", pod, at("14:02:30"), last_ms=at("14:19"), count=90, owner=web, controller=new,
        container="app", probe="readiness",
    )  # fmt: skip
    assert findings(rule, story) == [], "a new pod may take its time"
    stuck = story.tell(
        "ProgressDeadlineExceeded", "Deployment rollout stuck", web, at("14:12:05"), severity="error", ongoing=True
    )
    found = holds(rule, story, change, stuck)
    assert (found.cause, found.severity) == ("rollout stuck", "error")
    assert found.last_ms == story.now_ms


def test_a_probe_that_fails_after_the_rollout_is_no_evidence_of_it() -> None:
    """A change makes probes fail, and the rollout is stuck until another change at 14:14. One probe fails at 14:19."""
    story = Story()
    web = story.workload()
    new, mended = story.replicaset(web, "bbbb", at("14:02"), 2), story.replicaset(web, "cccc", at("14:14"), 3)
    change = story.image(web, at("14:02"), "a", "b")
    story.image(web, at("14:14"), "b", "c")
    old = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02"))
    young = story.pod(web, "web-cccc-0", mended, created_ms=at("14:14"))
    story.tell("Unhealthy", "Pod Unhealthy", old, at("14:02:10"), last_ms=at("14:13"), count=9, owner=web, controller=new)
    stuck = story.tell("ProgressDeadlineExceeded", "Rollout stuck", web, at("14:12:05"), last_ms=at("14:14"), severity="error")
    before = only(findings(rule, story))
    story.tell("Unhealthy", "Pod Unhealthy", young, at("14:19"), owner=web, controller=mended)
    after = only(findings(rule, story))
    assert (before.last_ms, after.last_ms) == (at("14:14"), at("14:14"))
    assert {change.id, stuck.id} <= {one.event_id for one in after.evidence}


def test_a_stuck_rollout_of_pods_that_fail_is_one_finding() -> None:
    story = Story()
    web, _, _ = rollout(story)
    story.tell("ProgressDeadlineExceeded", "Deployment rollout stuck", web, at("14:12:05"), severity="error", ongoing=True)
    assert only(findings(rule, story)).cause == "exit code 1"


def test_only_what_the_strategy_is_was_changed() -> None:
    story = Story()
    web = story.workload()
    story.configuration(web, at("14:02"), "spec.strategy", "a", "b")
    pod = story.pod(web, "web-aaaa-0", created_ms=at("14:02:05"))
    story.restarts(pod, web, [at("14:03"), at("14:04")])
    assert findings(rule, story) == []


def test_pods_that_scaling_added() -> None:
    story = Story()
    web = story.workload()
    replicaset = story.replicaset(web, "aaaa", at("09:00", -3))
    change = story.scaled(web, at("14:02"), 1, 3, changed_by="kubectl-scale")
    pod = story.pod(web, "web-aaaa-1", replicaset, created_ms=at("14:02:01"), containers=[looping(1)])
    failed = story.restarts(pod, web, [at("14:03"), at("14:04")], controller=replicaset)
    found = holds(rule, story, change, failed)
    assert "Deployment web scaled from 1 to 3 replicas" in found.text


def test_pods_that_were_there_before_the_scaling() -> None:
    story = Story()
    web = story.workload()
    story.scaled(web, at("14:02"), 1, 3)
    pod = story.pod(web, "web-aaaa-0", created_ms=at("09:00", -3))
    story.restarts(pod, web, [at("14:03"), at("14:04")])
    assert findings(rule, story) == []


@pytest.mark.parametrize("says", ["manager", "Event"])
def test_the_autoscaler_scaled(says: str) -> None:
    story = Story()
    web = story.workload()
    by = {"changed_by": "kube-controller-manager-scale"} if says == "manager" else {}
    story.scaled(web, at("14:02"), 1, 3, **by)
    if says == "Event":
        hpa = ref("HorizontalPodAutoscaler", "web")
        story.tell("SuccessfulRescale", "HPA scaled Deployment", hpa, at("14:01:59"), severity="info", previous=1, new=3)
    pod = story.pod(web, "web-aaaa-1", created_ms=at("14:02:01"))
    story.restarts(pod, web, [at("14:03"), at("14:04")])
    assert findings(rule, story) == []


def config_map_story(drained: bool = False) -> tuple[Story, Record, Record]:
    story = Story()
    web = story.workload(parts={"volumes[config]": Part(1, "configMap web-config")})
    change = story.tell("ConfigMapChanged", "ConfigMap changed", ref("ConfigMap", "web-config"), at("14:00"), severity="info")
    if drained:
        story.tell("NodeCordoned", "Node cordoned", ref("Node", "n1"), at("14:01"), severity="info")
    pod = story.pod(web, "web-aaaa-9", created_ms=at("14:05"), containers=[looping(2)])
    failed = story.restarts(pod, web, [at("14:05:20"), at("14:05:50")], 2)
    return story, change, failed


def test_a_config_map_that_the_pods_use() -> None:
    story, change, failed = config_map_story()
    found = holds(rule, story, change, failed)
    assert "ConfigMap web-config changed at 2026-11-30 14:00:00 UTC." in found.text


def test_a_config_map_while_a_node_is_drained() -> None:
    story, _, _ = config_map_story(drained=True)
    assert findings(rule, story) == []


def test_a_config_map_that_they_do_not_use() -> None:
    story, _, _ = config_map_story()
    story.workload(parts={"volumes[config]": Part(1, "configMap other")})
    assert findings(rule, story) == []


def test_a_node_that_takes_pods_again() -> None:
    story = Story()
    change = story.tell("NodeUncordoned", "Node uncordoned", ref("Node", "n3"), at("14:00"), severity="info", node="n3")
    failed = []
    for name in ("web", "api"):
        owner = story.workload(name)
        pod = story.pod(owner, f"{name}-1", node="n3", created_ms=at("14:01"))
        failed.append(story.restarts(pod, owner, [at("14:02"), at("14:03")], 1, node="n3"))
    found = holds(rule, story, change, *failed)
    assert found.object == ref("Node", "n3")
    assert findings(rule, story, keep=lambda one: one is not failed[0]) == [], "one owner alone says nothing about the node"


def test_the_workload_is_deleted() -> None:
    story = Story()
    web, _, _ = rollout(story)
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED


def test_a_change_of_the_day_before() -> None:
    """It is older than the window, and is asked for: it still fails."""
    story = Story("15:30")
    web = story.workload()
    new = story.replicaset(web, "bbbb", at("14:02", -1), 2)
    story.image(web, at("14:02", -1), "a", "b")
    pod = story.pod(web, "web-bbbb-0", new, created_ms=at("14:02:10", -1), containers=[looping()])
    story.restarts(pod, web, [at("14:03", -1) + one * 300_000 for one in range(300)], controller=new)
    assert only(findings(rule, story)).last_ms == story.now_ms


def test_a_rollback_takes_an_old_replicaset() -> None:
    story = Story()
    web = story.workload()
    story.replicaset(web, "bbbb", at("13:00"), 2)
    old = story.replicaset(web, "aaaa", at("09:00", -3), 3)
    change = story.image(web, at("14:02"), "shop/web:1.8.3", "shop/web:1.8.2")
    pod = story.pod(web, "web-aaaa-7", old, created_ms=at("14:02:10"), containers=[looping(1)])
    holds(rule, story, change, story.restarts(pod, web, [at("14:03"), at("14:04")], controller=old))


def test_another_workload_is_not_blamed() -> None:
    story = Story()
    rollout(story)
    api = story.workload("api")
    story.image(api, at("14:01"), "a", "b")
    assert only(findings(rule, story)).owner.name == "web"
    assert NOTHING.name == ""


def synced(story: Story, name: str = "web", changed: int = 2, ended: str = "14:02:30", phase: str = "succeeded") -> Record:
    """A sync of an Application that began half a minute earlier."""
    app = ref("Application", "shop", "argocd", "argoproj.io")
    more = {"changed_resources": changed, "workloads": [f"Deployment/shop/{name}"], "seconds": 30, "initiated_by": "ada"}
    title = "Application sync succeeded"
    return story.tell(
        "OperationCompleted", title, app, at(ended), severity="info", phase=phase, revision="0f3e1d", facts={**more}
    )


def test_a_sync_of_argo_cd_is_a_change_of_what_it_applied() -> None:
    story = Story()
    _, change, failing = rollout(story)
    sync = synced(story)
    found = only(findings(rule, story))
    assert found.title == "Deployment web: image or sync change followed by exit code 1"
    assert "Application shop was synced to revision 0f3e1d " in found.text
    assert "(by ada)" in found.text
    causes = [one.event_id for one in found.evidence if one.role == "cause"]
    assert set(causes) == {change.id, sync.id}
    only_sync = only(findings(rule, story, keep=lambda one: one is not change))
    assert only_sync.title == "Deployment web: sync change followed by exit code 1"
    assert holds(rule, story, *failing)


def test_a_sync_of_something_else_or_without_an_effect_is_none() -> None:
    for given in ({"name": "db"}, {"changed": 0}, {"phase": "failed"}, {"ended": "14:09"}):
        story = Story()
        _, change, _ = rollout(story)
        synced(story, **given)  # type: ignore[arg-type]
        assert findings(rule, story, keep=lambda one, change=change: one is not change) == []
        assert only(findings(rule, story)).title == "Deployment web: image change followed by exit code 1"


@pytest.mark.parametrize(("minutes", "wanted", "ended"), [(6, 3, RECOVERED), (4, 3, ""), (6, 4, "")])
def test_it_was_rolled_back(minutes: int, wanted: int, ended: str) -> None:
    """The pods that failed are gone, and as many as wanted have run for five minutes in their place."""
    story = Story()
    web, _, failing = rollout(story)
    story.workload(replicas=wanted)
    for record in failing:
        del story.states.states[record.object]
        story.states.gone.add(record.object)
        old = ref("ReplicaSet", "web-aaaa")
        story.pod(web, f"{record.object.name}-again", old, created_ms=story.now_ms - minutes * 60_000)
    assert only(findings(rule, story)).ended == ended


def a_day_later(story: Story, clock: str, days: int = 1) -> None:
    """The pods still fail at that time: what happened before is out of the window."""
    story.now_ms = at(clock, days)
    records, story.records = story.records, []
    for one in records:
        if one.reason == "ContainerRestarted" and one.first_ms >= at("14:00"):
            occurrences = (*one.occurrences, (story.now_ms - 60_000, one.count + 1))
            one = msgspec.structs.replace(one, last_ms=story.now_ms - 60_000, count=one.count + 1, occurrences=occurrences)
        (story.records if one.last_ms >= story.now_ms - DAY_MS else story.past.records).append(one)


@pytest.mark.parametrize(("clock", "days"), [("13:45", 1), ("13:55", 1), ("14:10", 1), ("12:00", 3)])
def test_what_failed_before_still_counts_days_later(clock: str, days: int) -> None:
    """The failure before the change leaves the window before the change and what goes on."""
    story = Story()
    web, _, _ = rollout(story)
    story.restarts(ref("Pod", "web-aaaa-0"), web, [at("13:50")], 1, controller=ref("ReplicaSet", "web-aaaa"))
    a_day_later(story, clock, days)
    assert findings(rule, story) == []


@pytest.mark.parametrize(("clock", "days"), [("13:45", 1), ("14:10", 1), ("12:00", 3)])
def test_it_goes_on_for_days(clock: str, days: int) -> None:
    story = Story()
    rollout(story)
    a_day_later(story, clock, days)
    found = only(findings(rule, story))
    assert found.figures["new"] is True
    assert (found.first_ms, found.last_ms) == (at("14:02"), story.now_ms)


def test_a_gap_before_the_change_still_counts_a_day_later() -> None:
    """Without the states that show which pods are new, nothing is said; with them not that it is new."""
    story = Story()
    rollout(story)
    story.past.holes.append((at("13:30"), at("13:40")))
    a_day_later(story, "14:01")
    found = only(findings(rule, story))
    assert (found.figures["new"], found.unknown) == (False, ["Not everything since 2026-11-30 13:02:00 UTC is recorded."])
    for state in list(story.states.states):
        if state.kind in ("ReplicaSet", "Pod"):
            del story.states.states[state]
    assert findings(rule, story) == []


def test_a_config_map_of_the_day_before() -> None:
    story = Story()
    web = story.workload(parts={"spec.template.spec.containers[app].envFrom": Part(1, '[{"configMapRef":{"name":"web-env"}}]')})
    change = story.tell("ConfigMapChanged", "ConfigMap changed", ref("ConfigMap", "web-env"), at("14:02"), severity="info")
    pod = story.pod(web, "web-0", created_ms=at("14:05"), containers=[looping()])
    story.restarts(pod, web, [at("14:06"), at("14:07")])
    assert only(findings(rule, story)).first_ms == change.first_ms
    a_day_later(story, "14:04")
    assert only(findings(rule, story)).first_ms == change.first_ms


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (failures.IMAGE, "an image that cannot be pulled"),
        (failures.KILLED, "kills for memory"),
        ("readiness probe", "a failing readiness probe"),
        ("exit code 1", "exit code 1"),
    ],
)
def test_a_class_of_failures_is_a_noun_in_a_sentence(cause: str, said: str) -> None:
    assert failures.phrase(cause) == said
