"""API groups as part of an object's identity."""

import pytest

from kube9_schema.api_groups import GROUPS, clashes, group_of, identity_group, plural


@pytest.mark.parametrize(
    ("kind", "api_version", "identity", "clash"),
    [
        ("Node", "v1", "", False),
        ("Node", "", "", False),
        ("Node", "longhorn.io/v1beta2", "longhorn.io", True),
        ("Service", "serving.knative.dev/v1", "serving.knative.dev", True),
        ("Deployment", "apps/v1", "", False),
        ("Deployment", "extensions/v1beta1", "", False),
        ("HorizontalPodAutoscaler", "autoscaling/v2beta2", "", False),
        ("Job", "batch.volcano.sh/v1alpha1", "batch.volcano.sh", True),
        ("Ingress", "networking.k8s.io/v1", "", False),
        ("Ingress", "networking.internal.knative.dev/v1alpha1", "networking.internal.knative.dev", True),
        ("Cluster", "cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io", False),
        ("Cluster", "rke.cattle.io/v1", "rke.cattle.io", False),
        ("Cluster", "", "", False),
        ("Node", "apps/v1", "apps", True),
    ],
)
def test_the_group_is_part_of_what_an_object_is(kind: str, api_version: str, identity: str, clash: bool) -> None:
    assert identity_group(kind, api_version) == identity
    assert clashes(kind, api_version) is clash


def test_the_group_of_an_object() -> None:
    assert group_of("Deployment", "") == "apps"
    assert group_of("Cluster", "") is None
    assert group_of("Cluster", "v1") == ""
    assert group_of("Cluster", "rke.cattle.io/v1") == "rke.cattle.io"


def test_plurals_are_as_kubernetes_has_them() -> None:
    found = {kind: plural(kind) for kind in GROUPS}
    assert found["Node"] == "nodes"
    assert found["Ingress"] == "ingresses"
    assert found["NetworkPolicy"] == "networkpolicies"
    assert found["StorageClass"] == "storageclasses"
    assert found["Endpoints"] == "endpoints"
    assert plural("Gateway") == "gateways"
