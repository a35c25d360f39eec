"""The checks of the pillar reliability."""

from typing import Any

import pytest

from tests.assessed import GOOD_PROBES, Manifest, check, container, thing, workload

REPLICAS, SPREAD = "reliability.replica-counts", "reliability.spread-anti-affinity"
BUDGETS, BACKUPS = "reliability.pod-disruption-budgets", "reliability.backup-dr-signals"
REQUESTS, LIMITS = "reliability.resource-requests", "reliability.resource-limits"
PROBES = "reliability.liveness-readiness-probes"
ALL = (REPLICAS, SPREAD, BUDGETS, BACKUPS, REQUESTS, LIMITS, PROBES)
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
MANAGED = ("kube-system", "kube-public", "kube-node-lease", "tigera-operator", "calico-system")
BARE: Manifest = {"name": "app", "image": "example/app:1"}


def budget(namespace: str = "shop", name: str = "web", **selector: Any) -> Manifest:
    return thing("policy/v1", "PodDisruptionBudget", name, namespace, spec={"selector": selector, "maxUnavailable": 1})


@pytest.mark.parametrize("check_id", ALL)
def test_an_empty_cluster_passes(check_id: str) -> None:
    assert check(check_id).status == "passing"


@pytest.mark.parametrize("check_id", ALL)
@pytest.mark.parametrize("namespace", MANAGED)
def test_managed_namespaces_are_left_out(check_id: str, namespace: str) -> None:
    bad = [workload(kind, kind.lower(), namespace, replicas, containers=[BARE]) for kind in KINDS for replicas in (1, 3)]
    assert check(check_id, *bad).status == "passing"


@pytest.mark.parametrize("value", ["true", "1", "yes", "false"])
@pytest.mark.parametrize(
    ("check_id", "label", "replicas"),
    [
        (REPLICAS, "kube9.io/ha-exempt", 1),
        (SPREAD, "kube9.io/ha-exempt", 2),
        (BUDGETS, "kube9.io/ha-exempt", 2),
        (REQUESTS, "kube9.io/resource-exempt", 1),
        (LIMITS, "kube9.io/resource-exempt", 1),
        (PROBES, "kube9.io/probe-exempt", 1),
    ],
)
def test_exemption_labels_exempt_if_they_are_true(check_id: str, label: str, replicas: int, value: str) -> None:
    exempt = value in ("true", "1")
    found = check(check_id, workload(replicas=replicas, containers=[BARE], labels={label: value}))
    assert (found.status == "passing") == exempt


@pytest.mark.parametrize("check_id", [REPLICAS, SPREAD, BUDGETS, REQUESTS, LIMITS, PROBES])
def test_offenders_beyond_five_are_counted(check_id: str) -> None:
    replicas = 1 if check_id == REPLICAS else 2
    many = [workload(name=f"web-{number}", replicas=replicas, containers=[BARE]) for number in range(7)]
    found = check(check_id, *many)
    assert (found.offenders_total, len(found.offenders)) == (7, 5)
    assert "(7): " in found.message
    assert found.message.endswith("and 4 more.")


@pytest.mark.parametrize(("replicas", "status"), [(None, "failing"), (0, "passing"), (1, "failing"), (2, "passing")])
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_replica_counts(kind: str, replicas: int | None, status: str) -> None:
    found = check(REPLICAS, workload(kind, replicas=replicas))
    assert found.status == status
    assert ("scale " + kind.lower() + "/web --replicas=2" in found.remediation) == (status == "failing")


def test_one_replica_of_a_daemon_set_is_no_matter() -> None:
    for one in (REPLICAS, SPREAD, BUDGETS):
        assert check(one, workload("DaemonSet", replicas=1), workload("DaemonSet", "two", replicas=2)).status == "passing"


def test_kube9_operator_runs_one_process() -> None:
    own = workload("StatefulSet", "kube9-operator", "kube9-system", 1, labels={"app.kubernetes.io/name": "kube9-operator"})
    assert check(REPLICAS, own).status == "passing"


@pytest.mark.parametrize(
    "pod",
    [
        {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]},
        {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "host"}]}}},
        {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}},
    ],
)
def test_replicas_that_are_spread_pass(pod: Manifest) -> None:
    assert check(SPREAD, workload(pod=pod)).status == "passing"


def test_replicas_that_are_not_spread_warn() -> None:
    empty = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}}
    found = check(SPREAD, workload(), workload("StatefulSet", "db", pod=empty), workload(name="one", replicas=1))
    assert (found.status, found.offenders) == ("warning", ("Deployment shop/web", "StatefulSet shop/db"))
    assert "topologySpreadConstraints" in found.remediation


@pytest.mark.parametrize(
    ("selector", "passes"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchLabels": {"app": "web", "more": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Odd"}]}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
        # In policy/v1 an empty selector selects every pod of the namespace.
        ({}, True),
    ],
)
def test_budgets_cover_what_their_selectors_select(selector: Manifest, passes: bool) -> None:
    assert check(BUDGETS, workload(), budget(**selector)).status == ("passing" if passes else "warning")


def test_a_budget_of_another_namespace_or_without_a_selector_covers_nothing() -> None:
    without = thing("policy/v1", "PodDisruptionBudget", "none", "shop", spec={"maxUnavailable": 1})
    found = check(BUDGETS, workload(), budget("other", matchLabels={"app": "web"}), without)
    assert (found.status, found.offenders) == ("warning", ("Deployment shop/web",))
    assert "create poddisruptionbudget web --selector=app=web --max-unavailable=1" in found.remediation
    assert check(BUDGETS, workload(replicas=1)).status == "passing"


@pytest.mark.parametrize(
    ("mark", "apis"),
    [
        ([workload(name="velero", namespace="velero", labels={"app.kubernetes.io/name": "velero"})], ()),
        ([workload(name="velero", namespace="velero", labels={"component": "velero"})], ()),
        ([workload(name="snapshot-controller", namespace="kube-system")], ()),
        ([], ("volumesnapshots.snapshot.storage.k8s.io",)),
    ],
)
def test_backups(mark: list[Manifest], apis: tuple[str, ...]) -> None:
    assert check(BACKUPS, workload(), *mark, apis=apis).status == "passing"
    found = check(BACKUPS, workload())
    assert (found.status, found.offenders_total) == ("warning", 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("resources", "requests", "limits"),
    [
        ({}, "no cpu and memory", "no cpu and memory"),
        ({"requests": {"cpu": "1"}}, "no memory", "no cpu and memory"),
        ({"requests": {"cpu": "1", "memory": "1Gi"}}, "", "no cpu and memory"),
        ({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}, "", "no cpu"),
        # A limit without a request is the request too.
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "", ""),
        ({"limits": {"cpu": 1}}, "no memory", "no memory"),
    ],
)
def test_requests_and_limits(kind: str, resources: Manifest, requests: str, limits: str) -> None:
    one = workload(kind, containers=[BARE | {"resources": resources}])
    for check_id, missing, status in ((REQUESTS, requests, "failing"), (LIMITS, limits, "warning")):
        found = check(check_id, one)
        assert found.status == (status if missing else "passing")
        assert found.offenders == ((f"{kind} shop/web (container app: {missing})",) if missing else ())


def test_init_containers_need_resources_and_are_changed_as_such() -> None:
    one = workload(pod={"initContainers": [{"name": "first"}]})
    for check_id in (REQUESTS, LIMITS):
        found = check(check_id, one)
        assert found.offenders == ("Deployment shop/web (init container first: no cpu and memory)",)
        assert '"initContainers":[{"name":"first"' in found.remediation


def test_a_limit_that_is_advised_is_not_below_the_request() -> None:
    one = workload(containers=[BARE | {"resources": {"requests": {"cpu": "3", "memory": "5Gi"}}}])
    assert '"limits":{"cpu":"6","memory":"10Gi"}' in check(LIMITS, one).remediation


def probed(live: Manifest | None, ready: Manifest | None, kind: str = "Deployment") -> Manifest:
    probes = {"livenessProbe": live, "readinessProbe": ready}
    return workload(kind, containers=[BARE | {name: probe for name, probe in probes.items() if probe is not None}])


HTTP: Manifest = {"httpGet": {"path": "/", "port": 80}}
TCP: Manifest = {"tcpSocket": {"port": "db"}}


@pytest.mark.parametrize(
    ("live", "ready", "fault"),
    [
        (HTTP, TCP, ""),
        ({"grpc": {"port": 1}}, {"exec": {"command": ["true"]}}, ""),
        (None, None, "no liveness probe, no readiness probe"),
        ({"initialDelaySeconds": 3}, HTTP, "no liveness probe"),
        (HTTP, None, "no readiness probe"),
        ({"httpGet": {"port": 80}}, TCP, "liveness probe is httpGet without path"),
        ({"httpGet": {"path": " ", "port": 80}}, TCP, "liveness probe is httpGet without path"),
        (HTTP, {"httpGet": {"path": "/"}}, "readiness probe is httpGet without port"),
        ({"tcpSocket": {}}, HTTP, "liveness probe is tcpSocket without port"),
        ({"grpc": {}}, HTTP, "liveness probe is grpc without port"),
        ({"exec": {}}, HTTP, "liveness probe is exec without command"),
        (HTTP, HTTP, "equal probes without a delay"),
        (HTTP | {"initialDelaySeconds": 1}, HTTP | {"initialDelaySeconds": 1}, "equal probes without a delay"),
        (HTTP | {"initialDelaySeconds": 2}, HTTP | {"initialDelaySeconds": 2}, ""),
        (HTTP, HTTP | {"periodSeconds": 3}, ""),
        (HTTP | {"failureThreshold": 3}, HTTP, "equal probes without a delay"),
        (HTTP | {"failureThreshold": 10}, HTTP, ""),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_probes(live: Manifest | None, ready: Manifest | None, fault: str, kind: str) -> None:
    found = check(PROBES, probed(live, ready, kind))
    assert found.status == ("failing" if fault else "passing")
    assert found.offenders == ((f"{kind} shop/web (container app: {fault})",) if fault else ())


def test_a_port_that_nobody_declares_is_an_example() -> None:
    assert "For example, if it listens on port 8080:\n" in check(PROBES, probed(None, None)).remediation
    one = workload(containers=[BARE | {"ports": [{"containerPort": 5432}]}])
    assert "For example:\n" in (found := check(PROBES, one).remediation)
    assert '"tcpSocket":{"port":5432}' in found


def test_equal_probes_wait_for_a_startup_probe() -> None:
    one = workload(containers=[BARE | {"livenessProbe": HTTP, "readinessProbe": HTTP, "startupProbe": HTTP}])
    assert check(PROBES, one).status == "passing"


def test_init_containers_need_no_probes() -> None:
    assert check(PROBES, workload(containers=[container(**GOOD_PROBES)], pod={"initContainers": [BARE]})).status == "passing"
