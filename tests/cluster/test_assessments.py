"""Assessments of a real control plane: a fresh cluster has no finding, and each remediation, followed to the letter, makes
its check pass.

What only a download could install is stood in for by what it would install: the CustomResourceDefinitions that checks look for.
"""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kube9_operator.assess.listing import Listing
from kube9_operator.assess.model import FAILING, PASSING, SKIPPED, WARNING, Result
from kube9_operator.assess.registry import CHECKS
from kube9_operator.assess.run import Read, assess_run
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach
from tests.assessed import Manifest, account, binding, config_map, container, node, path_of, role, thing, workload
from tests.cluster.plane import ApiError, ControlPlane
from tests.operator import until
from tests.standin import kubeconfig

LONG_SECONDS = 60.0
MOST_ROUNDS = 10
"""A remediation is made for the first offender, so that several take several rounds."""
DEADLINES = Deadlines()
OPERATOR = {"app.kubernetes.io/name": "kube9-operator"}
PLAIN: Manifest = {"name": "app", "image": "example/app:1"}


class Case(NamedTuple):
    """Objects that a check objects to."""

    name: str
    check_id: str
    status: str
    objects: list[Manifest]
    stand_in: str = ""
    """The resource that a command would install which needs a download."""
    pods: int = 0
    """How many pods the verdict is about: the cluster makes them a moment later than their workload."""


def security(**context: Any) -> list[Manifest]:
    return [workload(containers=[container(securityContext=context)])]


def probes(live: Manifest | None, ready: Manifest | None) -> list[Manifest]:
    return [workload(containers=[PLAIN | {"livenessProbe": live, "readinessProbe": ready}])]


def resources(requests: Manifest, limits: Manifest | None = None, replicas: int = 2) -> list[Manifest]:
    return [workload(replicas=replicas, containers=[PLAIN | {"resources": {"requests": requests, "limits": limits or {}}}])]


def operator(kind: str = "StatefulSet", replicas: int = 1, spec: Manifest | None = None, **fields: Any) -> list[Manifest]:
    """A kube9-operator that somebody has misconfigured."""
    one = {"name": "operator", "image": "example/operator:1"} | fields
    return [workload(kind, "kube9-operator", replicas=replicas, containers=[one], labels=OPERATOR, spec=spec)]


def hpa(target: str) -> Manifest:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "maxReplicas": 3}
    return thing("autoscaling/v2", "HorizontalPodAutoscaler", "scale", "shop", spec=spec)


def vpa(target: str, mode: str) -> Manifest:
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "updatePolicy": {"updateMode": mode}}
    return thing("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "scale", "shop", spec=spec)


def quota(**hard: str) -> Manifest:
    named = {key.replace("_", "."): value for key, value in hard.items()}
    return thing("v1", "ResourceQuota", "compute", "shop", spec={"hard": named})


def pod(**spec: Any) -> Manifest:
    return thing("v1", "Pod", "bare", "shop", spec={"containers": [PLAIN]} | spec)


PORT = [{"name": "http", "containerPort": 8080}]
LIVE, READY = ({"httpGet": {"path": path, "port": "http"}} for path in ("/livez", "/readyz"))
GOOD_PROBES = {"livenessProbe": LIVE, "readinessProbe": READY}
HTTP: Manifest = {"httpGet": {"path": "/", "port": 80}}
SPREAD = {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]}
EVERY = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
USER = {"kind": "User", "name": "Eve O'Hara", "apiGroup": "rbac.authorization.k8s.io"}
SPOT = "karpenter.sh/capacity-type"
OWN = "operational-excellence.kube9-operator"
PERFORMANCE = "performance-efficiency"

CASES = [
    Case("root", "security.run-as-non-root", FAILING, [workload(containers=[PLAIN])]),
    Case("root-by-container", "security.run-as-non-root", FAILING, security(runAsNonRoot=False)),
    Case("root-bare", "security.run-as-non-root", FAILING, [pod()]),
    Case("privileged", "security.privileged-containers", FAILING, security(privileged=True)),
    Case(
        "privileged-init",
        "security.privileged-containers",
        FAILING,
        [workload(pod={"initContainers": [PLAIN | {"name": "first", "securityContext": {"privileged": True}}]})],
    ),
    Case("capabilities", "security.capabilities-validation", FAILING, security(capabilities={"add": ["SYS_ADMIN", "CHOWN"]})),
    Case(
        "wildcards", "security.rbac-wildcard-permissions", FAILING, [role("case-all", **EVERY), role("some", "shop", **EVERY)]
    ),
    Case(
        "cluster-admin",
        "security.rbac-cluster-admin-misuse",
        FAILING,
        [
            binding("case-ci", account("ci"), USER),
            binding("case-nobody"),
            binding("dev", {"kind": "Group", "name": "dev"}, namespace="shop"),
        ],
    ),
    Case(
        "config-map",
        "security.secrets-in-configmaps",
        FAILING,
        [config_map("settings", data={"db.password": "hunter2"}, binaryData={"api_key": "aHVudGVyMg=="})],
    ),
    Case(
        "hardcoded",
        "security.hardcoded-secrets",
        FAILING,
        [
            workload(
                "StatefulSet",
                containers=[
                    container(env=[{"name": name, "value": "hunter2hunter2"} for name in ("DB_PASSWORD", "API_TOKEN")]),
                    container("other", env=[{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]),
                ],
            )
        ],
    ),
    Case("external-secrets", "security.external-secrets-usage", SKIPPED, [], "externalsecrets.external-secrets.io"),
    Case("replicas", "reliability.replica-counts", FAILING, [workload(replicas=1), workload("StatefulSet", "db", replicas=1)]),
    Case("spread", "reliability.spread-anti-affinity", WARNING, [workload(), workload("StatefulSet", "db")]),
    Case("budget", "reliability.pod-disruption-budgets", WARNING, [workload()]),
    Case(
        "requests",
        "reliability.resource-requests",
        FAILING,
        [workload(containers=[PLAIN], pod={"initContainers": [PLAIN | {"name": "first"}]})],
    ),
    Case("limits", "reliability.resource-limits", WARNING, resources({"cpu": "3", "memory": "5Gi"})),
    Case("limits-of-a-daemon", "reliability.resource-limits", WARNING, [workload("DaemonSet", containers=[PLAIN])]),
    Case("probes", "reliability.liveness-readiness-probes", FAILING, probes(None, None)),
    Case("equal-probes", "reliability.liveness-readiness-probes", FAILING, probes(HTTP, HTTP)),
    Case("no-readiness", "reliability.liveness-readiness-probes", FAILING, probes({"tcpSocket": {"port": 8080}}, None)),
    Case("backups", "reliability.backup-dr-signals", WARNING, [workload()], "volumesnapshots.snapshot.storage.k8s.io"),
    Case("hpa-none", f"{PERFORMANCE}.hpa-configuration-sanity", WARNING, [workload(), workload("StatefulSet", "db")]),
    Case("hpa-broken", f"{PERFORMANCE}.hpa-configuration-sanity", FAILING, [hpa("gone")]),
    Case("vpa-none", f"{PERFORMANCE}.vpa-configuration-sanity", WARNING, [workload()]),
    Case("vpa-broken", f"{PERFORMANCE}.vpa-configuration-sanity", FAILING, [vpa("gone", "Auto")]),
    Case("vpa-off", f"{PERFORMANCE}.vpa-configuration-sanity", WARNING, [workload(), vpa("web", "Off")]),
    Case("quota-none", f"{PERFORMANCE}.namespace-resource-governance", WARNING, [workload(replicas=3, containers=[PLAIN])]),
    Case(
        "quota-low",
        f"{PERFORMANCE}.namespace-resource-governance",
        FAILING,
        [*resources({"cpu": "1", "memory": "1Gi"}), quota(requests_cpu="1", requests_memory="2Gi", pods="100")],
    ),
    Case("quota-of-services", f"{PERFORMANCE}.namespace-resource-governance", WARNING, [workload(), quota(services="5")]),
    Case(
        "node-name",
        f"{PERFORMANCE}.node-affinity-and-placement",
        FAILING,
        [workload(replicas=1, pod={"nodeName": "gone"}), node()],
    ),
    Case(
        "no-node",
        f"{PERFORMANCE}.node-affinity-and-placement",
        FAILING,
        [workload(pod=SPREAD | {"nodeSelector": {"disk": "tape"}}), node()],
    ),
    Case("not-spread", f"{PERFORMANCE}.node-affinity-and-placement", WARNING, [workload(), node()]),
    Case(
        "ratios",
        "cost-optimization.resource-request-limit-ratios",
        FAILING,
        resources({"cpu": "1m", "memory": "1Mi"}, {"cpu": "1", "memory": "1Gi"}),
    ),
    Case("large-pod", "cost-optimization.over-provisioning-detection", FAILING, resources({"cpu": "16", "memory": "20Gi"})),
    Case("large-workload", "cost-optimization.over-provisioning-detection", WARNING, resources({"cpu": "3"}, replicas=12)),
    Case("spot", "cost-optimization.spot-instance-usage", FAILING, [workload(), node(labels={SPOT: "spot"})]),
    Case(
        "spot-taint",
        "cost-optimization.spot-instance-usage",
        FAILING,
        [workload(), node(spec={"taints": [{"key": "spot-only", "value": "yes", "effect": "NoSchedule"}]})],
    ),
    Case("own-probes", f"{OWN}-health-probes", FAILING, operator()),
    Case(
        "own-probes-changed",
        f"{OWN}-health-probes",
        FAILING,
        operator(ports=PORT, **GOOD_PROBES | {"livenessProbe": {"exec": {"command": ["true"]}}}),
    ),
    Case("own-metrics", f"{OWN}-metrics-exposure", FAILING, operator(livenessProbe=LIVE, readinessProbe=READY)),
    Case("own-metrics-unknown", f"{OWN}-metrics-exposure", FAILING, operator("Deployment")),
    Case(
        "own-metrics-off",
        f"{OWN}-metrics-exposure",
        WARNING,
        operator(
            ports=PORT, spec={"template": {"metadata": {"annotations": {"prometheus.io/scrape": "false"}}}}, **GOOD_PROBES
        ),
    ),
    Case("own-log", f"{OWN}-logging-configuration", WARNING, operator(env=[{"name": "LOG_LEVEL", "value": "debug"}])),
    Case("own-audit", f"{OWN}-audit-signals", FAILING, operator(env=[{"name": "POD_NAMESPACE", "value": "shop"}])),
    Case("own-recreate", f"{OWN}-deployment-strategy", FAILING, operator("Deployment", 2, {"strategy": {"type": "Recreate"}})),
    Case(
        "own-unavailable",
        f"{OWN}-deployment-strategy",
        FAILING,
        operator("Deployment", 2, {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}, "progressDeadlineSeconds": 60}),
    ),
    Case("own-on-delete", f"{OWN}-deployment-strategy", WARNING, operator(spec={"updateStrategy": {"type": "OnDelete"}})),
    Case("gitops", "operational-excellence.gitops-delivery-signals", WARNING, [workload()], "applications.argoproj.io"),
    Case(
        "idle",
        "sustainability.resource-efficiency-signals",
        WARNING,
        [
            *resources({"cpu": "1", "memory": "2Gi"}),
            node("large", cpu="64", memory="256Gi"),
            node("small", cpu="4", memory="8Gi"),
        ],
        pods=2,
    ),
    Case(
        "consolidation",
        "sustainability.workload-consolidation-signals",
        WARNING,
        [workload(name=f"web-{number}", replicas=1) for number in range(8)],
    ),
]


class Cluster:
    """A control plane of these tests alone, on which nobody has done anything yet."""

    def __init__(self, plane: ControlPlane, binaries: Path, folder: Path) -> None:
        self.plane = plane
        self._environment = os.environ | {
            "KUBECONFIG": str(plane.kubeconfig(folder)),
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
        }

    def make(self, manifest: Manifest, namespace: str) -> None:
        """Makes an object, in `namespace` if it has one."""
        own = {key: value for key, value in manifest["metadata"].items() if key not in ("uid", "resourceVersion")}
        made = manifest | {"metadata": own}
        path = path_of(manifest)
        if "namespace" in own:
            own["namespace"] = namespace
            before, _, plural = path.rpartition("/")
            path = f"{before}/namespaces/{namespace}/{plural}"
        elif manifest["kind"] in ("Node", "ClusterRole", "ClusterRoleBinding"):
            own["name"] = f"{namespace}-{own['name']}"
        if manifest["kind"] == "Node":
            # No kubelet would run or end what the scheduler places there.
            taints = [*made.get("spec", {}).get("taints", ()), {"key": "no-kubelet", "effect": "NoSchedule"}]
            made["spec"] = {"taints": taints}
        for subject in made.get("subjects", ()):
            subject |= {"namespace": namespace} if subject["kind"] == "ServiceAccount" else {}
        self.plane.api("POST", path, made)
        if manifest["kind"] == "Node":
            self.plane.api("PATCH", f"{path}/{own['name']}/status", {"status": manifest["status"]})

    def serve(self, resource: str, version: str = "v1") -> None:
        """Makes the API server serve a resource of an add-on."""
        plural, _, group = resource.partition(".")
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        kinds = {"verticalpodautoscalers": "VerticalPodAutoscaler"}
        spec = {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kinds.get(plural, plural.capitalize())},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        }
        # Names of resources of Kubernetes' own groups are reserved, unless somebody says that this one was approved.
        approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/1"}
        crd = {"metadata": {"name": resource, "annotations": approved}, "spec": spec}
        self.plane.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        until(lambda: self._serves(f"/apis/{group}/{version}/{plural}"), f"{resource} to be served", LONG_SECONDS)

    def run_pods(self, namespace: str) -> None:
        """Does what kubelets would: pods become ready, so that a rollout goes on."""
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        path = f"/api/v1/namespaces/{namespace}/pods"
        for pod in self.plane.api("GET", path)["items"]:
            if pod["status"].get("phase") != "Running":
                ready = {"status": {"phase": "Running", "conditions": [condition]}}
                with contextlib.suppress(ApiError):  # it may have been deleted meanwhile
                    self.plane.api("PATCH", f"{path}/{pod['metadata']['name']}/status", ready)

    def _serves(self, path: str) -> bool:
        try:
            self.plane.api("GET", path)
        except ApiError:
            return False
        return True

    def follow(self, remediation: str) -> str:
        """Runs the commands of a remediation, as they are."""
        _, _, commands = remediation.partition("\n")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env=self._environment,
            text=True,
            capture_output=True,
            timeout=LONG_SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stderr}"
        return commands


@pytest.fixture(scope="module")
def cluster(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("assessed")
    with ControlPlane(folder, binaries, controllers=True) as plane:
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        until(lambda: plane.api("GET", accounts)["items"], "the service account of the default namespace", LONG_SECONDS)
        yield Cluster(plane, binaries, folder)


Look = Callable[..., Listing]


@pytest.fixture
def look(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Makes a lister with the credentials of an administrator, or of a token."""

    def make(token: str = "") -> Listing:
        path = cluster.plane.kubeconfig(tmp_path)
        if token:
            server, _, authority = cluster.plane.access()
            path.write_text(kubeconfig(server, {"token": token}, {"certificate-authority": str(authority)}), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        return Listing(Client(DEADLINES.connect, Reach(), DEADLINES.plugin), DEADLINES, read_config_maps=True)

    return make


class Within:
    """Lists what belongs to one case, so that cases do not meet."""

    def __init__(self, listing: Listing, namespace: str) -> None:
        self._listing = listing
        self._namespace = namespace

    def pages(self, kind: str) -> Iterator[Read]:
        for page in self._listing.pages(kind):
            yield page._replace(objects=[one for one in page.objects if self._is_mine(kind, one)])

    def _is_mine(self, kind: str, one: Any) -> bool:
        if kind == "apis":
            return True
        return str(getattr(one, "namespace", "") or one.name).startswith(self._namespace)


def test_a_fresh_cluster_has_no_finding(cluster: Cluster, look: Look) -> None:
    """The first of the module: nothing has been made yet."""
    results = list(assess_run(look()))
    assert len(results) == 31
    for found in results:
        assert found.status in (PASSING, SKIPPED), found
    assert [one.check_id for one in results if one.status == SKIPPED and "permission" in one.message] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_remediation_makes_its_check_pass(cluster: Cluster, look: Look, case: Case) -> None:
    namespace = f"case-{case.name}"
    cluster.plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    until(lambda: cluster.plane.api("GET", accounts)["items"], "the service account", LONG_SECONDS)
    if "vpa" in case.name and not cluster._serves("/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"):
        cluster.serve("verticalpodautoscalers.autoscaling.k8s.io")
    for manifest in case.objects:
        cluster.make(manifest, namespace)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    until(lambda: len(cluster.plane.api("GET", pods)["items"]) >= case.pods, "the pods", LONG_SECONDS)
    lister = Within(look(), namespace)

    def judged() -> Result:
        cluster.run_pods(namespace)
        (result,) = assess_run(lister, "single-check", check_id=case.check_id)
        return result

    def found(wanted: Callable[[Result], bool], what: str) -> Result:
        kept: list[Result] = []
        until(lambda: wanted(kept.append(judged()) or kept[-1]), what, LONG_SECONDS)
        return kept[-1]

    result = found(lambda one: one.status == case.status, f"{case.check_id} to be {case.status}")
    for _ in range(MOST_ROUNDS):
        assert result.remediation, result
        if case.stand_in:
            cluster.serve(case.stand_in)
        else:
            assert cluster.follow(result.remediation)
        before = result.offenders, result.message
        result = found(lambda one, before=before: (one.offenders, one.message) != before, "another verdict")  # type: ignore[misc]
        if result.status == PASSING:
            return
    pytest.fail(f"still {result}")


def test_every_check_that_can_find_something_has_a_case() -> None:
    assert {one.check_id for one in CASES} == {one.id for one in CHECKS} - {"security.stored-vulnerability-thresholds"}


def test_a_missing_permission_is_named_and_can_be_granted_as_the_remediation_says(cluster: Cluster, look: Look) -> None:
    cluster.plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": "kube9-system"}})
    accounts = "/api/v1/namespaces/kube9-system/serviceaccounts"
    cluster.plane.api("POST", accounts, {"metadata": {"name": "kube9-operator"}})
    request = {"spec": {"expirationSeconds": 3600}}
    token = cluster.plane.api("POST", f"{accounts}/kube9-operator/token", request)["status"]["token"]
    lister = look(token)

    def judged() -> Result:
        (result,) = assess_run(lister, "single-check", check_id="security.rbac-wildcard-permissions")
        return result

    for permission in ("clusterroles", "roles"):
        found = judged()
        assert found.status == SKIPPED
        assert f"the permission to list {permission}.rbac.authorization.k8s.io" in found.message
        cluster.follow(found.remediation)
        until(lambda: permission not in judged().message, "the permission", LONG_SECONDS)  # noqa: B023
    assert judged().status in (PASSING, FAILING)
    results = {one.check_id: one for one in assess_run(lister)}
    assert "permission" not in results["security.external-secrets-usage"].message
    assert results["security.run-as-non-root"].status == SKIPPED
