"""Applications and Flux's objects on a real node: each change is one event of the pod, and their definitions come and go."""

import json
from typing import Any

import pytest

from tests import gitops
from tests.gitops import DEFINITIONS, Writer
from tests.node.node import Node
from tests.node.pod import POD, OperatorPod
from tests.operator import until

LIST_SECONDS = 60.0
"""The operator looks for a definition every fifteen seconds."""
NAMESPACE = "gitops"


class Log:
    """The lines of the operator's log about these sources, from now on."""

    def __init__(self, operator: OperatorPod) -> None:
        self._operator = operator
        self._begin = len(self._all())

    def lines(self) -> list[dict[str, Any]]:
        return self._all()[self._begin :]

    def about(self, event: str) -> set[str]:
        """The sources of which it says this."""
        return {line["source"] for line in self.lines() if line["event"] == event and line.get("source") in DEFINITIONS}

    def _all(self) -> list[dict[str, Any]]:
        said = self._operator.node.kubectl("logs", "-n", self._operator.namespace, POD, "-c", "operator")
        return [json.loads(line) for line in said.splitlines()]


@pytest.fixture
def writer(node: Node, operator: OperatorPod) -> Writer:
    operator.until_ready()
    node.make_namespaces(NAMESPACE)
    return Writer(node.plane, NAMESPACE)


def test_definitions_come_and_go(operator: OperatorPod, writer: Writer) -> None:
    container, before = operator.container(), Log(operator)
    for name in ("first", "second"):
        log = Log(operator)
        with writer.definitions():
            until(lambda log=log: log.about("watch.listed") == {*DEFINITIONS}, "the lists", LIST_SECONDS)
            changes(operator, writer, name)
            (known,) = applications(operator)
            assert (known["app_name"], known["sync_status"], known["health_status"]) == (name, "Synced", "Degraded")
        until(lambda log=log: log.about("watch.not_installed") == {*DEFINITIONS}, "absence", LIST_SECONDS)
        assert applications(operator) == []
    assert operator.container() == container
    wrong = [line for line in before.lines() if line["level"] in ("warning", "error")]
    assert not [line for line in wrong if line["event"].startswith(("watch.", "problem.", "worker", "generation"))], wrong
    watches = operator.cli("status")["watches"]
    assert {watches[source]["state"] for source in DEFINITIONS} == {"not served"}


def changes(operator: OperatorPod, writer: Writer, name: str) -> None:
    """Makes all changes of objects of a name, and compares what is recorded."""
    wanted = gitops.change(writer, name)
    asked = ("--kind", gitops.KINDS, "-n", NAMESPACE, "--name", name)
    found = until(lambda: len(found := operator.events(*asked)) >= len(wanted) and found, "the changes")
    gitops.agree(wanted, found)


def applications(operator: OperatorPod) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator.cli("argocd", "apps", "list", "--namespace", NAMESPACE)["applications"]
    return found
