"""The API group is part of what an object is: in the record, after an upgrade of it, and in what clients read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_cli.render import table
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Claim, Node, Owner, Pod
from kube9_operator.watch.observations import Event, normalise
from kube9_operator.write.sqlite import database, migrations
from tests.kept import Kept, state

CASES = Path(__file__).parent.parent / "data" / "cases"
AT = "2026-11-18T11:06:40Z"


@pytest.fixture
def keeper() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.close()


def event(kind: str, name: str, api_version: str | None, number: int, **fields: Any) -> Observation:
    about = {"kind": kind, "name": name, "namespace": "shop", "uid": fields.pop("uid", "u1"), "apiVersion": api_version}
    made = {
        "metadata": {"namespace": "shop", "name": f"{name}.{number}", "creationTimestamp": AT},
        "involvedObject": about,
        "reason": "Odd",
        "message": "something is odd",
        "type": "Warning",
        "count": 1,
        "firstTimestamp": AT,
        "lastTimestamp": AT,
        "source": {"component": "controller"},
    }
    found = normalise(msgspec.convert(made | fields, Event))
    assert found
    return found


def objects(keeper: Kept) -> list[tuple[Any, ...]]:
    """Of each object kind, name, group and version."""
    return list(
        keeper.connection.execute(
            """SELECT k.word, o.name, g.word, v.word FROM objects o JOIN words k ON k.id = o.kind
            JOIN words g ON g.id = o.api_group JOIN words v ON v.id = o.api_version ORDER BY o.id"""
        )
    )


def of_case(name: str) -> list[Observation]:
    case = json.loads((CASES / name).read_text(encoding="utf-8"))
    found = [normalise(msgspec.convert(one, Event)) for one in case["events"]]
    return [one for one in found if one]


def test_a_longhorn_node_is_told_apart_from_the_node(keeper: Kept) -> None:
    """Case 03."""
    keeper.lists("nodes", state("n1", Node(1, ready="True"), uid="7a", namespace=""))
    keeper.hears(*of_case("03.json"), event("Node", "n1", "v1", 2, reason="Rebooted"))
    longhorn, own = keeper.events()
    assert (longhorn["kind"], longhorn["name"]) == ("Node", "n1")
    assert "not ready" in longhorn["title"].lower(), "no title that says the contrary"
    assert [one[2:] for one in objects(keeper)] == [("longhorn.io", "longhorn.io/v1beta2"), ("", "v1")]
    namespaces = "SELECT n.word FROM events e JOIN words n ON n.id = e.namespace ORDER BY e.id"
    assert [row[0] for row in keeper.connection.execute(namespaces)] == ["longhorn-system", ""]
    assert own["count"] == 1


def test_four_objects_are_four_events(keeper: Kept) -> None:
    """Case 04."""
    keeper.hears(*of_case("04.json"))
    assert len(keeper.events()) == 4
    assert objects(keeper) == [
        ("Service", "web", "", "v1"),
        ("Service", "web", "serving.knative.dev", "serving.knative.dev/v1"),
        ("Cluster", "db", "cluster.x-k8s.io", "cluster.x-k8s.io/v1beta1"),
        ("Cluster", "db", "rke.cattle.io", "rke.cattle.io/v1"),
    ]


def test_another_version_of_a_group_is_the_same_object(keeper: Kept) -> None:
    keeper.hears(event("Cluster", "db", "rke.cattle.io/v1", 1), event("Cluster", "db", "rke.cattle.io/v2", 2))
    keeper.hears(event("Deployment", "web", "apps/v1", 3), event("Deployment", "web", "extensions/v1beta1", 4))
    keeper.hears(event("Deployment", "web", None, 5))
    assert [one["count"] for one in keeper.events()] == [2, 3]
    assert [one[3] for one in objects(keeper)] == ["rke.cattle.io/v1", "apps/v1"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_recorder_that_leaves_the_group_out(keeper: Kept, order: tuple[int, int]) -> None:
    both = event("Cluster", "db", "rke.cattle.io/v1", 1), event("Cluster", "db", None, 2)
    for at in order:
        keeper.hears(both[at])
    assert [one["count"] for one in keeper.events()] == [2]
    assert objects(keeper) == [("Cluster", "db", "rke.cattle.io", "rke.cattle.io/v1")]


def test_of_two_groups_that_are_known_each_has_its_own(keeper: Kept) -> None:
    keeper.hears(event("Cluster", "db", "a.io/v1", 1), event("Cluster", "db", "b.io/v1", 2))
    keeper.hears(event("Cluster", "db", "b.io/v1", 3), event("Cluster", "db", "a.io/v1", 4))
    assert [(one["count"], group) for one, (_, _, group, _) in zip(keeper.events(), objects(keeper), strict=True)] == [
        (2, "a.io"),
        (2, "b.io"),
    ]


def test_objects_of_an_older_release_go_on() -> None:
    connection = database.Connection(":memory:")
    known = migrations.known()
    (number,) = [one.version for one in known if one.name.endswith("_api_groups.sql")]
    migrations.migrate(connection, [one for one in known if one.version < number])
    connection.execute("INSERT INTO words VALUES (1, 'shop'), (2, 'Deployment'), (3, 'Cluster'), (4, 'Node')")
    connection.execute(
        """INSERT INTO objects VALUES (1, 'web', 2, 1, 'u1', NULL), (2, 'db', 3, 1, 'u1', NULL), (3, 'n1', 4, 0, '', NULL)"""
    )
    migrations.migrate(connection, known)
    keeper = Kept()
    keeper.close()
    keeper.connection = connection
    keeper.restart()
    keeper.hears(event("Deployment", "web", "apps/v1", 1), event("Cluster", "db", "rke.cattle.io/v1", 2))
    keeper.hears(event("Node", "n1", "v1", 3), event("Node", "n1", "longhorn.io/v1beta2", 4))
    assert objects(keeper) == [
        ("Deployment", "web", "", "apps/v1"),
        ("Cluster", "db", "rke.cattle.io", "rke.cattle.io/v1"),
        ("Node", "n1", "", "v1"),
        ("Node", "n1", "longhorn.io", "longhorn.io/v1beta2"),
    ]
    connection.close()


def test_owners_are_of_a_group_too(keeper: Kept) -> None:
    owner = Owner("Service", "web", "u9", "serving.knative.dev/v1")
    keeper.lists("pods", state("p", Pod("n", owner)))
    keeper.hears(event("Pod", "p", "v1", 1, uid="uid-p"), event("Service", "web", "v1", 2, uid="u9"))
    assert keeper.owners("p") == ["Service/web"]
    assert sorted(one[2] for one in objects(keeper) if one[0] == "Service") == ["", "serving.knative.dev"]


def test_states_are_of_kubernetes_own_kinds(keeper: Kept) -> None:
    """A kind of another group that is called like one does not get what is known of that one."""
    keeper.lists("persistentvolumeclaims", state("data", Claim("fast", "5Gi"), uid="u1"))
    other = event("PersistentVolumeClaim", "data", "other.io/v1", 1)
    own = event("PersistentVolumeClaim", "data", "v1", 2)
    keeper.hears(other, own)
    assert [event["metadata"].get("storage_class") for event in keeper.events()] == [None, "fast"]
    (changed,) = [one for one in objects(keeper) if one[2]]
    assert changed[2:] == ("other.io", "other.io/v1")


@pytest.mark.parametrize(
    ("kind", "api_version", "cell"),
    [
        ("Node", "longhorn.io/v1beta2", "nodes.longhorn.io/ns/x"),
        ("Service", "serving.knative.dev/v1", "services.serving.knative.dev/ns/x"),
        ("Ingress", "networking.internal.knative.dev/v1alpha1", "ingresses.networking.internal.knative.dev/ns/x"),
        ("Node", "v1", "Node/ns/x"),
        ("Node", "", "Node/ns/x"),
        ("Certificate", "cert-manager.io/v1", "Certificate/ns/x"),
        ("Deployment", "extensions/v1beta1", "Deployment/ns/x"),
    ],
)
def test_tables_show_the_group_of_kinds_that_clash(kind: str, api_version: str, cell: str) -> None:
    made = {"object_kind": kind, "object_namespace": "ns", "object_name": "x"}
    assert table.about(made | ({"object_api_version": api_version} if api_version else {})) == cell
