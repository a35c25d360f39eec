"""What a run knows of a cluster: every object reduced to the few fields that checks look at. No value of a variable or of a
ConfigMap is kept.
"""

from typing import Any

import msgspec

MANAGED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "tigera-operator", "calico-system"})
"""Their workloads are somebody else's to configure. Checks of the pillar security look at them all the same."""
OWN_NAME = "kube9-operator"
NAME_LABEL = "app.kubernetes.io/name"
DEPLOYMENT, STATEFULSET, DAEMONSET = "Deployment", "StatefulSet", "DaemonSet"


class Probe(msgspec.Struct, frozen=True, gc=False):
    """A liveness or readiness probe."""

    handler: str
    """httpGet, tcpSocket, exec or grpc; '' for none."""
    fault: str
    """What is wrong with its form, such as `httpGet without path`; '' if nothing is."""
    path: str
    port: str
    """A number or the name of a port."""
    delay_seconds: int
    digest: int
    """The same for probes that ask the same in the same way."""


class Container(msgspec.Struct, frozen=True, gc=False):
    """A container of a workload's template. Amounts are in cores and bytes; None if they are not set."""

    name: str
    init: bool
    sidecar: bool
    """An init container that goes on beside the others."""
    cpu_request: float | None
    memory_request: float | None
    cpu_limit: float | None
    memory_limit: float | None
    liveness: Probe | None
    readiness: Probe | None
    starts_apart: bool
    """Has a startup probe: until that succeeds, the others do not ask."""
    ports: tuple[tuple[str, int], ...]
    hardcoded: tuple[str, ...]
    """The names of variables whose literal values look like secrets."""
    log_level: str | None
    """Of the operator itself: the literal value of LOG_LEVEL; None if there is none."""
    knows_namespace: bool
    """Of the operator itself: POD_NAMESPACE comes from the pod's metadata."""


class Requirement(msgspec.Struct, frozen=True, gc=False):
    """A requirement of a selector: `key operator values`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class Selector(msgspec.Struct, frozen=True, gc=False):
    """A label selector. One without requirements selects everything."""

    requirements: tuple[Requirement, ...]

    def selects(self, labels: dict[str, str]) -> bool:
        """Returns whether it selects an object with these labels."""
        return all(satisfies(one, labels.get(one.key)) for one in self.requirements)


class NodeTerm(msgspec.Struct, frozen=True, gc=False):
    """A term of a node affinity: all its requirements must be met."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]


class Toleration(msgspec.Struct, frozen=True, gc=False):
    """A toleration of a pod, or a taint of a node."""

    key: str
    value: str


class Workload(msgspec.Struct, frozen=True):
    """A Deployment, StatefulSet or DaemonSet."""

    kind: str
    namespace: str
    name: str
    labels: dict[str, str]
    """Its own, as far as checks look at them."""
    replicas: int
    """As wanted; of a DaemonSet the nodes that it wants to run on."""
    pod_labels: dict[str, str]
    selector: dict[str, str]
    """The labels by which it selects its pods."""
    scrape: str
    """The annotation prometheus.io/scrape of its pods."""
    service_account: str
    containers: tuple[Container, ...]
    node_name: str
    node_selector: dict[str, str]
    node_terms: tuple[NodeTerm, ...] | None
    """The required node affinity: one of the terms must be met; None if there is none."""
    preferred_terms: tuple[NodeTerm, ...]
    tolerations: tuple[Toleration, ...]
    spread: bool
    """Has topology spread constraints or an anti-affinity of pods."""
    strategy: str
    max_unavailable: str
    partition: int
    progress_deadline_seconds: int | None

    @property
    def shown(self) -> str:
        """Its kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}"

    def labelled(self, label: str) -> bool:
        """Returns whether it has an exemption label."""
        return self.labels.get(label) in ("true", "1")

    @property
    def managed(self) -> bool:
        """Whether it belongs to what the cluster itself consists of."""
        return is_managed(self.namespace)

    @property
    def own(self) -> bool:
        """Whether it is kube9-operator."""
        return OWN_NAME in (self.labels.get(NAME_LABEL), self.pod_labels.get(NAME_LABEL))


class PodContainer(msgspec.Struct, frozen=True, gc=False):
    """A container of a pod, of any sort, as far as its privileges go."""

    name: str
    non_root: bool
    """runAsNonRoot is true, by itself or by its pod."""
    refuses_non_root: bool
    """Its own runAsNonRoot is false, so that the pod's does not count."""
    privileged: bool
    dangerous: tuple[str, ...]
    """Dangerous capabilities that it adds without dropping all."""
    field: str
    """Which list of the pod it is in: containers, initContainers or ephemeralContainers."""


class Pod(msgspec.Struct, frozen=True):
    """A pod that has not ended."""

    namespace: str
    name: str
    owner_kind: str
    """Pod if nothing owns it. For a ReplicaSet of a Deployment, the Deployment."""
    owner_name: str
    builtin: bool
    """Part of what a Kubernetes distribution installs."""
    containers: tuple[PodContainer, ...]
    cpu_request: float
    memory_request: float

    @property
    def owner(self) -> str:
        """Its owner's kind, namespace and name; its own without an owner."""
        return f"{self.owner_kind} {self.namespace}/{self.owner_name}"


class Node(msgspec.Struct, frozen=True):
    """A node."""

    name: str
    labels: dict[str, str]
    taints: tuple[Toleration, ...]
    unschedulable: bool
    cpu: float
    memory: float


class Namespace(msgspec.Struct, frozen=True):
    """A namespace with the labels that say what it is for."""

    name: str
    labels: dict[str, str]


class Autoscaler(msgspec.Struct, frozen=True):
    """A HorizontalPodAutoscaler or VerticalPodAutoscaler."""

    namespace: str
    name: str
    target_kind: str
    target_name: str
    least: int = 1
    most: int | None = None
    metrics: int = 0
    bad_policies: tuple[str, ...] = ()
    """scaleUp, scaleDown: where a policy has no positive value or period."""
    mode: str = ""
    """Of a VerticalPodAutoscaler."""


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget."""

    namespace: str
    name: str
    selector: Selector | None
    """None selects nothing."""


class Quota(msgspec.Struct, frozen=True):
    """A ResourceQuota: its limits in cores, bytes and pods."""

    namespace: str
    name: str
    hard: dict[str, float]
    scoped: bool = False
    """It only limits some pods, such as those of a priority class."""


class Defaults(msgspec.Struct, frozen=True):
    """A LimitRange."""

    namespace: str
    name: str
    complete: bool
    """Whether containers get a default for processor and memory."""


class Role(msgspec.Struct, frozen=True):
    """A Role or ClusterRole that somebody wrote."""

    kind: str
    namespace: str
    name: str
    wildcards: tuple[str, ...]
    """apiGroups, resources, verbs, nonResourceURLs: where a rule has `*`."""
    builtin: bool

    @property
    def shown(self) -> str:
        """Its kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """Whom a binding gives a role."""

    kind: str
    namespace: str
    name: str


class Binding(msgspec.Struct, frozen=True):
    """A RoleBinding or ClusterRoleBinding to cluster-admin; others are not kept."""

    kind: str
    namespace: str
    name: str
    subjects: tuple[Subject, ...]
    builtin: bool

    @property
    def shown(self) -> str:
        """Its kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap with keys whose values look like secrets; others are not kept."""

    namespace: str
    name: str
    keys: tuple[str, ...]
    binary_keys: tuple[str, ...]


class Cluster(msgspec.Struct):
    """The objects that a run has read so far, by the plural names of their kinds."""

    pods: list[Pod] = []
    deployments: list[Workload] = []
    statefulsets: list[Workload] = []
    daemonsets: list[Workload] = []
    nodes: list[Node] = []
    namespaces: list[Namespace] = []
    horizontalpodautoscalers: list[Autoscaler] = []
    verticalpodautoscalers: list[Autoscaler] = []
    poddisruptionbudgets: list[Budget] = []
    resourcequotas: list[Quota] = []
    limitranges: list[Defaults] = []
    roles: list[Role] = []
    clusterroles: list[Role] = []
    rolebindings: list[Binding] = []
    clusterrolebindings: list[Binding] = []
    configmaps: list[ConfigMap] = []
    apis: list[str] = []
    """Served resources of add-ons that checks know: `applications.argoproj.io`."""
    missing: dict[str, str] = {}
    """Kinds that may not be read, each with what is missing, as a sentence."""
    failed: dict[str, str] = {}
    """Kinds that could not be read for another reason."""
    absent: set[str] = set()
    """Kinds that the API server does not serve."""
    unreadable: dict[str, int] = {}
    """How many objects of a kind could not be decoded."""

    def put(self, kind: str, objects: list[Any]) -> None:
        """Sets the objects of a kind."""
        setattr(self, kind, objects)

    @property
    def scalable(self) -> list[Workload]:
        """Deployments and StatefulSets."""
        return self.deployments + self.statefulsets

    @property
    def workloads(self) -> list[Workload]:
        """Deployments, StatefulSets and DaemonSets."""
        return self.deployments + self.statefulsets + self.daemonsets


def is_managed(namespace: str) -> bool:
    """Returns whether checks other than those of security leave out a namespace, because a distribution keeps it."""
    return namespace in MANAGED_NAMESPACES or namespace.startswith(("gke-", "gmp-"))


def satisfies(requirement: Requirement, value: str | None) -> bool:
    """Returns whether a label's value, None without the label, meets a requirement. An unknown operator is never met."""
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            wanted = requirement.values[0] if requirement.values else ""
            if value is None or not (_is_integer(value) and _is_integer(wanted)):
                return False
            return int(value) > int(wanted) if requirement.operator == "Gt" else int(value) < int(wanted)
    return False


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20
