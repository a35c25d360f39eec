"""Events as a recorder writes them, and what the API, the database and the log say of them."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import apsw

from tests.cluster.plane import ControlPlane
from tests.operator import Operator

DEADLINES = {"hang": 15.0, "lock_wait": 30.0}
"""As in life: a control plane leaves the operator little of two processors."""
LONG_SECONDS = 180.0
POLL_SECONDS = 0.05

BORN = int(time.time())


def agree(ours: Callable[[], Any], theirs: Callable[[], Any], seconds: float = LONG_SECONDS) -> Any:
    """What both say, as soon as they say the same; the last comparison is the test's."""
    deadline = time.monotonic() + seconds
    while True:
        before, said = theirs(), ours()
        if (before == said and theirs() == before) or time.monotonic() > deadline:
            assert said == before, f"{said} instead of {before}"
            return said
        time.sleep(POLL_SECONDS)


def warning(namespace: str, name: str, count: int = 1) -> dict[str, Any]:
    """A Warning of its own object, as the older recorder writes it."""
    return {
        "metadata": {"namespace": namespace, "name": f"{name}.17a"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": f"uid-{name}"},
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
        "type": "Warning",
        "firstTimestamp": stamp(0),
        "source": {"component": "kubelet", "host": "node-1"},
    } | times(count)


def times(count: int) -> dict[str, Any]:
    """What a PATCH of the recorder changes: how often, and when last."""
    return {"count": count, "lastTimestamp": stamp(count - 1)}


def stamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BORN + seconds))


def listed(plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    """The Warnings that the API lists."""
    path = f"/api/v1/namespaces/{namespace}/events?fieldSelector=type%3DWarning"
    items: list[dict[str, Any]] = plane.api("GET", path)["items"]
    return items


def logged(operator: Operator, event: str, **fields: str) -> list[dict[str, Any]]:
    """The lines of this name in the operator's log, of all its starts, that have these fields."""
    return [line for line in operator.log() if line["event"] == event and fields.items() <= line.items()]


def counts_in_database(operator: Operator, namespace: str) -> list[tuple[Any, ...]]:
    """Of each event of a namespace the object's name and the count."""
    connection = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    with contextlib.closing(connection):
        return connection.execute(
            """SELECT o.name, e.count FROM events e JOIN objects o ON o.id = e.object
            JOIN words w ON w.id = e.namespace WHERE w.word = ?""",
            (namespace,),
        ).fetchall()
