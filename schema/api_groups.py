"""API groups as part of an object's identity: a Longhorn Node is not a Kubernetes Node.

Kinds of Kubernetes itself have one identity, whatever version or former group names them (`apps/v1`, `extensions/v1beta1`).
"""

GROUPS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("Pod", "Node", "Service", "Namespace", "ConfigMap", "Secret", "Endpoints", "Event", "ServiceAccount"),
            *("PersistentVolume", "PersistentVolumeClaim", "ReplicationController", "ResourceQuota", "LimitRange"),
            "PodTemplate",
        ),
        ("",),
    ),
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet"), ("apps", "extensions")),
    **dict.fromkeys(("StatefulSet", "ControllerRevision"), ("apps",)),
    **dict.fromkeys(("Job", "CronJob"), ("batch",)),
    "HorizontalPodAutoscaler": ("autoscaling",),
    "Ingress": ("networking.k8s.io", "extensions"),
    "NetworkPolicy": ("networking.k8s.io", "extensions"),
    **dict.fromkeys(("IngressClass", "IPAddress", "ServiceCIDR"), ("networking.k8s.io",)),
    "PodDisruptionBudget": ("policy",),
    "EndpointSlice": ("discovery.k8s.io",),
    "Lease": ("coordination.k8s.io",),
    **dict.fromkeys(("StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttachment"), ("storage.k8s.io",)),
    "VolumeAttributesClass": ("storage.k8s.io",),
    "RuntimeClass": ("node.k8s.io",),
    **dict.fromkeys(("FlowSchema", "PriorityLevelConfiguration"), ("flowcontrol.apiserver.k8s.io",)),
    **dict.fromkeys(("ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "DeviceClass"), ("resource.k8s.io",)),
    "PriorityClass": ("scheduling.k8s.io",),
    "CustomResourceDefinition": ("apiextensions.k8s.io",),
    "APIService": ("apiregistration.k8s.io",),
    "CertificateSigningRequest": ("certificates.k8s.io",),
    **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), ("rbac.authorization.k8s.io",)),
    **dict.fromkeys(("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"), ("admissionregistration.k8s.io",)),
    **dict.fromkeys(("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"), ("admissionregistration.k8s.io",)),
}
"""The API groups of the kinds of Kubernetes, today's first; '' is the core group."""


def group_of(kind: str, api_version: str) -> str | None:
    """The API group of an object; None if it is unknown. Where apiVersion is left out, a kind of Kubernetes is meant."""
    if not api_version:
        return GROUPS[kind][0] if kind in GROUPS else None
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""


def identity_group(kind: str, api_version: str) -> str:
    """The API group as part of an object's identity: '' for Kubernetes' own kinds, and if the group is unknown."""
    group = group_of(kind, api_version)
    return "" if group is None or group in GROUPS.get(kind, ()) else group


def clashes(kind: str, api_version: str) -> bool:
    """Whether an object of another API group has a kind that Kubernetes has too."""
    return kind in GROUPS and identity_group(kind, api_version) != ""


def plural(kind: str) -> str:
    """The resource name of a kind, by the rules of English that Kubernetes follows: Node gives nodes, Ingress ingresses."""
    word = kind.lower()
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word if word == "endpoints" else f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
