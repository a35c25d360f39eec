"""The sources: what is watched, with API group, version and resource, and by which process. Data.

The operator needs `get`, `list` and `watch` on each of these resources.
"""

import msgspec


class Source(msgspec.Struct, frozen=True):
    """A resource of the API, in all namespaces. The source has the name of the resource."""

    name: str
    group: str
    """'' for the core group."""
    version: str
    process: str

    @property
    def api_version(self) -> str:
        """As an object of it has it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The path of all its objects."""
        return f"/apis/{self.group}/{self.version}/{self.name}" if self.group else f"/api/{self.version}/{self.name}"


EVENTS, PODS, REST = "watcher-events", "watcher-pods", "watcher-rest"
PROCESSES = (EVENTS, PODS, REST)
"""Nothing delays Events, and little delays pods and their owners, of which there are thousands."""
PUBLISHER = REST
"""The process that also keeps the status ConfigMap."""

SOURCES: dict[str, Source] = {
    one.name: one
    for one in (
        Source("events", "", "v1", EVENTS),
        Source("pods", "", "v1", PODS),
        Source("replicasets", "apps", "v1", PODS),
        Source("jobs", "batch", "v1", PODS),
        Source("cronjobs", "batch", "v1", PODS),
        Source("nodes", "", "v1", REST),
        Source("namespaces", "", "v1", REST),
        Source("deployments", "apps", "v1", REST),
        Source("statefulsets", "apps", "v1", REST),
        Source("daemonsets", "apps", "v1", REST),
        Source("services", "", "v1", REST),
        Source("endpointslices", "discovery.k8s.io", "v1", REST),
        Source("persistentvolumeclaims", "", "v1", REST),
        Source("horizontalpodautoscalers", "autoscaling", "v2", REST),
    )
}

CONFIG_MAPS = Source("configmaps", "", "v1", REST)
"""Only watched if it is switched on: who may read the metadata of ConfigMaps may read their data too."""
EVERY = SOURCES | {CONFIG_MAPS.name: CONFIG_MAPS}


def watched(config_maps: bool) -> dict[str, Source]:
    """The sources that are watched by these settings."""
    return EVERY if config_maps else SOURCES
