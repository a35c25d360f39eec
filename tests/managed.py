"""Objects whose managedFields are kept as an API server keeps them, for tests of when and by whom something was changed."""

import time
from typing import Any

Fields = dict[str, Any]


class Managed:
    """An object, with who owns which of its fields. Each write is one of a manager."""

    def __init__(self, name: str, spec: dict[str, Any] | None = None, namespace: str = "shop") -> None:
        self.made = {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"}}
        self._spec = spec or {}
        self._generation = 0
        self._entries: dict[tuple[str, str], tuple[float, set[tuple[str, ...]]]] = {}

    def write(self, manager: str, subresource: str = "", at: float | None = None, **values: Any) -> dict[str, Any]:
        """Sets fields by their paths, `spec__replicas=3`, and returns the object. An equal value is no change."""
        paths = {tuple(key.split("__")): value for key, value in values.items()}
        for path, value in paths.items():
            self._set(path, value)
        fields = {tuple(f"f:{part}" if not part.startswith("k:") else part for part in map(_key, path)) for path in paths}
        for key, (when, owned) in list(self._entries.items()):
            self._entries[key] = (when, owned - fields)
        _, owned = self._entries.get((manager, subresource), (0.0, set()))
        self._entries[manager, subresource] = (at or time.time(), owned | fields)
        self._generation += 1
        return self.object()

    def object(self) -> dict[str, Any]:
        """As the API serves it."""
        own = self.made["metadata"] | {"generation": self._generation, "managedFields": self._managed()}
        return {"metadata": own, "spec": self._spec}

    def _set(self, path: tuple[str, ...], value: Any) -> None:
        place: Any = {"spec": self._spec}
        for part in path[:-1]:
            named = isinstance(place, list)
            place = next(one for one in place if one["name"] == part) if named else place.setdefault(part, {})
        place[path[-1]] = value

    def _managed(self) -> list[dict[str, Any]]:
        return [
            {
                "manager": manager,
                "operation": "Update",
                "fieldsType": "FieldsV1",
                "fieldsV1": _tree(owned),
            }
            # Of the subresource an API server (1.36) writes no time.
            | ({"subresource": subresource} if subresource else {"time": stamp(when)})
            for (manager, subresource), (when, owned) in self._entries.items()
            if owned
        ]


def stamp(seconds: float) -> str:
    """A time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def scaled(name: str, before: int, after: int, namespace: str = "shop") -> dict[str, Any]:
    """The Event of the deployment controller."""
    at = time.time()
    return {
        "metadata": {"name": f"{name}.{int(at * 1e9):x}", "namespace": namespace},
        "involvedObject": {
            "kind": "Deployment",
            "namespace": namespace,
            "name": name,
            "uid": f"uid-{name}",
            "apiVersion": "apps/v1",
        },
        "reason": "ScalingReplicaSet",
        "message": f"Scaled {'up' if after > before else 'down'} replica set {name}-5d9c7b8f6d from {before} to {after}",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": stamp(at),
        "lastTimestamp": stamp(at),
        "source": {"component": "deployment-controller"},
    }


def _key(part: str) -> str:
    """Of a container, or of a variable of the environment, the key by which managedFields know it."""
    return f'k:{{"name":"{part}"}}' if part == "app" or part.isupper() else part


def _tree(paths: set[tuple[str, ...]]) -> Fields:
    tree: Fields = {}
    for path in paths:
        place = tree
        for part in path:
            place = place.setdefault(part, {})
    return tree


def deployment(name: str, image: str = "web:1", replicas: int = 2) -> Managed:
    """A Deployment of one container, `app`, as `kubectl create` makes it."""
    containers = [{"name": "app", "image": image, "resources": {"limits": {"memory": "64Mi"}}}]
    made = Managed(name, {"replicas": replicas, "template": {"spec": {"containers": containers}}})
    made.write("kubectl-create", at=time.time() - 3_600, **{REPLICAS: replicas, IMAGE: image, MEMORY: "64Mi"})
    return made


REPLICAS = "spec__replicas"
IMAGE = "spec__template__spec__containers__app__image"
MEMORY = "spec__template__spec__containers__app__resources__limits__memory"
