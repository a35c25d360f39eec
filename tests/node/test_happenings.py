"""Everything that goes wrong on a real node is read of once, rightly named, whatever befalls the operator's pod meanwhile."""

import re
from typing import Any

import pytest

from tests.node.happenings import STAYS, Expected, filled, objects, table
from tests.node.node import NODE, Node
from tests.node.pod import OperatorPod
from tests.operator import until

pytestmark = pytest.mark.node

LONG_SECONDS = 240.0


@pytest.mark.parametrize("deaths", [False, True], ids=["calm", "deaths"])
def test_each_happening_is_read_of_once(node: Node, operator: OperatorPod, deaths: bool) -> None:
    namespace = "storm" if deaths else "calm"
    node.make_namespaces(namespace, f"{namespace}-full")
    wanted = table(namespace)

    node.apply(*objects(namespace))
    if deaths:
        operator.kill()
    node.apply(*filled(f"{namespace}-full"))
    if deaths:
        operator.kill_for_memory()
    node.stop_kubelet()
    until(lambda: node.ready_condition() != "True", "the node to be missed", LONG_SECONDS)
    node.start_kubelet()
    until(node.is_ready, "the node to be back", LONG_SECONDS)
    if deaths:
        operator.delete()

    agree(wanted, operator, namespace)


def agree(wanted: list[Expected], operator: OperatorPod, namespace: str) -> None:
    """Fails with every difference where what is read does not become what is wanted."""
    found: list[str] = []

    def is_right() -> bool:
        found[:] = differences(wanted, read(operator, namespace))
        return not found

    try:
        until(is_right, "the table", LONG_SECONDS)
    except AssertionError:
        pytest.fail("\n".join(found), pytrace=False)


def read(operator: OperatorPod, namespace: str) -> list[dict[str, Any]]:
    """The events of the scenario: of its namespaces, and of the node."""
    ours = (namespace, f"{namespace}-full")
    return [
        event
        for event in operator.events()
        if event.get("object_namespace") in ours or (event.get("object_kind") == "Node" and event["object_name"] == NODE)
    ]


def differences(wanted: list[Expected], events: list[dict[str, Any]]) -> list[str]:
    """What is missing, there twice, otherwise than wanted, or too much."""
    found: list[str] = []
    left = list(events)
    for one in wanted:
        mine = [event for event in left if is_named(one, event) and event["title"] in one.titles]
        left = [event for event in left if event not in mine]
        if len(mine) != 1:
            found.append(f"{len(mine)} events of {one.kind}/{one.name} {'|'.join(one.titles)}")
        found += [text for event in mine for text in faults(one, event)]
    for event in left:
        key = (event.get("object_kind", ""), event.get("object_name", ""), event["title"])
        if key not in STAYS:
            found.append(f"not wanted: {event['severity']} {key} {event.get('description')}")
    return found


def is_named(one: Expected, event: dict[str, Any]) -> bool:
    name = event.get("object_name", "")
    named = name.startswith(one.name[:-1]) if one.name.endswith("*") else name == one.name
    return named and event.get("object_kind") == one.kind


def faults(one: Expected, event: dict[str, Any]) -> list[str]:
    """What an event says otherwise than wanted."""
    about = f"{one.kind}/{one.name} {event['title']}"
    found: list[str] = []
    if event["severity"] != one.titles[event["title"]]:
        found.append(f"{about}: severity {event['severity']}")
    if not re.search(one.cause, event.get("description", "")):
        found.append(f"{about}: description {event.get('description')!r}, wanted {one.cause!r}")
    for key, value in one.metadata.items():
        if event["metadata"].get(key) != value:
            found.append(f"{about}: {key} {event['metadata'].get(key)!r}, wanted {value!r}")
    missing = {"reason", "count", "first_timestamp", "last_timestamp"} - set(event["metadata"])
    if missing:
        found.append(f"{about}: no {', '.join(sorted(missing))}")
    return found
