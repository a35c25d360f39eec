"""What states say of others: endpoints of services, owners, what claims and autoscalers want; through the writer."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from kube9_cli.query.events import MAX_OWNERS, OWNERS
from kube9_operator.model import rows
from kube9_operator.model.observation import ERROR, Observation
from kube9_operator.model.resource_states import (
    Autoscaler,
    Claim,
    Namespace,
    Owned,
    Owner,
    Pod,
    Service,
    Slice,
    State,
    Workload,
)
from tests.kept import HOUR, MINUTE, NOW, SECOND, Kept, kept, state
from tests.unit.test_merge import seen


@pytest.fixture
def keeper() -> Iterator[Kept]:
    with kept() as one:
        yield one


# Endpoints


@pytest.fixture
def serving(keeper: Kept) -> Kept:
    """A service with five endpoints in two slices, of which one is in both."""
    keeper.lists("namespaces", state("shop", Namespace(NOW), namespace=""))
    keeper.lists("services", state("api", Service()))
    keeper.lists("endpointslices", sliced("one", 1, 2, 3), sliced("two", 3, 4, 5))
    return keeper


def sliced(name: str, *ready: int, version: int = 1) -> State:
    return state(name, Slice("api", list(ready)), version)


def test_a_loss_is_told_after_the_settle_time_and_survives_a_kill(serving: Kept) -> None:
    serving.now_ms += HOUR
    serving.sees("endpointslices", sliced("one", 1, version=2), sliced("two", 4, version=3))
    serving.waits(9 * SECOND, "endpointslices")
    assert serving.events() == []
    serving.restart()
    serving.waits(60 * SECOND)
    assert serving.events() == [], "nothing has been heard of what happened since"
    serving.waits(SECOND, "endpointslices")
    one = serving.one()
    assert (one["title"], one["kind"], one["name"]) == ("Service endpoints reduced", "Service", "api")
    assert one["text"] == "Service api lost 3 of 5 endpoints"
    assert one["metadata"] == {"previous_endpoints": 5, "current_endpoints": 2}
    assert one["first"] == NOW + HOUR
    serving.waits(10 * MINUTE, "endpointslices")
    serving.lists("endpointslices", sliced("one", 1, version=2), sliced("two", 4, version=3))
    serving.waits(MINUTE, "endpointslices")
    assert len(serving.events()) == 1
    assert serving.one()["count"] == 1


def test_a_rollout_that_takes_endpoints_away_for_moments_is_silent(serving: Kept) -> None:
    serving.sees("endpointslices", sliced("one", version=2), sliced("two", version=3))
    serving.waits(9 * SECOND, "endpointslices")
    serving.sees("endpointslices", sliced("one", 1, 2, 3, version=4))
    serving.waits(MINUTE, "endpointslices")
    assert serving.events() == []


def test_a_service_without_endpoints_lasts_until_it_has_some(serving: Kept) -> None:
    serving.sees("endpointslices", state("one", None, 2), state("two", None, 3))
    serving.waits(10 * SECOND, "endpointslices")
    assert serving.one()["title"] == "Service has no endpoints"
    serving.waits(5 * MINUTE, "endpointslices")
    assert serving.one()["last"] == serving.now_ms
    serving.now_ms += MINUTE
    serving.sees("endpointslices", sliced("three", 9, version=4))
    assert (serving.one()["last"], serving.one()["count"]) == (serving.now_ms, 1)
    assert serving.connection.execute("SELECT count(*) FROM lasting").get == 0


def test_endpoints_lost_while_nothing_watched(serving: Kept) -> None:
    serving.restart()
    serving.now_ms += HOUR
    serving.lists("endpointslices", sliced("two", 3, version=8))
    serving.waits(10 * SECOND, "endpointslices")
    assert serving.one()["text"] == "Service api lost 4 of 5 endpoints"


@pytest.mark.parametrize("what", ["service gone", "service going", "namespace gone", "namespace going", "another cluster"])
def test_services_that_are_being_deleted_are_silent(serving: Kept, what: str) -> None:
    serving.sees("endpointslices", state("one", None, 2), state("two", None, 3))
    if what == "another cluster":
        serving.cluster = "other"
        serving.lists("endpointslices")
    elif what.startswith("service"):
        serving.sees("services", state("api", None if what.endswith("gone") else Service(NOW), 7))
    else:
        gone = None if what.endswith("gone") else Namespace(NOW, NOW)
        serving.sees("namespaces", state("shop", gone, 7, namespace=""))
    serving.waits(10 * SECOND, "endpointslices")
    deleted = [("Service deleted", "api", 1)] if what == "service gone" else []
    assert [one for one in serving.told() if one[0].startswith("Service")] == deleted, "no word of its endpoints"
    serving.sees("services", state("api", None, 9))
    serving.waits(MINUTE, "endpointslices")
    tables = ("slices", "endpoints", "lasting")
    assert [serving.connection.execute(f"SELECT count(*) FROM {table}").get for table in tables] == [0, 0, 0]


def test_services_that_may_not_be_watched_are_told_all_the_same(keeper: Kept) -> None:
    keeper.lists("endpointslices", sliced("one", 1))
    keeper.sees("endpointslices", sliced("one", version=2))
    keeper.waits(10 * SECOND, "endpointslices")
    assert keeper.told() == [("Service has no endpoints", "api", 1)]


# Owners

REPLICASET, DEPLOYMENT = Owner("ReplicaSet", "web-7d", "uid-web-7d"), Owner("Deployment", "web", "uid-web")
FAMILY = {
    "pods": state("web-7d-x", Pod("n", REPLICASET)),
    "replicasets": state("web-7d", Owned(DEPLOYMENT)),
    "deployments": state("web", Workload(1)),
}
EVENT = replace(seen("e"), name="web-7d-x", uid="uid-web-7d-x")


@pytest.mark.parametrize("order", list(itertools.permutations(["event", "pods", "replicasets"])))
def test_the_chain_of_owners_whatever_comes_first(keeper: Kept, order: tuple[str, ...]) -> None:
    for what in order:
        if what == "event":
            keeper.hears(EVENT)
        else:
            keeper.sees(what, FAMILY[what])
    assert keeper.owners("web-7d-x") == ["ReplicaSet/web-7d", "Deployment/web"]


def test_owners_of_what_is_gone_already(keeper: Kept) -> None:
    for source, one in FAMILY.items():
        keeper.lists(source, one)
        keeper.lists(source)
    keeper.restart()
    keeper.hears(EVENT)
    assert keeper.owners("web-7d-x") == ["ReplicaSet/web-7d", "Deployment/web"]
    keeper.waits(3 * HOUR, "pods")
    assert keeper.connection.execute("SELECT count(*) FROM departed").get == 0


def test_another_object_of_that_name_is_no_owner(keeper: Kept) -> None:
    keeper.sees("pods", state("web-7d-x", Pod("n", REPLICASET), uid="younger"))
    keeper.hears(EVENT)
    assert keeper.owners("web-7d-x") == []


def test_a_static_pod_is_owned_by_its_node(keeper: Kept) -> None:
    keeper.sees("pods", state("etcd", Pod("n", Owner("Node", "n", "uid-n"))))
    keeper.hears(
        replace(EVENT, name="etcd", uid="uid-etcd"), replace(EVENT, kind="Node", namespace="", name="n", uid="", contributor=5)
    )
    assert keeper.owners("etcd") == ["Node/n"]
    assert keeper.connection.execute("SELECT count(*) FROM objects WHERE name = 'n'").get == 1


def test_a_quota_event_is_its_controllers_and_goes_with_it(keeper: Kept) -> None:
    keeper.sees("replicasets", FAMILY["replicasets"])
    event = replace(
        EVENT,
        kind="ResourceQuota",
        name="small",
        uid="",
        row=rows.QUOTA_EXCEEDED.name,
        metadata='{"controller":{"kind":"ReplicaSet","name":"web-7d","uid":"uid-web-7d"}}',
    )
    keeper.hears(event)
    (owner,) = keeper.connection.execute("SELECT o.name FROM controllers c JOIN objects o ON o.id = c.object").fetchone()
    assert owner == "web-7d"
    assert keeper.owners("web-7d") == ["Deployment/web"]
    event_id = keeper.connection.execute("SELECT id FROM events").get
    chain = keeper.connection.execute(OWNERS, (event_id, MAX_OWNERS)).fetchall()
    assert chain == [("ReplicaSet", "web-7d"), ("Deployment", "web")]
    with keeper.writer._session.transaction(keeper.now_ms):
        keeper.writer.housekeeping.retention._deletion.delete_rows([event_id], keeper.now_ms)
    assert keeper.connection.execute("SELECT count(*) FROM objects").get == 0
    assert keeper.connection.execute("SELECT count(*) FROM controllers").get == 0


# Claims and autoscalers


def of(kind: str, row: rows.Row, metadata: str, **more: Any) -> Observation:
    title = rows.title(row)
    return replace(EVENT, kind=kind, name="data", uid="uid-data", row=row.name, title=title, metadata=metadata, **more)


CANNOT_BIND = rows.Row(name="PVC cannot bind", severity=ERROR, title="PVC binding failed", kind="PersistentVolumeClaim")
UNBOUND = of("PersistentVolumeClaim", CANNOT_BIND, '{"reason":"FailedBinding"}')
CLAIM = state("data", Claim("fast", "10Gi"))


@pytest.mark.parametrize("order", list(itertools.permutations(["event", "again", "claim"])))
def test_a_claim_says_what_it_wants_whatever_comes_first(keeper: Kept, order: tuple[str, ...]) -> None:
    for what in order:
        if what == "claim":
            keeper.sees("persistentvolumeclaims", CLAIM, CLAIM)
        elif what == "event":
            keeper.hears(UNBOUND, UNBOUND)
        else:
            keeper.hears(replace(UNBOUND, contributor=77, contributor_name="again", text_hash=8, last_ms=UNBOUND.last_ms + 5))
    one = keeper.one()
    assert one["metadata"] == {"reason": "FailedBinding", "requested_size": "10Gi", "storage_class": "fast"}
    assert one["count"] == 2


def test_what_the_event_says_itself_stands(keeper: Kept) -> None:
    keeper.sees("persistentvolumeclaims", CLAIM)
    keeper.hears(of("PersistentVolumeClaim", CANNOT_BIND, '{"storage_class":"slow"}'))
    assert keeper.one()["metadata"] == {"storage_class": "slow", "requested_size": "10Gi"}


SCALED = of("HorizontalPodAutoscaler", rows.HPA_SCALED, '{"new":5}')


@pytest.mark.parametrize(
    "order",
    [
        (Autoscaler("Deployment", "web", 2, 2), SCALED, Autoscaler("Deployment", "web", 2, 5)),
        (Autoscaler("Deployment", "web", 2, 5), SCALED, Autoscaler("Deployment", "web", 5, 5)),
        (SCALED, Autoscaler("Deployment", "web", 2, 5), Autoscaler("Deployment", "web", 5, 5)),
    ],
)
def test_an_autoscaler_says_what_it_scaled_from_where(keeper: Kept, order: tuple[Any, ...]) -> None:
    for version, one in enumerate(order, 1):
        if isinstance(one, Observation):
            keeper.hears(one)
        else:
            keeper.sees("horizontalpodautoscalers", state("data", one, version))
    assert keeper.one()["title"] == "HPA scaled Deployment"
    assert keeper.one()["metadata"] == {"new": 5, "previous": 2, "target": "Deployment/web"}


def test_an_autoscaler_that_has_moved_on_does_not_know(keeper: Kept) -> None:
    keeper.hears(SCALED)
    keeper.sees("horizontalpodautoscalers", state("data", Autoscaler("Deployment", "web", 5, 5)))
    assert keeper.one()["metadata"] == {"new": 5, "target": "Deployment/web"}
