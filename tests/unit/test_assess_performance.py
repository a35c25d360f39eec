"""The checks of the pillar performance-efficiency."""

from typing import Any

import pytest

from kube9_operator.assess.readings import READINGS
from kube9_operator.assess.run import assess_run
from kube9_operator.watch.errors import http_error
from tests.assessed import FakeClient, Manifest, check, container, listing, node, thing, workload

HPA, VPA = "performance-efficiency.hpa-configuration-sanity", "performance-efficiency.vpa-configuration-sanity"
GOVERNANCE = "performance-efficiency.namespace-resource-governance"
PLACEMENT = "performance-efficiency.node-affinity-and-placement"
METRICS = [{"type": "Resource", "resource": {"name": "cpu"}}]


def hpa(target: str = "Deployment/web", namespace: str = "shop", **spec: Any) -> Manifest:
    kind, _, name = target.partition("/")
    whole = {"scaleTargetRef": {"kind": kind, "name": name}, "maxReplicas": 4, "metrics": METRICS} | spec
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", f"scale-{name}", namespace, spec=whole)


def vpa(target: str = "Deployment/web", namespace: str = "shop", **policy: Any) -> Manifest:
    kind, _, name = target.partition("/")
    spec = {"targetRef": {"kind": kind, "name": name}, "updatePolicy": policy}
    return thing("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", f"scale-{name}", namespace, spec=spec)


def test_without_workloads_all_pass() -> None:
    for one in (HPA, VPA, GOVERNANCE, PLACEMENT):
        assert check(one).status == "passing"


def test_workloads_without_an_autoscaler_warn() -> None:
    found = check(HPA, workload())
    assert (found.status, found.offenders) == ("warning", ("Deployment shop/web",))
    assert "kubectl -n shop autoscale deployment/web --min=2 --max=4 --cpu-percent=80" in found.remediation
    assert check(HPA, workload(namespace="kube-system")).status == "passing"
    assert check(HPA, workload("DaemonSet")).status == "passing"


@pytest.mark.parametrize(
    ("scaled", "all_of_them", "status"), [(1, 2, "passing"), (1, 3, "warning"), (2, 4, "passing"), (0, 1, "warning")]
)
def test_half_of_the_workloads_should_have_an_autoscaler(scaled: int, all_of_them: int, status: str) -> None:
    workloads = [workload(name=f"w{number}") for number in range(all_of_them)]
    found = check(HPA, *workloads, *(hpa(f"Deployment/w{number}") for number in range(scaled)))
    assert found.status == status
    assert found.offenders_total == (all_of_them - scaled if status == "warning" else 0)
    assert f"{scaled} of {all_of_them} workloads" in found.message


@pytest.mark.parametrize(
    ("target", "spec", "fault"),
    [
        ("Deployment/web", {}, ""),
        ("Deployment/web", {"minReplicas": 4}, ""),
        ("Deployment/gone", {}, "Deployment gone does not exist"),
        ("StatefulSet/web", {}, "StatefulSet web does not exist"),
        ("ReplicaSet/web", {}, "its target is a ReplicaSet"),
        ("/", {}, "no target"),
        ("Deployment/web", {"maxReplicas": None}, "maxReplicas is below 1"),
        ("Deployment/web", {"maxReplicas": 0, "minReplicas": 0}, "maxReplicas is below 1, minReplicas is below 1"),
        ("Deployment/web", {"minReplicas": 5}, "minReplicas is above maxReplicas"),
        ("Deployment/web", {"metrics": []}, "no metrics"),
        ("Deployment/web", {"behavior": {"scaleUp": {"policies": [{"value": 1, "periodSeconds": 1}]}}}, ""),
        ("Deployment/web", {"behavior": {"scaleUp": {"policies": [{"value": 0, "periodSeconds": 1}]}}}, "a policy of scaleUp"),
        ("Deployment/web", {"behavior": {"scaleDown": {"policies": [{"value": 1}]}}}, "a policy of scaleDown"),
    ],
)
def test_horizontal_autoscalers_must_work(target: str, spec: Manifest, fault: str) -> None:
    found = check(HPA, workload(), hpa(target, **spec))
    assert found.status == ("failing" if fault else "passing")
    assert fault in found.message
    assert ("delete horizontalpodautoscaler" in found.remediation) == bool(fault)


def test_autoscalers_of_managed_namespaces_are_left_out() -> None:
    assert check(HPA, hpa("Deployment/gone", "kube-system")).status == "passing"
    assert check(VPA, vpa("Deployment/gone", "kube-system", updateMode="Odd")).status == "passing"


def test_many_broken_autoscalers_are_counted() -> None:
    found = check(HPA, *(hpa(f"Deployment/gone-{number}") for number in range(6)))
    assert (found.offenders_total, len(found.offenders)) == (6, 5)


def test_without_the_api_vertical_autoscalers_are_skipped() -> None:
    client = FakeClient(workload())
    client.fail("verticalpodautoscalers", http_error(404, "not found"))
    (found,) = assess_run(listing(client), "single-check", check_id=VPA)
    assert (found.status, found.error_code) == ("skipped", "")
    assert READINGS["verticalpodautoscalers"].permission in found.message


@pytest.mark.parametrize("mode", ["Initial", "Recreate", "Auto", "InPlaceOrRecreate", None])
def test_vertical_autoscalers_that_act_pass(mode: str | None) -> None:
    assert check(VPA, workload(), vpa(**({"updateMode": mode} if mode else {}))).status == "passing"


def test_vertical_autoscalers_that_are_missing_or_only_recommend_warn() -> None:
    found = check(VPA, workload())
    assert found.status == "warning"
    assert '"kind":"VerticalPodAutoscaler"' in found.remediation
    found = check(VPA, workload(), vpa(updateMode="Off"))
    assert (found.status, found.offenders_total) == ("warning", 1)
    assert check(VPA, workload(), workload(name="b"), vpa(updateMode="Off"), vpa("Deployment/b")).status == "passing"


@pytest.mark.parametrize(
    ("target", "mode", "fault"),
    [
        ("Deployment/gone", "Auto", "Deployment gone does not exist"),
        ("DaemonSet/web", "Auto", "its target is a DaemonSet"),
        ("Deployment/web", "Sometimes", "unknown update mode"),
        ("/web", "Auto", "no target"),
    ],
)
def test_vertical_autoscalers_must_work(target: str, mode: str, fault: str) -> None:
    found = check(VPA, workload(), vpa(target, updateMode=mode))
    assert (found.status, found.offenders_total) == ("failing", 1)
    assert fault in found.message
    assert "Sometimes" not in found.message


def namespace(name: str = "shop", **labels: str) -> Manifest:
    return thing("v1", "Namespace", name, metadata={"labels": labels})


def quota(**hard: str) -> Manifest:
    return thing(
        "v1", "ResourceQuota", "compute", "shop", spec={"hard": {key.replace("_", "."): value for key, value in hard.items()}}
    )


def wanting(cpu: str, memory: str, replicas: int = 1) -> Manifest:
    return workload(replicas=replicas, containers=[{"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}}])


@pytest.mark.parametrize(
    ("key", "hard", "status"),
    [
        # Wanted: 10 cores, 10 GiB, 10 pods.
        ("requests_cpu", "9999m", "failing"),
        ("requests_cpu", "10", "warning"),
        ("requests_cpu", "11111m", "warning"),
        ("requests_cpu", "11112m", "passing"),
        ("requests_cpu", "199", "passing"),
        ("requests_cpu", "200", "warning"),
        ("cpu", "9", "failing"),
        ("requests_memory", "9Gi", "failing"),
        ("requests_memory", "11Gi", "warning"),
        ("requests_memory", "12Gi", "passing"),
        ("requests_memory", "199Gi", "passing"),
        ("requests_memory", "200Gi", "warning"),
        ("limits_cpu", "1", "passing"),
        ("limits_cpu", "249", "passing"),
        ("limits_cpu", "250", "warning"),
        ("limits_memory", "249Gi", "passing"),
        ("limits_memory", "250Gi", "warning"),
        ("pods", "9", "failing"),
        ("pods", "11", "warning"),
        ("pods", "12", "passing"),
        ("pods", "99", "passing"),
        ("pods", "100", "warning"),
        ("services", "1", "warning"),
    ],
)
def test_quotas_fit_the_demand(key: str, hard: str, status: str) -> None:
    found = check(GOVERNANCE, wanting("1", "1Gi", 10), quota(**{key: hard}))
    assert found.status == status
    assert found.offenders_total == (status != "passing")


def test_what_fails_is_named_before_what_warns() -> None:
    found = check(GOVERNANCE, wanting("1", "1Gi", 10), quota(requests_cpu="5", pods="1000"))
    assert (found.status, found.offenders_total) == ("failing", 1)
    assert found.offenders == ("ResourceQuota shop/compute (requests.cpu is 5, wanted is 10)",)
    assert '{"spec":{"hard":{"requests.cpu":"20"}}}' in found.remediation


@pytest.mark.parametrize(
    ("name", "labels", "replicas", "important"),
    [
        ("shop", {}, 2, False),
        ("shop", {}, 3, True),
        ("shop-prod-eu", {}, 1, True),
        ("staging", {}, 1, True),
        ("mission-critical", {}, 1, True),
        ("shop", {"environment": "production"}, 1, True),
        ("shop", {"env": "Prod"}, 1, True),
        ("shop", {"tier": "critical"}, 1, True),
        ("shop", {"kube9.io/workload-profile": "stage"}, 1, True),
        ("shop", {"kube9.io/resource-governance": "staging"}, 1, True),
        ("shop", {"env": "dev", "team": "prod"}, 1, False),
    ],
)
def test_important_namespaces_need_a_quota(name: str, labels: dict[str, str], replicas: int, important: bool) -> None:
    found = check(GOVERNANCE, workload(namespace=name, replicas=replicas), namespace(name, **labels))
    assert found.status == ("warning" if important else "passing")
    assert found.offenders == ((f"Namespace {name} (no ResourceQuota)",) if important else ())
    assert ("create quota compute --hard=requests.cpu=1,requests.memory=1Gi,pods=" in found.remediation) == important


def limit_range(*limits: Manifest) -> Manifest:
    return thing("v1", "LimitRange", "defaults", "shop", spec={"limits": list(limits)})


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ([], "warning"),
        ([{"defaultRequest": {"cpu": "1"}}], "warning"),
        ([{"defaultRequest": {"cpu": "1", "memory": "1Gi"}}], "passing"),
        ([{"default": {"cpu": "1"}, "defaultRequest": {"memory": "1Gi"}}], "passing"),
        ([{"default": {"cpu": "1"}}, {"default": {"memory": "1Gi"}}], "warning"),
    ],
)
def test_containers_without_requests_need_defaults(limits: list[Manifest], status: str) -> None:
    one = workload(replicas=3, containers=[{"name": "app"}])
    found = check(GOVERNANCE, one, quota(pods="6"), limit_range(*limits))
    assert found.status == status
    assert ('"kind":"LimitRange"' in found.remediation) == (status == "warning")


def test_managed_namespaces_need_no_governance() -> None:
    assert check(GOVERNANCE, workload(namespace="kube-system", replicas=5)).status == "passing"


SPREAD: Manifest = {"topologySpreadConstraints": [{"maxSkew": 1}]}
NODES = [node("n1", {"disk": "ssd", "cpus": "8"}), node("n2", {"disk": "hdd", "cpus": "4"}), node("n3", {"cpus": "many"})]


def required(*expressions: Manifest, fields: list[Manifest] | None = None) -> Manifest:
    term: Manifest = {"matchExpressions": list(expressions)} | ({"matchFields": fields} if fields else {})
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}}


def test_workloads_without_nodes_warn() -> None:
    assert check(PLACEMENT, workload(pod=SPREAD)).status == "warning"


def test_replicas_that_are_not_spread_warn() -> None:
    found = check(PLACEMENT, workload(), *NODES)
    assert (found.status, found.offenders) == ("warning", ("Deployment shop/web (not spread)",))
    assert check(PLACEMENT, workload(replicas=1), workload("DaemonSet", replicas=3), *NODES).status == "passing"


def test_a_workload_that_names_its_node_fails() -> None:
    found = check(PLACEMENT, workload(replicas=1, pod={"nodeName": "n1"}), *NODES)
    assert (found.status, found.offenders) == ("failing", ("Deployment shop/web (names node n1)",))


@pytest.mark.parametrize(
    ("pod", "fits"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, 1),
        ({"nodeSelector": {"disk": "tape"}}, 0),
        ({"nodeSelector": {"disk": "ssd", "cpus": "4"}}, 0),
        (required({"key": "disk", "operator": "In", "values": ["ssd", "hdd"]}), 2),
        (required({"key": "disk", "operator": "NotIn", "values": ["ssd"]}), 2),
        (required({"key": "disk", "operator": "Exists"}), 2),
        (required({"key": "disk", "operator": "DoesNotExist"}), 1),
        (required({"key": "cpus", "operator": "Gt", "values": ["3"]}), 2),
        (required({"key": "cpus", "operator": "Gt", "values": ["4"]}), 1),
        (required({"key": "cpus", "operator": "Lt", "values": ["4"]}), 0),
        (required({"key": "cpus", "operator": "Lt", "values": []}), 0),
        (required({"key": "cpus", "operator": "Odd"}), 0),
        (required(fields=[{"key": "metadata.name", "operator": "In", "values": ["n3"]}]), 1),
        (required(fields=[{"key": "metadata.uid", "operator": "Exists"}]), 0),
        (required(), 0),
    ],
)
def test_placement_by_labels_of_nodes(pod: Manifest, fits: int) -> None:
    found = check(PLACEMENT, workload(pod=SPREAD | pod), *NODES)
    assert found.status == ("failing", "warning", "passing")[min(fits, 2)]
    single = check(PLACEMENT, workload(replicas=1, pod=pod), *NODES)
    assert single.status == ("passing" if fits else "failing")


def test_a_preference_for_nodes_excludes_none() -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["tape"]}]}}]
    pod = SPREAD | {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    assert check(PLACEMENT, workload(pod=pod), *NODES).status == "passing"


def test_placement_in_managed_namespaces_is_left_out() -> None:
    assert check(PLACEMENT, workload("DaemonSet", namespace="kube-system", pod={"nodeName": "n1"}), *NODES).status == "passing"


@pytest.mark.parametrize(
    ("sidecar", "init", "wanted"),
    [("", "", "100m"), ("", "80m", "100m"), ("", "300m", "300m"), ("50m", "", "150m"), ("50m", "300m", "350m")],
)
def test_a_pod_wants_what_kubernetes_reserves_for_it(sidecar: str, init: str, wanted: str) -> None:
    """Init containers run before the others, sidecars beside them."""
    before = [container("init", resources={"requests": {"cpu": init}})] if init else []
    beside = [container("sidecar", resources={"requests": {"cpu": sidecar}}, restartPolicy="Always")] if sidecar else []
    one = workload(replicas=1, containers=[container()], pod={"initContainers": [*beside, *before]})
    found = check(GOVERNANCE, one, quota(requests_cpu="90m"))
    assert found.offenders == (f"ResourceQuota shop/compute (requests.cpu is 90m, wanted is {wanted})",)


def test_three_times_a_tenth_fits_into_three_tenths() -> None:
    found = check(GOVERNANCE, wanting("100m", "128Mi", 3), quota(requests_cpu="300m"))
    assert (found.status, found.offenders) == ("warning", ("ResourceQuota shop/compute (requests.cpu is 100 % used)",))


@pytest.mark.parametrize(
    "scope",
    [
        {"scopes": ["BestEffort"]},
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}},
    ],
)
def test_a_quota_of_some_pods_is_not_compared_with_all(scope: Manifest) -> None:
    some = thing("v1", "ResourceQuota", "some", "shop", spec={"hard": {"pods": "1"}} | scope)
    assert check(GOVERNANCE, wanting("1", "1Gi", 10), some).status == "passing"


def test_a_quota_of_objects_beside_one_of_resources() -> None:
    objects = thing("v1", "ResourceQuota", "objects", "shop", spec={"hard": {"services": "5"}})
    assert check(GOVERNANCE, wanting("1", "1Gi", 10), quota(requests_cpu="20"), objects).status == "passing"
    assert check(GOVERNANCE, wanting("1", "1Gi", 10), objects).status == "warning"
