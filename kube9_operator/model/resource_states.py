"""The reduced states of resources: the few fields that are compared, as they are sent and stored. Neither Kubernetes nor SQL.

They are stored in databases as msgpack arrays. So a field is only ever added at the end, with a default.
"""

from typing import Any

import msgspec

from kube9_schema.sources import KINDS as KINDS


class Reduced(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The base of all: absent texts are '', absent times are 0. Times are in ms since 1970, by the API server's clock."""


class Owner(Reduced, frozen=True):
    """The controller of an object (metadata.ownerReferences with controller: true)."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    """'' for Kubernetes' own kinds."""


class Owned(Reduced, frozen=True):
    """A Job, which is watched only for its owner."""

    owner: Owner | None = None


class NodeCondition(Reduced, frozen=True):
    """A condition of a node besides Ready: a pressure, the network, or what a problem detector has set."""

    type: str = ""
    status: str = ""
    """True, False or Unknown."""
    since_ms: int = 0
    """Its lastTransitionTime."""
    reason: str = ""
    message: str = ""
    """Reason and message only of a condition that is True."""


class ReplicaSet(Owned, frozen=True):
    """apps/v1 ReplicaSet: also when a Deployment's template became what it is."""

    created_ms: int = 0
    revision: int = 0
    """Of the Deployment: the highest is that of its present template; 0 if there is none."""


class Part(Reduced, frozen=True):
    """A part of a workload's pod template, or its strategy."""

    digest: int = 0
    """24 bits of what it is: see watch/template.py."""
    shown: str = ""
    """A short text without secrets; '' if there is none."""


class CronJob(Owned, frozen=True):
    """batch/v1 CronJob."""

    images: dict[str, str] = {}
    generation: int = 0
    parts: dict[str, Part] | None = None
    environment: dict[str, dict[str, int]] = {}
    """These are as in a Workload. `parts` has the schedule too, and whether it is suspended."""


class Node(Reduced, frozen=True):
    """v1/Node."""

    created_ms: int = 0
    unschedulable: bool = False
    ready: str = ""
    """Status of the condition Ready: True, False or Unknown."""
    ready_since_ms: int = 0
    """Its lastTransitionTime."""
    ready_reason: str = ""
    ready_message: str = ""
    cpu: str = ""
    memory: str = ""
    """Its capacity."""
    zone: str = ""
    """Label topology.kubernetes.io/zone."""
    kubelet_version: str = ""
    conditions: list[NodeCondition] = []
    """All but Ready, in the order of their types."""


class Namespace(Reduced, frozen=True):
    """v1/Namespace."""

    created_ms: int = 0
    deleting_since_ms: int = 0


class Workload(Reduced, frozen=True):
    """apps/v1 Deployment, StatefulSet or DaemonSet."""

    replicas: int = 0
    """spec.replicas; of a DaemonSet status.desiredNumberScheduled."""
    images: dict[str, str] = {}
    """The image of each container and init container of the template, by name."""
    stuck_since_ms: int = 0
    """lastTransitionTime of the condition Progressing if that is False because of ProgressDeadlineExceeded, otherwise 0."""
    stuck_message: str = ""
    deleting_since_ms: int = 0
    owner: Owner | None = None
    uncounted: bool = False
    """Whether this is a DaemonSet that its controller has not seen yet: `replicas` is 0 because no node is counted yet."""
    generation: int = 0
    """metadata.generation, which rises by one with each write that changes the spec; 0 if it is unknown."""
    parts: dict[str, Part] | None = None
    """The parts of the template besides images, by their paths; None in a state that an older release has stored."""
    environment: dict[str, dict[str, int]] = {}
    """The names of each container's environment variables, each with a digest of its value."""
    labels: dict[str, str] = {}
    """Of the template: what the selector of a Service is compared with."""


class Service(Reduced, frozen=True):
    """v1/Service."""

    deleting_since_ms: int = 0
    selector: dict[str, str] = {}


class Slice(Reduced, frozen=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    service: str = ""
    """Label kubernetes.io/service-name."""
    ready: list[int] = []
    """64 bits of the identity of each ready endpoint (the uid of targetRef, otherwise the first address), in ascending order.
    An endpoint in several slices, such as those of two address families, counts once.
    """
    pods: list[tuple[str, str]] = []
    """Name and uid of each pod behind it, ready or not, in ascending order."""


class End(Reduced, frozen=True):
    """How a container ended: state.terminated or lastState.terminated."""

    reason: str = ""
    exit_code: int = 0
    finished_ms: int = 0
    message: str = ""
    """The termination message, on one line, redacted, cut to 1,000 characters."""


class Container(Reduced, frozen=True):
    """A container of a pod with its status."""

    name: str = ""
    kind: str = ""
    """'init', 'sidecar' (an init container that restarts always), 'ephemeral', '' for an ordinary one."""
    restart_count: int = 0
    waiting_reason: str = ""
    memory_limit: str = ""
    ends: list[End] = []
    """lastState.terminated, then state.terminated, as far as they exist."""


class Disruption(Reduced, frozen=True):
    """The condition DisruptionTarget of a pod, where it is True."""

    reason: str = ""
    message: str = ""
    since_ms: int = 0
    """Its lastTransitionTime."""


class Pod(Reduced, frozen=True):
    """v1/Pod."""

    node: str = ""
    owner: Owner | None = None
    deleting_since_ms: int = 0
    unschedulable_since_ms: int = 0
    """lastTransitionTime of the condition PodScheduled if that is False because of Unschedulable, otherwise 0."""
    containers: list[Container] = []
    phase: str = ""
    """'' in what a release before this field has kept."""
    reason: str = ""
    message: str = ""
    """status.reason and status.message: why the pod as a whole has failed."""
    disruption: Disruption | None = None
    started_ms: int = 0
    """status.startTime of a pod that has failed: when its node took it, or turned it down."""
    mirror_uid: str = ""
    """Of a mirror pod its own uid. The state's uid is that of the static pod, which Events of the kubelet name."""
    never: bool = False
    """None of its containers is started again after it has ended, sidecars excepted (restartPolicy: Never)."""
    created_ms: int = 0
    """0 in what a release before this field has kept."""


class Claim(Reduced, frozen=True):
    """v1/PersistentVolumeClaim."""

    storage_class: str = ""
    requested_size: str = ""
    phase: str = ""
    created_ms: int = 0
    provisioner: str = ""
    """Whom the claim waits for while it is Pending: an annotation that is set when a volume is asked for."""
    node: str = ""
    """Where a pod waits for the volume; '' of a claim that is to be bound at once."""


class Autoscaler(Reduced, frozen=True):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    target_kind: str = ""
    target_name: str = ""
    current_replicas: int = 0
    desired_replicas: int = 0


class ConfigMap(Reduced, frozen=True):
    """v1/ConfigMap, by its metadata alone."""

    digest: str = ""
    """Of who wrote its data and when, by managedFields; without these its resourceVersion."""
    changed_ms: int = 0
    """When its data was written last, by managedFields."""
    is_lock: bool = False
    """It is the lock of a leader election."""
    created_ms: int = 0


class Application(Reduced, frozen=True):
    """argoproj.io Application of Argo CD."""

    api_version: str = ""
    project: str = ""
    sync: str = ""
    """status.sync: Synced, OutOfSync or Unknown; '' before Argo CD has compared it for the first time."""
    revision: str = ""
    """The revision that it was compared with."""
    health: str = ""
    """Healthy, Progressing, Degraded, Suspended, Missing or Unknown; '' as above."""
    health_message: str = ""
    health_since_ms: int = 0
    """Its lastTransitionTime; 0 if the version of Argo CD does not say it."""
    error: str = ""
    """The first of the conditions that say what is wrong."""
    phase: str = ""
    """Of the last operation: Running, Terminating, Succeeded, Failed or Error; '' if there was none."""
    started_ms: int = 0
    finished_ms: int = 0
    message: str = ""
    synced_revision: str = ""
    initiated_by: str = ""
    """The user who began it; '' if Argo CD did so by itself."""
    automated: bool = False
    changed: int = 0
    """How many resources it changed."""
    workloads: list[str] = []
    """`kind/namespace/name` of the workloads that it applied, in ascending order."""


class Reconciled(Reduced, frozen=True):
    """kustomize.toolkit.fluxcd.io Kustomization or helm.toolkit.fluxcd.io HelmRelease of Flux."""

    api_version: str = ""
    ready: str = ""
    """Status of the condition Ready: True or False; '' before Flux has looked at it for the first time."""
    reason: str = ""
    message: str = ""
    since_ms: int = 0
    """Its lastTransitionTime."""
    revision: str = ""
    """What was applied last: a revision of a source, or the version of a chart."""
    attempted_revision: str = ""
    release: int = 0
    """The number of the Helm release, which rises also if only its values have changed; 0 if it is not known."""


OF_SOURCE: dict[str, type[Reduced]] = {
    "nodes": Node,
    "namespaces": Namespace,
    "deployments": Workload,
    "statefulsets": Workload,
    "daemonsets": Workload,
    "services": Service,
    "endpointslices": Slice,
    "pods": Pod,
    "replicasets": ReplicaSet,
    "jobs": Owned,
    "cronjobs": CronJob,
    "persistentvolumeclaims": Claim,
    "horizontalpodautoscalers": Autoscaler,
    "configmaps": ConfigMap,
    "applications": Application,
    "kustomizations": Reconciled,
    "helmreleases": Reconciled,
}
"""The type of the states of each source but `events`."""

SOURCES = {kind: source for source, kind in KINDS.items()}
"""The source of each of these kinds."""


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An object of a resource watch as it was observed, or the fact that it is gone.

    Between ListBegins and ListEnds of a source come the objects of one complete list of one version. A list that breaks off
    starts again with another ListBegins. Watchers keep no states, so an older state may come again, and an unchanged state may
    come any number of times.
    """

    namespace: str
    """'' for cluster-scoped objects."""
    name: str
    uid: str
    version: str
    """Its resourceVersion."""
    reduced: bytes
    """The reduced state as msgpack (see `encode`), GONE, UNREADABLE or UNDECIDED."""
    evidence: bytes = b""
    """When and by whom the object was changed, as far as it says so: see changes.py. Neither compared nor stored."""


GONE = b""
"""The object is gone: a line of type DELETED. `version` is that of the deletion."""
UNREADABLE = b"\xc0"
"""The object exists, but cannot be decoded. The stored state stays, and a complete list contains the object. Its frame counts
it as undecodable, so it has no outcome.
"""
UNDECIDED = b"\xc2"
"""The object exists, but its controller works on it and has not decided how it is. The stored state stays."""


_encoder = msgspec.msgpack.Encoder()
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}


def encode(reduced: Reduced) -> bytes:
    """Returns a reduced state as msgpack."""
    return _encoder.encode(reduced)


def decode(source: str, data: bytes) -> Any:
    """Returns the reduced state of `encode`, an OF_SOURCE[source]. Raises msgspec.DecodeError for anything else."""
    return decoder(source).decode(data)


def decoder(source: str) -> msgspec.msgpack.Decoder[Any]:
    """Returns the decoder of the states of a source."""
    if source not in _decoders:
        _decoders[source] = msgspec.msgpack.Decoder(OF_SOURCE[source])
    return _decoders[source]
