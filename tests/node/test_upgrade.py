"""From the first state of the project whose databases are taken over to this one and back, with the same history."""

import contextlib
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.node.images import ROOT, operator_image
from tests.node.node import Node
from tests.node.pod import POD, RELEASE, OperatorPod
from tests.node.scenario_objects import pod
from tests.operator import until

NAMESPACE = "upgraded"
FIRST_STATE = "542770079f1cd2b1ea1eb290067de4a0c3ffbb4c"
"""The commit in which a statement of the first migration last changed; since then only its comments did."""
LONG_SECONDS = 120.0
GROUP = "readers"
AS_IT_WAS = ("--set", "events.persistence.size=2Gi")
"""The default of the first state: a volume that is a folder cannot grow."""
READERS = ("--set", "reader.create=true", "--set", f"reader.subjects[0].kind=Group,reader.subjects[0].name={GROUP}")


@pytest.fixture
def first(node: Node, tmp_path: Path) -> Path:
    """The source of the first state whose databases this one takes over; the node has its image.

    It is the first that is tagged. While there is none, it is that in which a statement of the first migration last changed.
    """
    if not (ROOT / ".git").exists():
        pytest.skip("needs the history of the project: git clone")
    found = [*git("tag", "--sort=creatordate").split(), FIRST_STATE]
    archive = subprocess.run(["git", "archive", found[0]], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", tmp_path], input=archive, check=True)
    archive = operator_image("first", tmp_path, tmp_path)
    node.load(archive)
    archive.unlink()
    return tmp_path


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_upgraded_and_rolled_back(node: Node, image: str, first: Path) -> None:
    operator = OperatorPod(node, NAMESPACE)
    operator.make_volume()
    operator.install("first", first, "--set", "events.persistence.storageClassName=")  # what none is called there
    operator.until_ready()
    happen(node, operator, "before")
    old = schema(operator)

    operator.until_another(lambda: operator.install(image, ROOT, *AS_IT_WAS, *READERS, verb="upgrade"))
    until_read(operator, "before")
    readers_can_read(node)
    new = schema(operator)
    assert new >= old
    happen(node, operator, "after")

    operator.evict()
    until_read(operator, "before", "after")

    if new > old:
        node.program("helm", "rollback", RELEASE, "1", "-n", NAMESPACE)
        until(
            lambda: f"schema version {new}" in refusal(operator),
            "the older operator to refuse the newer database",
            LONG_SECONDS,
        )
        assert whole(operator) == ("ok", new)

        node.program("helm", "rollback", RELEASE, "2", "-n", NAMESPACE)
        # A StatefulSet waits for a pod that never becomes ready before it replaces it.
        operator.delete()
        until_read(operator, "before", "after")

    node.program("helm", "uninstall", RELEASE, "-n", NAMESPACE, "--wait")
    kinds = "statefulset,pod,service,serviceaccount,configmap,role,rolebinding,persistentvolumeclaim"
    left = node.get(kinds, "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={RELEASE}")["items"]
    assert not [one["metadata"]["name"] for one in left if not one["metadata"].get("deletionTimestamp")]
    assert whole(operator) == ("ok", new)


def readers_can_read(node: Node) -> None:
    """Who is bound to the chart's Role for readers may do what the extension does, and no more."""
    reader = ("--as=ann", f"--as-group={GROUP}", "-n", NAMESPACE)
    asked = (POD, "-c", "operator", "--", "kube9-operator", "query", "events", "list", "--format=json")
    assert '"events"' in node.kubectl("exec", *reader, *asked)
    node.kubectl("get", *reader, "pods", "-l", "app.kubernetes.io/name=kube9-operator")
    status = ("get", *reader, "configmap", "kube9-operator-status")
    until(lambda: node.program("kubectl", *status, fail=True).returncode == 0, "the status, which may be read", LONG_SECONDS)
    for refused in (
        ("get", "configmaps"),
        ("get", "secrets"),
        ("delete", "pod", POD),
        ("exec", "before", "--", "id"),
    ):
        done = node.program("kubectl", *refused[:1], *reader, *refused[1:], fail=True)
        assert "forbidden" in done.stderr.lower(), done


def happen(node: Node, operator: OperatorPod, name: str) -> None:
    """Makes an event, and returns when it is recorded."""
    node.apply(pod(NAMESPACE, name, image="localhost/absent:1"))
    until(lambda: name in names(operator), f"{name} to be recorded", LONG_SECONDS)


def names(operator: OperatorPod) -> set[str]:
    """Of which pods events are recorded, the operator's own aside; none while the database is being migrated."""
    found = {event["object_name"] for event in operator.events("--object-namespace", NAMESPACE, "--object-kind", "Pod")}
    return found - {POD}


def until_read(operator: OperatorPod, *wanted: str) -> None:
    until(lambda: names(operator) == set(wanted), f"{wanted} to be read", LONG_SECONDS)


def schema(operator: OperatorPod) -> int:
    version: int = operator.cli("status")["database"]["schema_version"]
    return version


def refusal(operator: OperatorPod) -> str:
    """What the pod's container said before it ended for a reason that will not pass."""
    found: list[dict[str, Any]] = operator.node.get("pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={RELEASE}")[
        "items"
    ]
    states = [state for one in found for state in one["status"].get("containerStatuses", [])]
    if 78 not in [state.get("lastState", {}).get("terminated", {}).get("exitCode") for state in states]:
        return ""
    return operator.node.program("kubectl", "logs", "-n", NAMESPACE, POD, "--previous", fail=True).stdout


def whole(operator: OperatorPod) -> tuple[str, int]:
    """What SQLite says of a copy of the database, which nobody has open, and its schema's version."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(
            sqlite3.connect(shutil.copytree(operator.history, folder, dirs_exist_ok=True) + "/kube9.db")
        ) as connection,
    ):
        checked = connection.execute("PRAGMA integrity_check").fetchone()[0]
        return checked, connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
