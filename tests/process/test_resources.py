"""Watches of resources, with the real operator against the stand-in API server: what is listed, watched, refused and proved."""

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.model.frame import Counts, StateFrame, decode
from kube9_operator.model.resource_states import UNREADABLE, State
from kube9_operator.model.sources import CUSTOM, SOURCES
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.outbox import Outbox
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, warning

RESOURCES = [name for name in SOURCES if name != "events"]
MORE_THAN_A_PAGE = 510


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def thing(name: str = "one", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}} | fields


def received(operator: Operator) -> dict[str, int]:
    """Of each resource how many items and lines are in the books, which balance."""
    accounting = operator.cli("status")["accounting"]
    for of_source in accounting.values():
        assert of_source["received"] == sum(count for name, count in of_source.items() if name != "received")
    return {name: accounting.get(name, {}).get("received", 0) for name in RESOURCES}


def asked(standin: StandIn, resource: str, what: str) -> list[str]:
    """The requests for a resource that have this in their query."""
    return [one for one in standin.control("requests", resource) if what in one]


def listed(operator: Operator, resource: str) -> list[dict[str, Any]]:
    """What the log says of its lists."""
    return [line for line in operator.log() if line["event"] == "watch.listed" and line["source"] == resource]


def watched(standin: StandIn) -> bool:
    return all(asked(standin, resource, "watch=1") for resource in RESOURCES)


def test_every_resource_is_listed_and_watched(operator: Operator, standin: StandIn) -> None:
    for resource in RESOURCES:
        standin.put(resource, thing(), thing("two"))
    with operator:
        until(lambda: watched(standin), "every watch")
        until(lambda: received(operator) == dict.fromkeys(RESOURCES, 2), "every list")
        for resource in RESOURCES:
            standin.put(resource, thing("two", status={}), thing("three"))
            standin.remove(resource, "shop", "one")
        until(lambda: received(operator) == dict.fromkeys(RESOURCES, 5), "every line")
        until(lambda: operator.health()[0] == 200, "all sources to be confirmed")
        assert set(operator.health()[1]["watches"]) == {*SOURCES, *CUSTOM}
        assert operator.stop() == 0
        standin.put("pods", thing("four"))
        operator.start()
        until(lambda: received(operator)["pods"] == 6, "what happened while it was down, and only that")
        assert received(operator) == dict.fromkeys(RESOURCES, 5) | {"pods": 6}
    assert {len(listed(operator, resource)) for resource in RESOURCES} == {1}


def test_a_list_of_many_pages_and_one_that_begins_anew(operator: Operator, standin: StandIn) -> None:
    standin.put("pods", *(thing(f"pod-{number}") for number in range(MORE_THAN_A_PAGE)))
    standin.plan("HTTP 500", "page", of="pods")
    with operator:
        until(lambda: listed(operator, "pods"), "the list")
        assert listed(operator, "pods")[0]["objects"] == MORE_THAN_A_PAGE
        assert len([one for one in asked(standin, "pods", "limit=250") if "continue" not in one]) == 2
        until(lambda: received(operator)["pods"] >= MORE_THAN_A_PAGE, "the books")


def test_an_empty_list_is_asked_for_again(operator: Operator, standin: StandIn) -> None:
    standin.put("jobs", thing())
    with operator:
        until(lambda: listed(operator, "cronjobs") and listed(operator, "jobs"), "both lists")
    assert len(asked(standin, "cronjobs", "limit=500")) == 2
    assert len(asked(standin, "jobs", "limit=500")) == 1


@pytest.mark.parametrize(("code", "why"), [(403, "not permitted"), (404, "not served")])
def test_what_may_not_be_watched_leaves_the_rest_alone(operator: Operator, standin: StandIn, code: int, why: str) -> None:
    standin.control("refuse", {"pods": code})
    standin.put("pods", thing())
    with operator:
        until(lambda: operator.health()[1]["reasons"] == [f"pods: {why}"], "the reason")
        standin.write(warning("web", "BackOff", "again"))
        until(lambda: operator.events(), "Events to be recorded")
        assert operator.cli("events", "list", "--object-kind=Pod")["coverage"]["unavailable"] == ["pods"]
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["unavailable"] == []
        standin.control("refuse", {"pods": 0})
        until(lambda: received(operator)["pods"] == 1, "the list")
        until(lambda: operator.health()[0] == 200, "it to heal")


def test_bookmarks_confirm_a_watch_that_takes_long(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"bookmarked_least": 600, "bookmarked_most": 600}
    with operator:
        until(lambda: asked(standin, "pods", "timeoutSeconds=600"), "a long watch, after one that had bookmarks")
        watches = operator.health()[1]["watches"]
        first = watches["pods"]["confirmed_until"]
        until(lambda: operator.health()[1]["watches"]["pods"]["confirmed_until"] > first, "a bookmark")
        assert len(asked(standin, "pods", "timeoutSeconds=600")) == 1
        assert not asked(standin, "events", "timeoutSeconds=600"), "Events have no bookmarks"
        standin.control("bookmarks", 3600)
        until(lambda: len(asked(standin, "pods", "watch=1")) > 2, "a silent watch to be replaced")
        until(
            lambda: "timeoutSeconds=600" not in asked(standin, "pods", "watch=1")[-1],
            "a short watch",
        )
        standin.control("bookmarks", 0.5)
        until(lambda: operator.health()[0] == 200, "it to heal")


def test_a_version_that_has_expired_lists_again(operator: Operator, standin: StandIn) -> None:
    standin.put("nodes", thing())
    with operator:
        until(lambda: watched(standin), "every watch")
        until(lambda: received(operator)["nodes"] == 1, "the list")
        operator.stop()
        standin.put("nodes", thing("two"))
        standin.control("compact")
        operator.start()
        until(lambda: received(operator)["nodes"] == 3, "the list of both")
        until(lambda: operator.health()[0] == 200, "it to heal")
    assert len(listed(operator, "nodes")) == 2


def states(number: int) -> list[State]:
    return [State("shop", f"pod-{at}", "u", str(at), UNREADABLE if at % 10 == 0 else b"\x90") for at in range(number)]


def test_states_wait_for_room_and_are_never_given_up() -> None:
    frames: queue.Queue[bytes] = queue.Queue(1)
    stop = threading.Event()
    full = Outbox("pods", frames, stop, max_items=1_000, patience_seconds=0.0)
    made, got = states(4_000), list[StateFrame]()

    def watch() -> None:
        for at in range(0, len(made), 800):
            counts = Counts(received=800, undecodable=80)
            full.put(Batch(states=made[at : at + 800], counts=counts, version=str(at)), patient=True)

    watching = threading.Thread(target=watch)
    watching.start()
    until(lambda: full.waits, "the outbox to be full")
    until(lambda: _take(frames, got) and sum(frame.counts.received for frame in got) == len(made), "the rest")
    watching.join()
    stop.set()
    assert [one for frame in got for one in frame.states] == made
    assert full.dropped == 0
    for frame in got:
        readable = sum(one.reduced != UNREADABLE for one in frame.states)
        assert frame.counts.received == readable + frame.counts.undecodable, "each frame carries its part of the books"
    assert [frame.version for frame in got if frame.version] == [str(at) for at in range(0, 4_000, 800)]


def _take(frames: "queue.Queue[bytes]", got: list[StateFrame]) -> bool:
    frame = decode(frames.get(timeout=10))
    assert isinstance(frame, StateFrame)
    got.append(frame)
    return True
