"""Everything that goes wrong on a real node is read of once, rightly named, whatever befalls the operator's pod meanwhile."""

from typing import Any

import pytest

from kube9_operator.clock import iso, now_ms
from tests.node.happenings import STAYS, filled, objects, table
from tests.node.node import NODE, Node
from tests.node.pod import OperatorPod
from tests.node.reading import LONG_SECONDS, agree
from tests.operator import until


@pytest.mark.parametrize("deaths", [False, True], ids=["calm", "deaths"])
def test_each_happening_is_read_of_once(node: Node, operator: OperatorPod, deaths: bool) -> None:
    namespace = "storm" if deaths else "calm"
    node.make_namespaces(namespace, f"{namespace}-full")
    wanted, begin = table(namespace), iso(now_ms())

    node.apply(*objects(namespace))
    if deaths:
        operator.kill()
    node.apply(*filled(f"{namespace}-full"))
    if deaths:
        operator.kill_for_memory()
    # Every fifteen seconds it scales; pods that came when the node was gone would not be scheduled, truly.
    small = lambda: node.get("deployment", "small", "-n", namespace)["status"].get("readyReplicas")  # noqa: E731
    until(lambda: small() == 3, "the autoscaler", LONG_SECONDS)
    node.stop_kubelet()
    until(lambda: node.ready_condition() != "True", "the node to be missed", LONG_SECONDS)
    node.start_kubelet()
    until(node.is_ready, "the node to be back", LONG_SECONDS)
    if deaths:
        operator.delete()

    agree(wanted, STAYS, lambda: read(operator, namespace, begin))


def read(operator: OperatorPod, namespace: str, begin: str) -> list[dict[str, Any]]:
    """The events of the scenario: of its namespaces, and of the node since it began."""
    ours = (namespace, f"{namespace}-full")
    return [
        event
        for event in operator.events("--since", begin)
        if event.get("object_namespace") in ours or (event.get("object_kind") == "Node" and event["object_name"] == NODE)
    ]
