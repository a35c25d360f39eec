"""When changes were made, by what the writer itself knows: freshness checks, ReplicaSets, recorded Events, earlier states."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from kube9_operator.model import changes
from kube9_operator.model.changes import Evidence, Writer
from kube9_operator.model.frame import ControlFrame, EventFrame, ServerTime
from kube9_operator.model.resource_states import Namespace, Owner, ReplicaSet, Service, State, Workload
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.kinds.events import take
from tests.kept import HOUR, MINUTE, NOW, SECOND, Kept, state

IMAGE = "spec.template.spec.containers[app].image"
AWAY = 3 * MINUTE


@pytest.fixture
def keeper() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.close()


def deployment(version: int, replicas: int = 2, image: str = "web:1", generation: int = 1, *writers: Writer) -> State:
    reduced = Workload(replicas, {"app": image}, generation=generation, parts={})
    evidence = changes.encode(Evidence(list(writers)))
    return msgspec.structs.replace(state("web", reduced, version), evidence=evidence)


def by(manager: str, time_ms: int, *paths: str, subresource: str = "") -> Writer:
    return Writer(manager, subresource, time_ms // 1000 * 1000, list(paths))


def replicaset(name: str, created_ms: int, revision: int, uid: str = "uid-web") -> State:
    return state(name, ReplicaSet(Owner("Deployment", "web", uid), created_ms, revision))


@pytest.mark.parametrize(("source", "kind"), [("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")])
def test_workloads_without_replicasets(keeper: Kept, source: str, kind: str) -> None:
    """A change alone is dated by its author and the generation. Nothing says when the second of two writes was made."""
    keeper.lists(source, deployment(1))
    left = is_away(keeper)
    keeper.lists(source, deployment(9, 2, "web:2", 2, by("kubectl-set", left + MINUTE, IMAGE)))
    first, last, metadata = only(keeper)
    assert (first, last) == (left // 1000 * 1000 + MINUTE + 999,) * 2
    assert metadata["changed_by"] == "kubectl-set"
    keeper.waits(HOUR, source)
    left = is_away(keeper)
    keeper.lists(
        source, deployment(19, 2, "web:3", 4, by("kubectl-edit", left + MINUTE, IMAGE, "spec.template.spec.volumes[a]"))
    )
    found = keeper.events()[1]
    assert (found["title"], found["first"], found["last"]) == (f"{kind} image changed", left, keeper.now_ms)
    assert found["metadata"]["changed_by"] == "kubectl-edit"


@pytest.mark.parametrize("managed", ["kubectl-scale", "autoscaler"])
def test_a_statefulset_that_is_scaled(keeper: Kept, managed: str) -> None:
    """The subresource has no time, and the Events of its controller tell of pods: these come when it can make them."""
    keeper.lists("statefulsets", deployment(1))
    left = is_away(keeper)
    writer = UNTIMED if managed == "kubectl-scale" else by(managed, left + MINUTE, "spec.replicas")
    keeper.lists("statefulsets", deployment(9, 3, "web:1", 2, writer))
    first, last, metadata = only(keeper)
    assert metadata["changed_by"] == managed
    if writer is UNTIMED:
        assert (first, last) == (left, keeper.now_ms)
        assert metadata["noticed_at"]
    else:
        assert first == last == left // 1000 * 1000 + MINUTE + 999


def checks(keeper: Kept, version: int, ahead_ms: int = 0) -> None:
    """A freshness check has shown this version."""
    keeper.take(ControlFrame("deployments", ServerTime(keeper.now_ms + ahead_ms, str(version), keeper.now_ms)))


def is_away(keeper: Kept) -> int:
    """The operator is away for a while; returns when it left."""
    left = keeper.now_ms
    keeper.restart()
    keeper.now_ms += AWAY
    return left


def only(keeper: Kept) -> tuple[int, int, dict[str, object]]:
    event = keeper.one()
    return event["first"], event["last"], event["metadata"]


def test_a_watch_that_is_up_to_date(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    checks(keeper, 5)
    keeper.waits(MINUTE)
    keeper.sees("deployments", deployment(6, 3))
    assert only(keeper)[:2] == (NOW + MINUTE, NOW + MINUTE)


def test_a_watch_that_goes_on_shows_what_was_before_the_check(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    checks(keeper, 5)
    keeper.sees("deployments", deployment(4, 3))
    first, last, metadata = only(keeper)
    assert (first, last) == (left, keeper.now_ms)
    assert metadata["noticed_at"]
    keeper.waits(SECOND)
    keeper.sees("deployments", deployment(7, 4))
    assert [event["last"] - event["first"] for event in keeper.events()] == [AWAY, 0], "what came after the check is live"


def test_a_watch_that_goes_on_with_managed_fields(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    checks(keeper, 5)
    keeper.sees("deployments", deployment(4, 3, "web:1", 2, by("helm", left + MINUTE, "spec.replicas")))
    first, last, metadata = only(keeper)
    assert first == last
    assert abs(first - left - MINUTE) < SECOND
    assert metadata["changed_by"] == "helm"


def test_a_list_after_a_while(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    edit = by("kubectl-edit", left + MINUTE, "spec.replicas", IMAGE)
    keeper.lists("deployments", deployment(9, 3, "web:2", 4, edit))
    assert {(event["first"], event["last"]) for event in keeper.events()} == {(left, keeper.now_ms)}
    assert {event["metadata"]["changed_by"] for event in keeper.events()} == {"kubectl-edit"}


def test_a_list_with_the_replicaset_of_the_new_template(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    keeper.lists("replicasets", replicaset("web-a", NOW - 9 * MINUTE, 1))
    left = is_away(keeper)
    keeper.lists("replicasets", replicaset("web-a", NOW - 9 * MINUTE, 1), replicaset("web-b", left + MINUTE, 2))
    edit = by("kubectl-edit", left + 2 * MINUTE, "spec.replicas", IMAGE)
    keeper.lists("deployments", deployment(9, 3, "web:2", 4, edit))
    found = {event["title"]: event for event in keeper.events()}
    image = found["Deployment image changed"]
    assert image["first"] == image["last"]
    assert abs(image["first"] - left - MINUTE) < SECOND
    assert found["Deployment scaled"]["first"] == left, "a ReplicaSet says nothing of that"


@pytest.mark.parametrize(
    "others",
    [
        [replicaset("web-b", NOW + MINUTE, 1), replicaset("web-a", NOW - 9 * MINUTE, 2)],  # rolled back to an old one
        [replicaset("web-b", NOW + MINUTE, 2), replicaset("web-c", NOW + 2 * MINUTE, 3)],  # two changes
        [replicaset("web-b", NOW + MINUTE, 2, uid="another")],
        [replicaset("web-b-c", NOW + MINUTE, 2, uid="uid-web-b")],
        [],
    ],
)
def test_replicasets_that_leave_a_doubt(keeper: Kept, others: list[State]) -> None:
    keeper.lists("deployments", deployment(1))
    keeper.lists("replicasets", replicaset("web-a", NOW - 9 * MINUTE, 1))
    left = is_away(keeper)
    keeper.lists("replicasets", replicaset("web-a", NOW - 9 * MINUTE, 1), *others)
    keeper.lists("deployments", deployment(9, 2, "web:2", 4, by("kubectl-edit", left + 2 * MINUTE, IMAGE)))
    assert only(keeper)[:2] == (left, keeper.now_ms)


def hears(keeper: Kept, *messages: str, uid: str = "uid-web") -> None:
    """Events of the deployment controller, a minute after NOW and each half a minute later, as a watch delivers them."""
    batch = Batch(server_ms=NOW + HOUR)
    for number, message in enumerate(messages):
        at = f"2026-11-18T11:{7 + (40 + 30 * number) // 60:02}:{(40 + 30 * number) % 60:02}Z"
        about = {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": uid, "apiVersion": "apps/v1"}
        event = {
            "metadata": {"name": f"web.{number}", "namespace": "shop", "creationTimestamp": at},
            "involvedObject": about,
            "reason": "ScalingReplicaSet",
            "type": "Normal",
            "message": message,
            "count": 1,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "source": {"component": "deployment-controller"},
        }
        take(msgspec.Raw(json.dumps(event).encode()), batch)
    assert batch.observations == [], "they are not recorded"
    frame = keeper.frame("events", ())
    assert isinstance(frame, EventFrame)
    keeper.take(msgspec.structs.replace(frame, scalings=batch.scalings, counts=batch.counts))


UNTIMED = Writer("kubectl", "scale", 0, ["spec.replicas"])
UP = "Scaled up replica set web-5d"


@pytest.mark.parametrize("first", ["the Event", "the change"])
@pytest.mark.parametrize(
    ("messages", "dated"),
    [
        ([f"{UP} from 2 to 3"], True),
        ([f"{UP} to 3 from 2"], True),
        ([f"{UP} to 3"], True),
        ([f"{UP} from 2 to 4", "Scaled down replica set web-5d from 4 to 2", f"{UP} from 2 to 3"], True),
        ([f"{UP} from 1 to 3"], False),
        ([f"{UP} to 4"], False),
        ([f"{UP} from 2 to 3", "Scaled down replica set web-5d from 3 to 2", f"{UP} from 2 to 3"], False),
        ([], False),
    ],
)
def test_an_event_of_that_time(keeper: Kept, messages: list[str], dated: bool, first: str) -> None:
    """The watches are in two processes, so either may come first."""
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    if first == "the Event":
        hears(keeper, *messages)
    keeper.lists("deployments", deployment(9, 3, "web:1", 4, UNTIMED))
    if first == "the change":
        assert only(keeper)[:2] == (left, keeper.now_ms)
        hears(keeper, *messages)
    began, ended, metadata = only(keeper)
    assert metadata["changed_by"] == "kubectl-scale"
    if dated:
        assert began == ended
        assert abs(began - NOW - MINUTE - (len(messages) - 1) * MINUTE // 2) < SECOND
        assert "noticed_at" not in metadata
    else:
        assert (began, ended) == (left, keeper.now_ms)
        assert metadata["noticed_at"]
    keeper.restart()
    hears(keeper, *messages)
    assert only(keeper) == (began, ended, metadata), "again changes nothing"


def test_events_of_another_deployment_of_that_name(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    hears(keeper, f"{UP} from 2 to 3", uid="another")
    keeper.lists("deployments", deployment(9, 3, "web:1", 4, UNTIMED))
    hears(keeper, f"{UP} from 2 to 3", uid="another")
    assert only(keeper)[:2] == (left, keeper.now_ms)


def test_scalings_are_forgotten(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    hears(keeper, f"{UP} from 2 to 3")
    count = "SELECT count(*) FROM scalings"
    assert keeper.connection.execute(count).get == 1
    keeper.waits(3 * HOUR)
    keeper.take()
    assert keeper.connection.execute(count).get == 0


def test_a_namespace_that_is_gone(keeper: Kept) -> None:
    keeper.lists("namespaces", state("a", Namespace(1), namespace=""), state("b", Namespace(1, NOW - MINUTE), namespace=""))
    left = is_away(keeper)
    gone = msgspec.structs.replace(state("c", None, 5, namespace=""), evidence=changes.encode(Evidence(deleted_ms=left + 7)))
    keeper.lists("namespaces")
    found = {event["name"]: (event["first"], event["last"]) for event in keeper.events()}
    assert found == {"a": (left, keeper.now_ms), "b": (NOW - MINUTE, NOW - MINUTE)}, "the second was being deleted already"
    keeper.sees("namespaces", state("c", Namespace(1), 4, namespace=""))
    keeper.sees("namespaces", gone)
    assert (left + 7, left + 7) in [(event["first"], event["last"]) for event in keeper.events()], "its deletionTimestamp"


def test_a_server_whose_clock_is_ahead(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    ahead = 10 * MINUTE
    checks(keeper, 3, ahead)
    at = left + MINUTE + ahead
    keeper.lists("deployments", deployment(9, 3, "web:1", 2, by("helm", at, "spec.replicas")))
    first, last, metadata = only(keeper)
    assert abs(first - at) < SECOND, "by the server's clock, as all times of Kubernetes are"
    assert first == last
    assert metadata["changed_by"] == "helm"


def test_each_net_change_is_recorded_once(keeper: Kept) -> None:
    keeper.lists("deployments", deployment(1))
    is_away(keeper)
    for _ in range(3):
        keeper.restart()
        keeper.lists("deployments", deployment(9, 3))
        keeper.sees("deployments", deployment(9, 3))
    assert keeper.told() == [("Deployment scaled", "web", 1)]


# What is created and deleted


def born(version: int, created_ms: int, *writers: Writer, uid: str = "") -> State:
    evidence = changes.encode(Evidence(list(writers), created_ms=created_ms))
    return msgspec.structs.replace(state("web", Workload(2, {"app": "web:1"}), version, uid), evidence=evidence)


def times(keeper: Kept) -> list[tuple[str, int, int]]:
    return [(event["title"], event["first"], event["last"]) for event in keeper.events()]


def test_a_workload_that_is_created(keeper: Kept) -> None:
    keeper.lists("deployments")
    keeper.now_ms += HOUR
    at = keeper.now_ms - SECOND
    line = born(7, at, by("helm", at, IMAGE))
    keeper.sees("deployments", line)
    assert only(keeper) == (at, at, keeper.one()["metadata"])
    assert keeper.one()["metadata"]["changed_by"] == "helm"
    for _ in range(2):
        keeper.restart()
        keeper.sees("deployments", line)
        keeper.lists("deployments", line)
    assert len(keeper.events()) == 1
    assert keeper.one()["count"] == 1


def test_one_that_was_created_while_nobody_watched(keeper: Kept) -> None:
    keeper.lists("deployments")
    left = is_away(keeper)
    keeper.lists("deployments", born(7, left + MINUTE))
    assert times(keeper) == [("Deployment created", left + MINUTE, left + MINUTE)]


def test_one_that_is_older_than_the_record_was_not_created_now(keeper: Kept) -> None:
    """It could not be read at first."""
    began = keeper.now_ms
    keeper.lists("deployments")
    keeper.now_ms += HOUR
    keeper.sees("deployments", born(7, began - MINUTE))
    assert keeper.events() == []
    keeper.sees("deployments", born(8, began - MINUTE, uid="another"))
    assert [title for title, *_ in times(keeper)] == ["Deployment deleted"]


def test_the_record_began_by_the_clock_of_the_server(keeper: Kept) -> None:
    began, ahead = keeper.now_ms, 10 * MINUTE
    keeper.lists("deployments")
    checks(keeper, 3, ahead)
    keeper.sees("deployments", born(7, began + ahead - MINUTE))
    assert keeper.events() == [], "a minute before, by its clock"
    checks(keeper, 3, -ahead)
    keeper.sees("deployments", born(8, began - ahead + MINUTE, uid="another"))
    assert ("Deployment created", began - ahead + MINUTE, began - ahead + MINUTE) in times(keeper)


def test_one_that_is_deleted_and_created_again_while_nobody_watched(keeper: Kept) -> None:
    keeper.lists("deployments", born(1, NOW))
    left = is_away(keeper)
    keeper.lists("deployments", born(9, left + MINUTE, by("kubectl-create", left + MINUTE), uid="another"))
    assert times(keeper) == [
        ("Deployment deleted", left, keeper.now_ms),
        ("Deployment created", left + MINUTE, left + MINUTE),
    ]
    assert keeper.events()[0]["metadata"]["noticed_at"]
    assert keeper.events()[1]["metadata"]["changed_by"] == "kubectl-create"


def test_one_that_is_deleted_is_so_once(keeper: Kept) -> None:
    keeper.lists("deployments", born(1, NOW))
    keeper.now_ms += HOUR
    gone = state("web", None, 8)
    keeper.sees("deployments", gone)
    assert times(keeper) == [("Deployment deleted", keeper.now_ms, keeper.now_ms)]
    keeper.restart()
    keeper.sees("deployments", gone)
    keeper.lists("deployments", born(1, NOW))  # a server that went back to before the deletion
    keeper.sees("deployments", gone)
    assert [(title, name, count) for title, name, count in keeper.told() if title == "Deployment deleted"] == [
        ("Deployment deleted", "web", 1)
    ]


def test_what_another_cluster_has_is_neither_deleted_nor_created(keeper: Kept) -> None:
    keeper.lists("services", state("web", Service()))
    keeper.cluster = "cluster-2"
    keeper.lists("services", state("other", Service()))
    assert keeper.events() == []
