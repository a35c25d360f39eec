"""What Kubernetes distributions install: kubeadm, kind, minikube, k3s, RKE2, EKS, GKE and AKS. Checks of the pillar security
leave it out, because its owner is the distribution. Pure.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

SYSTEM = "kube-system"
BOOTSTRAPPING = "kubernetes.io/bootstrapping"
"""The label of roles and bindings that the API server makes:
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""
MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a pod that shows a static pod of a node."""
ADDON_LABELS = ("addonmanager.kubernetes.io/mode", "eks.amazonaws.com/component", "kubernetes.io/cluster-service")
"""Labels of what an add-on manager keeps. Whoever may set them in kube-system is an administrator."""
OWNED_PREFIXES = ("system:", "kubeadm:", "eks:", "gce:", "gke-", "gke:", "aks-", "k3s-", "rke2-")
"""Of names of roles and bindings. `system:` is reserved for Kubernetes."""
PODS: dict[str, tuple[str, ...]] = {
    SYSTEM: (
        # kubeadm, kind, minikube
        *("coredns", "kube-proxy", "kindnet", "storage-provisioner", "metrics-server", "metrics-server-v*"),
        # k3s, RKE2
        *("local-path-provisioner", "traefik", "svclb-traefik-*", "helm-install-traefik*", "rke2-*", "helm-install-rke2-*"),
        # EKS
        *("aws-node", "eks-pod-identity-agent", "eks-node-monitoring-agent", "ebs-csi-*", "efs-csi-*"),
        # GKE
        *("anetd", "netd", "kube-dns", "kube-dns-autoscaler", "konnectivity-agent*", "event-exporter-gke", "fluentbit-gke*"),
        *("gke-*", "pdcsi-node*", "filestore-node", "gcsfusecsi-node", "ip-masq-agent", "l7-default-backend", "node-local-dns"),
        *("metadata-proxy-*", "nvidia-gpu-device-plugin-*", "tpu-device-plugin", "image-package-extractor"),
        # AKS
        *("azure-cns", "azure-ip-masq-agent", "azure-npm", "cloud-node-manager*", "csi-azure*-node", "coredns-autoscaler"),
    ),
    "local-path-storage": ("local-path-provisioner",),
}
"""Names of the owners of pods, by their namespace."""


def is_pod(namespace: str, owner: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
    """Returns whether a pod is part of a distribution. `owner` is the name of what it belongs to."""
    if namespace == SYSTEM and (MIRROR in annotations or is_addon(labels)):
        return True
    if namespace.startswith(("gke-managed-", "gmp-")) or namespace == "gke-system":
        return True
    return any(fnmatchcase(owner, pattern) for pattern in PODS.get(namespace, ()))


def is_access(name: str, labels: Mapping[str, str]) -> bool:
    """Returns whether a role or a binding of this name is part of Kubernetes or of a distribution."""
    return BOOTSTRAPPING in labels or name.startswith(OWNED_PREFIXES) or is_addon(labels)


def is_addon(labels: Mapping[str, str]) -> bool:
    """Returns whether an add-on manager keeps an object."""
    return any(label in labels for label in ADDON_LABELS)
