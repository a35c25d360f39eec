"""The names of kinds, as kubectl takes them: in the singular, in the plural, short, with an API group, in any case. Pure."""

from __future__ import annotations

from kube9_schema.api_groups import GROUPS, plural
from kube9_schema.sources import CUSTOM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT_NAMES = {
    "CertificateSigningRequest": "csr",
    "ConfigMap": "cm",
    "CronJob": "cj",
    "CustomResourceDefinition": "crd",
    "DaemonSet": "ds",
    "Deployment": "deploy",
    "Endpoints": "ep",
    "Event": "ev",
    "HorizontalPodAutoscaler": "hpa",
    "Ingress": "ing",
    "LimitRange": "limits",
    "Namespace": "ns",
    "NetworkPolicy": "netpol",
    "Node": "no",
    "PersistentVolume": "pv",
    "PersistentVolumeClaim": "pvc",
    "Pod": "po",
    "PodDisruptionBudget": "pdb",
    "PriorityClass": "pc",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "ResourceQuota": "quota",
    "Service": "svc",
    "ServiceAccount": "sa",
    "StatefulSet": "sts",
    "StorageClass": "sc",
    "VolumeAttributesClass": "vac",
}
"""The short names of kubectl. Narrow tables show them."""
NAMES = {name: kind for kind in GROUPS for name in (kind.lower(), plural(kind))}
"""The kinds of Kubernetes by every name but those with an API group."""
NAMES |= {short: kind for kind, short in SHORT_NAMES.items()} | {"crds": "CustomResourceDefinition"}
_VERSION = r"^v[0-9]+((alpha|beta)[0-9]+)?(\.|$)"


def as_written(text: str) -> str:
    """The kind of a name such as `pods`, `deploy` or `PVC`. An unknown name is returned unchanged."""
    return NAMES.get(text.lower(), text)


def split(text: str) -> tuple[str, str]:
    """Name and API group, in lower case, of `nodes.longhorn.io` or `nodes.v1beta2.longhorn.io`; '' for no group."""
    name, _, group = text.lower().partition(".")
    if group.startswith("v"):
        import re  # only where it is needed

        group = re.sub(_VERSION, "", group, count=1)
    return name, group


def built_in(text: str) -> str | None:
    """The kind of Kubernetes itself that a name means, such as `po`, `Ingresses` or `deployments.apps`; None for any other."""
    name, group = split(text)
    kind = NAMES.get(name)
    return kind if kind is not None and (not group or group in GROUPS[kind]) else None


def is_known(text: str) -> bool:
    """Whether a name means a kind of Kubernetes, or another one that the operator can watch, such as `applications`."""
    name, group = split(text)
    watched = (of for kind, of in CUSTOM.items() if name in (kind.lower(), plural(kind)))
    return built_in(text) is not None or any(group in ("", of) for of in watched)


def named(name: str, recorded: Iterable[str]) -> list[str]:
    """Those of the recorded kinds that a name without a group can mean."""
    return [kind for kind in recorded if name in (kind.lower(), plural(kind)) or NAMES.get(name) == kind]
