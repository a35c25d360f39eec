"""Whatever ends the operator's pod, the history goes on where it was: nothing is lost, doubled or left unsaid."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.recorder import warning
from tests.node.node import Node
from tests.node.pod import OperatorPod
from tests.operator import until

LONG_SECONDS = 180.0
PAUSE_SECONDS = 0.3


def power(operator: OperatorPod) -> None:
    """The node is stopped, and started again."""
    before = operator.container()
    operator.node.lose_power()
    operator.node.have_power()
    until(lambda: operator.is_ready() and operator.container() != before, "the operator to be back", LONG_SECONDS)


ENDS: dict[str, Callable[[OperatorPod], None]] = {
    "killed": OperatorPod.kill,
    "memory": OperatorPod.kill_for_memory,
    "deleted": OperatorPod.delete,
    "drained": OperatorPod.evict,
    "space": OperatorPod.use_up_its_space,
    "power": power,
}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_lost(node: Node, operator: OperatorPod, name: str) -> None:
    namespace = f"end-{name}"
    node.make_namespaces(namespace)
    with written(node, namespace) as names:
        until(lambda: recorded(operator, namespace), "the first Event")
        before = recorded(operator, namespace)
        since, starts = operator.events("--object-namespace", namespace)[-1]["created_at"], started(operator)
        ENDS[name](operator)
        until(lambda: started(operator) > starts, "it to say that it has started", LONG_SECONDS)
    until(lambda: len(recorded(operator, namespace)) == len(names), "all of them", LONG_SECONDS)
    after = recorded(operator, namespace)
    assert set(after) == set(names)
    assert before.items() <= after.items(), "what was recorded before is the same"
    assert set(after.values()) == {(1,)}
    # No watch of resources tells of Secrets: the coverage of Events alone. They live longer than it was away.
    coverage = operator.cli("events", "list", f"--since={since}", "--object-kind=Secret", "--format=json")["coverage"]
    assert coverage["complete"], coverage


@contextlib.contextmanager
def written(node: Node, namespace: str) -> Iterator[list[str]]:
    """Writes Events of ever new pods, before, while and after; gives their names, of which there are no more at the end."""
    names: list[str] = []
    ended = threading.Event()

    def write() -> None:
        with contextlib.closing(node.plane.connection()) as connection:
            while not ended.wait(PAUSE_SECONDS):
                names.append(f"pod-{len(names):04}")
                node.plane.request(connection, "POST", f"/api/v1/namespaces/{namespace}/events", warning(namespace, names[-1]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield names
    finally:
        ended.set()
        writer.join()


def recorded(operator: OperatorPod, namespace: str) -> dict[str, tuple[int, ...]]:
    """By name of the pods of a namespace the counts of the events that tell of each."""
    found: dict[str, tuple[int, ...]] = {}
    for event in operator.events("--object-namespace", namespace, "--object-kind", "Pod"):
        found[event["object_name"]] = (*found.get(event["object_name"], ()), event["count"])
    return found


def started(operator: OperatorPod) -> int:
    """How often the operator says that it has started; 0 while it does not answer."""
    return len([event for event in operator.events("--type", "operator") if event["title"] == "Operator started"])
