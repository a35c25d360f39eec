"""The checks of the pillar operational-excellence."""

from typing import Any

import pytest

from tests.assessed import Manifest, check, merged, workload

PREFIX = "operational-excellence.kube9-operator"
PROBES, METRICS, LOGS = f"{PREFIX}-health-probes", f"{PREFIX}-metrics-exposure", f"{PREFIX}-logging-configuration"
AUDIT, STRATEGY = f"{PREFIX}-audit-signals", f"{PREFIX}-deployment-strategy"
GITOPS = "operational-excellence.gitops-delivery-signals"
OWN = (PROBES, METRICS, LOGS, AUDIT, STRATEGY)
NAMESPACE_REF = {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}


def probe(path: str, port: Any = "http") -> Manifest:
    return {"httpGet": {"path": path, "port": port}}


def operator(kind: str = "StatefulSet", changed: Manifest | None = None, pod: Manifest | None = None, **more: Any) -> Manifest:
    """As the chart makes it. `changed` are fields of its container."""
    container = {
        "name": "operator",
        "env": [NAMESPACE_REF, {"name": "LOG_LEVEL", "value": "info"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "livenessProbe": probe("/livez" if kind == "StatefulSet" else "/healthz"),
        "readinessProbe": probe("/readyz"),
    }
    labels = {"app.kubernetes.io/name": "kube9-operator"}
    more = merged({"replicas": 1, "labels": labels}, more)
    spec = merged({"serviceAccountName": "kube9-operator"}, pod or {})
    return workload(kind, "kube9-operator", "kube9-system", containers=[container | (changed or {})], pod=spec, **more)


@pytest.mark.parametrize("check_id", OWN)
def test_without_the_operator_its_checks_are_skipped(check_id: str) -> None:
    found = check(check_id, workload())
    assert found.status == "skipped"
    assert "app.kubernetes.io/name=kube9-operator" in found.message


@pytest.mark.parametrize("check_id", OWN)
@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_our_stateful_set_and_the_originals_deployment_pass(check_id: str, kind: str) -> None:
    assert check(check_id, operator(kind)).status == "passing"


@pytest.mark.parametrize("check_id", [PROBES, METRICS, LOGS, AUDIT])
def test_an_operator_without_containers_fails(check_id: str) -> None:
    own = operator()
    own["spec"]["template"]["spec"]["containers"] = []
    assert check(check_id, own).status == "failing"


@pytest.mark.parametrize(
    ("live", "ready", "fault"),
    [
        (probe("/livez", 8080), probe("/readyz", 8080), ""),
        (probe("/healthz"), probe("/readyz"), "its liveness probe does not ask for /livez"),
        (None, probe("/readyz"), "its liveness probe does not ask for /livez"),
        ({"tcpSocket": {"port": 8080}}, probe("/readyz"), "its liveness probe does not ask for /livez"),
        (probe("/livez"), None, "its readiness probe does not ask for /readyz"),
        (probe("/livez"), probe("/secret-token"), "its readiness probe does not ask for /readyz"),
        (probe("/livez", 8080), probe("/readyz", 8081), "its probes ask two ports"),
        (probe("/livez"), probe("/readyz", 8080), ""),
        (probe("/livez"), probe("/readyz", "https"), "its probes ask two ports"),
    ],
)
def test_health_probes(live: Manifest | None, ready: Manifest | None, fault: str) -> None:
    found = check(PROBES, operator(changed={"livenessProbe": live, "readinessProbe": ready}))
    assert found.status == ("failing" if fault else "passing")
    assert fault in found.message
    assert "secret-token" not in found.message
    assert ('"path":"/livez","port":"http"' in found.remediation) == bool(fault)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"ports": []}, "failing"),
        ({"ports": [{"containerPort": 9000}]}, "failing"),
        ({"ports": [{"containerPort": 8080}]}, "failing"),
        (
            {
                "ports": [{"containerPort": 8080}],
                "livenessProbe": probe("/livez", 8080),
                "readinessProbe": probe("/readyz", 8080),
            },
            "passing",
        ),
        ({"livenessProbe": probe("/livez", 8080)}, "passing"),
        ({"livenessProbe": None}, "failing"),
    ],
)
def test_metrics_are_at_the_declared_port_of_the_probes(changed: Manifest, status: str) -> None:
    found = check(METRICS, operator(changed=changed))
    assert found.status == status
    assert bool(found.remediation) == (status == "failing")


def test_the_port_that_is_called_http_is_advised() -> None:
    ports = [{"name": "profiling", "containerPort": 6060}, {"name": "http", "containerPort": 8080}]
    assert '"port":"http"' in check(PROBES, operator(changed={"ports": ports, "livenessProbe": None})).remediation


def test_metrics_that_are_not_scraped_warn() -> None:
    template = {"template": {"metadata": {"annotations": {"prometheus.io/scrape": "false"}}}}
    found = check(METRICS, operator(spec=template))
    assert (found.status, found.offenders_total) == ("warning", 1)
    assert (
        check(METRICS, operator(spec={"template": {"metadata": {"annotations": {"prometheus.io/scrape": "true"}}}})).status
        == "passing"
    )


@pytest.mark.parametrize(
    ("level", "status"),
    [
        ("error", "passing"),
        ("warn", "passing"),
        ("warning", "passing"),
        ("INFO", "passing"),
        ("debug", "warning"),
        ("loud", "failing"),
        (None, "failing"),
    ],
)
def test_log_levels(level: str | None, status: str) -> None:
    env = [NAMESPACE_REF] if level is None else [{"name": "LOG_LEVEL", "value": level}]
    found = check(LOGS, operator(changed={"env": env}))
    assert found.status == status
    assert "loud" not in found.message
    assert ("set env statefulset/kube9-operator -c operator LOG_LEVEL=info" in found.remediation) == (status != "passing")


def test_a_log_level_from_elsewhere_is_not_a_literal() -> None:
    env = [{"name": "LOG_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}]
    assert check(LOGS, operator(changed={"env": env})).status == "failing"


@pytest.mark.parametrize("env", [[], [{"name": "POD_NAMESPACE", "value": "kube9-system"}], [NAMESPACE_REF | {"name": "OTHER"}]])
def test_the_operator_must_know_its_namespace(env: list[Manifest]) -> None:
    found = check(AUDIT, operator(changed={"env": env}))
    assert found.status == "failing"
    assert "POD_NAMESPACE" in found.message


@pytest.mark.parametrize("name", ["", "default"])
def test_the_operator_must_have_its_own_service_account(name: str) -> None:
    found = check(AUDIT, operator(pod={"serviceAccountName": name}))
    assert found.status == "failing"
    assert "set serviceaccount statefulset/kube9-operator kube9-operator" in found.remediation
    found = check(AUDIT, operator(changed={"env": []}, pod={"serviceAccountName": name}))
    assert found.offenders_total == 2


ROLLING = "RollingUpdate"


@pytest.mark.parametrize(
    ("replicas", "strategy", "deadline", "status"),
    [
        (1, {"type": "Recreate"}, None, "passing"),
        (2, {"type": "Recreate"}, None, "failing"),
        (2, {"type": ROLLING}, None, "passing"),
        (2, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 1}}, None, "passing"),
        (2, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 2}}, None, "failing"),
        (4, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": "99%"}}, None, "passing"),
        (4, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": "100%"}}, None, "failing"),
        (1, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 1}}, None, "passing"),
        (1, {"type": ROLLING}, 119, "warning"),
        (1, {"type": ROLLING}, 120, "passing"),
    ],
)
def test_strategy_of_a_deployment(replicas: int, strategy: Manifest, deadline: int | None, status: str) -> None:
    spec: Manifest = {"strategy": strategy} | ({} if deadline is None else {"progressDeadlineSeconds": deadline})
    assert check(STRATEGY, operator("Deployment", replicas=replicas, spec=spec)).status == status


@pytest.mark.parametrize(
    ("replicas", "strategy", "status"),
    [
        (1, {"type": ROLLING, "rollingUpdate": {"partition": 0}}, "passing"),
        (2, {"type": ROLLING}, "passing"),
        (2, {"type": ROLLING, "rollingUpdate": {"maxUnavailable": 2}}, "failing"),
        (1, {"type": "OnDelete"}, "warning"),
        (1, {"type": ROLLING, "rollingUpdate": {"partition": 1}}, "warning"),
    ],
)
def test_strategy_of_our_stateful_set(replicas: int, strategy: Manifest, status: str) -> None:
    assert check(STRATEGY, operator(replicas=replicas, spec={"updateStrategy": strategy})).status == status


@pytest.mark.parametrize(
    "api",
    [
        "applications.argoproj.io",
        "kustomizations.kustomize.toolkit.fluxcd.io",
        "helmreleases.helm.toolkit.fluxcd.io",
        "gitrepositories.source.toolkit.fluxcd.io",
    ],
)
def test_gitops_tools_pass(api: str) -> None:
    assert check(GITOPS, workload(), apis=(api,)).status == "passing"


def test_without_gitops_workloads_warn() -> None:
    assert check(GITOPS, workload(), apis=("workflows.argoproj.io",)).status == "warning"
    server = workload(name="argocd-server", namespace="argocd", labels={"app.kubernetes.io/name": "argocd-server"})
    assert check(GITOPS, workload(), server).status == "passing"


def test_without_workloads_there_is_nothing_to_deliver() -> None:
    assert check(GITOPS, operator(), workload(namespace="kube-system")).status == "passing"
