"""Faults as clusters have them, from what the API server sends to what is recorded: the cases of tests/data/cases, and more of
the same kinds with their near misses.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING
from kube9_operator.model.resource_states import Container, End, Pod
from tests.cases import FOLDER, Cluster, Json, case, cluster, ms
from tests.kept import MINUTE, SECOND, state

NOW = "2026-11-30T02:07:29Z"
LATER, EARLIER = "2026-11-30T02:06:29Z", "2026-11-30T01:57:29Z"


@pytest.fixture
def here() -> Iterator[Cluster]:
    with cluster() as one:
        yield one


def told(here: Cluster) -> list[tuple[int, str, str]]:
    return [(one["severity"], one["title"], one["name"]) for one in here.events()]


# Restarts and their cause


def crashing(
    restarts: int, *, code: int = 1, message: str = "", reason: str = "Error", waiting: str = "CrashLoopBackOff", **more: Any
) -> Json:
    """A container after so many restarts; each took a minute."""
    at = f"2026-11-30T02:{restarts:02}:49Z"
    ended = {"reason": reason, "exitCode": code, "startedAt": at, "finishedAt": at} | ({"message": message} if message else {})
    status = {"name": "app", "restartCount": restarts, "state": {"waiting": {"reason": waiting}} if waiting else {}}
    status["lastState"] = {"terminated": ended} if restarts else {}
    return pod("web-1", {"phase": "Running", "containerStatuses": [status]}, **more)


def pod(name: str, status: Json, limit: str = "128Mi", owner: Json | None = None, **meta: Any) -> Json:
    own = {"namespace": "shop", "name": name, "uid": f"u-{name}", "creationTimestamp": EARLIER} | meta
    if owner is not None:
        own["ownerReferences"] = [{"controller": True} | owner]
    resources = {"limits": {"memory": limit}} if limit else {}
    spec = {
        "nodeName": "n1",
        "restartPolicy": "Never",
        "containers": [{"name": "app", "image": "r/a:1", "resources": resources}],
    }
    return {"metadata": own, "spec": spec, "status": status}


def back_off(count: int, name: str = "web-1", uid: str = "u-web-1", container: str = "app", namespace: str = "shop") -> Json:
    about = {"kind": "Pod", "name": name, "namespace": namespace, "uid": uid, "apiVersion": "v1"}
    return {
        "metadata": {"namespace": namespace, "name": f"{name}.b0"},
        "involvedObject": about | {"fieldPath": f"spec.containers{{{container}}}"},
        "reason": "BackOff",
        "message": f"Back-off restarting failed container {container} in pod {name}_{namespace}({uid})",
        "type": "Warning",
        "count": count,
        "firstTimestamp": "2026-11-30T02:00:54Z",
        "lastTimestamp": f"2026-11-30T02:{count:02}:59Z",
        "source": {"component": "kubelet", "host": "n1"},
    }


@pytest.mark.parametrize("named", ["d0ab", "mirror-1"])
def test_case_01_a_static_pod_that_restarts_is_one_event(here: Cluster, tmp_path: Path, named: str) -> None:
    """Whichever of its two uids an Event names."""
    given = case("01")
    first, last = given["objects"]["pods"]
    here.list_("pods", first)
    (event,) = given["events"]
    for restarts in range(1, 13):
        status = last["status"]["containerStatuses"][0]
        status["restartCount"] = restarts
        status["lastState"]["terminated"]["finishedAt"] = f"2026-11-30T02:{restarts - 1:02}:49Z"
        event["involvedObject"]["uid"] = named if restarts % 2 else "d0ab"
        if restarts % 3:
            here.put("pods", last)
        here.event(event | {"count": restarts, "lastTimestamp": f"2026-11-30T02:{restarts - 1:02}:54Z"})
        here.put("pods", last)
    one = here.row()
    assert (one["title"], one["count"], one["name"]) == ("Container crash loop", 12, "etcd-cp1")
    assert here.occurrences(tmp_path) == [[12, *range(1, 13)]]
    assert here.connection.execute("SELECT uid FROM objects WHERE name = 'etcd-cp1'").get == "d0ab"


def test_an_event_of_a_mirror_pod_that_is_not_known_yet(here: Cluster) -> None:
    """It is recorded as of another object, until the pod says that it is the same; so are two that had been recorded before."""
    mirror = case("01")["objects"]["pods"][0]
    here.event(back_off(3, "etcd-cp1", "mirror-1", "etcd", "kube-system"))
    twin = back_off(4, "etcd-cp1", "d0ab", "etcd", "kube-system")
    twin["metadata"]["name"] = "etcd-cp1.c1"
    here.event(twin)
    assert len(here.events()) == 2
    here.list_("pods", mirror)
    one = here.row()
    assert (one["count"], one["metadata"]["container"]) == (7, "etcd")
    assert here.connection.execute("SELECT uid FROM objects").fetchall() == [("d0ab",)]
    here.event(back_off(9, "etcd-cp1", "mirror-1", "etcd", "kube-system"))
    assert here.row()["count"] == 13
    here.restart()
    other = back_off(1, "etcd-cp1", "mirror-1", "etcd", "kube-system")
    other["metadata"]["name"] = "etcd-cp1.d2"
    here.event(other)
    assert here.row()["count"] == 14, "after a restart too"


def test_a_mirror_pod_that_goes_and_one_of_an_older_release(here: Cluster) -> None:
    mirror = case("01")["objects"]["pods"][1]
    here.list_("pods")
    # As a release kept it that did not know of mirrors.
    kept = Pod("cp1", None, containers=[Container("etcd", "", 12, "CrashLoopBackOff", "128Mi")])
    here.sees("pods", state("etcd-cp1", kept, 5, "mirror-1", "kube-system"))
    before = here.events()
    here.put("pods", mirror)
    assert [(one["name"], one["count"]) for one in here.events()] == [(one["name"], one["count"]) for one in before]
    here.remove("pods", mirror)
    assert here.connection.execute("SELECT count(*) FROM states WHERE source = 'pods'").get == 0
    here.waits(3 * 60 * MINUTE, "pods")
    assert here.connection.execute("SELECT count(*) FROM mirror_pods").get == 0


@pytest.mark.parametrize("order", ["event first", "status first"])
def test_the_cause_stands_whatever_the_kubelet_says_after_it(here: Cluster, tmp_path: Path, order: str) -> None:
    here.list_("pods", crashing(0, waiting=""))
    for restarts in range(1, 8):
        code = 3 if restarts < 5 else 137
        message = "FATAL: cannot reach postgres at db:5432 with password=hunter22" if code == 3 else "killed"
        status, event = crashing(restarts, code=code, message=message), back_off(3 * restarts)
        if order == "event first":
            here.event(event)
        here.put("pods", status)
        if order != "event first":
            here.event(event)
    one = here.row()
    assert one["text"].startswith("exit code 137: killed. Container app restarted")
    assert (one["count"], one["title"]) == (7, "Container crash loop")
    codes = one["metadata"]["exit_codes"]
    assert {code: account["count"] for code, account in codes.items()} == {"3": 4, "137": 3}
    assert codes["3"]["first"] == "2026-11-30T02:01:49.000Z"
    assert codes["3"]["last"] == "2026-11-30T02:04:49.000Z"
    assert one["metadata"]["termination_message"] == "killed"
    assert one["metadata"]["termination_reason"] == "Error"
    assert one["metadata"]["source"] == {"component": "kubelet", "host": "n1"}, "what only the Events say stays"
    assert here.occurrences(tmp_path) == [[7, 1, 2, 3, 4, 5, 6, 7]]


def test_a_cause_is_redacted_and_short(here: Cluster) -> None:
    here.list_("pods", crashing(0, waiting=""))
    here.put("pods", crashing(1, code=3, message="no access: password=hunter22 " + "x" * 900))
    one = here.row()
    assert "hunter22" not in one["text"] + str(one["metadata"])
    assert len(one["metadata"]["termination_message"]) == 500
    assert one["text"].startswith("exit code 3: no access: password=[REDACTED] xxx")


def test_restarts_that_were_missed_count_and_their_codes_do_not(here: Cluster) -> None:
    here.list_("pods", crashing(1, code=3))
    here.restart()
    here.list_("pods", crashing(5, code=3))
    one = here.row()
    assert (one["count"], one["text"]) == (4, "exit code 3. Container app restarted 4 times")
    assert one["metadata"]["exit_codes"]["3"]["count"] == 1, "of the others nobody saw the code"


def test_of_every_kind_of_event_the_last_occurrence_has_the_count(here: Cluster, tmp_path: Path) -> None:
    """Of a real cluster: Events that count, that stand in, statuses, and what both tell of."""
    events, pods = (
        [json.loads(line) for line in (FOLDER.parent / f"{name}-1.36.3.jsonl").read_text(encoding="utf-8").splitlines()]
        for name in ("events", "pods")
    )
    here.now_ms = ms("2026-11-23T16:00:00Z")
    here.list_("pods")
    for one in pods:
        here.put("pods", one)
    here.event(*events)
    found = here.occurrences(tmp_path)
    assert len(found) > 30
    assert [count for count, *steps in found] == [steps[-1] for count, *steps in found]


def test_an_exit_code_counts_once_however_often_it_is_seen(here: Cluster) -> None:
    here.list_("pods", crashing(0, waiting=""))
    for _ in range(2):
        here.put("pods", crashing(1, code=3), crashing(1, code=3, waiting=""))
        here.restart()
        here.list_("pods", crashing(1, code=3))
    assert here.row()["metadata"]["exit_codes"]["3"]["count"] == 1


def test_memory(here: Cluster) -> None:
    """At its limit only where there is one."""
    here.list_("pods", crashing(0, waiting=""))
    here.put("pods", crashing(1, code=137, reason="OOMKilled"))
    one = here.row(title="Container OOM killed")
    assert one["text"] == "Container app was killed at its memory limit of 128Mi"
    here.put("pods", crashing(2, code=137, reason="OOMKilled", limit=""))
    one = here.row(title="Container OOM killed")
    assert one["text"] == "Container app was killed because its node ran out of memory; the container has no memory limit"
    assert one["count"] == 2
    restarts = here.row(title="Container restarted")
    assert restarts["text"].startswith("exit code 137 (OOMKilled). ")


# Scaled to zero, and services


def workload(name: str, replicas: int, labels: Json | None = None, **more: Any) -> Json:
    template = {"metadata": {"labels": labels or {"app": name}}, "spec": {"containers": [{"name": "app", "image": "r/a:1"}]}}
    own = {"namespace": "shop", "name": name, "uid": f"w-{name}"}
    return {"metadata": own, "spec": {"replicas": replicas, "template": template}, "status": {"observedGeneration": 1}} | more


def service(name: str, selector: Json | None = None) -> Json:
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"s-{name}"},
        "spec": {"selector": selector or {"app": name}},
    }


def slice_of(name: str, *pods: str, unready: tuple[str, ...] = (), part: str = "x") -> Json:
    ends = [
        {"addresses": [f"10.0.0.{at}"], "conditions": {"ready": one not in unready}, "targetRef": _target(one)}
        for at, one in enumerate([*pods, *unready])
    ]
    labels = {"kubernetes.io/service-name": name}
    return {"metadata": {"namespace": "shop", "name": f"{name}-{part}", "labels": labels}, "endpoints": ends}


def _target(name: str) -> Json:
    return {"kind": "Pod", "namespace": "shop", "name": name, "uid": f"u-{name}"}


def test_case_02_scaled_to_zero_is_no_outage(here: Cluster) -> None:
    given = case("02")["objects"]
    here.list_("services", *given["services"])
    for source in ("deployments", "endpointslices"):
        here.list_(source, given[source][0])
    here.now_ms += MINUTE
    here.event(*case("02")["events"])
    here.put("deployments", given["deployments"][1])
    here.put("endpointslices", given["endpointslices"][1])
    here.waits(13 * SECOND, "endpointslices")
    assert told(here) == [(INFO, "Deployment scaled", "worker")]
    assert here.row()["metadata"]["new_replicas"] == 0


def test_an_autoscaler_that_scales_to_zero_is_told_by_its_workload(here: Cluster) -> None:
    here.list_("deployments", workload("worker", 1))
    here.list_("horizontalpodautoscalers")
    event = back_off(1, "worker", "h-1") | {"reason": "SuccessfulRescale", "type": "Normal"}
    event["involvedObject"] = {"kind": "HorizontalPodAutoscaler", "namespace": "shop", "name": "worker", "uid": "h-1"}
    here.event(event | {"message": "New size: 0; reason: All metrics below target"})
    here.put("deployments", workload("worker", 0))
    assert told(here) == [(INFO, "Deployment scaled", "worker")]


SERVING = {"deployments": "Deployment", "statefulsets": "StatefulSet"}


@pytest.mark.parametrize("source", SERVING)
@pytest.mark.parametrize("known", ["selector", "owner", "owner by uid"])
@pytest.mark.parametrize(("to", "left"), [(0, 0), (1, 1)])
def test_a_service_has_as_few_endpoints_as_somebody_wants(here: Cluster, source: str, known: str, to: int, left: int) -> None:
    """By its selector; or, where that selects by other labels than the template has, by the owners of its pods."""
    pods = [f"web-{number}" for number in range(4)]
    here.list_("services", service("api", {"app": "web"} if known == "selector" else {"set": "by hand"}))
    here.list_(source, workload("web", 4), workload("other", 3))
    if known != "selector":
        owner = {"kind": SERVING[source], "name": "web", "uid": "w-web"}
        here.list_("pods", *(pod(one, {"phase": "Running"}, owner=owner) for one in pods))
    slices = [slice_of("api", *pods), slice_of("api", *pods[:left])]
    for each in slices:
        for one in each["endpoints"] if known == "owner by uid" else ():
            del one["targetRef"]["name"]
    here.list_("endpointslices", slices[0])
    here.now_ms += MINUTE
    here.put(source, workload("web", to))
    here.put("endpointslices", slices[1])
    here.waits(13 * SECOND, "endpointslices")
    assert told(here) == [(INFO, f"{SERVING[source]} scaled", "web")]


@pytest.mark.parametrize(
    "why",
    ["pods fail", "another workload is scaled", "no workload is known", "a daemonset of lost nodes", "half of two workloads"],
)
def test_a_service_without_endpoints_that_somebody_wants(here: Cluster, why: str) -> None:
    here.list_("services", service("web"))
    here.list_("nodes", node())
    here.list_("deployments", *([] if why in ("no workload is known", "a daemonset of lost nodes") else [workload("web", 3)]))
    here.list_("daemonsets", *([daemons(2)] if why == "a daemonset of lost nodes" else []))
    here.list_("statefulsets", workload("more", 2, {"app": "web"}) if why == "half of two workloads" else workload("x", 2))
    here.list_("endpointslices", slice_of("web", "a", "b"))
    here.now_ms += MINUTE
    if why == "another workload is scaled":
        here.put("statefulsets", workload("x", 0))
    elif why == "half of two workloads":
        here.put("deployments", workload("web", 0))
    elif why == "a daemonset of lost nodes":
        here.put("nodes", node(status="Unknown", since=LATER))
        here.put("daemonsets", daemons(0))
    here.put("endpointslices", slice_of("web", unready=("a", "b")))
    here.waits(13 * SECOND, "endpointslices")
    assert (ERROR, "Service has no endpoints", "web") in told(here)


def daemons(wanted: int) -> Json:
    made = workload("web", 0)
    del made["spec"]["replicas"]
    return made | {"status": {"observedGeneration": 1, "desiredNumberScheduled": wanted}}


def test_back_from_zero_a_service_can_be_lost_again(here: Cluster) -> None:
    here.list_("services", service("web"))
    here.list_("deployments", workload("web", 1))
    here.list_("endpointslices", slice_of("web", "a"))
    for replicas, pods in ((0, ()), (1, ("b",)), (1, ())):
        here.now_ms += MINUTE
        here.put("deployments", workload("web", replicas))
        here.put("endpointslices", slice_of("web", *pods))
        here.waits(13 * SECOND, "endpointslices")
    assert [one[1] for one in told(here)] == ["Deployment scaled", "Deployment scaled", "Service has no endpoints"]


def test_an_outage_that_somebody_ends_by_scaling_to_zero(here: Cluster) -> None:
    here.list_("services", service("web"), service("other"))
    here.list_("deployments", workload("web", 2), workload("other", 1))
    here.list_("endpointslices", slice_of("web", "a", "b"), slice_of("other", "c"))
    here.now_ms += MINUTE
    here.put("endpointslices", slice_of("web", unready=("a", "b")), slice_of("other", unready=("c",)))
    here.waits(13 * SECOND, "endpointslices")
    here.now_ms += MINUTE
    here.put("deployments", workload("web", 0))
    ended_ms = here.now_ms
    here.waits(20 * MINUTE, "endpointslices")
    assert here.row(name="web", title="Service has no endpoints")["last"] == ended_ms
    assert here.row(name="other")["last"] == here.now_ms, "it goes on"


@pytest.mark.parametrize("source", SERVING)
@pytest.mark.parametrize("way", ["background", "foreground", "away", "with its pods"])
def test_a_workload_that_is_deleted_wants_no_endpoints(here: Cluster, source: str, way: str) -> None:
    """Its Service stays, as after `kubectl delete deployment`."""
    pods = [pod(f"web-{number}", {"phase": "Running"}, owner=OWNERS[source]) for number in range(2)]
    here.list_("services", service("web"))
    here.list_(source, workload("web", 2), workload("other", 3))
    here.list_("replicasets", set_of("web"))
    here.list_("pods", *pods)
    here.list_("endpointslices", slice_of("web", "web-0", "web-1"))
    here.now_ms += MINUTE
    if way == "foreground":
        deleted = workload("web", 2)
        deleted["metadata"]["deletionTimestamp"] = NOW
        here.put(source, deleted)
    elif way == "away":
        here.restart()
        here.list_(source, workload("other", 3))
    else:
        here.remove(source, workload("web", 2))
    if way == "with its pods":
        here.remove("replicasets", set_of("web"))
        here.remove("pods", *pods)
    here.put("endpointslices", slice_of("web"))
    here.waits(13 * SECOND, "endpointslices")
    deleted = [] if way == "foreground" else [(INFO, f"{SERVING[source]} deleted", "web")]
    assert told(here) == deleted, "nothing of its Service"


@pytest.mark.parametrize(
    "why", ["bare pods die", "a bare pod among them dies", "of another group", "nothing is listed", "orphaned"]
)
def test_what_else_is_deleted_or_dies_is_wanted(here: Cluster, why: str) -> None:
    owner = {"of another group": OWNERS["statefulsets"] | {"apiVersion": "apps.kruise.io/v1beta1"}}.get(
        why, OWNERS["statefulsets"]
    )
    bare = 2 if why in ("bare pods die", "orphaned") else 1 if why == "a bare pod among them dies" else 0
    pods = [pod(f"web-{at}", {"phase": "Running"}, owner=None if at < bare else owner) for at in range(2)]
    here.list_("services", service("web"))
    here.list_("pods", *pods)
    if why != "nothing is listed":
        here.list_("statefulsets", workload("web", 2))
    here.list_("endpointslices", slice_of("web", "web-0", "web-1"))
    here.now_ms += MINUTE
    if why != "nothing is listed":
        here.remove("statefulsets", workload("web", 2))
    here.put("endpointslices", slice_of("web", unready=("web-0", "web-1")))
    here.waits(13 * SECOND, "endpointslices")
    deleted = [] if why == "nothing is listed" else [(INFO, "StatefulSet deleted", "web")]
    assert told(here) == [*deleted, (ERROR, "Service has no endpoints", "web")]


def test_an_outage_that_ends_because_its_workload_is_deleted(here: Cluster) -> None:
    here.list_("services", service("web"))
    here.list_("deployments", workload("web", 2))
    here.list_("replicasets", set_of("web"))
    here.list_("pods", *(pod(f"web-{at}", {"phase": "Running"}, owner=OWNERS["deployments"]) for at in range(2)))
    here.list_("endpointslices", slice_of("web", "web-0", "web-1"))
    here.now_ms += MINUTE
    here.put("endpointslices", slice_of("web", unready=("web-0", "web-1")))
    here.waits(13 * SECOND, "endpointslices")
    here.waits(30 * MINUTE, "endpointslices")
    here.remove("deployments", workload("web", 2))
    ended_ms = here.now_ms
    here.waits(20 * MINUTE, "endpointslices")
    assert here.row(title="Service has no endpoints")["last"] == ended_ms


def set_of(name: str) -> Json:
    owner = {"kind": "Deployment", "name": name, "uid": f"w-{name}", "controller": True}
    return {"metadata": {"namespace": "shop", "name": f"{name}-7d", "uid": f"r-{name}", "ownerReferences": [owner]}}


OWNERS = {
    "deployments": {"kind": "ReplicaSet", "name": "web-7d", "uid": "r-web"},
    "statefulsets": {"kind": "StatefulSet", "name": "web", "uid": "w-web"},
}
"""Of the pods of each kind of workload."""


def stood(here: Cluster, name: str = "web") -> list[tuple[str, int, int | None]]:
    sql = "SELECT pod, from_ms, to_ms FROM service_pods WHERE service = ? ORDER BY from_ms, pod"
    return here.connection.execute(sql, (name,)).fetchall()  # type: ignore[return-value]


def test_which_pods_stood_behind_a_service_from_when_to_when(here: Cluster) -> None:
    here.list_("services", service("web"))
    here.list_("endpointslices", slice_of("web", "a", "b"))
    assert stood(here) == [("a", 0, None), ("b", 0, None)], "nobody knows since when"
    begin = here.now_ms
    here.now_ms += MINUTE
    here.put("endpointslices", slice_of("web", "b", unready=("c",)))
    assert stood(here) == [("a", 0, begin + MINUTE), ("b", 0, None), ("c", begin + MINUTE, None)], "ready or not"
    here.now_ms += MINUTE
    here.put("endpointslices", slice_of("web", "c", part="y"), slice_of("web", "b"), slice_of("web", "b", "c"))
    assert stood(here)[2] == ("c", begin + MINUTE, None), "it only moved to another slice"
    here.remove("endpointslices", slice_of("web", part="y"))
    assert stood(here)[2] == ("c", begin + MINUTE, None)
    here.restart()
    here.now_ms += MINUTE
    here.list_("endpointslices", slice_of("web", "b", "a"))
    assert stood(here) == [
        ("a", 0, begin + MINUTE),
        ("b", 0, None),
        ("c", begin + MINUTE, here.now_ms),
        ("a", here.now_ms, None),
    ]
    here.remove("endpointslices", slice_of("web"))
    here.remove("services", service("web"))
    assert None not in [to for _, _, to in stood(here)]
    here.waits(31 * 24 * 60 * MINUTE, "endpointslices")
    assert stood(here) == [], "as long as events are kept"


def test_how_many_pods_of_a_service_are_kept_is_bounded(here: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube9_operator.write.resources.service_pods.MOST_OF_SERVICE", 3)
    here.list_("endpointslices")
    for number in range(8):
        here.now_ms += SECOND
        here.put("endpointslices", slice_of("web", f"p{number}"), slice_of("other", "o"))
    assert [name for name, _, _ in stood(here)] == ["p4", "p5", "p6", "p7"]
    monkeypatch.setattr("kube9_operator.write.resources.service_pods.MOST_OF_ALL", 1)
    here.waits(2 * MINUTE, "endpointslices")
    assert [name for name, _, _ in stood(here)] == ["p6", "p7"]


# Nodes


def condition(kind: str, status: str = "True", reason: str = "", since: str = LATER, message: str = "") -> Json:
    made = {"type": kind, "status": status, "lastTransitionTime": since}
    return made | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def node(*conditions: Json, status: str = "True", since: str = EARLIER, created: str = EARLIER, reason: str = "") -> Json:
    ready = condition("Ready", status, reason or ("KubeletReady" if status == "True" else "KubeletNotReady"), since)
    return {
        "metadata": {"name": "n1", "creationTimestamp": created},
        "spec": {},
        "status": {"conditions": [ready, *conditions]},
    }


@pytest.mark.parametrize("way", ["at first", "new", "changed"])
@pytest.mark.parametrize("events", ["before", "after", "never"])
def test_case_06_conditions_that_should_be_false(here: Cluster, tmp_path: Path, way: str, events: str) -> None:
    (given,) = case("06")["objects"]["nodes"]
    if events == "before":
        here.event(*case("06")["events"])
    if way == "at first":
        here.list_("nodes", given)
    else:
        here.list_("nodes", *([node()] if way == "changed" else []))
        here.put("nodes", given)
    if events == "after":
        here.event(*case("06")["events"])
    found = [one for one in here.events() if one["title"] != "Node added to cluster"]
    assert [one["count"] for one in found] == [1, 1], "the Event and the condition are one"
    assert all(count == last for count, *_, last in here.occurrences(tmp_path))
    assert [(one["severity"], one["title"], one["name"]) for one in found] == [
        (ERROR, "Node problem: DockerHung", "n1"),
        (ERROR, "Node problem: FilesystemIsReadOnly", "n1"),
    ]
    begin = "2026-11-30T02:05:49Z" if events == "never" else "2026-11-30T02:05:29Z"
    assert [one["first"] for one in found] == [ms(begin)] * 2
    assert found[0]["metadata"]["condition"] == "KernelDeadlock"


PROBLEMS = [
    ("MemoryPressure", "KubeletHasInsufficientMemory", WARNING, "Node memory pressure"),
    ("DiskPressure", "KubeletHasDiskPressure", WARNING, "Node disk pressure"),
    ("PIDPressure", "KubeletHasInsufficientPID", WARNING, "Node PID pressure"),
    ("NetworkUnavailable", "NoRouteCreated", ERROR, "Node problem: NoRouteCreated"),
    ("FrequentKubeletRestart", "FrequentKubeletRestart", ERROR, "Node problem: FrequentKubeletRestart"),
    ("CorruptDockerOverlay2", "CorruptDockerOverlay2", ERROR, "Node problem: CorruptDockerOverlay2"),
    ("NTPProblem", "NTPIsDown", ERROR, "Node problem: NTPIsDown"),
    ("KubeletUnhealthy", "KubeletUnhealthy", ERROR, "Node problem: KubeletUnhealthy"),
    ("GpuNotReady", "XidError", ERROR, "Node problem: XidError"),
    ("Odd", "", ERROR, "Node problem: Odd"),
    ("VMEventScheduled", "VMEventScheduled", WARNING, "Node maintenance or eviction announced"),
]


@pytest.mark.parametrize(("kind", "reason", "severity", "title"), PROBLEMS, ids=lambda one: str(one))
def test_a_condition_lasts_until_it_is_over(here: Cluster, kind: str, reason: str, severity: int, title: str) -> None:
    here.list_("nodes", node(condition(kind, "False", since=EARLIER)))
    here.put("nodes", node(condition(kind, "True", reason, message="it is so")))
    one = here.row()
    assert (one["severity"], one["title"], one["text"]) == (severity, title, "it is so")
    assert (one["reason"], one["first"]) == (reason or kind, ms(LATER))
    here.put("nodes", node(condition(kind, "True", reason, message="it is still so")))
    here.restart()
    here.list_("nodes", node(condition(kind, "True", reason, message="it is still so")))
    here.waits(20 * MINUTE, "nodes")
    one = here.row()
    assert (one["count"], one["last"]) == (1, here.now_ms)
    here.now_ms += MINUTE
    here.put("nodes", node(condition(kind, "False", since="2026-11-30T02:28:00Z")))
    assert here.row()["last"] == ms("2026-11-30T02:28:00Z"), "by the condition's own account"
    here.waits(30 * MINUTE, "nodes")
    assert here.row()["last"] == ms("2026-11-30T02:28:00Z")
    here.put("nodes", node(condition(kind, "True", reason, since="2026-11-30T02:58:00Z")))
    assert here.row()["count"] == 2, "the same problem again"


def test_a_pressure_and_the_events_of_the_kubelet_are_one(here: Cluster) -> None:
    here.list_("nodes", node())
    event = {
        "metadata": {"namespace": "default", "name": "n1.p"},
        "involvedObject": {"kind": "Node", "name": "n1", "uid": "n1", "apiVersion": "v1"},
        "reason": "NodeHasDiskPressure",
        "message": "Node n1 status is now: NodeHasDiskPressure",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": LATER,
        "lastTimestamp": LATER,
        "source": {"component": "kubelet", "host": "n1"},
    }
    here.put("nodes", node(condition("DiskPressure", "True", "KubeletHasDiskPressure", message="kubelet has disk pressure")))
    here.event(event)
    one = here.row()
    assert (one["count"], one["text"]) == (1, "kubelet has disk pressure")


GOOD = ["EtcdIsVoter", "StorageReady", "NetworkingReady", "ContainerRuntimeReady", "KernelReady", "CNIUp", "DiskHealthy"]


@pytest.mark.parametrize("kind", GOOD)
def test_conditions_that_should_be_true_are_no_problem(here: Cluster, kind: str) -> None:
    here.list_("nodes", node(condition(kind, "False")))
    here.put("nodes", node(condition(kind)), node(condition("MemoryPressure", "Unknown"), condition(kind)))
    here.waits(20 * MINUTE, "nodes")
    assert here.events() == []


def test_a_condition_without_a_date_is_a_baseline_at_first(here: Cluster) -> None:
    undated = {"type": "KernelDeadlock", "status": "True"}
    here.list_("nodes", node(undated))
    assert here.events() == []
    here.put("nodes", node(undated, {"type": "ReadonlyFilesystem", "status": "True"}))
    assert [one["title"] for one in here.events()] == ["Node problem: ReadonlyFilesystem"]


@pytest.mark.parametrize("event", ["before", "after", "never"])
def test_case_10_a_node_that_never_becomes_ready(here: Cluster, event: str) -> None:
    given = case("10")
    if event == "before":
        here.event(*given["events"])
    here.list_("nodes", *given["objects"]["nodes"])
    if event == "after":
        here.event(*given["events"])
    one = here.row()
    assert (one["severity"], one["title"], one["name"]) == (CRITICAL, "Node does not become ready", "n9")
    assert one["text"] == "container runtime network not ready: cni plugin not initialized"
    assert (one["reason"], one["first"]) == ("KubeletNotReady", ms("2026-11-30T01:42:29Z"))
    here.waits(5 * MINUTE, "nodes")
    assert (here.row()["last"], here.row()["count"]) == (here.now_ms, 1), "it goes on"


@pytest.mark.parametrize(
    "way", ["ready in time", "gone in time", "not in time", "away meanwhile", "never a word", "falls silent"]
)
def test_a_node_is_given_ten_minutes(here: Cluster, way: str) -> None:
    fresh = node(status="False", since=NOW, created=NOW)
    if way == "never a word":
        fresh = node(status="Unknown", since="2026-11-30T02:08:10Z", created=NOW, reason="NodeStatusNeverUpdated")
    here.list_("nodes")
    here.put("nodes", fresh)
    here.waits(9 * MINUTE, "nodes")
    assert [one["title"] for one in here.events()] == ["Node added to cluster"]
    if way == "ready in time":
        here.put("nodes", node(since="2026-11-30T02:16:00Z", created=NOW))
    elif way == "gone in time":
        here.remove("nodes", fresh)
    elif way == "falls silent":
        here.put("nodes", node(status="Unknown", since="2026-11-30T02:08:30Z", created=NOW, reason="NodeStatusUnknown"))
    elif way == "away meanwhile":
        here.restart()
        here.waits(20 * MINUTE)
        assert len(here.events()) == 1, "what is known of it is old"
        here.list_("nodes", fresh)
    here.waits(MINUTE, "nodes")
    titles = [one["title"] for one in here.events()]
    if way in ("ready in time", "gone in time"):
        assert "Node does not become ready" not in titles
        assert here.connection.execute("SELECT count(*) FROM waiting").get == 0
        return
    assert titles == ["Node added to cluster", "Node does not become ready"]
    here.now_ms += 30 * MINUTE
    here.put("nodes", node(since="2026-11-30T02:46:00Z", created=NOW))
    one = here.row(title="Node does not become ready")
    assert (one["last"], one["count"]) == (ms("2026-11-30T02:46:00Z"), 1), "it ended"
    tables = ("waiting", "lasting")
    assert [here.connection.execute(f"SELECT count(*) FROM {table}").get for table in tables] == [0, 0]


def test_who_cordoned_a_node(here: Cluster) -> None:
    here.list_("nodes", node())
    here.now_ms += MINUTE
    cordoned = node() | {"spec": {"unschedulable": True}}
    fields = {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
    entry = {"manager": "kubectl-cordon", "operation": "Update", "time": "2026-11-30T02:08:12Z"} | fields
    here.put("nodes", {**cordoned, "metadata": cordoned["metadata"] | {"managedFields": [entry]}})
    one = here.row(title="Node cordoned")
    assert one["metadata"]["changed_by"] == "kubectl-cordon"
    assert one["first"] // SECOND == ms("2026-11-30T02:08:12Z") // SECOND, "by the manager's own time"


# Pods that end


def ended(name: str, code: int = 1, *, message: str = "", reason: str = "Error", finished: str = LATER, **more: Any) -> Json:
    """A pod that has failed; further fields are those of `pod`, `status_` of its status."""
    terminated = {"reason": reason, "exitCode": code, "finishedAt": finished} | ({"message": message} if message else {})
    status = {"phase": "Failed", "containerStatuses": [{"name": "app", "restartCount": 0, "state": {"terminated": terminated}}]}
    return pod(name, status | more.pop("status_", {}), **more)


def disrupted(reason: str, message: str = "") -> Json:
    return {"conditions": [condition("DisruptionTarget", "True", reason, message=message)]}


def test_case_08_a_node_that_shuts_down(here: Cluster) -> None:
    first, last = case("08")["objects"]["pods"]
    here.list_("pods", first)
    here.put("pods", last)
    one = here.row()
    assert (one["severity"], one["title"], one["name"]) == (WARNING, "Pod terminated by node shutdown", "batch-1")
    assert one["text"] == "Pod was terminated in response to imminent node shutdown."
    assert (one["first"], one["reason"], one["metadata"]["exit_code"]) == (ms(LATER), "Terminated", 143)
    here.restart()
    here.list_("pods", last)
    here.remove("pods", last)
    assert here.row()["count"] == 1


@pytest.mark.parametrize("way", ["at first", "new", "changed", "away"])
def test_case_09_a_bare_pod_that_failed(here: Cluster, way: str) -> None:
    (given,) = case("09")["objects"]["pods"]
    if way == "at first":
        here.list_("pods", given)
    else:
        here.list_("pods", *([] if way == "new" else [given | {"status": {"phase": "Running"}}]))
        if way == "away":
            here.restart()
            here.list_("pods", given)
        here.put("pods", given)
    one = here.row()
    assert (one["severity"], one["title"], one["name"]) == (ERROR, "Pod failed", "runner-7")
    assert one["text"] == "exit code 1: tests failed. Container app of pod runner-7 ended"
    assert one["first"] == one["last"] == ms(LATER)
    assert {key: one["metadata"][key] for key in ("container", "exit_code", "termination_message")} == {
        "container": "app",
        "exit_code": 1,
        "termination_message": "tests failed",
    }


JOB = {"kind": "Job", "name": "nightly", "uid": "u-job"}


def test_the_pods_of_a_job_are_one_event_for_each_exit_code(here: Cluster, tmp_path: Path) -> None:
    here.list_("pods")
    for number, code in enumerate((3, 3, 42, 3)):
        finished = f"2026-11-30T02:0{number}:00Z"
        here.put("pods", ended(f"nightly-{number}", code, message=f"no {number}", owner=JOB, finished=finished))
    assert [(one["severity"], one["title"], one["name"], one["kind"], one["count"]) for one in here.events()] == [
        (WARNING, "Pod of Job failed", "nightly", "Job", 3),
        (WARNING, "Pod of Job failed", "nightly", "Job", 1),
    ]
    first = here.events()[0]
    assert first["text"] == "exit code 3: no 3. Container app of pod nightly-3 of Job nightly ended"
    assert (first["first"], first["last"]) == (ms("2026-11-30T02:00:00Z"), ms("2026-11-30T02:03:00Z"))
    assert (first["metadata"]["pod"], first["metadata"]["exit_code"]) == ("nightly-3", 3)
    here.restart()
    here.list_("pods", *(ended(f"nightly-{number}", 3, owner=JOB) for number in range(4)))
    assert sorted(here.occurrences(tmp_path)) == [[1, 1], [3, 1, 2, 3]]


EVICTED = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi."
DISRUPTIONS = [
    ({"reason": "Evicted", "message": EVICTED} | disrupted("TerminationByKubelet", EVICTED), "Pod evicted"),
    ({"reason": "Evicted", "message": EVICTED}, "Pod evicted"),
    ({"reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."}, "shutdown"),
    ({"reason": "Shutdown", "message": "Node is shutting, evicting pods"}, "Pod terminated by node shutdown"),
    ({"reason": "NodeShutdown", "message": "Pod was rejected as the node is shutting down."}, "Pod rejected by a node that"),
    ({"reason": "Preempting", "message": "Preempted in order to admit critical pod"}, "Pod preempted"),
    (disrupted("TerminationByKubelet", "Preempted in order to admit critical pod"), "Pod preempted"),
    (disrupted("TerminationByKubelet", "Pod was terminated in response to imminent node shutdown."), "shutdown"),
    (disrupted("PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"), "Pod preempted"),
    (disrupted("EvictionByEvictionAPI", "Eviction API: evicting"), "Pod evicted"),
    (disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"), "Pod evicted"),
    (disrupted("DeletionByPodGC", "PodGC: node no longer exists"), "Pod lost with its node"),
    ({"phase": "Running", "reason": "NodeLost", "message": "Node n1 which was running pod x is unresponsive"}, "Pod lost"),
    ({"phase": "Running"} | disrupted("EvictionByEvictionAPI", "Eviction API: evicting"), "Pod evicted"),
    ({"phase": "Running"} | disrupted("WorkloadPreempted"), "Pod preempted"),
    ({"phase": "Running"} | disrupted("SomethingNew"), "Pod disrupted"),
]


@pytest.mark.parametrize(("status", "title"), DISRUPTIONS, ids=lambda one: str(one)[:60])
@pytest.mark.parametrize(
    "owner", [None, JOB, {"kind": "ReplicaSet", "name": "web-7d", "uid": "u-rs"}], ids=["bare", "job", "set"]
)
def test_disruptions_are_warnings_whosever_the_pod_is(here: Cluster, status: Json, title: str, owner: Json | None) -> None:
    here.list_("pods", pod("web-1", {"phase": "Running"}, owner=owner))
    here.put("pods", ended("web-1", 137, status_=status, owner=owner))
    one = here.row()
    assert (one["severity"], one["kind"], one["name"]) == (WARNING, "Pod", "web-1")
    assert title in one["title"]
    assert one["metadata"]["exit_code"] == 137
    assert one["text"], "the message"
    gone = ended("web-1", 137, status_=status, owner=owner, deletionTimestamp=NOW)
    here.put("pods", gone)
    here.remove("pods", gone)
    assert here.row()["count"] == 1


def test_the_event_and_the_status_of_an_eviction_are_one(here: Cluster, tmp_path: Path) -> None:
    event = back_off(1, "web-1") | {"reason": "Evicted", "message": EVICTED, "firstTimestamp": LATER, "lastTimestamp": LATER}
    del event["involvedObject"]["fieldPath"]
    here.list_("pods", pod("web-1", {"phase": "Running"}))
    here.event(event)
    here.put("pods", ended("web-1", 137, status_={"reason": "Evicted", "message": EVICTED}))
    one = here.row()
    assert (one["title"], one["count"], one["text"]) == ("Pod evicted", 1, EVICTED)
    assert here.occurrences(tmp_path) == [[1, 1]]


REJECTED = [
    ("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 1450, capacity: 4000"),
    ("OutOfpods", "Pod Node didn't have enough capacity: pods, requested: 1, used: 110, capacity: 110"),
    ("NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"),
    ("UnexpectedAdmissionError", "Pod was rejected: Allocate failed due to no healthy devices present, which is unexpected"),
    ("TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality"),
]


@pytest.mark.parametrize(("reason", "message"), REJECTED)
@pytest.mark.parametrize("event", ["none", "before", "after"])
def test_a_pod_that_its_node_rejects(here: Cluster, reason: str, message: str, event: str) -> None:
    text = back_off(1, "web-1") | {"reason": reason, "message": message.removeprefix("Pod was rejected: ")}
    del text["involvedObject"]["fieldPath"]
    text |= {"firstTimestamp": LATER, "lastTimestamp": LATER}
    here.list_("pods", pod("web-1", {"phase": "Pending"}))
    if event == "before":
        here.event(text)
    here.put("pods", pod("web-1", {"phase": "Failed", "reason": reason, "message": message, "startTime": LATER}))
    if event == "after":
        here.event(text)
    one = here.row()
    assert (one["severity"], one["title"], one["count"]) == (ERROR, "Pod rejected by its node", 1)
    assert (one["reason"], one["first"]) == (reason, ms(LATER))
    assert one["text"] in (message, text["message"])


QUIET = {
    "succeeded": pod("web-1", {"phase": "Succeeded"} | disrupted("EvictionByEvictionAPI")),
    "completed": ended("web-1", 0, reason="Completed") | {},
    "deleted by somebody": ended("web-1", 143, deletionTimestamp=NOW),
    "condition is False": pod("web-1", {"phase": "Running", "conditions": [condition("DisruptionTarget", "False")]}),
    "running": pod("web-1", {"phase": "Running", "reason": "Evicted"}),
    "nothing is known": pod("web-1", {}),
}
QUIET["completed"]["status"]["phase"] = "Succeeded"


@pytest.mark.parametrize("what", QUIET)
def test_pods_that_end_as_somebody_wants(here: Cluster, what: str) -> None:
    here.list_("pods", pod("web-1", {"phase": "Running"}))
    here.put("pods", QUIET[what])
    here.remove("pods", QUIET[what])
    assert here.events() == []


def test_a_pod_whose_end_has_no_date_is_a_baseline_at_first(here: Cluster) -> None:
    evicted = pod("web-1", {"phase": "Failed", "reason": "Evicted", "message": EVICTED})
    here.list_("pods", evicted)
    # As a release kept it that did not know of phases.
    here.sees("pods", state("old", Pod("n1"), 5, "u-old"))
    here.put("pods", pod("old", {"phase": "Failed", "reason": "Evicted", "message": EVICTED}))
    assert here.events() == []
    here.put("pods", pod("web-2", {"phase": "Failed", "reason": "Evicted", "message": EVICTED}))
    assert told(here) == [(WARNING, "Pod evicted", "web-2")]


@pytest.mark.parametrize(
    ("owner", "severity", "title"),
    [
        ("ReplicaSet", WARNING, "Pod failed and is replaced"),
        ("DaemonSet", WARNING, "Pod failed and is replaced"),
        ("Workflow", ERROR, "Pod failed"),
        ("TaskRun", ERROR, "Pod failed"),
    ],
)
def test_who_owns_a_pod_that_failed(here: Cluster, owner: str, severity: int, title: str) -> None:
    here.list_("pods", ended("web-1", 2, owner={"kind": owner, "name": "o", "uid": "u-o"}))
    assert told(here) == [(severity, title, "web-1")]


def test_a_deadline_is_the_reason_of_a_pod_and_of_a_pod_of_a_job(here: Cluster) -> None:
    why = {"reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline"}
    here.list_("pods", ended("one", 137, status_=why), ended("two", 137, status_=why, owner=JOB))
    assert told(here) == [(ERROR, "Pod failed", "one"), (WARNING, "Pod of Job failed", "nightly")]
    assert {(one["reason"], one["text"]) for one in here.events()} == {(why["reason"], why["message"])}


# In this order the kubelet reports that a container of a pod has ended for good.
BEFORE_THE_PHASE = {"phase": "Running"}


@pytest.mark.parametrize("seen", ["at first", "at once", "before the phase", "away"])
@pytest.mark.parametrize("limit", ["128Mi", ""])
def test_an_end_for_memory_is_told_once(here: Cluster, tmp_path: Path, seen: str, limit: str) -> None:
    """A bare pod's as the end of its container, which is worse than that of the pod; a Job's pod as every end of its pods."""
    owners = (("web-1", None), ("nightly-1", JOB), ("nightly-2", JOB))
    how = {"code": 137, "reason": "OOMKilled", "message": "heap full", "limit": limit}
    over = [ended(name, owner=owner, **how) for name, owner in owners]
    here.list_("pods", *([] if seen == "at first" else [one | {"status": {"phase": "Running"}} for one in over]))
    if seen == "before the phase":
        here.put("pods", *(ended(name, owner=owner, status_=BEFORE_THE_PHASE, **how) for name, owner in owners))
        assert len(here.events()) == 2
    if seen in ("at first", "away"):
        here.restart()
        here.list_("pods", *over)
    here.put("pods", *over)
    here.remove("pods", *over)
    container, job = here.events()
    why = (
        f"at its memory limit of {limit}" if limit else "because its node ran out of memory; the container has no memory limit"
    )
    assert (container["severity"], container["title"], container["name"]) == (CRITICAL, "Container OOM killed", "web-1")
    assert container["text"] == f"Container app was killed {why}. It is not started again"
    assert (job["severity"], job["title"], job["name"], job["kind"]) == (WARNING, "Pod of Job failed", "nightly", "Job")
    what = f"Container app of pod nightly-2 of Job nightly was killed {why}"
    assert (job["text"], job["reason"]) == (f"exit code 137 (OOMKilled): heap full. {what}", "OOMKilled")
    for one, code in ((container, "last_exit_code"), (job, "exit_code")):
        assert (one["metadata"][code], one["metadata"]["termination_message"]) == (137, "heap full")
        assert one["metadata"].get("memory_limit", "") == limit
    assert (container["metadata"]["exit_code"], job["metadata"]["termination_reason"]) == (137, "OOMKilled")
    assert (container["first"], job["first"], job["last"]) == (ms(LATER),) * 3
    assert sorted(here.occurrences(tmp_path)) == [[1, 1], [2, 1, 2]]


def several(*containers: tuple[str, int, str], phase: str = "Running", kind: str = "", owner: Json | None = JOB) -> Json:
    """A pod of `app` and `proxy`; those that are named have ended, with a code and a reason."""
    made = pod("nightly-1", {"phase": phase}, owner=owner)
    made["spec"]["containers"].append({"name": "proxy"} | ({"restartPolicy": "Always"} if kind == "by itself" else {}))
    made["spec"]["initContainers"] = [{"name": "prepare"}]
    over = [
        {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": LATER}}}
        for name, code, reason in containers
    ]
    made["status"] |= {"containerStatuses": over, "initContainerStatuses": over}
    return made


OOM = ("app", 137, "OOMKilled")


def test_an_end_for_memory_while_the_pod_goes_on_is_told_then(here: Cluster) -> None:
    """Nobody knows when the pod will end; the end of its Job's pod would tell of the same failure."""
    here.list_("pods", several())
    here.put("pods", several(OOM))
    assert told(here) == [(CRITICAL, "Container OOM killed", "nightly-1")]
    here.put("pods", several(OOM, ("proxy", 0, "Completed")), several(OOM, ("proxy", 0, "Completed"), phase="Failed"))
    assert told(here) == [(CRITICAL, "Container OOM killed", "nightly-1")]


@pytest.mark.parametrize(
    ("over", "titles"),
    [
        (several(OOM, ("proxy", 0, "Completed")), ["Pod of Job failed"]),
        (several(("prepare", 137, "OOMKilled")), ["Pod of Job failed"]),
        (several(OOM, kind="by itself"), ["Container OOM killed"]),
        (several(OOM, ("proxy", 0, "Completed"), kind="by itself"), ["Container OOM killed"]),
        (several(OOM, ("proxy", 0, ""), owner=JOB | {"apiVersion": "batch.volcano.sh/v1alpha1"}), ["Container OOM killed"]),
        (several(OOM, ("proxy", 3, "Error"), phase="Failed"), ["Pod of Job failed"]),
        (
            several(("app", 3, "Error"), ("proxy", 137, "OOMKilled"), phase="Failed"),
            ["Container OOM killed", "Pod of Job failed"],
        ),
        (
            several(OOM, ("proxy", 0, "")) | {"metadata": several()["metadata"] | {"deletionTimestamp": NOW}},
            ["Container OOM killed"],
        ),
    ],
    ids=[
        "all over",
        "init",
        "one goes on",
        "starts again by itself",
        "another Job",
        "two failed",
        "another one too",
        "deleted",
    ],
)
def test_whose_end_for_memory_is_that_of_a_pod_of_a_job(here: Cluster, over: Json, titles: list[str]) -> None:
    here.list_("pods", several())
    here.put("pods", over)
    assert [one["title"] for one in here.events()] == titles


def test_a_sidecar_is_started_again_after_a_memory_kill(here: Cluster) -> None:
    made = several(("prepare", 137, "OOMKilled"))
    made["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    here.list_("pods", several())
    here.put("pods", made)
    one = here.row()
    assert one["text"].startswith("Sidecar container prepare was killed because its node ran out of memory")
    assert "not started again" not in one["text"]
    assert "exit_code" not in one["metadata"]


def test_an_upgrade_tells_no_end_for_memory_again(here: Cluster) -> None:
    """What an older release stored does not say that a pod is never started again."""
    over = ended("nightly-1", 137, reason="OOMKilled", owner=JOB)
    ends = [End("OOMKilled", 137, ms(LATER))]
    kept = Pod("n1", phase="Failed", containers=[Container("app", memory_limit="128Mi", ends=ends)])
    here.list_("pods")
    here.sees("pods", state("nightly-1", kept, 5, "u-nightly-1"))
    before = told(here)
    here.put("pods", over)
    assert told(here) == before == [(CRITICAL, "Container OOM killed", "nightly-1")]


def test_a_command_that_does_not_exist_is_told_once(here: Cluster) -> None:
    message = 'failed to create containerd task: exec: "/no": stat /no: no such file or directory'
    here.list_("pods", pod("web-1", {"phase": "Pending"}))
    event = back_off(1, "web-1") | {"reason": "Failed", "message": f"Error: {message}"}
    here.event(event | {"firstTimestamp": LATER, "lastTimestamp": LATER})
    here.put("pods", ended("web-1", 128, reason="StartError", message=message))
    one = here.row()
    assert (one["title"], one["count"]) == ("Container cannot start", 1)


def test_a_pod_that_failed_without_a_word(here: Cluster) -> None:
    here.list_("pods", pod("web-1", {"phase": "Running"}))
    here.put("pods", pod("web-1", {"phase": "Failed"}))
    one = here.row()
    assert (one["title"], one["text"], one["reason"]) == ("Pod failed", "Pod web-1 failed.", "PodFailed")


def test_of_several_containers_the_first_that_failed_is_the_cause(here: Cluster) -> None:
    def status(name: str, code: int, second: int) -> Json:
        return {"name": name, "state": {"terminated": {"exitCode": code, "finishedAt": f"2026-11-30T02:06:{second:02}Z"}}}

    given = ended("web-1")
    given["spec"]["containers"] = [{"name": "app"}, {"name": "late"}, {"name": "well"}]
    given["spec"]["initContainers"] = [{"name": "proxy", "restartPolicy": "Always"}]
    given["status"]["containerStatuses"] = [status("late", 143, 50), status("app", 7, 40), status("well", 0, 10)]
    given["status"]["initContainerStatuses"] = [status("proxy", 1, 5)]
    here.list_("pods", given)
    assert here.row()["metadata"]["container"] == "app"
    assert here.row()["first"] == ms("2026-11-30T02:06:40Z")


# Claims


def claim(phase: str, provisioner: str = "csi.example", node_name: str = "", created: str = NOW) -> Json:
    notes = {"volume.kubernetes.io/storage-provisioner": provisioner} if provisioner else {}
    notes |= {"volume.kubernetes.io/selected-node": node_name} if node_name else {}
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}
    own = {"namespace": "shop", "name": "data", "uid": "pvc-1", "creationTimestamp": created, "annotations": notes}
    return {"metadata": own, "spec": spec, "status": {"phase": phase}}


def test_a_claim_that_waits_for_its_provisioner(here: Cluster) -> None:
    here.list_("persistentvolumeclaims")
    here.put("persistentvolumeclaims", claim("Pending", ""), claim("Pending"))
    here.waits(9 * MINUTE, "persistentvolumeclaims")
    assert here.events() == []
    here.waits(2 * MINUTE, "persistentvolumeclaims")
    one = here.row()
    assert (one["severity"], one["title"], one["name"]) == (WARNING, "PVC waits for a provisioner", "data")
    assert one["text"] == "Claim data still waits for a volume from csi.example"
    assert one["metadata"] == {"storage_class": "fast", "requested_size": "10Gi", "provisioner": "csi.example"}
    here.waits(10 * MINUTE, "persistentvolumeclaims")
    assert (here.row()["last"], here.row()["count"]) == (here.now_ms, 1)
    here.now_ms += MINUTE
    here.put("persistentvolumeclaims", claim("Bound"))
    assert here.row()["last"] == here.now_ms
    assert here.connection.execute("SELECT count(*) FROM waiting").get == 0


def test_a_claim_of_which_the_controller_tells_is_one_event(here: Cluster) -> None:
    event = back_off(9, "data", "pvc-1") | {
        "reason": "ExternalProvisioning",
        "type": "Normal",
        "message": "waiting for a volume",
    }
    event |= {"firstTimestamp": "2026-11-30T01:50:00Z", "lastTimestamp": NOW}
    event["involvedObject"] = {"kind": "PersistentVolumeClaim", "name": "data", "namespace": "shop", "uid": "pvc-1"}
    here.list_("persistentvolumeclaims", claim("Pending", created="2026-11-30T01:50:00Z"))
    here.event(event)
    here.waits(MINUTE, "persistentvolumeclaims")
    one = here.row()
    assert (one["severity"], one["title"], one["count"]) == (WARNING, "PVC waits for a provisioner", 9)


def test_a_claim_of_which_an_event_tells_is_one_event(here: Cluster) -> None:
    event = back_off(5, "data", "pvc-1") | {"reason": "ProvisioningFailed", "message": "no space left"}
    event["involvedObject"] = {"kind": "PersistentVolumeClaim", "name": "data", "namespace": "shop", "uid": "pvc-1"}
    here.list_("persistentvolumeclaims", claim("Pending", created=EARLIER))
    here.event(event)
    here.waits(MINUTE, "persistentvolumeclaims")
    one = here.row()
    assert (one["severity"], one["title"], one["count"]) == (ERROR, "PVC binding failed", 5)


@pytest.mark.parametrize(
    "given",
    [claim("Pending", "", created=EARLIER), claim("Bound", created=EARLIER), claim("Lost", created=EARLIER)],
    ids=["waits for its first pod", "bound", "lost"],
)
def test_claims_that_wait_for_nobody(here: Cluster, given: Json) -> None:
    here.list_("persistentvolumeclaims", given)
    here.waits(60 * MINUTE, "persistentvolumeclaims")
    assert here.events() == []


def test_a_claim_that_waited_for_its_first_pod_waits_for_its_provisioner_since_then(here: Cluster) -> None:
    here.list_("persistentvolumeclaims", claim("Pending", "", created="2026-11-27T00:00:00Z"))
    here.put("persistentvolumeclaims", claim("Pending", "csi.example", "n1", created="2026-11-27T00:00:00Z"))
    begin = here.now_ms
    here.waits(9 * MINUTE, "persistentvolumeclaims")
    assert here.events() == []
    here.waits(MINUTE, "persistentvolumeclaims")
    assert here.row()["first"] == begin


# Cases of Events alone

EVENTS_ALONE = {
    "03": [(WARNING, "Longhorn node is not ready", "n1", "longhorn.io")],
    "04": [
        (ERROR, "Load balancer cannot be created", "web", ""),
        (ERROR, "Service failed: InternalError", "web", "serving.knative.dev"),
        (WARNING, "Cluster ReconcileError", "db", "cluster.x-k8s.io"),
        (WARNING, "Cluster ReconcileError", "db", "rke.cattle.io"),
    ],
    "11": [(WARNING, "PVC waits for a provisioner", "data", "")],
    "13": [
        (WARNING, "Workload waits for quota", "train-1", "kueue.x-k8s.io"),
        (WARNING, "Workload preempted", "train-2", "kueue.x-k8s.io"),
    ],
    "14": [(WARNING, "Pod evicted", name, "") for name in ("vpa-1", "des-1", "kar-1")],
    "15": [],
    "17": [],
    "19": [
        (ERROR, "Application degraded", "shop", "argoproj.io"),
        (ERROR, "PostgreSQL primary failed over", "db", "postgresql.cnpg.io"),
        (WARNING, "Longhorn volume Degraded", "pvc-02", "longhorn.io"),
        (WARNING, "Machine is unhealthy", "m-1", "cluster.x-k8s.io"),
    ],
}


@pytest.mark.parametrize("number", EVENTS_ALONE)
def test_cases_of_events_alone(here: Cluster, number: str) -> None:
    here.event(*case(number)["events"])
    groups = here.connection.execute(
        """SELECT g.word FROM events e JOIN objects o ON o.id = e.object JOIN words g ON g.id = o.api_group
        WHERE e.type = 0 ORDER BY e.id"""
    )
    assert [(*one, group) for one, (group,) in zip(told(here), groups, strict=True)] == EVENTS_ALONE[number]
