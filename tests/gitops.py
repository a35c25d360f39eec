"""Writes Argo CD's and Flux's objects through the API of a real server, and installs and removes their definitions."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kube9_operator.clock import iso, now_ms
from tests.cluster.plane import ApiError, ControlPlane
from tests.operator import until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITIONS: dict[str, dict[str, Any]] = {
    one["spec"]["names"]["plural"]: one
    for one in yaml.safe_load((Path(__file__).parent / "data" / "gitops-definitions.yaml").read_text(encoding="utf-8"))
}
KINDS = ",".join(one["metadata"]["name"] for one in DEFINITIONS.values())
"""As `--kind` takes them."""
SPECS = {
    "applications": {
        "project": "shop",
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        "source": {"repoURL": "https://git.example.com/shop", "path": ".", "targetRevision": "HEAD"},
    },
    "kustomizations": {"interval": "5m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "shop"}},
    "helmreleases": {"interval": "5m", "chartRef": {"kind": "OCIRepository", "name": "shop"}},
}
OLD, NEW = "0f3e1d5c", "77aa1e90"
"""Revisions."""
Change = tuple[str, str, dict[str, Any]]
"""What is to be recorded of a change: the object's kind and name, the title, and some of the metadata."""


class Writer:
    """Writes objects into a namespace."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace

    @contextlib.contextmanager
    def definitions(self) -> Iterator[None]:
        """They are installed for as long as the `with` block."""
        for definition in DEFINITIONS.values():
            self._plane.api("POST", CRDS, definition)
        try:
            for plural in DEFINITIONS:
                until(lambda plural=plural: self._serves(plural), f"{plural} to be served")
            yield
        finally:
            for definition in DEFINITIONS.values():
                self._plane.api("DELETE", f"{CRDS}/{definition['metadata']['name']}")
            for plural in DEFINITIONS:
                until(lambda plural=plural: not self._serves(plural), f"{plural} to be gone")

    def create(self, plural: str, name: str) -> None:
        group, kind, version, _ = _names(plural)
        made = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, "spec": SPECS[plural]}
        self._plane.api("POST", self._path(plural), made)

    def status(self, plural: str, name: str, **status: Any) -> None:
        """Sets fields of the status; as the API server keeps it, all of them are there."""
        has_status = _names(plural)[3]
        path = f"{self._path(plural)}/{name}{'/status' if has_status else ''}"
        kept = self._plane.api("PATCH", path, {"status": status})["status"]
        assert {key: kept.get(key) for key in status} == status, "a field that the definition does not have"

    def tell(self, name: str, reason: str, message: str) -> None:
        """Writes an Event about an Application, as Argo CD does about its changes."""
        about = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "namespace": self._namespace, "name": name}
        found = self._plane.api("GET", f"{self._path('applications')}/{name}")["metadata"]
        when = iso(now_ms())[:19] + "Z"
        made = {
            "metadata": {"generateName": f"{name}."},
            "involvedObject": about | {"uid": found["uid"], "resourceVersion": found["resourceVersion"]},
            "reason": reason,
            "message": message,
            "type": "Normal",
            "source": {"component": "argocd-application-controller"},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        self._plane.api("POST", f"/api/v1/namespaces/{self._namespace}/events", made)

    def _path(self, plural: str) -> str:
        group, _, version, _ = _names(plural)
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


def _names(plural: str) -> tuple[str, str, str, bool]:
    """Group, kind, version, and whether the status is a subresource: Argo CD's is not."""
    spec = DEFINITIONS[plural]["spec"]
    (version,) = spec["versions"]
    return spec["group"], spec["names"]["kind"], version["name"], "status" in version["subresources"]


def change(writer: Writer, name: str) -> list[Change]:
    """Makes each kind of change once. Returns what has to be recorded: an event of each."""
    for plural in DEFINITIONS:
        writer.create(plural, name)
    _deploy(writer, name)
    _reconcile(writer, name)
    return sorted(
        [
            ("Application", "Application out of sync", {"current": "OutOfSync", "revision": NEW}),
            ("Application", "Application unhealthy", {"current": "Missing", "message": "web is missing"}),
            ("Application", "Application sync started", {"phase": "started", "initiated_by": "ada"}),
            ("Application", "Application sync succeeded", {"phase": "succeeded", "revision": NEW, "initiated_by": "ada"}),
            ("Application", "Application synced", {"previous": "OutOfSync", "current": "Synced", "initiated_by": "ada"}),
            ("Application", "Application healthy", {"previous": "Missing", "current": "Healthy"}),
            (
                "Application",
                "Application degraded",
                {"previous": "Healthy", "current": "Degraded", "message": "web has no pods"},
            ),
            ("HelmRelease", "HelmRelease failed: UpgradeFailed", {"current": "False", "revision": "1.2.3"}),
            ("HelmRelease", "HelmRelease UpgradeSucceeded", {"previous": "False", "revision": "1.2.4"}),
            ("Kustomization", "Kustomization ReconciliationSucceeded", {"previous": "False", "revision": NEW}),
            ("Kustomization", "Kustomization failed: BuildFailed", {"current": "False", "message": "cannot build"}),
        ],
        key=lambda one: one[:2],
    )


def _deploy(writer: Writer, name: str) -> None:
    """An Application is out of sync, is synced by ada, and becomes degraded. Argo CD tells of the last changes in Events."""

    def status(**fields: Any) -> None:
        writer.status("applications", name, **fields)

    begun = {"operation": {"initiatedBy": {"username": "ada"}}, "startedAt": iso(now_ms())[:19] + "Z"}
    result = {"syncResult": {"revision": NEW, "source": SPECS["applications"]["source"]}}
    status(sync={"status": "OutOfSync", "revision": NEW})
    status(health={"status": "Missing", "message": "web is missing"})
    status(operationState=begun | result | {"phase": "Running"})
    ended = {"phase": "Succeeded", "finishedAt": iso(now_ms())[:19] + "Z", "message": "successfully synced (all tasks run)"}
    status(operationState=begun | result | ended)
    writer.tell(name, "OperationCompleted", f"Sync operation to {NEW} succeeded")
    status(sync={"status": "Synced", "revision": NEW})
    status(health={"status": "Healthy", "message": ""})
    status(health={"status": "Degraded", "message": "web has no pods"})
    writer.tell(name, "ResourceUpdated", "Updated health status: Healthy -> Degraded")


def _reconcile(writer: Writer, name: str) -> None:
    """A Kustomization and a HelmRelease fail, are looked at, and succeed."""

    def ready(status: str, reason: str, message: str) -> dict[str, Any]:
        said = {"type": "Ready", "status": status, "reason": reason, "message": message}
        return {"conditions": [said | {"lastTransitionTime": iso(now_ms())[:19] + "Z"}]}

    release = {
        "chartName": "shop",
        "configDigest": "sha256:0",
        "digest": "sha256:1",
        "name": "shop",
        "namespace": "shop",
    } | dict.fromkeys(("firstDeployed", "lastDeployed"), "2026-11-30T10:00:00Z")
    writer.status("kustomizations", name, **ready("False", "BuildFailed", "cannot build"), lastAttemptedRevision=NEW)
    writer.status("kustomizations", name, **ready("Unknown", "Progressing", "Reconciliation in progress"))
    writer.status("kustomizations", name, **ready("True", "ReconciliationSucceeded", "Applied"), lastAppliedRevision=NEW)
    old = {"chartVersion": "1.2.3", "status": "failed", "version": 1}
    writer.status("helmreleases", name, **ready("False", "UpgradeFailed", "no"), history=[release | old])
    new = {"chartVersion": "1.2.4", "status": "deployed", "version": 2}
    writer.status("helmreleases", name, **ready("True", "UpgradeSucceeded", "yes"), history=[release | new, release | old])


def agree(wanted: list[Change], found: list[dict[str, Any]]) -> None:
    """Fails unless the events of an object are those that are wanted, each once, with these metadata."""
    told = sorted((one["object_kind"], one["title"], one["count"]) for one in found)
    assert told == [(kind, title, 1) for kind, title, _ in wanted]
    by_title = {one["title"]: one["metadata"] for one in found}
    for _, title, metadata in wanted:
        assert by_title[title].items() >= metadata.items(), title
