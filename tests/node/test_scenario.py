"""What goes wrong and what changes on a real node is read of once: by one who watched, by one who was killed all the time, by
one who was away. It happens once, and all three read it.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from kube9_operator.clock import iso, now_ms
from tests.node import changes, endings, scenario_objects
from tests.node.changes import Moment
from tests.node.deaths import Deaths
from tests.node.images import ROOT
from tests.node.node import Node
from tests.node.pod import POD, RELEASE, OperatorPod
from tests.node.reading import LONG_SECONDS, Stays, agree
from tests.operator import until

SEED = 20_261_127
AWAY_SECONDS = 180.0
"""How long the one who is away does not run while the scenario happens, at least."""
AGAIN_SECONDS = float(os.environ.get("KUBE9_AWAY_SECONDS", "20"))
"""How long it does not run after that."""
ACCURACY_SECONDS = 2.0
UNKNOWN = "changes in between unknown; only net changes are recorded"
WATCHED = ("events", "nodes", "namespaces", "deployments", "daemonsets", "services", "endpointslices", "pods", "configmaps")
FAILING, FULL = "failing", "failing-full"
STAYS: Stays = scenario_objects.STAYS | changes.STAYS


class Scenario(NamedTuple):
    """It is over for the cluster."""

    watched: OperatorPod
    killed: OperatorPod
    away: OperatorPod
    """Not running."""
    begin: str
    deaths: Deaths
    by_hand: dict[str, Moment]
    """When somebody changed or deleted something."""
    stopped: float
    """When `away` was stopped."""


@pytest.fixture(scope="module")
def others(node: Node, image: str) -> Iterator[tuple[OperatorPod, OperatorPod]]:
    """Two more operators beside that of all tests."""
    found = OperatorPod(node, "killed"), OperatorPod(node, "away")
    for one in found:
        one.make_volume()
        one.install(image, ROOT, "--set", f"watch.configMaps=true,events.waitMinutes={endings.WAIT_MINUTES}")
    yield found
    for one in found:
        node.program("helm", "uninstall", RELEASE, "-n", one.namespace)


@pytest.fixture(scope="module")
def scenario(node: Node, operator: OperatorPod, others: tuple[OperatorPod, OperatorPod]) -> Iterator[Scenario]:
    killed, away = others
    changes.prepare(node)
    endings.prepare(node)
    node.make_namespaces(FAILING, FULL)
    for one in (operator, killed, away):
        one.until_ready()
        until(lambda one=one: is_current(one), f"the watches of {one.namespace}", LONG_SECONDS)
    begin = iso(now_ms())
    scale(away, 0)
    stopped = time.time()
    with Deaths(killed.namespace, SEED) as deaths:
        endings.happen(node)
        node.apply(*scenario_objects.objects(FAILING), *scenario_objects.filled(FULL))
        # Every fifteen seconds it scales; pods that came while the node is cordoned or gone would not be scheduled, truly.
        until(lambda: autoscaled(node) == 3, "the autoscaler", LONG_SECONDS)
        by_hand = changes.change_by_hand(node)
        by_hand |= changes.fail_and_roll_out(node)
        changes.lose_node(node)
        changes.lose_endpoints(node)
        agree(wanted(), STAYS, lambda: read(operator, begin))
    yield Scenario(operator, killed, away, begin, deaths, by_hand, stopped)
    node.plane.api("DELETE", f"/api/v1/nodes/{endings.PRETENDED}")


def wanted() -> list[Any]:
    """What who watched is to read; what changes tells more of the node than what fails."""
    failing = [one for one in scenario_objects.table(FAILING) if one.kind != "Node"]
    return [*failing, *changes.table(watched=True), *endings.table(watched=True)]


def test_by_one_who_watched(scenario: Scenario) -> None:
    """The fixture has waited for the table; it stays."""
    agree(wanted(), STAYS, lambda: read(scenario.watched, scenario.begin))
    assert gaps(scenario.watched, scenario.begin) == []


def test_by_one_who_was_killed_all_the_time(scenario: Scenario) -> None:
    assert scenario.deaths.of_supervisor >= 2
    assert scenario.deaths.of_others >= 6
    agree(wanted(), STAYS, lambda: read(scenario.killed, scenario.begin))
    # A source in which nothing happens is complete again when the API server sends its next bookmark, within some 90 seconds.
    until(lambda: gaps(scenario.killed, scenario.begin) == [], "the record to be complete", LONG_SECONDS)


def test_by_one_who_was_away(node: Node, scenario: Scenario) -> None:
    away, begin = scenario.away, scenario.begin
    time.sleep(max(0.0, scenario.stopped + AWAY_SECONDS - time.time()))
    # What an API server remembers beyond what etcd does, it forgets when it is started again.
    node.plane.compact()
    node.plane.restart_api_server(kill=True)
    scale(away, 1, lambda: claims_nothing_that_it_lacks(away, begin, scenario.by_hand))
    theirs = (changes.is_about_it, endings.is_about_it)
    about_it = lambda: [event for event in read(away, begin) if any(each(event) for each in theirs)]  # noqa: E731
    agree([*changes.table(watched=False), *endings.table(watched=False)], changes.STAYS, about_it)
    found = gaps(away, begin)
    assert {gap["reason"] for gap in found} == {UNKNOWN}
    assert len({gap["source"] for gap in found}) == len(found)
    assert {gap["source"] for gap in found} >= set(WATCHED) - {"events"}
    assert "events" not in {gap["source"] for gap in found}, "they live longer than it was away"
    told = [one for one in away.events("--type", "operator") if one["title"] == "Gap in the record"]
    assert [one["metadata"]["why"] for one in told] == [UNKNOWN]
    assert set(told[0]["metadata"]["sources"]) >= {gap["source"] for gap in found}


def test_when_it_was_changed_and_by_whom(scenario: Scenario) -> None:
    """After `test_by_one_who_was_away`, which has started the one who was away again."""
    for operator in (scenario.watched, scenario.killed, scenario.away):
        told = operator.events("--since", scenario.begin, "--type", "cluster")
        found = {one["object_name"]: one for one in reversed(told)}  # the newest of each
        for name, manager in changes.BY_HAND.items():
            assert found[name]["metadata"]["changed_by"] == manager
            assert_dated(found[name], scenario.by_hand[name], operator)
        if operator is not scenario.away:
            assert_dated(found[changes.AGED], scenario.by_hand[changes.AGED], operator)
        # One image after the other, a scaling of which no Event says how it began, and a deletion of which nothing is left.
        for name in (changes.REPEATED, changes.PACED, changes.AGED):
            assert contains(found[name], scenario.by_hand[name]), (operator.namespace, found[name])
        for name in (changes.REPEATED, changes.AGED):
            assert ("noticed_at" in found[name]["metadata"]) == (operator is scenario.away)
            assert_found_in_its_range(operator, found[name])


def test_when_the_watch_goes_on(node: Node, scenario: Scenario) -> None:
    """The one who was away is stopped again. The API server still has all that changes meanwhile."""
    away, since = scenario.away, iso(now_ms())
    scale(away, 0)
    stopped = time.time()
    made = changes.change_late(node)
    time.sleep(max(0.0, stopped + AGAIN_SECONDS - time.time()))
    scale(away, 1, lambda: claims_nothing_that_it_lacks(away, since, made))

    def found() -> dict[str, dict[str, Any]]:
        told = away.events("--since", since, "--type", "cluster")
        return {one["object_name"]: one for one in told if one["object_name"] in made}

    until(lambda: found().keys() == made.keys(), "the changes", LONG_SECONDS)
    for name, event in found().items():
        assert event["count"] == 1
        assert event["metadata"].get("changed_by", "") == changes.LATE_CHANGES[name]
        assert_dated(event, made[name], away)


def assert_dated(event: dict[str, Any], made: Moment, operator: OperatorPod) -> None:
    """The event tells when a change was made, and means a moment."""
    assert "noticed_at" not in event["metadata"], (operator.namespace, event)
    assert event["first_seen_at"] == event["last_seen_at"]
    assert contains(event, made), (operator.namespace, event, made)


def contains(event: dict[str, Any], made: Moment) -> bool:
    """Whether a change that was made then is told as of that time, or as of a range around it."""
    first, last = seconds(event["first_seen_at"]), seconds(event["last_seen_at"])
    return first - ACCURACY_SECONDS <= made.ended and made.began <= last + ACCURACY_SECONDS


def assert_found_in_its_range(operator: OperatorPod, event: dict[str, Any]) -> None:
    """Whoever asks for a part of the range in which it was changed reads of the change."""
    first, last = seconds(event["first_seen_at"]), seconds(event["last_seen_at"])
    begin, end = (iso(int((first + part * (last - first)) * 1000)) for part in (0.4, 0.6))
    asked = operator.events("--since", begin, "--until", end, "--object-name", event["object_name"])
    assert event["id"] in [one["id"] for one in asked] or first == last


def claims_nothing_that_it_lacks(operator: OperatorPod, since: str, made: dict[str, Moment]) -> None:
    """Fails if an answer is complete for a time at which something was changed that it does not have."""
    said = operator.exec("kube9-cli", "events", "list", "--limit", "1000", "--since", since, "--type", "cluster", fail=True)
    answer = json.loads(said) if said.startswith("{") else None
    if answer is None or "from" not in answer["coverage"]:
        return
    coverage, told = answer["coverage"], answer["events"]
    for name, moment in made.items():
        is_covered = seconds(coverage["from"]) <= moment.began and moment.ended <= seconds(coverage["until"])
        is_in_a_gap = any(
            seconds(gap["from"]) <= moment.ended and moment.began <= seconds(gap["to"]) for gap in coverage["gaps"]
        )
        is_told = any(one["object_name"] == name and contains(one, moment) for one in told)
        assert is_told or is_in_a_gap or not is_covered, (name, moment, coverage)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def autoscaled(node: Node) -> int:
    """How many pods of the autoscaled Deployment are ready."""
    return int(node.get("deployment", "small", "-n", FAILING)["status"].get("readyReplicas", 0))


def is_current(operator: OperatorPod) -> bool:
    """Whether what changes from now on is no baseline."""
    watches = operator.cli("status")["watches"]
    return all(watches.get(source, {}).get("state") == "current" for source in WATCHED)


def scale(operator: OperatorPod, replicas: int, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Stops the operator in order, or starts it and calls `meanwhile`; returns when it is gone, or ready."""
    node = operator.node
    node.kubectl("scale", "statefulset", "-n", operator.namespace, RELEASE, "--replicas", replicas)

    def is_back() -> bool:
        meanwhile()
        return operator.is_ready()

    if replicas:
        until(is_back, "the operator to be back", LONG_SECONDS)
        meanwhile()
        return

    def names() -> list[str]:
        return [one["metadata"]["name"] for one in node.get("pods", "-n", operator.namespace)["items"]]

    until(lambda: POD not in names(), "the operator to be gone", LONG_SECONDS)


def read(operator: OperatorPod, begin: str) -> list[dict[str, Any]]:
    """The events of the scenario: of its namespaces, and of the node."""

    def is_about_it(event: dict[str, Any]) -> bool:
        ours = event.get("object_namespace") in (FAILING, FULL)
        return ours or changes.is_about_it(event) or endings.is_about_it(event)

    return [event for event in operator.events("--since", begin) if is_about_it(event)]


def gaps(operator: OperatorPod, begin: str) -> list[dict[str, str]]:
    answer = operator.cli("events", "list", "--limit", "1", "--since", begin)
    found: list[dict[str, str]] = answer["coverage"]["gaps"]
    return found
