"""Applications and Flux's objects of a real API server: each change is one event, and their definitions come and go.

The definitions have the groups, names and versions of the public ones. Their schemas accept everything.
"""

from typing import Any

import pytest

from tests.cluster.plane import ApiError, ControlPlane
from tests.operator import Operator, until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITIONS = {
    "applications": ("argoproj.io", "Application", "v1alpha1", False),
    "kustomizations": ("kustomize.toolkit.fluxcd.io", "Kustomization", "v1", True),
    "helmreleases": ("helm.toolkit.fluxcd.io", "HelmRelease", "v2", True),
}
"""Group, kind, version, and whether the status is a subresource: Argo CD's is not."""


def definition(plural: str) -> dict[str, Any]:
    group, kind, version, has_status = DEFINITIONS[plural]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = {"name": version, "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [served | ({"subresources": {"status": {}}} if has_status else {})],
        },
    }


class Writer:
    """Writes objects of these kinds, and removes and installs their definitions."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace

    def install(self) -> None:
        for plural in DEFINITIONS:
            self._plane.api("POST", CRDS, definition(plural))
        for plural in DEFINITIONS:
            until(lambda plural=plural: self._serves(plural), f"{plural} to be served")

    def remove(self) -> None:
        for plural, (group, *_) in DEFINITIONS.items():
            self._plane.api("DELETE", f"{CRDS}/{plural}.{group}")
        for plural in DEFINITIONS:
            until(lambda plural=plural: not self._serves(plural), f"{plural} to be gone")

    def create(self, plural: str, name: str) -> None:
        group, kind, version, _ = DEFINITIONS[plural]
        made = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, "spec": {"project": "shop"}}
        self._plane.api("POST", self._path(plural), made)

    def status(self, plural: str, name: str, **status: Any) -> None:
        has_status = DEFINITIONS[plural][3]
        path = f"{self._path(plural)}/{name}{'/status' if has_status else ''}"
        self._plane.api("PATCH", path, {"status": status})

    def _path(self, plural: str) -> str:
        group, _, version, _ = DEFINITIONS[plural]
        return f"/apis/{group}/{version}/namespaces/{self._namespace}/{plural}"

    def _serves(self, plural: str) -> bool:
        """Whether a resource is there: 404 before that, and 429 while the server makes its storage."""
        try:
            self._plane.api("GET", self._path(plural))
        except ApiError as error:
            if error.status not in (404, 429):
                raise
            return False
        return True


@pytest.fixture
def writer(plane: ControlPlane, namespace: str) -> Writer:
    return Writer(plane, namespace)


def recorded(operator: Operator, namespace: str) -> list[tuple[str, str, int]]:
    kinds = ",".join(f"{plural}.{group}" for plural, (group, *_) in DEFINITIONS.items())
    found = operator.cli("events", "list", "--kind", kinds, "-n", namespace, "--limit", "0")["events"]
    return sorted((one["object_name"], one["title"], one["count"]) for one in found)


SYNCED = {"operation": {"initiatedBy": {"username": "ada"}}, "startedAt": "2026-11-30T10:00:00Z"}


def change(writer: Writer, name: str) -> list[tuple[str, str, int]]:
    """Makes each kind of change once. Returns what has to be recorded."""
    for plural in DEFINITIONS:
        writer.create(plural, name)
    ready = {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "cannot build"}
    writer.status("applications", name, sync={"status": "OutOfSync", "revision": "0f3e1d"})
    writer.status("applications", name, health={"status": "Missing"})
    writer.status("applications", name, operationState=SYNCED | {"phase": "Running"})
    writer.status("applications", name, operationState=SYNCED | {"phase": "Succeeded", "finishedAt": "2026-11-30T10:00:05Z"})
    writer.status("applications", name, sync={"status": "Synced", "revision": "0f3e1d"})
    writer.status("applications", name, health={"status": "Healthy"})
    writer.status("kustomizations", name, conditions=[ready])
    writer.status("kustomizations", name, conditions=[ready | {"status": "Unknown", "reason": "Progressing"}])
    writer.status("kustomizations", name, conditions=[ready | {"status": "True", "reason": "ReconciliationSucceeded"}])
    writer.status("helmreleases", name, conditions=[ready | {"reason": "UpgradeFailed"}])
    return [
        (name, "Application healthy", 1),
        (name, "Application out of sync", 1),
        (name, "Application sync started", 1),
        (name, "Application sync succeeded", 1),
        (name, "Application synced", 1),
        (name, "Application unhealthy", 1),
        (name, "HelmRelease failed: UpgradeFailed", 1),
        (name, "Kustomization ReconciliationSucceeded", 1),
        (name, "Kustomization failed: BuildFailed", 1),
    ]


def test_definitions_come_and_go(operator: Operator, namespace: str, writer: Writer) -> None:
    until(lambda: operator.health()[0] == 200, "health without the definitions")
    writer.install()
    try:
        watched = ("watch.listed", tuple(DEFINITIONS))
        until(lambda: {line["source"] for line in operator.log() if line["event"] == watched[0]} >= {*watched[1]}, "the lists")
        wanted = change(writer, "first")
        until(lambda: len(recorded(operator, namespace)) >= len(wanted), "the changes")
        assert recorded(operator, namespace) == sorted(wanted)
    finally:
        writer.remove()
    gone = "watch.not_installed"
    until(
        lambda: (
            {line["source"] for line in operator.log() if line["event"] == gone and line["level"] == "info"} == {*DEFINITIONS}
        ),
        "absence",
    )
    lists = len([line for line in operator.log() if line["event"] == "watch.listed"])
    writer.install()
    try:
        until(lambda: len([line for line in operator.log() if line["event"] == "watch.listed"]) >= lists + 3, "the lists")
        wanted += change(writer, "second")
        until(lambda: len(recorded(operator, namespace)) >= len(wanted), "the changes")
        assert recorded(operator, namespace) == sorted(wanted)
    finally:
        writer.remove()
    until(lambda: operator.health()[0] == 200, "health")
    warnings = [line["event"] for line in operator.log() if line["level"] in ("warning", "error")]
    assert not [event for event in warnings if event.startswith(("watch.", "problem.", "worker", "generation"))], warnings
