"""Checks of the pillar operational-excellence: kube9-operator's own workload, and whether changes are delivered by GitOps."""

from collections.abc import Callable
from typing import Any

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import DEPLOYMENT, Cluster, Container, Probe, Workload
from kube9_operator.assess.faults import Fault, verdict
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.kinds.workloads import UNKNOWN
from kube9_operator.assess.model import (
    HIGH,
    MEDIUM,
    OPERATIONS,
    PASSING,
    SKIPPED,
    WARNING,
    Check,
    Verdict,
)

READS = ("deployments", "statefulsets")
LIVENESS_PATHS = ("/livez",)
READINESS_PATHS = ("/readyz",)
DEPLOYMENT_LIVENESS_PATHS = ("/livez", "/healthz")
"""A Deployment of the name is the original operator, whose liveness path is /healthz."""
DEFAULT_PORT = 8080
HTTP = "http"
"""The name of the port in the chart."""
MIN_REPLICAS = 2
MIN_DEADLINE_SECONDS = 120
DEFAULT_MAX_UNAVAILABLE = "25%"
ARGO_SERVER, ARGO_NAMESPACE = "argocd-server", "argocd"
ARGO_CHART = "argo-cd --repo https://argoproj.github.io/argo-helm -n argocd --create-namespace"


def health_probes(cluster: Cluster) -> Verdict:
    """Fails unless the operator's probes ask for its liveness and its readiness, at one port."""
    return _verdict(cluster, _probe_faults, "The probes of kube9-operator are right.")


def metrics_exposure(cluster: Cluster) -> Verdict:
    """Fails unless the port of the probes, where the metrics are too, is declared; warns if scraping is switched off."""
    said = "kube9-operator declares the port of its metrics."
    return _verdict(cluster, _metrics_faults, said)


def logging_configuration(cluster: Cluster) -> Verdict:
    """Fails unless the operator's log level is set to a known one; warns for debug."""
    return _verdict(cluster, _log_faults, "kube9-operator logs at a sensible level.")


def audit_signals(cluster: Cluster) -> Verdict:
    """Fails unless the operator knows its namespace and has a service account of its own."""
    said = "kube9-operator knows its namespace and has a service account of its own."
    return _verdict(cluster, _audit_faults, said)


def deployment_strategy(cluster: Cluster) -> Verdict:
    """Fails if an upgrade stops all replicas of the operator at once; warns if it may not come to an end."""
    said = "Upgrades of kube9-operator take effect, and stop no more replicas than they must."
    return _verdict(cluster, _strategy_faults, said)


def gitops_delivery_signals(cluster: Cluster) -> Verdict:
    """Warns if there are workloads, and neither Argo CD nor Flux."""
    tools = []
    if apis.APPLICATIONS in cluster.apis or any(map(_is_argo, cluster.deployments)):
        tools.append("Argo CD")
    if any(one in cluster.apis for one in apis.FLUX):
        tools.append("Flux")
    if tools:
        return Verdict(PASSING, f"Found: {' and '.join(tools)}.")
    if not scope.users(cluster):
        return Verdict(PASSING, "No workloads to deliver.")
    remediation = text.advice(
        "Keep what runs here in Git, and let Argo CD or Flux apply it. For example:", f"helm install argocd {ARGO_CHART}"
    )
    return Verdict(WARNING, "Neither Argo CD nor Flux was found.", remediation=remediation)


def _verdict(cluster: Cluster, faults_of: Callable[[Workload], list[Fault]], passes: str) -> Verdict:
    own = scope.own(cluster)
    if not own:
        return Verdict(SKIPPED, "Skipped: no workload has the label app.kubernetes.io/name=kube9-operator.")
    return verdict((fault for one in own for fault in faults_of(one)), "kube9-operator", "kube9-operator", passes)


def _probe_faults(one: Workload) -> list[Fault]:
    container = _main(one)
    if container is None:
        return [_no_container(one)]
    paths = DEPLOYMENT_LIVENESS_PATHS if one.kind == DEPLOYMENT else LIVENESS_PATHS
    live, ready = container.liveness, container.readiness
    said = []
    if not _asks(live, paths):
        said.append(f"its liveness probe does not ask for {paths[-1]}")
    if not _asks(ready, READINESS_PATHS):
        said.append(f"its readiness probe does not ask for {READINESS_PATHS[0]}")
    if not said and live is not None and ready is not None and _number(container, live) != _number(container, ready):
        said.append("its probes ask two ports")
    if not said:
        return []
    probes = _probes(one, container, _http_port(container))
    remedy = text.advice("Set the probes as the chart does.", _patch(one, {"name": container.name, **probes}))
    return [Fault(True, f"{one.shown}: {', '.join(said)}", remedy)]


def _metrics_faults(one: Workload) -> list[Fault]:
    container = _main(one)
    if container is None:
        return [_no_container(one)]
    asked = [probe.port for probe in (container.liveness, container.readiness) if probe and probe.handler == "httpGet"]
    declared = {text for name, number in container.ports for text in (name, str(number)) if text}
    faults = []
    if len(asked) < 2:
        said = "without two HTTP probes the port of its metrics is not known"
        faults.append(Fault(True, f"{one.shown}: {said}", _probe_remedy(one)))
    elif not set(asked) <= declared:
        number = next((int(name) for name in asked if name.isdecimal() and name not in declared), DEFAULT_PORT)
        changed = {"ports": [{"name": HTTP, "containerPort": number}], **_probes(one, container, HTTP)}
        remedy = text.advice("Declare the port, as the chart does.", _patch(one, {"name": container.name, **changed}))
        faults.append(Fault(True, f"{one.shown}: the port of its probes is not declared", remedy))
    if one.scrape.lower() == "false":
        scraped = {"spec": {"template": {"metadata": {"annotations": {"prometheus.io/scrape": "true"}}}}}
        remedy = text.advice(
            "Let Prometheus collect the metrics (chart value podAnnotations).",
            text.patch(one.kind, one.namespace, one.name, scraped),
        )
        faults.append(Fault(False, f"{one.shown}: prometheus.io/scrape is false", remedy))
    return faults


def _probe_remedy(one: Workload) -> str:
    faults = _probe_faults(one)
    return faults[0].remediation if faults else ""


def _log_faults(one: Workload) -> list[Fault]:
    container = _main(one)
    if container is None:
        return [_no_container(one)]
    level = container.log_level
    if level not in (None, UNKNOWN, "debug"):
        return []
    said = {None: "LOG_LEVEL is not set", UNKNOWN: "LOG_LEVEL is none that it knows", "debug": "LOG_LEVEL is debug"}[level]
    remedy = text.advice(
        "Log at level info (chart value logLevel).",
        text.kubectl(one.namespace, f"set env {text.reference(one)} -c {text.quote(container.name)} LOG_LEVEL=info"),
    )
    return [Fault(level != "debug", f"{one.shown}: {said}", remedy)]


def _audit_faults(one: Workload) -> list[Fault]:
    container = _main(one)
    if container is None:
        return [_no_container(one)]
    faults = []
    if not container.knows_namespace:
        source: dict[str, Any] = {"value": None, "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
        env = [{"name": "POD_NAMESPACE", **source}]
        remedy = text.advice("Tell the operator its namespace.", _patch(one, {"name": container.name, "env": env}))
        faults.append(Fault(True, f"{one.shown}: POD_NAMESPACE is not the pod's namespace", remedy))
    if one.service_account in ("", "default"):
        name = text.quote(one.name)
        remedy = text.advice(
            "Give the operator a service account of its own (chart value serviceAccount.create), with the same permissions.",
            text.kubectl(one.namespace, f"create serviceaccount {name}"),
            text.kubectl(one.namespace, f"set serviceaccount {text.reference(one)} {name}"),
        )
        faults.append(Fault(True, f"{one.shown}: it runs as the default service account", remedy))
    return faults


def _strategy_faults(one: Workload) -> list[Fault]:
    field = "strategy" if one.kind == DEPLOYMENT else "updateStrategy"
    faults = []
    if one.replicas >= MIN_REPLICAS and one.strategy == "Recreate":
        again = {"$retainKeys": ["type"], "type": "RollingUpdate"}
        remedy = text.advice("Replace one replica after another.", _patch_spec(one, {"strategy": again}))
        faults.append(Fault(True, f"{one.shown}: an upgrade stops all {one.replicas} replicas (Recreate)", remedy))
    elif one.replicas >= MIN_REPLICAS and _unavailable(one) >= one.replicas:
        rolling: dict[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
        remedy = text.advice("Replace one replica after another.", _patch_spec(one, {field: rolling}))
        faults.append(Fault(True, f"{one.shown}: an upgrade may stop all {one.replicas} replicas (maxUnavailable)", remedy))
    deadline = one.progress_deadline_seconds
    if deadline is not None and deadline < MIN_DEADLINE_SECONDS:
        remedy = text.advice("Give an upgrade more time.", _patch_spec(one, {"progressDeadlineSeconds": 600}))
        faults.append(Fault(False, f"{one.shown}: progressDeadlineSeconds is below {MIN_DEADLINE_SECONDS}", remedy))
    if one.kind != DEPLOYMENT and (one.strategy == "OnDelete" or one.partition >= one.replicas > 0):
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
        remedy = text.advice("Let an upgrade replace the pod.", _patch_spec(one, {field: rolling}))
        faults.append(Fault(False, f"{one.shown}: an upgrade does not replace its pod", remedy))
    return faults


def _unavailable(one: Workload) -> int:
    """How many replicas an upgrade may stop at once. A StatefulSet replaces one after another unless it says otherwise."""
    given = one.max_unavailable or (DEFAULT_MAX_UNAVAILABLE if one.kind == DEPLOYMENT else "1")
    number = given.removesuffix("%")
    if not number.isdecimal():
        return 0
    return one.replicas * int(number) // 100 if given.endswith("%") else int(number)


def _main(one: Workload) -> Container | None:
    """The operator's container: the first that is no init container."""
    return next((each for each in one.containers if not each.init), None)


def _no_container(one: Workload) -> Fault:
    return Fault(True, f"{one.shown}: it has no containers", "Install kube9-operator with its chart.")


def _asks(probe: Probe | None, paths: tuple[str, ...]) -> bool:
    return probe is not None and probe.handler == "httpGet" and probe.path in paths


def _number(container: Container, probe: Probe) -> str:
    """The port that a probe asks, by its number if its name is declared."""
    return next((str(number) for name, number in container.ports if name and name == probe.port), probe.port)


def _probes(one: Workload, container: Container, port: int | str) -> dict[str, Any]:
    """The probes as the chart sets them. What is there is replaced, as a probe cannot ask in two ways."""
    live = (DEPLOYMENT_LIVENESS_PATHS if one.kind == DEPLOYMENT else LIVENESS_PATHS)[-1]
    made = {}
    for field, path, there in (
        ("livenessProbe", live, container.liveness),
        ("readinessProbe", READINESS_PATHS[0], container.readiness),
    ):
        replaced = {"$patch": "replace"} if there else {}
        made[field] = {**replaced, "httpGet": {"path": path, "port": port}}
    return made


def _http_port(container: Container) -> int | str:
    if any(name == HTTP for name, _ in container.ports):
        return HTTP
    return container.ports[0][1] if container.ports else DEFAULT_PORT


def _patch(one: Workload, container: dict[str, Any]) -> str:
    return text.patch_pods(one, {"containers": [container]})


def _patch_spec(one: Workload, spec: dict[str, Any]) -> str:
    return text.patch(one.kind, one.namespace, one.name, {"spec": spec})


def _is_argo(one: Workload) -> bool:
    return one.namespace == ARGO_NAMESPACE and one.labels.get("app.kubernetes.io/name") == ARGO_SERVER


CHECKS = (
    Check(
        "operational-excellence.kube9-operator-health-probes",
        "kube9-operator health probes",
        OPERATIONS,
        HIGH,
        READS,
        health_probes,
    ),
    Check(
        "operational-excellence.kube9-operator-metrics-exposure",
        "kube9-operator metrics exposure",
        OPERATIONS,
        MEDIUM,
        READS,
        metrics_exposure,
    ),
    Check(
        "operational-excellence.kube9-operator-logging-configuration",
        "kube9-operator logging configuration",
        OPERATIONS,
        MEDIUM,
        READS,
        logging_configuration,
    ),
    Check(
        "operational-excellence.kube9-operator-audit-signals",
        "kube9-operator audit signals",
        OPERATIONS,
        MEDIUM,
        READS,
        audit_signals,
    ),
    Check(
        "operational-excellence.kube9-operator-deployment-strategy",
        "kube9-operator deployment strategy",
        OPERATIONS,
        MEDIUM,
        READS,
        deployment_strategy,
    ),
    Check(
        "operational-excellence.gitops-delivery-signals",
        "GitOps delivery signals",
        OPERATIONS,
        MEDIUM,
        ("deployments", "statefulsets", "daemonsets", apis.KIND),
        gitops_delivery_signals,
    ),
)
