"""What is kept of the objects of a kind while they are listed: numbers, whose size does not grow with the cluster. Pure.

The exception are namespaces, of which a hash each is kept.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from kube9_operator.assess.kinds.forms import Amounts
from kube9_operator.assess.quantities import quantity
from kube9_operator.collect import kinds
from kube9_operator.collect.counting import NOT_SET, OTHER, Choice, Histogram, Words, hidden

ALL = "ALL"
CAPABILITIES = (
    *("AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE"),
    *("DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN"),
    *("MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID"),
    *("SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT"),
    *("SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"),
)
"""Of Linux. The API server accepts any text as a capability, so any other text is not kept."""
VOLUME_TYPES = ("configMap", "secret", "emptyDir", "persistentVolumeClaim", "hostPath", "downwardAPI", "projected")
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
HANDLERS = {"http_get": "http", "tcp_socket": "tcp", "exec": "exec", "grpc": "grpc"}
PROVIDERS = {
    "aws": "aws",
    "azure": "azure",
    "gce": "gcp",
    "kind": "on-premise",
    "k3s": "on-premise",
    "vsphere": "on-premise",
    "openstack": "on-premise",
    "baremetalhost": "on-premise",
}
"""By the scheme of `spec.providerID`, the words of the contract. A scheme that is not here is `other`."""
PROVIDER_LABELS = (
    ("eks.amazonaws.com/", "aws"),
    ("cloud.google.com/", "gcp"),
    ("kubernetes.azure.com/", "azure"),
    ("node-role.kubernetes.io/control-plane", "on-premise"),
    ("node-role.kubernetes.io/master", "on-premise"),
)
"""Beginnings of labels that clouds set on their nodes. A control plane with a node of its own is no cloud's."""
REGIONS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
MAX_PLACE_CHARACTERS = 50
MAX_AMOUNT_CHARACTERS = 24


class Totals(Protocol):
    """The numbers of a kind."""

    def add(self, found: Any) -> None:
        """Counts an object."""


class Nodes:
    """How many nodes there are, and where the first one (by name) is."""

    def __init__(self) -> None:
        self.count = 0
        self._first: kinds.Node | None = None

    def add(self, found: kinds.Node) -> None:
        """Counts a node."""
        self.count += 1
        if self._first is None or found.metadata.name < self._first.metadata.name:
            self._first = found

    def provider(self) -> str:
        """Returns whose node the first one is."""
        if self._first is None:
            return "unknown"
        scheme, separator, _ = ((self._first.spec or kinds.NodeSpec()).provider_id or "").partition("://")
        if separator:
            return PROVIDERS.get(scheme, "other")
        labels = self._labels()
        return next((name for start, name in PROVIDER_LABELS if any(one.startswith(start) for one in labels)), "unknown")

    def place(self, names: tuple[str, ...]) -> str | None:
        """Returns the first of these labels that the first node has."""
        labels = self._labels()
        return next((labels[name][:MAX_PLACE_CHARACTERS] for name in names if labels.get(name)), None)

    def _labels(self) -> dict[str, str]:
        return (self._first.metadata.labels or {}) if self._first else {}


class Namespaces:
    """The namespaces, without their names."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def add(self, found: kinds.Object) -> None:
        """Counts a namespace."""
        self.ids.append(hidden(found.metadata.name))


class Count:
    """How many objects there are."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, _found: kinds.Object) -> None:
        """Counts an object."""
        self.total += 1


class Pairs:
    """How many labels and annotations objects have."""

    def __init__(self) -> None:
        self.labels, self.annotations = Histogram(), Histogram()

    def add(self, own: kinds.Meta) -> None:
        """Counts those of an object."""
        self.labels.add(len(own.labels or ()))
        self.annotations.add(len(own.annotations or ()))


class Workloads:
    """Deployments or StatefulSets."""

    def __init__(self) -> None:
        self.total = 0
        self.replicas = Histogram()
        self.pairs = Pairs()

    def add(self, found: kinds.Workload) -> None:
        """Counts a workload."""
        self.total += 1
        replicas = (found.spec or kinds.WorkloadSpec()).replicas
        self.replicas.add(1 if replicas is None else replicas)
        self.pairs.add(found.metadata)


class Services:
    """Services."""

    def __init__(self) -> None:
        self.total = 0
        self.types = Words(*SERVICE_TYPES)
        self.ports = Histogram()
        self.pairs = Pairs()

    def add(self, found: kinds.Service) -> None:
        """Counts a service."""
        spec = found.spec or kinds.ServiceSpec()
        self.total += 1
        self.types.add(spec.type or "ClusterIP")
        self.ports.add(len(spec.ports or ()))
        self.pairs.add(found.metadata)


class Probes:
    """The probes of one sort: liveness, readiness or startup."""

    def __init__(self) -> None:
        self._configured = self._not_configured = 0
        self._types = dict.fromkeys(HANDLERS.values(), 0)
        self._delay, self._timeout, self._period = Histogram(), Histogram(), Histogram()

    def add(self, probe: kinds.Probe | None) -> None:
        """Counts the probe of a container."""
        if probe is None:
            self._not_configured += 1
            return
        self._configured += 1
        for field, word in HANDLERS.items():
            self._types[word] += getattr(probe, field) is not None
        self._delay.add(probe.initial_delay_seconds)
        self._timeout.add(probe.timeout_seconds)
        self._period.add(probe.period_seconds)

    def values(self) -> dict[str, Any]:
        """Returns what the contract calls them."""
        return {
            "configured": self._configured,
            "notConfigured": self._not_configured,
            "probeTypes": dict(self._types),
            "initialDelaySeconds": self._delay.values(),
            "timeoutSeconds": self._timeout.values(),
            "periodSeconds": self._period.values(),
        }


class Pods:
    """Pods and their containers. Init containers and ephemeral ones are not counted."""

    def __init__(self) -> None:
        self.total = self.containers = 0
        self.by_namespace: Counter[str] = Counter()
        self.pairs = Pairs()
        self.pod_non_root, self.fs_group = Choice(), {"set": 0, NOT_SET: 0}
        self.volume_types, self.volumes_per_pod = Words(*VOLUME_TYPES), Histogram()
        self.policies = Words(*PULL_POLICIES, other=NOT_SET)
        self.amounts = {(field, name): Histogram() for name in ("cpu", "memory") for field in ("requests", "limits")}
        self.non_root, self.read_only, self.escalation = Choice(), Choice(), Choice()
        self.added, self.dropped = Words(ALL, *CAPABILITIES), Words(ALL, *CAPABILITIES)
        self.probes = {"liveness": Probes(), "readiness": Probes(), "startup": Probes()}

    def add(self, found: kinds.Pod) -> None:
        """Counts a pod."""
        spec = found.spec or kinds.PodSpec()
        security = spec.security_context or kinds.PodSecurity()
        self.total += 1
        self.by_namespace[hidden(found.metadata.namespace or "")] += 1
        self.pairs.add(found.metadata)
        self.pod_non_root.add(security.run_as_non_root)
        self.fs_group[NOT_SET if security.fs_group is None else "set"] += 1
        volumes = spec.volumes or []
        self.volumes_per_pod.add(len(volumes))
        for volume in volumes:
            self.volume_types.add(next((field for field in volume if field != "name"), OTHER))
        for container in spec.containers or ():
            self._add_container(container)

    def _add_container(self, found: kinds.Container) -> None:
        self.containers += 1
        self.policies.add(found.image_pull_policy or NOT_SET)
        resources = found.resources or kinds.Resources()
        for (field, name), histogram in self.amounts.items():
            histogram.add(_amount(resources.requests if field == "requests" else resources.limits, name))
        security = found.security_context or kinds.Security()
        self.non_root.add(security.run_as_non_root)
        self.read_only.add(security.read_only_root_filesystem)
        self.escalation.add(security.allow_privilege_escalation)
        capabilities = security.capabilities or kinds.Capabilities()
        for words, given in ((self.added, capabilities.add), (self.dropped, capabilities.drop)):
            for one in given or ():
                words.add(one.upper().removeprefix("CAP_"))
        self.probes["liveness"].add(found.liveness_probe)
        self.probes["readiness"].add(found.readiness_probe)
        self.probes["startup"].add(found.startup_probe)


def _amount(amounts: Amounts | None, name: str) -> str | None:
    """A quantity as it is written; None if there is none, `other` for a text that is no quantity."""
    found = (amounts or {}).get(name)
    if found is None:
        return None
    text = str(found)
    return text if len(text) <= MAX_AMOUNT_CHARACTERS and quantity(found) is not None else OTHER


TOTALS: dict[str, Callable[[], Totals]] = {
    "nodes": Nodes,
    "namespaces": Namespaces,
    "pods": Pods,
    "services": Services,
    "deployments": Workloads,
    "statefulsets": Workloads,
    "daemonsets": Count,
    "replicasets": Count,
}
"""What counts the objects of each kind."""
