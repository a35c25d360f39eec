"""What the stand-in holds: the objects, every version of them that is not compacted yet, who watches, what is planned."""

import asyncio
import bisect
import json
import ssl
import time
import uuid
from typing import Any

Key = tuple[str, str]


EVENTS = "events"
RESOURCES: dict[str, tuple[str, str, str]] = {
    EVENTS: ("/api/v1/events", "v1", "Event"),
    "pods": ("/api/v1/pods", "v1", "Pod"),
    "nodes": ("/api/v1/nodes", "v1", "Node"),
    "namespaces": ("/api/v1/namespaces", "v1", "Namespace"),
    "services": ("/api/v1/services", "v1", "Service"),
    "configmaps": ("/api/v1/configmaps", "v1", "ConfigMap"),
    "persistentvolumeclaims": ("/api/v1/persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
    "deployments": ("/apis/apps/v1/deployments", "apps/v1", "Deployment"),
    "statefulsets": ("/apis/apps/v1/statefulsets", "apps/v1", "StatefulSet"),
    "daemonsets": ("/apis/apps/v1/daemonsets", "apps/v1", "DaemonSet"),
    "replicasets": ("/apis/apps/v1/replicasets", "apps/v1", "ReplicaSet"),
    "jobs": ("/apis/batch/v1/jobs", "batch/v1", "Job"),
    "cronjobs": ("/apis/batch/v1/cronjobs", "batch/v1", "CronJob"),
    "endpointslices": ("/apis/discovery.k8s.io/v1/endpointslices", "discovery.k8s.io/v1", "EndpointSlice"),
    "horizontalpodautoscalers": (
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
    ),
    "applications": ("/apis/argoproj.io/v1alpha1/applications", "argoproj.io/v1alpha1", "Application"),
    "kustomizations": (
        "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
    ),
    "helmreleases": ("/apis/helm.toolkit.fluxcd.io/v2/helmreleases", "helm.toolkit.fluxcd.io/v2", "HelmRelease"),
}
"""Of each resource its path, its apiVersion and its kind."""
CUSTOM = ("applications", "kustomizations", "helmreleases")
"""Those of definitions, which are not installed at first."""


class Collection:
    """The objects of one resource, and what became of them since the last compaction."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.path, self.api_version, self.kind = RESOURCES[resource]
        self.objects: dict[Key, bytes] = {}
        self.history: list[tuple[int, bytes]] = []
        self.refused = 0
        """The HTTP status with which every request is refused; 0 for none."""

    def after(self, version: int) -> int:
        """Where in the history the first line after a version is."""
        return bisect.bisect_right(self.history, version, key=lambda entry: entry[0])


class Cluster:
    """The state of one server."""

    def __init__(self) -> None:
        self.version = 100
        self.compacted = 0
        self.uid = str(uuid.uuid4())
        self.installed: set[str] = set()
        """Resources of CUSTOM whose definitions are installed."""
        self.gone: set[str] = set()
        """Namespaces that were deleted."""
        self.collections = {resource: Collection(resource) for resource in RESOURCES}
        self.events = self.collections[EVENTS]
        self.snapshots: dict[str, tuple[int, list[bytes]]] = {}
        """Of lists that are read page by page."""
        self.prepared: list[tuple[Key, bytes, bytes]] = []
        self.changed = asyncio.Event()
        self.let_go = asyncio.Event()
        """For answers that are held back."""
        self.streams: set[asyncio.Task[Any] | None] = set()
        self.bookmark_seconds = 1.0
        """Between the bookmarks of a watch of anything but Events."""
        self.token = ""
        """The only one that is accepted; '' accepts anybody."""
        self.plans: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        """Of each the resource and the path with its query."""
        self.away: asyncio.Queue[float] = asyncio.Queue()
        """Times for which nobody is to listen, in seconds."""
        self.applied: dict[str, Any] = {}
        """Objects by path, as they were last applied."""
        self.apply_code = 200
        """How it answers to that."""
        self.tls: ssl.SSLContext | None = None
        self.ahead_seconds = 0.0
        """Of its clock, by which objects are dated and answers carry a Date."""

    def write(self, resource: str, written: dict[str, Any]) -> None:
        """Creates the object, or changes it where one of its name is there, which keeps its uid."""
        found = self.collections[resource]
        key = (written["metadata"].get("namespace", ""), written["metadata"]["name"])
        before = found.objects.get(key)
        self.version += 1
        meta = {"uid": str(uuid.uuid4()), "creationTimestamp": now(self.ahead_seconds)}
        if before and resource != EVENTS:
            meta = {name: json.loads(before)["metadata"][name] for name in meta}
        meta |= written["metadata"]
        made = {"kind": found.kind, "apiVersion": found.api_version} | written
        made["metadata"] = meta | {"resourceVersion": str(self.version)}
        found.objects[key] = encode(made)
        found.history.append((self.version, line("MODIFIED" if before else "ADDED", found.objects[key])))

    def delete(self, resource: str, key: Key) -> None:
        """Deletes an object, as expiry does with Events: the last that is seen of it has the version of its deletion."""
        self.version += 1
        found = self.collections[resource]
        last = json.loads(found.objects.pop(key))
        last["metadata"]["resourceVersion"] = str(self.version)
        found.history.append((self.version, line("DELETED", encode(last))))

    def has(self, resource: str) -> bool:
        """Whether a resource is served."""
        return resource not in CUSTOM or resource in self.installed

    def discovery(self, path: str) -> dict[str, Any] | None:
        """The answer to a question for an API group of a definition, or for its version; None if there is none."""
        for resource in self.installed:
            api_version = RESOURCES[resource][1]
            group, _, version = api_version.partition("/")
            if path == f"/apis/{group}":
                named = {"groupVersion": api_version, "version": version}
                return {"kind": "APIGroup", "name": group, "versions": [named], "preferredVersion": named}
            if path == f"/apis/{api_version}":
                return {"kind": "APIResourceList", "groupVersion": api_version, "resources": [{"name": resource}]}
        return None

    def compact(self) -> None:
        """Forgets the history."""
        self.compacted = self.version
        for found in self.collections.values():
            found.history.clear()

    def restore(self, version: int) -> None:
        """Goes back to an earlier version: what was written since is gone, and whoever watches is cut off."""
        for found in self.collections.values():
            at = found.after(version)
            kept, undone = found.history[:at], found.history[at:]
            for key in {_key(text) for _, text in undone}:
                found.objects.pop(key, None)
                earlier = next((text for _, text in reversed(kept) if _key(text) == key), b"")
                if earlier and not earlier.startswith(b'{"type":"DELETED"'):
                    found.objects[key] = encode(json.loads(earlier)["object"])
            found.history = kept
        self.version, self.compacted = version, min(self.compacted, version)
        self.cut()

    def replace(self) -> None:
        """Becomes another cluster behind the same address: nothing is there, and kube-system has another uid."""
        self.uid = str(uuid.uuid4())
        for found in self.collections.values():
            found.objects.clear()
            found.history.clear()
        self.cut()

    def cut(self) -> None:
        """Breaks every watch off, but for the one that asks for it."""
        for task in self.streams - {asyncio.current_task()}:
            if task:
                task.cancel()

    def woken(self) -> None:
        """Lets every watch look for what is new."""
        self.changed.set()
        self.changed = asyncio.Event()


def now(ahead_seconds: float = 0.0) -> str:
    """The time by a clock that is ahead."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_seconds))


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def line(kind: str, body: bytes) -> bytes:
    """A line of a watch."""
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def metadata_only(body: bytes) -> bytes:
    """An object as a PartialObjectMetadata."""
    own = json.loads(body)["metadata"]
    return encode({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": own})


def status(code: int, reason: str) -> bytes:
    """The object that says what went wrong."""
    return encode(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason}
    )


def _key(text: bytes) -> Key:
    meta = json.loads(text)["object"]["metadata"]
    return meta.get("namespace", ""), meta["name"]
