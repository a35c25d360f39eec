"""The checks of the pillars cost-optimization and sustainability."""

from typing import Any

import pytest

from tests.assessed import Manifest, check, node, running, workload

RATIOS, LARGE = "cost-optimization.resource-request-limit-ratios", "cost-optimization.over-provisioning-detection"
SPOT = "cost-optimization.spot-instance-usage"
IDLE, SINGLE = "sustainability.resource-efficiency-signals", "sustainability.workload-consolidation-signals"
EXEMPT = {"kube9.io/resource-exempt": "true"}


def sized(requests: Manifest, limits: Manifest | None = None, **more: Any) -> Manifest:
    return workload(containers=[{"name": "app", "resources": {"requests": requests, "limits": limits or {}}}], **more)


def test_an_empty_cluster_passes() -> None:
    for one in (RATIOS, LARGE, SPOT, SINGLE):
        assert check(one).status == "passing"


@pytest.mark.parametrize("resource", ["cpu", "memory"])
@pytest.mark.parametrize(
    ("request_", "limit", "status"),
    [
        ("49", "1000", "failing"),
        ("50", "1000", "warning"),
        ("199", "1000", "warning"),
        ("200", "1000", "passing"),
        ("1000", "1000", "passing"),
        ("1001", "1000", "failing"),
        ("1", "0", "passing"),
        ("1", None, "passing"),
        (None, "1000", "passing"),
    ],
)
def test_ratios(resource: str, request_: str | None, limit: str | None, status: str) -> None:
    requests, limits = ({} if one is None else {resource: one} for one in (request_, limit))
    found = check(RATIOS, sized(requests, limits))
    assert found.status == status
    assert found.offenders_total == (status != "passing")
    assert (
        check(RATIOS, sized(requests, limits, labels=EXEMPT), sized(requests, limits, namespace="kube-system")).status
        == "passing"
    )


def test_the_remediation_of_a_ratio_is_in_proportion() -> None:
    found = check(RATIOS, sized({"cpu": "10m", "memory": "16Mi"}, {"cpu": "1", "memory": "1Gi"}))
    assert found.offenders_total == 2
    assert found.offenders[0] == "Deployment shop/web (container app: cpu request 10m, limit 1)"
    assert '"requests":{"cpu":"500m"}' in found.remediation


def test_ratios_that_fail_are_named_before_those_that_warn() -> None:
    many = [sized({"cpu": "100m"}, {"cpu": "1"}, name=f"w{number}") for number in range(9)]
    found = check(RATIOS, *many)
    assert (found.status, found.offenders_total, len(found.offenders)) == ("warning", 9, 5)
    found = check(RATIOS, *many, sized({"cpu": "10m"}, {"cpu": "1"}))
    assert (found.status, found.offenders_total) == ("failing", 1)


@pytest.mark.parametrize(
    ("requests", "replicas", "status"),
    [
        ({"cpu": "3999m", "memory": "15Gi"}, 1, "passing"),
        ({"cpu": "4"}, 1, "warning"),
        ({"cpu": "15999m"}, 1, "warning"),
        ({"cpu": "16"}, 1, "failing"),
        ({"memory": "16Gi"}, 1, "warning"),
        ({"memory": "63Gi"}, 1, "warning"),
        ({"memory": "64Gi"}, 1, "failing"),
        ({"cpu": "1"}, 31, "passing"),
        ({"cpu": "1"}, 32, "warning"),
        ({"cpu": "1"}, 127, "warning"),
        ({"cpu": "1"}, 128, "failing"),
        ({"memory": "8Gi"}, 31, "passing"),
        ({"memory": "8Gi"}, 32, "warning"),
        ({"memory": "8Gi"}, 127, "warning"),
        ({"memory": "8Gi"}, 128, "failing"),
        ({"cpu": "100"}, 0, "passing"),
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_large_requests(requests: Manifest, replicas: int, status: str, kind: str) -> None:
    found = check(LARGE, sized(requests, kind=kind, replicas=replicas))
    assert found.status == status
    assert check(LARGE, sized(requests, kind=kind, replicas=replicas, labels=EXEMPT)).status == "passing"


def test_a_pod_requests_what_its_init_containers_or_the_others_need() -> None:
    half = {"resources": {"requests": {"cpu": "2"}}}
    both = workload(replicas=1, containers=[{"name": "a"} | half], pod={"initContainers": [{"name": "b"} | half]})
    assert check(LARGE, both).status == "passing"
    twice = workload(replicas=1, containers=[{"name": "a"} | half, {"name": "c"} | half])
    assert check(LARGE, twice).status == "warning"


def test_no_spot_nodes_no_matter() -> None:
    labels = {"eks.amazonaws.com/capacityType": "ON_DEMAND", "cloud.google.com/gke-preemptible": "false"}
    assert check(SPOT, node(labels=labels), workload()).status == "passing"


@pytest.mark.parametrize(
    "spot",
    [
        node(labels={"eks.amazonaws.com/capacityType": "SPOT"}),
        node(labels={"kubernetes.azure.com/scalesetpriority": "spot"}),
        node(labels={"cloud.google.com/gke-provisioning": "spot"}),
        node(labels={"cloud.google.com/gke-spot": "true"}),
        node(labels={"cloud.google.com/gke-preemptible": "true"}),
        node(labels={"node.kubernetes.io/lifecycle": "spot"}),
        node(labels={"karpenter.sh/capacity-type": "spot"}),
        node(spec={"taints": [{"key": "spot-only", "effect": "NoSchedule"}]}),
        node(spec={"taints": [{"key": "kind", "value": "preemptible", "effect": "NoSchedule"}]}),
        node(spec={"taints": [{"key": "interruptible", "effect": "NoSchedule"}]}),
    ],
)
def test_spot_nodes_are_known_by_labels_and_taints(spot: Manifest) -> None:
    found = check(SPOT, spot, node("n2"), workload())
    assert (found.status, found.offenders) == ("failing", ("Deployment shop/web",))
    assert found.message.startswith("1 of 2 nodes are spot nodes")
    assert "kubectl -n shop patch deployment web -p" in found.remediation


def affinity(kind: str, operator: str) -> Manifest:
    expression = {"key": "karpenter.sh/capacity-type", "operator": operator, "values": ["spot"]}
    if kind == "required":
        terms: Any = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    else:
        terms = [{"weight": 1, "preference": {"matchExpressions": [expression]}}]
    return {"affinity": {"nodeAffinity": {f"{kind}DuringSchedulingIgnoredDuringExecution": terms}}}


@pytest.mark.parametrize(
    ("pod", "aims"),
    [
        ({}, False),
        ({"nodeSelector": {"karpenter.sh/capacity-type": "spot"}}, True),
        ({"nodeSelector": {"disk": "ssd"}}, False),
        ({"tolerations": [{"key": "spot", "operator": "Exists"}]}, True),
        ({"tolerations": [{"operator": "Exists"}]}, False),
        (affinity("required", "In"), True),
        (affinity("preferred", "In"), True),
        (affinity("required", "NotIn"), False),
    ],
)
def test_workloads_that_aim_at_spot_nodes(pod: Manifest, aims: bool) -> None:
    spot = node(labels={"karpenter.sh/capacity-type": "spot"})
    assert check(SPOT, spot, workload(pod=pod)).status == ("passing" if aims else "failing")


def test_some_workloads_that_do_not_aim_at_spot_nodes_warn() -> None:
    spot = node(labels={"karpenter.sh/capacity-type": "spot"})
    aiming = workload(name="aims", pod={"tolerations": [{"key": "spot"}]})
    found = check(SPOT, spot, aiming, workload(), workload("DaemonSet", "agent"), workload(name="db", labels=EXEMPT))
    assert (found.status, found.offenders) == ("warning", ("Deployment shop/web",))
    assert check(SPOT, spot).status == "passing"


def using(cpu: str, memory: str) -> Manifest:
    return running(containers=[{"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}}])


@pytest.mark.parametrize(
    ("cpu", "memory", "status"),
    [
        # Of 10 cores and 20 GiB.
        ("1500m", "3Gi", "passing"),
        ("1499m", "3Gi", "warning"),
        ("1500m", "2Gi", "warning"),
        ("0", "0", "warning"),
    ],
)
def test_nodes_of_which_little_is_requested(cpu: str, memory: str, status: str) -> None:
    found = check(IDLE, node(cpu="10", memory="20Gi"), workload(), using(cpu, memory))
    assert found.status == status
    assert ("kubectl drain node-1" in found.remediation) == (status == "warning")


@pytest.mark.parametrize(
    ("cpu", "memory", "status"),
    [("3999m", "7Gi", "passing"), ("4", "7Gi", "warning"), ("2", "8Gi", "warning"), ("0", "0", "skipped")],
)
def test_small_clusters_may_be_idle(cpu: str, memory: str, status: str) -> None:
    assert check(IDLE, node(cpu=cpu, memory=memory), workload()).status == status


def test_nodes_that_take_no_pods_do_not_count() -> None:
    cordoned = node(cpu="64", memory="256Gi", spec={"unschedulable": True})
    assert check(IDLE, cordoned, workload()).status == "skipped"
    assert check(IDLE, cordoned, node("n2", cpu="2", memory="4Gi"), workload()).status == "passing"


def test_ended_pods_request_nothing() -> None:
    ended = using("4", "16Gi") | {"status": {"phase": "Succeeded"}}
    assert check(IDLE, node(cpu="10", memory="20Gi"), workload(), ended).status == "warning"


@pytest.mark.parametrize(
    ("single", "several", "status"),
    [(7, 0, "passing"), (8, 0, "warning"), (6, 4, "warning"), (5, 4, "passing"), (5, 3, "warning"), (4, 4, "passing")],
)
def test_many_deployments_with_a_single_replica(single: int, several: int, status: str) -> None:
    deployments = [workload(name=f"a{number}", replicas=1) for number in range(single)]
    deployments += [workload(name=f"b{number}", replicas=2) for number in range(several)]
    left_out = [
        workload(name="off", replicas=0),
        workload(name="exempt", replicas=1, labels=EXEMPT),
        workload(name="system", namespace="kube-system", replicas=1),
        workload("StatefulSet", "db", replicas=1),
    ]
    found = check(SINGLE, *deployments, *left_out)
    assert found.status == status
    assert found.offenders_total == (single if status == "warning" else 0)


@pytest.mark.parametrize(("request_", "limit"), [("20m", "100m"), ("40m", "200m"), ("7m", "35m")])
def test_exactly_a_fifth_of_the_limit_passes(request_: str, limit: str) -> None:
    """20m is 0.02 cores, which binary fractions do not have."""
    assert check(RATIOS, sized({"cpu": request_}, {"cpu": limit})).status == "passing"


def test_exactly_a_twentieth_of_the_limit_warns() -> None:
    assert check(RATIOS, sized({"cpu": "10m"}, {"cpu": "200m"})).status == "warning"


def test_the_pods_of_a_daemon_set_are_made_smaller() -> None:
    found = check(LARGE, sized({"cpu": "1"}, kind="DaemonSet", replicas=128))
    assert '"requests":{"cpu":"125m"}' in found.remediation
    assert check(LARGE, sized({"cpu": "125m"}, kind="DaemonSet", replicas=128)).status == "passing"


def test_a_sidecar_runs_beside_the_others() -> None:
    """Together they request 15 % of the node."""
    small = {"resources": {"requests": {"cpu": "600m", "memory": "8Gi"}}}
    for policy, status in ({"restartPolicy": "Always"}, "passing"), ({}, "warning"):
        pod = running("a", containers=[{"name": "app"} | small], initContainers=[{"name": "proxy"} | small | policy])
        assert check(IDLE, pod, node(cpu="8", memory="16Gi"), workload()).status == status
