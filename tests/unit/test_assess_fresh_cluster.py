"""What Kubernetes and its distributions install gives no finding."""

from typing import Any

import pytest

from kube9_operator.assess.model import PASSING, SKIPPED
from kube9_operator.assess.run import assess_run
from tests.assessed import (
    FakeClient,
    Manifest,
    account,
    binding,
    check,
    config_map,
    group,
    listing,
    node,
    role,
    running,
    workload,
)

EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
BOOTSTRAPPED = {"kubernetes.io/bootstrapping": "rbac-defaults"}
RUNS_AS_ROOT: dict[str, Any] = {"containers": [{"name": "main"}]}
PRIVILEGED: dict[str, Any] = {"containers": [{"name": "main", "securityContext": {"privileged": True}}]}
SYSTEM = "kube-system"


def pod(owner: str, name: str = "", namespace: str = SYSTEM, **spec: Any) -> Manifest:
    return running(name or f"{owner.partition('/')[2]}-x7k2p", namespace, owner, **(spec or RUNS_AS_ROOT))


def static(name: str) -> Manifest:
    """The mirror of a static pod of the control plane: the kubelet sets the annotation and the owner."""
    made = running(f"{name}-cp-1", SYSTEM, "Node/cp-1", **RUNS_AS_ROOT)
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "8f2c", "kubernetes.io/config.source": "file"}
    return made


def labelled(manifest: Manifest, **labels: str) -> Manifest:
    manifest["metadata"]["labels"] |= {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return manifest


BARE = [{"name": "main", "image": "registry.k8s.io/x:1"}]
API_SERVER: list[Manifest] = [
    role("cluster-admin", labels=BOOTSTRAPPED, apiGroups=["*"], resources=["*"], verbs=["*"]),
    role("system:kubelet-api-admin", labels=BOOTSTRAPPED, apiGroups=[""], resources=["nodes/proxy"], verbs=["*"]),
    role("system:controller:generic-garbage-collector", labels=BOOTSTRAPPED, apiGroups=["*"], resources=["*"], verbs=["get"]),
    role("system:kube-controller-manager", labels=BOOTSTRAPPED, apiGroups=["*"], resources=["*"], verbs=["list", "watch"]),
    role("system:discovery", labels=BOOTSTRAPPED, nonResourceURLs=["/api", "/api/*"], verbs=["get"]),
    role("edit", labels=BOOTSTRAPPED, apiGroups=[""], resources=["pods"], verbs=["create"]),
    role(
        "extension-apiserver-authentication-reader",
        SYSTEM,
        BOOTSTRAPPED,
        apiGroups=[""],
        resources=["configmaps"],
        verbs=["get"],
    ),
    binding("cluster-admin", group("system:masters"), metadata={"labels": BOOTSTRAPPED}),
    config_map("extension-apiserver-authentication", SYSTEM, data={"client-ca-file": "-----BEGIN CERTIFICATE-----"}),
    config_map("kube-apiserver-legacy-service-account-token-tracking", SYSTEM, data={"since": "2026-11-30"}),
    config_map("kube-root-ca.crt", "default", data={"ca.crt": "-----BEGIN CERTIFICATE-----"}),
]
KUBEADM: list[Manifest] = [
    *map(static, ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")),
    pod("DaemonSet/kube-proxy", **PRIVILEGED),
    pod("Deployment/coredns"),
    workload("DaemonSet", "kube-proxy", SYSTEM, 1, containers=BARE),
    workload("Deployment", "coredns", SYSTEM, 2, containers=BARE),
    binding("kubeadm:cluster-admins", group("kubeadm:cluster-admins")),
    config_map("kubeadm-config", SYSTEM, data={"ClusterConfiguration": "apiVersion: kubeadm.k8s.io/v1beta4"}),
    config_map("cluster-info", "kube-public", data={"kubeconfig": "apiVersion: v1", "jws-kubeconfig-abcdef": "eyJh..x"}),
    node("cp-1", {"node-role.kubernetes.io/control-plane": ""}),
]
K3S: list[Manifest] = [
    pod("Deployment/coredns"),
    pod("Deployment/local-path-provisioner"),
    pod("Deployment/metrics-server"),
    pod("Deployment/traefik"),
    pod(
        "DaemonSet/svclb-traefik-0f8a1b2c",
        containers=[{"name": "lb", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}],
    ),
    pod("Job/helm-install-traefik"),
    pod("Job/helm-install-traefik-crd"),
    binding("helm-kube-system-traefik", account("helm-traefik", SYSTEM)),
    role("system:k3s-controller", **EVERYTHING),
]
EKS: list[Manifest] = [
    pod("DaemonSet/aws-node", **PRIVILEGED),
    pod("DaemonSet/kube-proxy", **PRIVILEGED),
    pod("DaemonSet/eks-pod-identity-agent"),
    pod("Deployment/coredns"),
    role("eks:addon-manager", SYSTEM, **EVERYTHING),
    binding("eks:cluster-bootstrap", {"kind": "User", "name": "eks:cluster-bootstrap"}),
    config_map("aws-auth", SYSTEM, data={"mapRoles": "- rolearn: arn"}),
]
GKE: list[Manifest] = [
    pod("DaemonSet/fluentbit-gke-big", **PRIVILEGED),
    pod("DaemonSet/netd", **PRIVILEGED),
    pod("DaemonSet/gke-metrics-agent"),
    pod("DaemonSet/pdcsi-node", **PRIVILEGED),
    pod("Deployment/kube-dns"),
    pod("Deployment/konnectivity-agent"),
    pod("DaemonSet/collector", namespace="gmp-system", **PRIVILEGED),
    labelled(pod("Deployment/whatever"), addonmanager_kubernetes_io__mode="Reconcile"),
    workload("DaemonSet", "collector", "gmp-system", 3, containers=BARE),
    workload("Deployment", "rule-evaluator", "gmp-system", 1, containers=BARE),
    role("gce:cloud-provider", SYSTEM, **EVERYTHING),
]
KIND: list[Manifest] = [
    pod("DaemonSet/kindnet", **PRIVILEGED),
    pod("Deployment/local-path-provisioner", namespace="local-path-storage"),
]


@pytest.mark.parametrize("installed", [[], KUBEADM, K3S, EKS, GKE, KIND], ids=["bare", "kubeadm", "k3s", "eks", "gke", "kind"])
def test_a_fresh_cluster_has_no_finding(installed: list[Manifest]) -> None:
    for found in assess_run(listing(FakeClient(*API_SERVER, *installed))):
        assert found.status in (PASSING, SKIPPED), found
        assert found.offenders_total == 0


def test_what_users_do_in_the_same_namespaces_is_found() -> None:
    mine = [
        pod("Deployment/my-tool", **PRIVILEGED),
        binding("mine", account("my-tool", "default")),
        role("my-role", SYSTEM, **EVERYTHING),
    ]
    everything = [*API_SERVER, *KUBEADM, *mine]
    for check_id, offender in (
        ("security.privileged-containers", "Deployment kube-system/my-tool (container main)"),
        ("security.rbac-cluster-admin-misuse", "ClusterRoleBinding mine (ServiceAccount default/my-tool)"),
        ("security.rbac-wildcard-permissions", "Role kube-system/my-role (* in apiGroups, resources, verbs)"),
    ):
        assert check(check_id, *everything).offenders == (offender,)


def test_a_name_of_a_distribution_counts_in_its_namespace_alone() -> None:
    assert (
        check("security.privileged-containers", pod("DaemonSet/kube-proxy", namespace="shop", **PRIVILEGED)).status == "failing"
    )
    mirror = static("kube-apiserver")
    mirror["metadata"]["namespace"] = "shop"
    assert check("security.run-as-non-root", mirror).status == "failing"
