"""States that are kept, and what is recorded of their changes: across lists, restarts, other clusters and time."""

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kube9_operator.model import rows
from kube9_operator.model.resource_states import (
    UNREADABLE,
    Container,
    Disruption,
    End,
    Namespace,
    Node,
    NodeCondition,
    Owner,
    Pod,
    State,
    Workload,
)
from kube9_operator.model.rows import CRASH_LOOP_REASON
from tests.kept import MINUTE, NOW, SECOND, Kept, kept, state
from tests.unit.test_merge import seen

WEB = Workload(2, {"app": "web:1"})


@pytest.fixture
def keeper() -> Iterator[Kept]:
    with kept() as one:
        yield one


def node(ready: str = "True", since: int = NOW - 1_000_000, **more: object) -> Node:
    return Node(NOW - 9_000_000, ready=ready, ready_since_ms=since, **more)  # type: ignore[arg-type]


def space(name: str, uid: str = "", version: int = 1) -> State:
    return state(name, Namespace(NOW), version, uid, namespace="")


def test_a_first_list_is_a_baseline_and_what_comes_after_it_is_not(keeper: Kept) -> None:
    keeper.lists("namespaces", space("a"), space("b"))
    assert keeper.events() == []
    keeper.sees("namespaces", space("c"))
    assert keeper.told() == [("Namespace created", "c", 1)]
    assert keeper.accounting("namespaces") == {"received": 3, "filtered": 2, "stored": 1}


def test_what_changed_while_nothing_watched_is_recorded_once_when_it_is_back(keeper: Kept) -> None:
    keeper.lists("deployments", state("web", WEB), state("old", WEB))
    keeper.lists("namespaces", space("a"), space("gone"))
    keeper.restart()
    for _ in range(2):
        keeper.lists("deployments", state("web", Workload(7, {"app": "web:2"}), 9), state("new", WEB))
        keeper.lists("namespaces", space("a"), space("b"))
        assert sorted(keeper.told()) == [
            ("Deployment created", "new", 1),
            ("Deployment deleted", "old", 1),
            ("Deployment image changed", "web", 1),
            ("Deployment scaled", "web", 1),
            ("Namespace created", "b", 1),
            ("Namespace deleted", "gone", 1),
        ]
    assert keeper.accounting("deployments") == {"received": 6, "filtered": 2, "stored": 2, "unchanged": 2}


def test_only_a_complete_list_shows_that_something_is_gone(keeper: Kept) -> None:
    keeper.lists("namespaces", space("a"), space("b"))
    keeper.take(keeper.frame("namespaces", (), "list begins"), keeper.page("namespaces", [space("a")]))
    keeper.restart()
    keeper.lists("namespaces", space("b"), space("a"))
    assert keeper.events() == []
    keeper.take(keeper.frame("namespaces", (), "list begins"), keeper.page("namespaces", [space("a")]))
    keeper.lists("namespaces", space("b"))  # a list that breaks off begins anew
    assert keeper.told() == [("Namespace deleted", "a", 1)]


def test_another_uid_is_another_object(keeper: Kept) -> None:
    keeper.lists("namespaces", space("a"))
    keeper.sees("namespaces", space("a", "other", 5))
    assert sorted(keeper.told()) == [("Namespace created", "a", 1), ("Namespace deleted", "a", 1)]
    keeper.lists("namespaces", space("a", "third", 9))
    assert len(keeper.events()) == 4
    keeper.sees("namespaces", state("a", None, 5, "other", namespace=""))
    assert len(keeper.events()) == 4, "a line of one that has gone long ago"


def test_an_object_is_deleted_once(keeper: Kept) -> None:
    keeper.lists("namespaces", space("a"))
    gone = state("a", None, 8, namespace="")
    keeper.sees("namespaces", gone, gone)
    keeper.lists("namespaces")
    assert keeper.told() == [("Namespace deleted", "a", 1)]
    assert keeper.accounting("namespaces") == {"received": 3, "filtered": 2, "stored": 1}


def test_another_cluster_is_a_baseline_again(keeper: Kept) -> None:
    keeper.lists("namespaces", space("a"))
    keeper.cluster = "cluster-2"
    keeper.lists("namespaces", space("b"))
    assert keeper.events() == []
    keeper.cluster = ""  # it may not be asked any more
    keeper.lists("namespaces", space("c"))
    assert len(keeper.events()) == 2


def test_an_object_that_cannot_be_read_is_there(keeper: Kept) -> None:
    keeper.lists("deployments", state("web", WEB))
    unreadable = State("shop", "web", "uid-web", "5", UNREADABLE)
    frame = keeper.page("deployments", [unreadable])
    frame.counts.undecodable = 1
    keeper.take(keeper.frame("deployments", (), "list begins"), frame, keeper.frame("deployments", (), "list ends"))
    keeper.sees("deployments", state("web", Workload(3, WEB.images), 6))
    assert keeper.told() == [("Deployment scaled", "web", 1)]
    assert keeper.accounting("deployments") == {"received": 3, "filtered": 1, "undecodable": 1, "stored": 1}


def test_a_line_from_before_is_no_change_back(keeper: Kept) -> None:
    keeper.lists("deployments", state("web", Workload(5), 20))
    keeper.sees("deployments", state("web", WEB, 9))
    assert keeper.events() == []
    assert keeper.accounting("deployments") == {"received": 2, "filtered": 1, "unchanged": 1}


def test_the_n_th_statement_of_a_list_fails() -> None:
    """For every n: what the list has shown is not forgotten, and nothing is doubled."""
    for n in range(1, 80, 3):
        with kept() as keeper:
            keeper.lists("namespaces", *(space(name) for name in "abc"))
            keeper.take(keeper.frame("namespaces", (), "list begins"), keeper.page("namespaces", [space("a")]))
            left = n

            def fail(_cursor: object, _sql: str, _values: object) -> bool:
                nonlocal left
                left -= 1
                if left == 0:
                    raise apsw.FullError("database or disk is full")
                return True

            keeper.connection.exec_trace = fail
            keeper.take(
                keeper.page("namespaces", [space("b"), space("d")]),
                keeper.frame("namespaces", (), "list ends"),
                keeper.frame("namespaces", (), "list begins"),
                keeper.page("namespaces", [space("a"), space("b"), space("d"), space("e")]),
                keeper.frame("namespaces", (), "list ends"),
            )
            keeper.connection.exec_trace = None
            expected = [("Namespace created", "d"), ("Namespace created", "e"), ("Namespace deleted", "c")]
            assert sorted(one[:2] for one in keeper.told()) == expected, n
            accounting = keeper.writer.coverage.accounting()["namespaces"]
            assert accounting["received"] == 10, n


# What goes on


def test_a_node_that_stays_lost_is_in_every_recent_time_range(keeper: Kept) -> None:
    keeper.lists("nodes", state("n", node(), namespace=""))
    lost = state("n", node("Unknown", NOW - 5 * SECOND), 2, namespace="")
    keeper.sees("nodes", lost)
    assert keeper.one()["last"] == NOW - 5 * SECOND
    keeper.waits(4 * MINUTE, "nodes")
    assert keeper.one()["last"] == NOW - 5 * SECOND
    keeper.waits(MINUTE, "nodes")
    assert keeper.one()["last"] == NOW + 5 * MINUTE
    keeper.restart()
    keeper.waits(180 * MINUTE)
    assert keeper.one()["last"] == NOW + 5 * MINUTE, "no further than its source is proved"
    keeper.waits(MINUTE, "nodes")
    keeper.sees("nodes", state("n", node("True", NOW + 185 * MINUTE + 30 * SECOND), 3, namespace=""))
    lost_event, back = keeper.events()
    assert (lost_event["last"], lost_event["count"]) == (NOW + 185 * MINUTE + 30 * SECOND, 1)
    assert back["title"] == "Node Ready"
    assert back["metadata"]["not_ready_seconds"] == 185 * 60 + 35
    assert keeper.connection.execute("SELECT count(*) FROM lasting").get == 0


def test_a_node_event_and_its_condition_are_one_event(keeper: Kept) -> None:

    keeper.lists("nodes", state("n", node(), namespace=""))
    keeper.sees("nodes", state("n", node("Unknown", NOW), 2, namespace=""))

    event = seen("n.17", kind="Node", namespace="", uid="", key=rows.key(rows.NODE_NOT_READY), row=rows.NODE_NOT_READY.name)

    keeper.hears(replace(event, name="n", first_ms=NOW + 500, last_ms=NOW + 500, severity=3, title="Node NotReady"))
    assert keeper.told() == [("Node NotReady", "n", 1)]


def test_a_pod_that_finds_no_node_moves_the_schedulers_event_whichever_comes_first(keeper: Kept) -> None:

    for name in ("first", "second"):
        event = replace(seen(name), name=name, uid=f"uid-{name}", key=rows.key(rows.CANNOT_SCHEDULE), first_ms=NOW, last_ms=NOW)
        waiting = state(name, Pod(unschedulable_since_ms=NOW))
        if name == "first":
            keeper.hears(event)
            keeper.sees("pods", waiting)
        else:
            keeper.sees("pods", waiting)
            keeper.hears(event)
    keeper.waits(5 * MINUTE, "pods")
    assert [(one["name"], one["last"], one["count"]) for one in keeper.events()] == [
        ("first", NOW + 5 * MINUTE, 1),
        ("second", NOW + 5 * MINUTE, 1),
    ]
    keeper.now_ms += MINUTE
    keeper.sees("pods", state("first", None, 9), state("second", Pod("node-1"), 9))
    assert [one["last"] for one in keeper.events()] == [NOW + 6 * MINUTE] * 2


def looping(restarts: int, since: int = NOW) -> Pod:
    ends = [End("Error", 1, since - 60 * SECOND), End("Error", 1, since)]
    return Pod("n", None, containers=[Container("app", "", restarts, CRASH_LOOP_REASON, "", ends)])


def running(restarts: int, since: int = NOW) -> Pod:
    return Pod("n", None, containers=[Container("app", "", restarts, "", "", [End("Error", 1, since)])])


def test_a_crash_loop_by_status_and_events_is_one_event_that_the_status_counts(keeper: Kept) -> None:

    keeper.lists("pods")
    for restarts in range(6):
        keeper.now_ms += 20 * SECOND
        keeper.sees("pods", state("web", running(restarts, keeper.now_ms) if restarts else Pod("n", None), restarts * 2 + 1))
        keeper.sees("pods", state("web", looping(restarts, keeper.now_ms + SECOND), restarts * 2 + 2))
        event = replace(seen("web.18", count=3 * restarts + 1, first=0), name="web", uid="uid-web", row=rows.RESTARTS.name)
        keeper.hears(replace(event, key=rows.key(rows.RESTARTS, "app"), first_ms=NOW, last_ms=keeper.now_ms))
    one = keeper.one()
    assert (one["title"], one["severity"], one["count"]) == ("Container crash loop", 2, 5)
    assert one["reason"] == CRASH_LOOP_REASON
    assert one["metadata"]["restart_count"] == 5
    keeper.waits(5 * MINUTE, "pods")
    assert keeper.one()["last"] == keeper.now_ms
    keeper.sees("pods", state("web", running(6, keeper.now_ms), 99))
    assert (keeper.one()["count"], keeper.one()["last"]) == (6, keeper.now_ms)


# Any history

JOB = Owner("Job", "nightly", "uid-nightly")
FAILED = Container("app", ends=[End("Error", 3, NOW + 25, "no database")])
PODS = [
    *(Pod("n", None), running(1), looping(5, NOW + 9), running(6, NOW + 19), Pod("n", None, unschedulable_since_ms=NOW)),
    Pod("n", JOB, containers=[FAILED], phase="Failed"),
    Pod("n", None, phase="Failed", reason="Evicted", message="low on memory", disruption=Disruption("Any", "", NOW + 26)),
]
PRESSED = [NodeCondition("DiskPressure", "True", NOW + 4, "Full", "no space"), NodeCondition("Odd", "True", NOW + 6, "Odder")]
NODES = [
    *(node(), node("False", NOW + 5), node("Unknown", NOW + 8), node("True", NOW + 30), node(unschedulable=True)),
    node(conditions=PRESSED),
    node(conditions=[NodeCondition("DiskPressure", "False", NOW + 9), PRESSED[1]]),
]
WORKLOADS = [WEB, Workload(5, {"app": "web:1"}), Workload(5, {"app": "web:2"}), Workload(5, {}, NOW + 7, "stuck")]
KINDS = {"pods": PODS, "nodes": NODES, "deployments": WORKLOADS, "namespaces": [Namespace(NOW), Namespace(NOW, NOW)]}

lines = st.lists(
    st.tuples(
        st.sampled_from(sorted(KINDS)),
        st.sampled_from("ab"),
        st.integers(-1, 6),  # which state; -1: it is deleted
        st.sampled_from(["", "", "again", "restart", "list", "fails"]),
    ),
    max_size=14,
)


@settings(max_examples=settings().max_examples // 3)
@given(lines)
def test_repetition_lists_and_restarts_change_nothing(history: list[tuple[str, str, int, str]]) -> None:
    with kept() as straight, kept() as shaken:
        there: dict[str, dict[str, State]] = {source: {} for source in KINDS}
        uids = 0
        for source in KINDS:
            straight.lists(source)
            shaken.lists(source)
        for version, (source, name, which, then) in enumerate(history, 10):
            known = there[source].get(name)
            if known is None:
                uids += 1
            uid = known.uid if known else f"uid-{uids}"
            namespace = "" if source in ("nodes", "namespaces") else "shop"
            choices = KINDS[source]
            line = state(name, choices[which % len(choices)] if which >= 0 else None, version, uid, namespace)
            if which >= 0:
                there[source][name] = line
            elif there[source].pop(name, None) is None:
                continue
            straight.now_ms = shaken.now_ms = NOW + version * SECOND
            straight.sees(source, line)
            if then == "fails":
                fails_once(shaken, 7 + version % 5)
            shaken.sees(source, *[line] * (2 if then == "again" else 1))
            shaken.connection.exec_trace = None
            if then == "restart":
                shaken.restart()
            if then == "list":
                shaken.lists(source, *there[source].values())
        key = lambda one: (one["title"], one["name"], one["first"], one["text"] or "")  # noqa: E731
        assert sorted(straight.events(), key=key) == sorted(shaken.events(), key=key)
        sql = "SELECT source, namespace, name, key_hash, uid, since_ms FROM lasting ORDER BY 1, 2, 3, 4"
        assert straight.connection.execute(sql).fetchall() == shaken.connection.execute(sql).fetchall()
        for accounting in shaken.writer.coverage.accounting().values():
            assert accounting.pop("received") == sum(accounting.values())


def fails_once(keeper: Kept, n: int) -> None:
    """The n-th statement from now on fails."""
    left = n

    def fail(_cursor: object, _sql: str, _values: object) -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            raise apsw.BusyError("database is locked")
        return True

    keeper.connection.exec_trace = fail
