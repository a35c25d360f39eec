"""What changes on a real node is read of once: by one who watched, by one who was killed all the time, by one who was away."""

from collections.abc import Iterator
from typing import Any

import pytest

from kube9_operator.clock import iso, now_ms
from tests.node.changes import STAYS, happen, is_about_it, prepare, table
from tests.node.deaths import Deaths
from tests.node.node import Node
from tests.node.pod import POD, RELEASE, OperatorPod
from tests.node.reading import LONG_SECONDS, agree
from tests.operator import until

SEED = 20_261_127
UNKNOWN = "changes in between unknown"
WATCHED = ("events", "nodes", "namespaces", "deployments", "daemonsets", "services", "endpointslices", "pods")


@pytest.fixture
def others(node: Node, image: str) -> Iterator[tuple[OperatorPod, OperatorPod]]:
    """Two more operators beside that of all tests."""
    found = OperatorPod(node, "killed"), OperatorPod(node, "away")
    for one in found:
        one.make_volume()
        one.install(image)
    yield found
    for one in found:
        node.program("helm", "uninstall", RELEASE, "-n", one.namespace)


def test_each_change_is_read_of_once(node: Node, operator: OperatorPod, others: tuple[OperatorPod, OperatorPod]) -> None:
    killed, away = others
    prepare(node)
    for one in (operator, killed, away):
        one.until_ready()
        until(lambda one=one: is_current(one), f"the watches of {one.namespace}", LONG_SECONDS)
    begin = iso(now_ms())
    scale(away, 0)

    with Deaths(killed.namespace, SEED) as deaths:
        happen(node)
        agree(table(watched=True), STAYS, lambda: read(operator, begin))
    assert deaths.of_supervisor >= 2
    assert deaths.of_others >= 6

    agree(table(watched=True), STAYS, lambda: read(killed, begin))
    for one in (operator, killed):
        assert gaps(one, begin) == []

    # What an API server remembers beyond what etcd does, it forgets when it is started again.
    node.plane.compact()
    node.plane.restart_api_server(kill=True)
    scale(away, 1)
    agree(table(watched=False), STAYS, lambda: read(away, begin))
    found = gaps(away, begin)
    assert {gap["reason"] for gap in found} == {UNKNOWN}
    assert len({gap["source"] for gap in found}) == len(found)
    assert {gap["source"] for gap in found} >= set(WATCHED) - {"events"}
    assert "events" not in {gap["source"] for gap in found}, "they live longer than it was away"
    told = [one for one in away.events("--type", "operator") if one["title"] == "Gap in the record"]
    assert [one["metadata"]["why"] for one in told] == [UNKNOWN]
    assert set(told[0]["metadata"]["sources"]) >= {gap["source"] for gap in found}


def is_current(operator: OperatorPod) -> bool:
    """Whether what changes from now on is no baseline."""
    watches = operator.cli("status")["watches"]
    return all(watches.get(source, {}).get("state") == "current" for source in WATCHED)


def scale(operator: OperatorPod, replicas: int) -> None:
    """Stops the operator in order, or starts it; returns when it is gone, or ready."""
    node = operator.node
    node.kubectl("scale", "statefulset", "-n", operator.namespace, RELEASE, "--replicas", replicas)
    if replicas:
        until(operator.is_ready, "the operator to be back", LONG_SECONDS)
        return

    def names() -> list[str]:
        return [one["metadata"]["name"] for one in node.get("pods", "-n", operator.namespace)["items"]]

    until(lambda: POD not in names(), "the operator to be gone", LONG_SECONDS)


def read(operator: OperatorPod, begin: str) -> list[dict[str, Any]]:
    """The events of the scenario."""
    return [event for event in operator.events("--since", begin) if is_about_it(event)]


def gaps(operator: OperatorPod, begin: str) -> list[dict[str, str]]:
    answer = operator.cli("events", "list", "--limit", "1", "--since", begin)
    found: list[dict[str, str]] = answer["coverage"]["gaps"]
    return found
