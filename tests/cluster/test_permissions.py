"""An operator without permission for one kind, or for its status: it says so, goes on with the rest, and uses it when given."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.model.sources import SOURCES
from kube9_schema.sources import EVENTS_ABOUT
from tests.cluster.plane import ApiError, ControlPlane
from tests.cluster.recorder import DEADLINES, LONG_SECONDS, logged, times, warning
from tests.operator import Operator, until
from tests.standin import kubeconfig

STATUS = "kube9-operator-status"
VERBS = ("get", "list", "watch")
TIMES = DEADLINES | {"confirmation": 60.0}
"""A refusal is told at once, a proof that has run out only after that."""
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Permissions:
    """A service account of a namespace, what it may do there, and one object of each kind that it may watch."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self._touched = 1
        self._paths: dict[str, str] = {}
        plane.api("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "operator"}})
        self._bind(f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings", "ClusterRole", namespace)
        within = f"{RBAC}/namespaces/{namespace}"
        self._bind(f"{within}/roles", f"{within}/rolebindings", "Role", "operator")
        self._role = f"{RBAC}/clusterroles/{namespace}"
        self._status_role = f"{within}/roles/operator"
        self.give_status()

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig of the service account."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/operator/token"
        token = self.plane.api("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
        server, _, authority = self.plane.access()
        made = folder / "kubeconfig"
        made.write_text(kubeconfig(server, {"token": token}, {"certificate-authority": str(authority)}), encoding="utf-8")
        return made

    def give(self, *names: str, **others: tuple[str, ...]) -> None:
        """Lets it get, list and watch these sources and nothing else but what `others` names with the verbs."""
        allowed = dict.fromkeys(names, VERBS) | others
        rules = [
            {"apiGroups": [SOURCES[name].group], "resources": [name], "verbs": list(verbs)} for name, verbs in allowed.items()
        ]
        self.plane.api("PATCH", self._role, {"rules": rules})

    def give_status(self, given: bool = True) -> None:
        """Lets it write its ConfigMap, as the chart does, or not."""
        about: dict[str, Any] = {"apiGroups": [""], "resources": ["configmaps"]}
        rules = [about | {"resourceNames": [STATUS], "verbs": ["get", "update", "patch"]}, about | {"verbs": ["create"]}]
        self.plane.api("PATCH", self._status_role, {"rules": rules if given else []})

    def make_objects(self) -> None:
        """One object of each source. None of them is ever anything but there."""
        for name, path, body in objects(self.namespace):
            self._paths[name] = f"{path}/{self.plane.api('POST', path, body)['metadata']['name']}"
        self._paths["namespaces"] = f"/api/v1/namespaces/{self.namespace}"
        assert set(self._paths) == set(SOURCES)

    def touch(self) -> None:
        """Changes each object, so that each watch has a line."""
        self._touched += 1
        for name, path in self._paths.items():
            labels = {"metadata": {"labels": {"touched": str(self._touched)}}}
            self.plane.api("PATCH", path, times(self._touched) if name == "events" else labels)

    def remove_objects(self) -> None:
        """What is of no namespace; the namespace itself stays, as that of any test."""
        for path in (self._paths.get("nodes"), self._role, f"{RBAC}/clusterrolebindings/{self.namespace}"):
            if path:
                self.plane.api("DELETE", path)

    def _bind(self, roles: str, bindings: str, kind: str, name: str) -> None:
        self.plane.api("POST", roles, {"metadata": {"name": name}, "rules": []})
        account = {"kind": "ServiceAccount", "name": "operator", "namespace": self.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        self.plane.api("POST", bindings, {"metadata": {"name": name}, "roleRef": reference, "subjects": [account]})


def objects(namespace: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Of each source but namespaces where its object is made, and which."""
    about = {"metadata": {"name": "one"}}
    labels = {"app": "one"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "example.invalid/none"}], "nodeSelector": {"none": "such"}},
    }
    never = template | {"spec": template["spec"] | {"restartPolicy": "Never"}}
    workload = {"selector": {"matchLabels": labels}, "template": template}
    job = {"suspend": True, "template": never}
    scaled = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "one"}, "maxReplicas": 2}
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}
    # A pod that waits for a gate is no scheduler's business.
    pod = template["spec"] | {"schedulingGates": [{"name": "example.invalid/gate"}], "automountServiceAccountToken": False}
    specs: dict[str, dict[str, Any]] = {
        "pods": pod,
        "replicasets": workload | {"replicas": 0},
        "jobs": job,
        "cronjobs": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job}},
        "deployments": workload | {"replicas": 0},
        "statefulsets": workload | {"replicas": 0, "serviceName": "one"},
        "daemonsets": workload,
        "services": {"ports": [{"port": 80}]},
        "persistentvolumeclaims": claim,
        "horizontalpodautoscalers": scaled,
    }
    found = [(name, f"{within(name, namespace)}", about | {"spec": spec}) for name, spec in specs.items()]
    slice_of = {
        "metadata": {"name": "one", "labels": {"kubernetes.io/service-name": "one"}},
        "addressType": "IPv4",
        "endpoints": [],
    }
    return [
        *found,
        ("endpointslices", within("endpointslices", namespace), slice_of),
        ("nodes", "/api/v1/nodes", {"metadata": {"name": f"node-{namespace}"}}),
        ("events", within("events", namespace), warning(namespace, "touched")),
    ]


def within(name: str, namespace: str) -> str:
    """Where the objects of a source are made in a namespace."""
    root, _, resource = SOURCES[name].path.rpartition("/")
    return f"{root}/namespaces/{namespace}/{resource}"


@pytest.fixture
def permissions(plane: ControlPlane, namespace: str) -> Iterator[Permissions]:
    made = Permissions(plane, namespace)
    yield made
    made.remove_objects()


@pytest.fixture
def operator(permissions: Permissions, tmp_path: Path) -> Operator:
    """An operator of the service account, not started."""
    environment = {"NO_PROXY": "127.0.0.1", "POD_NAMESPACE": permissions.namespace, "STATUS_UPDATE_INTERVAL_SECONDS": "1"}
    return Operator(tmp_path, permissions.kubeconfig(tmp_path), TIMES, **environment)


def published(permissions: Permissions) -> dict[str, Any]:
    """What the ConfigMap says, as far as it does."""
    nothing = {"health": "", "error": "", "lastUpdate": ""}
    path = f"/api/v1/namespaces/{permissions.namespace}/configmaps/{STATUS}"
    with contextlib.suppress(ApiError):
        return nothing | json.loads(permissions.plane.api("GET", path)["data"]["status"])
    return nothing


def received(operator: Operator) -> dict[str, int]:
    """Of each source how much is in the books."""
    accounting = operator.cli("status")["accounting"]
    return {name: accounting.get(name, {}).get("received", 0) for name in SOURCES}


def unavailable(operator: Operator) -> list[str]:
    """What the CLI says that it has nothing of."""
    found: list[str] = operator.cli("events", "list", "--limit=1")["coverage"]["unavailable"]
    return found


def others_go_on(operator: Operator, permissions: Permissions, *refused: str) -> None:
    """Every kind but these is heard of anew, and of these nothing."""
    before = received(operator)
    permissions.touch()

    def heard() -> set[str]:
        now = received(operator)
        return {name for name in SOURCES if now[name] > before[name]}

    until(lambda: heard() >= set(SOURCES) - set(refused), f"all but {refused}", LONG_SECONDS)
    assert not heard() & set(refused)


def is_said(operator: Operator, permissions: Permissions, *refused: str) -> None:
    """Health, log, status, ConfigMap, CLI and record say of these, and of these alone, that they are not permitted."""
    reason = f"{', '.join(refused)}: not permitted"

    def is_degraded() -> bool:
        """In one look: on a busy machine, something else may be behind a moment later."""
        code, document = operator.health()
        return (code, document["status"], document["reasons"]) == (503, "degraded", [reason])

    until(is_degraded, reason, LONG_SECONDS)
    until(lambda: operator.health("/readyz")[0] == 200, "history to be readable")
    assert operator.health("/livez")[0] == 200
    until(lambda: (found := published(permissions))["health"] == "degraded" and found["error"] == reason, "the ConfigMap")

    def not_permitted() -> set[str]:
        return {name for name, one in operator.cli("status")["watches"].items() if one["state"] == "not permitted"}

    until(lambda: not_permitted() == set(refused), "the CLI")  # a source that is being listed has its old state until the end
    named = {name for name in refused if name == "events" or name in EVENTS_ABOUT}
    until(lambda: set(unavailable(operator)) == named, "what it has nothing of")
    for name in refused:
        until(lambda name=name: logged(operator, "watch.failed", source=name, why="not permitted"), "the log line watch.failed")


def is_over(operator: Operator, permissions: Permissions) -> None:
    """All that is said of refusals is taken back."""
    until(lambda: operator.health()[0] == 200, "health", LONG_SECONDS)
    until(lambda: published(permissions)["health"] == "healthy", "the ConfigMap")
    until(lambda: unavailable(operator) == [], "the CLI")


def told(operator: Operator, title: str) -> list[list[str]]:
    """The sources that the operator's own events of this title are about."""
    return [one["metadata"]["sources"] for one in operator.events("--type=operator") if one["title"] == title]


def test_each_kind_is_taken_away_and_given_again(operator: Operator, permissions: Permissions) -> None:
    permissions.make_objects()
    permissions.give(*SOURCES)
    with operator:
        is_over(operator, permissions)
        for name in SOURCES:
            permissions.give(*(SOURCES.keys() - {name}))
            is_said(operator, permissions, name)
            others_go_on(operator, permissions, name)
            before = received(operator)[name]
            permissions.give(*SOURCES)
            until(lambda name=name, before=before: received(operator)[name] > before, f"what was missed of {name}")
            is_over(operator, permissions)
            until(
                lambda name=name: logged(operator, "watch.restored", source=name, why="not permitted"),
                "the log line watch.restored",
            )
        # One verb that is missing is as good as all.
        for verb in ("list", "watch"):
            permissions.give(*(SOURCES.keys() - {"pods"}), pods=tuple(one for one in VERBS if one != verb))
            is_said(operator, permissions, "pods")
            permissions.give(*SOURCES)
            is_over(operator, permissions)
        assert {len(logged(operator, "watch.listed", source=name)) for name in SOURCES} == {1}, "it went on from where it was"
        for title in ("Source unavailable", "Source available again"):
            assert sorted(told(operator, title)) == sorted([name] for name in SOURCES), title
        coverage = operator.cli("events", "list", "--limit=1")["coverage"]
        assert (coverage["complete"], coverage["gaps"]) == (True, [])


def test_each_kind_is_given_to_one_that_began_with_none(operator: Operator, permissions: Permissions) -> None:
    permissions.make_objects()
    given: list[str] = []
    with operator:
        is_said(operator, permissions, *SOURCES)
        for name in SOURCES:
            given.append(name)
            permissions.give(*given)
            until(lambda name=name: received(operator)[name], f"{name} to be listed", LONG_SECONDS)
            left = [name for name in SOURCES if name not in given]
            if left:
                is_said(operator, permissions, *left)
        is_over(operator, permissions)
        others_go_on(operator, permissions)
        titles = {one["title"] for one in operator.events("--object-namespace", permissions.namespace)}
        titles.discard("Service ClusterIPNotAllocated")  # the API server's repair of addresses may find the Service first
        assert titles == {"Pod Unhealthy", "PVC binding failed"}, "all else is a baseline"


def test_the_status_may_not_be_written_and_may_again(operator: Operator, permissions: Permissions) -> None:
    permissions.make_objects()
    permissions.give(*SOURCES)
    with operator:
        is_over(operator, permissions)
        last = published(permissions)["lastUpdate"]
        permissions.give_status(given=False)
        reason = "the status ConfigMap cannot be written: not permitted"
        until(lambda: operator.health()[1]["reasons"] == [reason], reason, LONG_SECONDS)
        code, document = operator.health()
        assert (code, document["status"], document["status_configmap"]["trouble"]) == (503, "degraded", "not permitted")
        assert operator.health("/readyz")[0] == 200
        until(
            lambda: logged(operator, "status.failed", configmap=f"{permissions.namespace}/{STATUS}"),
            "the log line status.failed",
        )
        until(
            lambda: re.search("status ConfigMap cannot be written: not permitted", operator.cli("status")["health"]), "the CLI"
        )
        others_go_on(operator, permissions)
        permissions.give_status()
        until(lambda: published(permissions)["lastUpdate"] > last, "the ConfigMap", LONG_SECONDS)
        is_over(operator, permissions)
        until(
            lambda: logged(operator, "status.restored", configmap=f"{permissions.namespace}/{STATUS}"),
            "the log line status.restored",
        )
