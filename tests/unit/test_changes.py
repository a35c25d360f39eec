"""What changed with resources: every row of the table that comes from states, from two states of one object."""

import msgspec
import pytest

from kube9_operator.clock import iso
from kube9_operator.model import rows
from kube9_operator.model.changes import Writer
from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING, Observation
from kube9_operator.model.resource_states import Container, CronJob, End, Namespace, Node, Pod, Service, Workload
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.resources.detect.dating import Window
from kube9_operator.write.resources.detect.observed import Lives, Observed, duration

DAY = 86_400_000
NOW = 1_795_000_000_000
LIVES = Lives(7 * DAY, 30 * DAY)
NODE = Node(NOW - DAY, False, "True", NOW - DAY + 20_000, "KubeletReady", "", "4", "8Gi", "zone-a", "v1.36.3")


def seen(source: str, name: str = "web", whole: bool = True, **more: object) -> Observed:
    namespace = "" if source in ("nodes", "namespaces") else "shop"
    return Observed(source, namespace, name, "uid-1", "70", NOW, whole, **more)  # type: ignore[arg-type]


def told(of: Observed, previous: object, current: object) -> list[tuple[int, str, str]]:
    return [(one.severity, one.title, one.description) for one in detect.compare(of, previous, current, LIVES)]


def only(of: Observed, previous: object, current: object) -> Observation:
    (found,) = detect.compare(of, previous, current, LIVES)
    return found


def metadata(one: Observation) -> dict[str, object]:
    decoded: dict[str, object] = msgspec.json.decode(one.metadata)
    return decoded


def changed(state: msgspec.Struct, **fields: object) -> msgspec.Struct:
    return msgspec.structs.replace(state, **fields)


# Nodes


def test_a_node_that_joins() -> None:
    joined = only(seen("nodes", "worker-4"), None, NODE)
    assert (joined.severity, joined.title) == (INFO, "Node added to cluster")
    assert joined.description == "New node worker-4 joined the cluster"
    assert metadata(joined) == {"cpu": "4", "memory": "8Gi", "zone": "zone-a", "kubelet_version": "v1.36.3"}
    assert (joined.kind, joined.namespace, joined.name, joined.uid, joined.node) == ("Node", "", "worker-4", "", "worker-4")
    assert joined.first_ms == NODE.created_ms, "its own date"


def test_a_node_at_first_is_a_baseline() -> None:
    assert told(seen("nodes", whole=False), None, NODE) == []


def test_a_node_that_leaves() -> None:
    assert told(seen("nodes", "w"), NODE, None) == [(INFO, "Node removed from cluster", "Node w left the cluster")]


def test_a_node_that_is_not_ready_any_more() -> None:
    lost = changed(NODE, ready="Unknown", ready_since_ms=NOW - 9_000, ready_reason="NodeStatusUnknown", ready_message="no word")
    found = only(seen("nodes"), NODE, lost)
    assert (found.severity, found.title, found.description) == (CRITICAL, "Node NotReady", "no word")
    assert metadata(found) == {"previous": "True", "current": "Unknown", "reason": "NodeStatusUnknown"}
    assert found.key == rows.key(rows.NODE_NOT_READY), "the row of the Event: one event"
    assert (found.first_ms, found.last_ms) == (NOW - 9_000, NOW - 9_000)
    other = changed(lost, ready="False", ready_since_ms=NOW - 5_000)
    assert told(seen("nodes"), lost, other) == [], "it has left True once"
    assert only(seen("nodes", whole=False), None, lost).first_ms == NOW - 9_000, "its date is its own, whenever it is seen"
    assert told(seen("nodes", listing=True), lost, changed(lost, ready_since_ms=NOW - 1)), "it was ready in between"
    old = changed(lost, ready_since_ms=NOW - 31 * DAY)
    assert told(seen("nodes", whole=False), None, changed(old, created_ms=NOW - 90 * DAY)) == [], "older than the retention"


def test_a_node_that_was_never_ready_is_not_lost() -> None:
    young = changed(NODE, ready="False", ready_since_ms=NODE.created_ms, ready_reason="KubeletNotReady")
    assert told(seen("nodes", whole=False), None, young) == []
    assert [title for _, title, _ in told(seen("nodes"), None, young)] == ["Node added to cluster"]
    assert told(seen("nodes"), young, NODE) == [], "ready for the first time"
    assert detect.ongoing("nodes", young) == {rows.key(rows.NODE_NOT_READY): NODE.created_ms}, (
        "its event comes when it has waited"
    )
    silent = changed(NODE, ready="Unknown", ready_since_ms=NOW, ready_reason="NodeStatusNeverUpdated")
    assert told(seen("nodes", whole=False), None, silent) == []


def test_a_node_that_is_ready_again() -> None:
    key = rows.key(rows.NODE_NOT_READY)
    lost = changed(NODE, ready="Unknown", ready_since_ms=NOW - 100_000)
    assert detect.ongoing("nodes", lost) == {key: NOW - 100_000}
    back = changed(NODE, ready_since_ms=NOW - 1_000)
    found = only(seen("nodes", ongoing={key: NOW - 313_000}), lost, back)
    assert (found.severity, found.title) == (INFO, "Node Ready")
    assert found.description == "Node web is ready again after 5m 12s"
    assert metadata(found) == {"previous": "Unknown", "current": "True", "not_ready_seconds": 312}
    assert detect.ended_ms("nodes", back, key) == NOW - 1_000
    assert told(seen("nodes"), lost, changed(back, ready_since_ms=lost.ready_since_ms)), "dates are whole seconds"
    unseen = only(seen("nodes", listing=True), NODE, back)
    assert unseen.description == "Node web is ready again; it was not while nothing watched"


def test_a_node_that_is_cordoned_and_uncordoned() -> None:
    cordoned = changed(NODE, unschedulable=True)
    assert told(seen("nodes"), NODE, cordoned) == [(INFO, "Node cordoned", "Node web was cordoned")]
    assert told(seen("nodes"), cordoned, NODE) == [(INFO, "Node uncordoned", "Node web was uncordoned")]
    assert told(seen("nodes", whole=False), None, cordoned) == []


# Namespaces


def test_namespaces() -> None:
    of = seen("namespaces", "staging")
    assert told(of, None, Namespace(NOW - 5)) == [(INFO, "Namespace created", "Namespace staging was created")]
    assert told(of, Namespace(NOW - 5), None) == [(WARNING, "Namespace deleted", "Namespace staging was deleted")]
    assert told(of, Namespace(NOW - 5), Namespace(NOW - 5, NOW)) == [], "it goes on being there until it is gone"
    assert told(of._replace(whole=False), None, Namespace(NOW - 5)) == []


# Workloads


@pytest.mark.parametrize(
    ("source", "kind"), [("deployments", "Deployment"), ("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")]
)
def test_a_workload_that_is_scaled_or_gets_another_image(source: str, kind: str) -> None:
    of = seen(source, "nginx")
    before = Workload(2, {"app": "web:1", "wait": "busybox:1"})
    scaled = only(of, before, Workload(5, before.images))
    assert (scaled.severity, scaled.title) == (INFO, f"{kind} scaled")
    assert scaled.description == f"{kind} nginx scaled from 2 to 5 replicas"
    assert metadata(scaled) == {"previous_replicas": 2, "new_replicas": 5}
    image = only(of, before, Workload(2, {"app": "web:2", "wait": "busybox:1", "new": "x:1"}))
    assert (image.severity, image.title) == (INFO, f"{kind} image changed")
    assert metadata(image) == {"container": "app", "previous": "web:1", "current": "web:2"}
    assert len(told(of, before, Workload(3, {"app": "a:2", "wait": "b:2"}))) == 3
    assert told(of, before, before) == []
    again = detect.compare(of._replace(version="71"), Workload(5), Workload(2), LIVES)
    assert again[0].key != scaled.key, "each change is an event of its own"


def test_a_daemonset_that_is_counted_for_the_first_time_is_not_scaled() -> None:
    of, made = seen("daemonsets", "agent"), Workload(0, {"app": "a:1"}, uncounted=True)
    assert [title for _, title, _ in told(of, None, made)] == ["DaemonSet created"]
    assert told(of, made, Workload(3, made.images)) == []
    assert [title for _, title, _ in told(of, made, Workload(3, {"app": "a:2"}))] == ["DaemonSet image changed"]
    more_nodes = only(of, Workload(3, made.images), Workload(4, made.images))
    assert more_nodes.description == "DaemonSet agent scaled from 3 to 4 replicas"
    no_nodes_at_first = only(of, Workload(0, made.images), Workload(1, made.images))
    assert no_nodes_at_first.description == "DaemonSet agent scaled from 0 to 1 replicas"


def test_a_secret_in_an_image_is_hidden() -> None:
    image = only(seen("deployments"), Workload(1, {"app": "a"}), Workload(1, {"app": "https://me:hunter22@r.example/web:2"}))
    assert "hunter22" not in image.metadata + image.description
    assert image.redacted == 2


def test_a_rollout_that_is_stuck() -> None:
    stuck = Workload(3, {}, NOW - 60_000, 'ReplicaSet "web-7d" has timed out progressing.')
    found = only(seen("deployments"), Workload(3), stuck)
    assert (found.severity, found.title) == (ERROR, "Deployment rollout stuck")
    assert found.description == stuck.stuck_message
    assert (found.first_ms, found.reason) == (NOW - 60_000, "ProgressDeadlineExceeded")
    assert only(seen("deployments", whole=False), None, stuck).contributor == found.contributor
    assert told(seen("deployments"), stuck, stuck) == []
    assert detect.ongoing("deployments", stuck) == {rows.key(rows.ROLLOUT_STUCK): NOW - 60_000}
    assert told(seen("deployments", whole=False), None, changed(stuck, stuck_since_ms=NOW - 31 * DAY)) == []


# What is created and deleted

IMAGES = {"app": "web:1", "proxy": "envoy:3"}
STATES = {
    "deployments": ("Deployment", Workload(3, IMAGES), " (3 replicas, images web:1, envoy:3)"),
    "statefulsets": ("StatefulSet", Workload(1, {"app": "web:1"}), " (1 replica, image web:1)"),
    "daemonsets": ("DaemonSet", Workload(0, {"app": "web:1"}, uncounted=True), " (image web:1)"),
    "cronjobs": ("CronJob", CronJob(images={"app": "web:1"}), " (image web:1)"),
    "services": ("Service", Service(), ""),
}


@pytest.mark.parametrize("source", STATES)
def test_what_is_created(source: str) -> None:
    kind, state, more = STATES[source]
    of = seen(source)._replace(created_ms=NOW - 90_000)
    created = only(of, None, state)
    assert (created.severity, created.title, created.reason) == (INFO, f"{kind} created", f"{kind}Created")
    assert created.description == f"{kind} web was created{more}"
    assert (created.first_ms, created.last_ms) == (NOW - 90_000, NOW - 90_000), "its creationTimestamp"
    assert told(of._replace(whole=False), None, state) == [], "it was there when recording began"
    assert told(of._replace(created_ms=NOW - 8 * DAY), None, state) == [], "older than the retention"
    again = only(of._replace(version="99", now_ms=NOW + DAY), None, state)
    assert (again.key, again.contributor) == (created.key, created.contributor), "a uid is created once"
    assert only(of._replace(uid="uid-2"), None, state).key != created.key
    assert set(detect.EXISTENCE) == set(STATES)


def test_what_a_new_workload_runs() -> None:
    of = seen("deployments")
    assert metadata(only(of, None, Workload(3, IMAGES))) == {"images": IMAGES, "replicas": 3}
    assert metadata(only(of, None, Workload(0))) == {"replicas": 0}
    many = Workload(1, {f"c{number}": f"web:{number % 5}" for number in range(9)})
    assert only(of, None, many).description.endswith("(1 replica, images web:0, web:1, web:2 and 2 more)")


@pytest.mark.parametrize(
    ("writers", "by"),
    [
        ([], ""),
        ([Writer("helm", "", NOW - 90_000, [])], "helm"),
        ([Writer("helm", "", NOW - 89_000, []), Writer("kubectl-edit", "", NOW, [])], "helm"),
        ([Writer("argocd-controller", "", NOW - 90_000, []), Writer("istio", "", NOW - 89_000, [])], ""),
        ([Writer("kubectl-edit", "", NOW, []), Writer("kubectl", "scale", 0, [])], ""),
    ],
)
def test_who_created_it(writers: list[Writer], by: str) -> None:
    """Who wrote at that time, if nobody else did."""
    of = seen("services")._replace(created_ms=NOW - 90_000, writers=writers)
    assert metadata(only(of, None, Service())).get("changed_by", "") == by


@pytest.mark.parametrize("source", STATES)
def test_what_is_deleted(source: str) -> None:
    kind, state, _ = STATES[source]
    of = seen(source)
    deleted = only(of, state, None)
    assert (deleted.severity, deleted.title, deleted.reason) == (INFO, f"{kind} deleted", f"{kind}Deleted")
    assert deleted.description == f"{kind} web was deleted"
    assert (deleted.first_ms, deleted.last_ms, metadata(deleted)) == (NOW, NOW, {})
    stamped = only(of._replace(deleted_ms=NOW - 5_000), state, None)
    assert (stamped.first_ms, stamped.last_ms) == (NOW - 5_000, NOW - 5_000), "its deletionTimestamp"
    away = only(of._replace(listing=True, change=Window(NOW, NOW - 60_000, live=False, one_write=False)), state, None)
    assert (away.first_ms, away.last_ms) == (NOW - 60_000, NOW)
    assert metadata(away) == {"noticed_at": iso(NOW)}
    assert {one.contributor for one in (stamped, away)} == {deleted.contributor}, "a uid is deleted once"


def test_what_was_being_deleted_when_it_was_seen_last() -> None:
    for source, state in (("deployments", Workload(1, deleting_since_ms=NOW - 7_000)), ("services", Service(NOW - 7_000))):
        assert told(seen(source), state, state) == [], "it is still there"
        assert only(seen(source), state, None).first_ms == NOW - 7_000


# Pods

ENDED = End("Error", 3, NOW - 30_000, "no database")
KILLED = End("OOMKilled", 137, NOW - 20_000)


def pod(*containers: Container, **fields: object) -> Pod:
    return Pod("node-1", None, containers=list(containers), **fields)  # type: ignore[arg-type]


def test_a_container_that_is_killed_for_memory() -> None:
    before, after = pod(Container("app")), pod(Container("app", "", 1, "", "64Mi", [KILLED]))
    restarted, found = sorted(detect.compare(seen("pods"), before, after, LIVES), key=lambda one: one.severity)
    assert restarted.title == "Container restarted"
    assert (found.severity, found.title) == (CRITICAL, "Container OOM killed")
    assert found.reason == "OOMKilled"
    assert metadata(found) == {"container": "app", "restart_count": 1, "memory_limit": "64Mi", "last_exit_code": 137}
    assert (found.first_ms, found.node) == (NOW - 20_000, "node-1")
    first = detect.compare(seen("pods", whole=False), None, after, LIVES)
    assert [one.contributor for one in first] == [found.contributor], "dated, so recorded whenever it is first seen"
    assert told(seen("pods"), after, after) == []
    moved = pod(Container("app", "", 1, "", "64Mi", [KILLED, ENDED]))
    assert told(seen("pods"), after, moved) == [], "known, wherever it stands"
    old = pod(Container("app", "", 1, "", "64Mi", [changed(KILLED, finished_ms=NOW - 31 * DAY)]))
    assert told(seen("pods", whole=False), None, old) == []


def test_a_kill_without_a_date_is_a_baseline_at_first() -> None:
    undated = pod(Container("app", "", 1, "", "", [End("OOMKilled", 137)]))
    assert told(seen("pods", whole=False), None, undated) == []
    assert "Container OOM killed" in [title for _, title, _ in told(seen("pods"), pod(Container("app")), undated)]


def test_a_container_that_restarts() -> None:
    before, after = pod(Container("app", "", 2)), pod(Container("app", "", 3, "", "", [ENDED]))
    found = only(seen("pods"), before, after)
    assert (found.severity, found.title) == (WARNING, "Container restarted")
    assert found.description == "exit code 3: no database. Container app restarted", "the cause first"
    when = iso(NOW - 30_000)
    assert metadata(found) == {
        "container": "app",
        "restart_count": 3,
        "last_exit_code": 3,
        "exit_codes": {"3": {"count": 1, "first": when, "last": when}},
        "termination_reason": "Error",
        "termination_message": "no database",
    }
    assert (found.count, found.first_ms) == (1, NOW - 30_000)
    assert found.key == rows.key(rows.RESTARTS, "app"), "the row of the BackOff Events"
    assert only(seen("pods"), pod(Container("app")), after).count == 3, "the rise since the kept state"
    assert only(seen("pods"), None, after).count == 3, "the pod is new: it began at none"
    assert told(seen("pods", whole=False), None, after) == [], "how much it rose is not known"
    assert told(seen("pods"), after, before) == []
    sidecar = only(seen("pods"), pod(Container("app", "sidecar")), pod(Container("app", "sidecar", 1)))
    assert sidecar.description == "Sidecar container app restarted"
    assert sidecar.first_ms == NOW


def test_a_container_that_the_kubelet_no_longer_finds_has_not_restarted() -> None:
    """As after an eviction: the kubelet raises the count and makes up the end."""
    lost = End("ContainerStatusUnknown", 137, NOW - 30_000)
    before, after = Container("app", "", 2), Container("app", "", 3, "", "", [lost])
    over = pod(after, phase="Failed", reason="Evicted")
    titles = [title for _, title, *_ in told(seen("pods"), pod(before), over)]
    assert "Container restarted" not in titles
    running = pod(after, phase="Running")
    assert "Container restarted" in [title for _, title, *_ in told(seen("pods"), pod(before), running)], "it starts again"


def test_a_crash_loop() -> None:
    waits = Container("app", "", 5, rows.CRASH_LOOP_REASON, "", [ENDED, changed(ENDED, finished_ms=NOW - 1_000)])
    runs = Container("app", "", 5, "", "", [ENDED])
    found = only(seen("pods"), pod(runs), pod(waits))
    assert (found.severity, found.title, found.reason) == (ERROR, "Container crash loop", rows.CRASH_LOOP_REASON)
    assert not found.primary, "the restart before is counted already, the one after has not come"
    assert found.key == rows.key(rows.RESTARTS, "app")
    assert told(seen("pods"), pod(waits), pod(waits)) == []
    missed = only(seen("pods"), pod(Container("app", "", 3)), pod(waits))
    assert (missed.severity, missed.primary, missed.count) == (ERROR, True, 2)
    first = only(seen("pods", whole=False), None, pod(waits))
    assert (first.severity, first.primary, first.count) == (ERROR, True, 1), "its last restart has a date"
    assert told(seen("pods"), pod(changed(runs, restart_count=4)), pod(changed(waits, restart_count=4))) == []
    assert detect.ongoing("pods", pod(waits)) == {rows.key(rows.RESTARTS, "app"): NOW - 1_000}
    assert detect.ongoing("pods", pod(runs)) == {}


def test_a_pod_that_finds_no_node_lasts() -> None:
    waiting = pod(unschedulable_since_ms=NOW - 7)
    assert told(seen("pods"), None, waiting) == [], "the scheduler's Events say it"
    assert detect.ongoing("pods", waiting) == {rows.key(rows.CANNOT_SCHEDULE): NOW - 7}


# Endpoints

MINUTE = 60_000
SETTLE = 10_000


def series(*counts: tuple[int, int]) -> endpoints.Known:
    """What is known after these counts, each at a time in seconds after NOW."""
    known = None
    for seconds, count in counts:
        known = endpoints.counted(known, count, f"v{seconds}", NOW + seconds * 1000)
    assert known is not None
    return known


def test_endpoints_that_are_lost_for_good() -> None:
    known = series((0, 5), (60, 2))
    assert known.due_ms(SETTLE) == NOW + 70_000
    assert endpoints.settled(known, NOW + 69_999, SETTLE) == (known, None)
    after, loss = endpoints.settled(known, NOW + 70_000, SETTLE)
    assert loss is not None
    found = endpoints.lost(seen("services", "api-gateway"), loss, after.count)
    assert (found.severity, found.title) == (WARNING, "Service endpoints reduced")
    assert found.description == "Service api-gateway lost 3 of 5 endpoints"
    assert metadata(found) == {"previous_endpoints": 5, "current_endpoints": 2}
    assert (found.kind, found.first_ms) == ("Service", NOW + 60_000)
    assert after.due_ms(SETTLE) is None


def test_a_service_without_endpoints() -> None:
    known, loss = endpoints.settled(series((0, 1), (3600, 0)), NOW + 3_610_000, SETTLE)
    assert loss is not None
    found = endpoints.lost(seen("services"), loss, known.count)
    assert (found.severity, found.title) == (ERROR, "Service has no endpoints")
    assert found.description == "Service web lost 1 of 1 endpoints"


@pytest.mark.parametrize(
    "counts",
    [
        [(0, 5), (60, 3)],  # more than half is left
        [(0, 4), (60, 2)],  # half is left
        [(0, 5), (60, 2), (65, 4)],  # it came back within the settle time
        [(0, 0)],  # a baseline
        [(0, 1), (1, 5)],
        [(0, 10), (10, 6), (400, 4)],  # five minutes later six is what it had
    ],
)
def test_endpoints_that_are_not_lost(counts: list[tuple[int, int]]) -> None:
    assert series(*counts).due_ms(SETTLE) is None


def test_losing_the_last_ones_takes_the_settle_time_anew() -> None:
    known = series((0, 5), (60, 1), (69, 0))
    assert known.due_ms(SETTLE) == NOW + 79_000
    assert series((0, 5), (60, 1), (65, 0), (66, 1)).due_ms(SETTLE) == NOW + 70_000
    slowly = series((0, 5), (60, 4), (120, 3), (180, 2))
    assert slowly.due_ms(SETTLE) == NOW + 190_000, "the highest of five minutes"


def test_a_clock_that_was_set_back_does_not_hold_a_loss_up() -> None:
    assert endpoints.settled(series((0, 5), (60, 0)), NOW - 3_600_000, SETTLE)[1] is not None


def test_the_history_of_a_restless_service_is_bounded() -> None:
    known = series(*[(second, 100 - second) for second in range(99)])
    assert len(known.history) <= endpoints.MAX_HISTORY
    assert max(count for _, count in known.history) == 100


def test_durations_for_people() -> None:
    assert [duration(one) for one in (0, 59, 60, 312, 3600, 11_220, 187_200)] == [
        *("0s", "59s", "1m 0s", "5m 12s", "1h 0m", "3h 7m", "2d 4h")
    ]
