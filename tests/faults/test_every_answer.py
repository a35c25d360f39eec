"""For every n the n-th answer that an operator gets from its start on is a fault, of whatever it has asked: in the end the same
is recorded as without, once. KUBE9_EVERY_ANSWER=1 tries every fault for each n, otherwise they take turns.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kube9_operator.model.sources import SOURCES
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, warning

FAULTS = ("HTTP 500", "HTTP 410", "refused", "HTML", "HTTP 401", "truncated body", "silence", "HTTP 429")
EVERY = bool(os.environ.get("KUBE9_EVERY_ANSWER"))
PATIENCE = {"connect": 1.0, "read": 0.5, "page": 1.0, "compare": 600.0, "confirmation": 30.0}
LOADED_SECONDS = 120.0
AT_ONCE = 6
"""Operators; most of their time they wait."""
AT_LEAST = 2 * len(SOURCES)
"""A list and a watch of each source."""


SOME = (0, 5, 11, 18, 26, 33)
"""Of some thirty answers: the cluster, lists, watches of sources of each process."""


def test_some_answers(tmp_path: Path) -> None:
    """What `make test` tries of the test below: each fault at most once, a few operators at a time."""
    chosen = [(FAULTS[number], n) for number, n in enumerate(SOME)]
    with ThreadPoolExecutor(2) as pool:
        happened = list(pool.map(lambda one: start_and_meet(tmp_path, *one), chosen))
    assert any(happened)


@pytest.mark.long
def test_every_answer(tmp_path: Path) -> None:
    n, happened = 0, True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while happened:
            chosen = [(fault, n + more) for more in range(AT_ONCE) for fault in FAULTS if EVERY or fault == turn(n + more)]
            happened = all(pool.map(lambda one: start_and_meet(tmp_path, *one), chosen))
            n += AT_ONCE
    assert n > AT_LEAST


def turn(n: int) -> str:
    """Whose turn it is."""
    return FAULTS[n % len(FAULTS)]


def start_and_meet(parent: Path, fault: str, n: int) -> bool:
    """Says whether there was an n-th answer before all was recorded that there was to record."""
    folder = parent / f"{n}-{fault.replace(' ', '-')}"
    folder.mkdir()
    with StandIn() as standin:
        operator = Operator(folder, standin.kubeconfig(folder), PATIENCE)
        standin.write(*(warning(f"pod-{number}", "BackOff", "again", count=2) for number in range(3)))
        standin.put("deployments", deployment(2))
        standin.plan(fault, on="any", of="all", after=n)
        with operator:
            until(lambda: all_watched(standin), f"every watch, fault {n}", LOADED_SECONDS)
            standin.write(warning("pod-0", "BackOff", "again", count=7), warning("late", "BackOff", "again"))
            standin.put("deployments", deployment(5))
            expected = {"pod-0": 7, "pod-1": 2, "pod-2": 2, "late": 1, "web": 1}

            def all_there() -> bool:
                return {one["object_name"]: one["count"] for one in operator.events()} == expected

            until(all_there, f"all of it, fault {n}", LOADED_SECONDS)
            happened = not standin.control("plans")
            until(lambda: operator.health()[0] == 200, f"health, fault {n}", LOADED_SECONDS)
            assert len(operator.events()) == len(expected), "each once"
            assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"], (fault, n)
            accounting = operator.cli("status")["accounting"]
            assert all(one["received"] == sum(one.values()) - one["received"] for one in accounting.values()), accounting
            assert operator.stop() == 0
    assert operator.integrity() == "ok"
    return happened


def all_watched(standin: StandIn) -> bool:
    """Whether each source has been listed and is watched: what a plan has not befallen yet is not to be waited for."""
    return all(any("watch=1" in target for target in standin.control("requests", source)) for source in SOURCES)


def deployment(replicas: int) -> dict[str, object]:
    return {
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
    }
