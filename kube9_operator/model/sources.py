"""The sources: what is watched, with API group, version and resource, and by which process. Data.

The operator needs `get`, `list` and `watch` on each of these resources.
"""

import msgspec

from kube9_schema.sources import CUSTOM as GROUPS
from kube9_schema.sources import KINDS


class Source(msgspec.Struct, frozen=True):
    """A resource of the API, in all namespaces. The source has the name of the resource."""

    name: str
    group: str
    """'' for the core group."""
    version: str
    """'' if it is discovered: the resource is custom, so the API server may serve any version of it, or none."""
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
APPLICATIONS, KUSTOMIZATIONS, HELM_RELEASES = "applications", "kustomizations", "helmreleases"
FLUX = (KUSTOMIZATIONS, HELM_RELEASES)
CUSTOM = {name: Source(name, GROUPS[kind], "", REST) for name, kind in KINDS.items() if kind in GROUPS}
"""Argo CD's and Flux's resources. They may be absent, and come and go while the operator runs."""
EVERY = SOURCES | {CONFIG_MAPS.name: CONFIG_MAPS} | CUSTOM


def watched(config_maps: bool, argo_cd: bool, flux: bool) -> dict[str, Source]:
    """The sources that are watched by these settings."""
    off = {CONFIG_MAPS.name: not config_maps, APPLICATIONS: not argo_cd} | dict.fromkeys(FLUX, not flux)
    return {name: source for name, source in EVERY.items() if not off.get(name)}
