"""Applications and Flux's objects of a real API server: each change is one event, and their definitions come and go."""

import pytest

from tests import gitops
from tests.cluster.plane import ControlPlane
from tests.gitops import DEFINITIONS, Writer
from tests.operator import Operator, until


@pytest.fixture
def writer(plane: ControlPlane, namespace: str) -> Writer:
    return Writer(plane, namespace)


def changes(operator: Operator, writer: Writer, namespace: str, name: str) -> None:
    """Makes all changes of objects of a name, and compares what is recorded."""
    wanted = gitops.change(writer, name)
    words = ("events", "list", "--kind", gitops.KINDS, "-n", namespace, "--name", name, "--limit", "0")
    found = until(lambda: len(found := operator.cli(*words)["events"]) >= len(wanted) and found, "the changes")
    gitops.agree(wanted, found)


def listed(operator: Operator) -> list[str]:
    """The sources that were listed, each time."""
    return [line["source"] for line in operator.log() if line["event"] == "watch.listed" and line["source"] in DEFINITIONS]


def absent(operator: Operator) -> set[str]:
    """The sources whose definition was removed."""
    return {line["source"] for line in operator.log() if line["event"] == "watch.not_installed" and line["level"] == "info"}


def test_definitions_come_and_go(operator: Operator, namespace: str, writer: Writer) -> None:
    until(lambda: operator.health()[0] == 200, "health without the definitions")
    with writer.definitions():
        until(lambda: {*listed(operator)} == {*DEFINITIONS}, "the lists")
        changes(operator, writer, namespace, "first")
    until(lambda: absent(operator) == {*DEFINITIONS}, "absence")
    before = len(listed(operator))
    with writer.definitions():
        until(lambda: {*listed(operator)[before:]} == {*DEFINITIONS}, "the lists")
        changes(operator, writer, namespace, "second")
    until(lambda: operator.health()[0] == 200, "health")
    warnings = [line["event"] for line in operator.log() if line["level"] in ("warning", "error")]
    assert not [event for event in warnings if event.startswith(("watch.", "problem.", "worker", "generation"))], warnings
