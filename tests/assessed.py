"""A cluster made of manifests, for tests of assessments: a client that answers lists from them, and makers of manifests."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kube9_operator.assess.kinds.forms import Reading
from kube9_operator.assess.listing import Listing
from kube9_operator.assess.model import SINGLE_CHECK, Result
from kube9_operator.assess.readings import READINGS
from kube9_operator.assess.run import assess_run
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import JSON
from kube9_operator.watch.errors import ApiError, http_error

Manifest = dict[str, Any]
NAMESPACE = "shop"
GOOD_RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "200m", "memory": "256Mi"}}
GOOD_PROBES = {
    "livenessProbe": {"httpGet": {"path": "/livez", "port": 80}, "initialDelaySeconds": 5},
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 80}},
}


class Body:
    """The body of an answer."""

    def __init__(self, document: Any) -> None:
        self._bytes = document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()

    def whole(self) -> bytearray:
        return bytearray(self._bytes)

    def chunks(self) -> Iterator[bytes]:
        for at in range(0, len(self._bytes), 1000):
            yield self._bytes[at : at + 1000]


class FakeClient:
    """Answers lists as an API server does, by pages, from manifests."""

    def __init__(self, *manifests: Manifest, apis: tuple[str, ...] = (), readings: Mapping[str, Reading] = READINGS) -> None:
        """`apis` are served resources of add-ons: `applications.argoproj.io`; `readings` the kinds that are served."""
        self.items: dict[str, list[Manifest | bytes]] = {one.path: [] for one in readings.values()}
        self.documents: dict[str, Any] = {}
        """What is no list, by its path."""
        for manifest in manifests:
            self.items[path_of(manifest)].append(manifest)
        self.apis = apis
        self.failures: dict[str, list[ApiError]] = {}
        """By path the errors of the next requests; the last one stays."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.reloaded = 0

    def get(
        self,
        path: str,
        query: list[tuple[str, str]],
        read_seconds: float,
        total_seconds: float | None = None,
        long: bool = False,
        accept: str = JSON,
    ) -> Body:
        self.asked.append((path, dict(query)))
        errors = self.failures.get(path, [])
        if errors:
            raise errors.pop(0) if len(errors) > 1 else errors[0]
        if path in self.documents:
            return Body(self.documents[path])
        if path == "/apis":
            groups = sorted({one.partition(".")[2] for one in self.apis} | {"apps"})
            return Body({"groups": [{"name": one, "versions": [{"groupVersion": f"{one}/v1"}]} for one in groups]})
        if path not in self.items:
            group = path.split("/")[2]
            names = [one.partition(".")[0] for one in self.apis if one.partition(".")[2] == group]
            return Body({"resources": [{"name": one} for one in names]})
        return self._page(self.items[path], dict(query))

    def _page(self, items: list[Manifest | bytes], query: dict[str, str]) -> Body:
        begin, limit = int(query.get("continue", "0")), int(query.get("limit", "1000000"))
        some = b",".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in items[begin : begin + limit])
        more = str(begin + limit) if begin + limit < len(items) else ""
        meta = json.dumps({"resourceVersion": "7", "continue": more}).encode()
        return Body(b'{"kind":"List","metadata":' + meta + b',"items":[' + some + b"]}")

    def server_now_ms(self) -> int:
        return 0

    def reload_credentials(self) -> None:
        self.reloaded += 1

    def fail(self, resource: str, *errors: ApiError) -> None:
        self.failures["/apis" if resource == "apis" else READINGS[resource].path] = list(errors)


def listing(client: FakeClient, config_maps: bool = True, wait: Callable[[float], None] = lambda _: None) -> Listing:
    return Listing(client, Deadlines(), config_maps, wait=wait)  # type: ignore[arg-type]


def check(check_id: str, *manifests: Manifest, apis: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Result:
    """The result of one check for a cluster of these objects. `missing` may not be listed."""
    client = FakeClient(*manifests, apis=apis)
    for resource in missing:
        client.fail(resource, http_error(403, "forbidden"))
    (found,) = assess_run(listing(client), SINGLE_CHECK, check_id=check_id)
    return found


def path_of(manifest: Manifest) -> str:
    group, _, version = manifest["apiVersion"].rpartition("/")
    kind = manifest["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("cy") else f"{kind}s"
    return f"/apis/{group}/{version}/{plural}" if group else f"/api/{version}/{plural}"


def merged(base: Any, more: Any) -> Any:
    """`base` with the members of `more`, at every depth."""
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return base | {key: merged(base.get(key), value) for key, value in more.items()}


def thing(api: str, kind: str, name: str, namespace: str = "", **more: Any) -> Manifest:
    own: Manifest = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
    if namespace:
        own["namespace"] = namespace
    return merged({"apiVersion": api, "kind": kind, "metadata": own}, more)  # type: ignore[no-any-return]


def container(name: str = "app", **more: Any) -> Manifest:
    """A container with requests, limits and probes."""
    return merged({"name": name, "image": "example/app:1", "resources": GOOD_RESOURCES, **GOOD_PROBES}, more)  # type: ignore[no-any-return]


def workload(
    kind: str = "Deployment",
    name: str = "web",
    namespace: str = NAMESPACE,
    replicas: int | None = 2,
    containers: list[Manifest] | None = None,
    labels: dict[str, str] | None = None,
    pod: Manifest | None = None,
    spec: Manifest | None = None,
    **more: Any,
) -> Manifest:
    """A Deployment, StatefulSet or DaemonSet. `pod` are fields of its pods' specification, `spec` fields of its own."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": merged({"containers": [container()] if containers is None else containers}, pod or {}),
    }
    whole: Manifest = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind == "DaemonSet":
        more = merged({"status": {"desiredNumberScheduled": replicas or 0}}, more)
    elif replicas is not None:
        whole["replicas"] = replicas
    own = {"labels": labels} if labels else {}
    return thing("apps/v1", kind, name, namespace, **merged({"metadata": own, "spec": merged(whole, spec or {})}, more))


def running(name: str = "web", namespace: str = NAMESPACE, owner: str = "", **spec: Any) -> Manifest:
    """A running pod. `owner` is `Kind/name`; of a Deployment the pod gets a ReplicaSet between them."""
    own: Manifest = {"labels": {}}
    if owner:
        kind, _, of = owner.partition("/")
        if kind == "Deployment":
            kind, of, own["labels"] = "ReplicaSet", f"{of}-5f7c", {"pod-template-hash": "5f7c"}
        own["ownerReferences"] = [{"kind": kind, "name": of, "uid": "u", "apiVersion": "v1", "controller": True}]
    spec = {"containers": [{"name": "app"}]} | spec
    return thing("v1", "Pod", name, namespace, metadata=own, spec=spec, status={"phase": "Running"})


def safe(name: str = "app", **context: Any) -> Manifest:
    """A container of a pod with nothing to object to."""
    return {"name": name, "securityContext": {"runAsNonRoot": True} | context}


def node(
    name: str = "node-1", labels: dict[str, str] | None = None, cpu: str = "8", memory: str = "16Gi", **more: Any
) -> Manifest:
    status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}}
    return thing("v1", "Node", name, **merged({"metadata": {"labels": labels or {}}, "status": status}, more))


RBAC = "rbac.authorization.k8s.io/v1"


def role(name: str, namespace: str = "", labels: dict[str, str] | None = None, **rule: list[str]) -> Manifest:
    kind = "Role" if namespace else "ClusterRole"
    return thing(RBAC, kind, name, namespace, metadata={"labels": labels or {}}, rules=[rule])


def binding(name: str, *subjects: Manifest, namespace: str = "", to: str = "cluster-admin", **more: Any) -> Manifest:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    ref = {"kind": "ClusterRole", "name": to, "apiGroup": "rbac.authorization.k8s.io"}
    return thing(RBAC, kind, name, namespace, roleRef=ref, subjects=list(subjects), **more)


def account(name: str, namespace: str = NAMESPACE) -> Manifest:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def group(name: str) -> Manifest:
    return {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


def config_map(name: str, namespace: str = NAMESPACE, **fields: Any) -> Manifest:
    return thing("v1", "ConfigMap", name, namespace, **fields)
