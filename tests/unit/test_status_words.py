"""The watches of the status in words."""

from typing import Any

from kube9_cli.render.clock import Clock
from kube9_cli.render.look import Look
from kube9_cli.render.status import _watches

FIRST, LAST, NOW = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:03.000Z", 1_767_225_615.0


def shown(covered_from: str) -> list[str]:
    """The row of many watches of which one was confirmed for the first time at LAST, and one only then listed."""
    one: dict[str, Any] = {"state": "current", "covered_from": FIRST, "confirmed_until": FIRST}
    watches = {f"kind-{number}": one for number in range(5)}
    watches["pods"] = {"state": "current", "covered_from": covered_from, "confirmed_until": LAST}
    return _watches(watches, Look(Clock(NOW)), False)[-1].split()


def test_watches_share_a_row_with_the_time_that_all_of_them_cover() -> None:
    assert shown(FIRST) == ["6", "watches", "current", "15s", "15s"]


def test_just_after_a_start_there_is_no_such_time() -> None:
    assert shown(LAST) == ["6", "watches", "current", "-", "-"]


def test_what_is_not_served_comes_last() -> None:
    states = {"applications": "not served", "events": "current", "pods": "not permitted", "nodes": "behind"}
    watches = {name: {"state": state} for name, state in states.items()}
    rows = [line.split()[0] for line in _watches(watches, Look(Clock(NOW)), False)[1:]]
    assert rows == ["nodes", "pods", "events", "applications"]
