"""Objects as deep and as wide as a real API server takes them, by a user of the stock role `edit`: they stop nothing."""

import contextlib
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from kube9_operator.model.sources import PROCESSES
from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import DEADLINES, LONG_SECONDS, logged, warning
from tests.operator import Operator, until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
MARK = "<here>"
DEPTHS = (900, 1_200, 2_000, 9_990)
"""Around what msgspec decodes, and near the most that the API server takes."""
WIDTH = 1_400_000
"""Of `<`, of which each is six bytes in JSON: near etcd's limit of 1.5 MiB, and of 8.4 MB in a line."""
WIDE = 3
"""More than what is held of a page."""


class Editor:
    """A user who has the stock role `edit` in one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        plane.api("POST", accounts, {"metadata": {"name": "editor"}})
        plane.api(
            "POST",
            f"{RBAC}/namespaces/{namespace}/rolebindings",
            {
                "metadata": {"name": "editor"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
                "subjects": [{"kind": "ServiceAccount", "name": "editor", "namespace": namespace}],
            },
        )
        made = plane.api("POST", f"{accounts}/editor/token", {"spec": {"expirationSeconds": 3600}})
        self._token = made["status"]["token"]

    def write(self, resource: str, made: dict[str, Any], depth: int = 0) -> None:
        """Makes an object, with managedFields so deep. As text: Python's json knows no such depth either."""
        if depth:
            fields = {"manager": "edit", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": MARK}
            made = made | {"metadata": made["metadata"] | {"managedFields": [fields | {"time": "2099-01-01T00:00:00Z"}]}}
        text = json.dumps(made).replace(f'"{MARK}"', '{"f:a":' * depth + "{}" + "}" * depth)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with contextlib.closing(self._plane.connection()) as connection:
            connection.request("POST", f"/api/v1/namespaces/{self._namespace}/{resource}", text, headers)
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()[:500]


def pod(name: str, value: str = "") -> dict[str, Any]:
    """A pod that nobody schedules, with an environment."""
    container = {"name": "c", "image": "none", "env": [{"name": "V", "value": value}]}
    return {"metadata": {"name": name}, "spec": {"nodeName": "nowhere", "containers": [container]}}


def recorded(operator: Operator, namespace: str) -> set[str]:
    return {one["object_name"] for one in operator.events("--object-namespace", namespace, "--limit", "100")}


def test_no_depth_and_no_width_stops_anything(plane: ControlPlane, operator: Operator, namespace: str, tmp_path: Path) -> None:
    editor = Editor(plane, namespace)
    written: dict[str, float] = {}
    for depth in DEPTHS:
        editor.write("events", warning(namespace, f"deep-{depth}"), depth)
        written[f"deep-{depth}"] = time.time()
        editor.write("pods", pod(f"deep-{depth}"), depth)
    for number in range(WIDE):
        editor.write("events", warning(namespace, f"wide-{number}") | {"message": "<" * WIDTH})
        written[f"wide-{number}"] = time.time()
        editor.write("pods", pod(f"wide-{number}", "<" * WIDTH))
    plane.api("POST", f"/api/v1/namespaces/{namespace}/events", warning(namespace, "after"))
    written["after"] = time.time()
    names = {*(f"deep-{depth}" for depth in DEPTHS), *(f"wide-{number}" for number in range(WIDE)), "after"}
    until(lambda: recorded(operator, namespace) >= names, "each of them, whole", LONG_SECONDS)
    for one in operator.events("--object-namespace", namespace, "--limit", "100"):
        if (name := one["object_name"]) in written:
            late = datetime.fromisoformat(one["created_at"]).timestamp() - written[name]
            print(f"{name}: recorded {late:.2f} s after it was written")
    compared = len(logged(operator, "watch.missed"))
    later = tmp_path / "later"
    later.mkdir()
    with Operator(later, plane.kubeconfig(later), DEADLINES, NO_PROXY="127.0.0.1") as lister:
        until(lambda: recorded(lister, namespace) >= names, "each of them, from a list", LONG_SECONDS)
        until(lambda: logged(lister, "watch.listed", source="pods"), "the list of pods", LONG_SECONDS)
        for one in (operator, lister):
            assert one.health()[1]["undecodable"] == {}, "nothing that the API server takes is undecodable"
            assert not logged(one, "watch.crashed")
            for process in (*PROCESSES, "writer"):
                assert one.counter("kube9_process_restarts_total", process=process) == 0
            times = {event["last_seen_at"] for event in one.events("--object-namespace", namespace, "--limit", "100")}
            assert max(times) < "2099", "a made-up time in managedFields lets none through"
    assert len(logged(operator, "watch.missed")) == compared
