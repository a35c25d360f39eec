"""When changes were made, by what the writer itself knows: freshness checks, ReplicaSets, recorded Events, earlier states."""

from collections.abc import Iterator

import msgspec
import pytest

from kube9_operator.model import changes
from kube9_operator.model.changes import Evidence, Writer
from kube9_operator.model.frame import ControlFrame, ServerTime
from kube9_operator.model.resource_states import Namespace, Owner, ReplicaSet, State, Workload
from kube9_operator.model.rules.matcher import Chosen
from kube9_operator.watch.observations import Event, normalise
from tests.kept import MINUTE, NOW, SECOND, Kept, state

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


def scaling(message: str, at: str, number: int) -> object:
    event = {
        "metadata": {"name": f"web.{number}", "namespace": "shop", "creationTimestamp": at},
        "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": "uid-web", "apiVersion": "apps/v1"},
        "reason": "ScalingReplicaSet",
        "type": "Normal",
        "message": message,
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "source": {"component": "deployment-controller"},
    }
    return normalise(msgspec.convert(event, Event), Chosen(include=frozenset(["ScalingReplicaSet"])))


@pytest.mark.parametrize(
    ("message", "dated"),
    [("from 2 to 3", True), ("to 3 from 2", True), ("to 3", True), ("from 1 to 3", False), ("to 4", False)],
)
def test_a_recorded_event_of_that_time(keeper: Kept, message: str, dated: bool) -> None:
    keeper.lists("deployments", deployment(1))
    left = is_away(keeper)
    at = "2026-11-18T11:07:40Z"  # a minute after NOW
    keeper.hears(scaling(f"Scaled up replica set web-5d {message}", at, 1))  # type: ignore[arg-type]
    keeper.lists("deployments", deployment(9, 3, "web:1", 4, by("kubectl-edit", left + 2 * MINUTE, "spec.replicas")))
    (found,) = [event for event in keeper.events() if event["title"] == "Deployment scaled"]
    assert (found["first"] == found["last"]) is dated
    if dated:
        assert abs(found["first"] - NOW - MINUTE) < SECOND


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
