"""The checks of the pillar security."""

import base64

import pytest

from kube9_operator.assess import suspicion
from kube9_operator.text import redact
from tests.assessed import Manifest, account, binding, check, config_map, container, group, role, running, safe, workload

NON_ROOT, PRIVILEGED = "security.run-as-non-root", "security.privileged-containers"
CAPABILITIES, WILDCARDS = "security.capabilities-validation", "security.rbac-wildcard-permissions"
ADMIN, CONFIG_MAPS = "security.rbac-cluster-admin-misuse", "security.secrets-in-configmaps"
HARDCODED, EXTERNAL = "security.hardcoded-secrets", "security.external-secrets-usage"


def test_an_empty_cluster_passes() -> None:
    for one in (NON_ROOT, PRIVILEGED, CAPABILITIES, WILDCARDS, ADMIN, CONFIG_MAPS, HARDCODED):
        found = check(one)
        assert (found.status, found.offenders_total, found.remediation) == ("passing", 0, "")


@pytest.mark.parametrize(
    ("pod", "own", "passes"),
    [
        (None, None, False),
        (True, None, True),
        (None, True, True),
        (False, True, True),
        (True, False, False),
        (False, None, False),
    ],
)
def test_run_as_non_root_goes_by_the_container_then_by_the_pod(pod: bool | None, own: bool | None, passes: bool) -> None:
    one: Manifest = {"name": "app"} | ({} if own is None else {"securityContext": {"runAsNonRoot": own}})
    context = {} if pod is None else {"securityContext": {"runAsNonRoot": pod}}
    found = check(NON_ROOT, running(owner="Deployment/web", containers=[one], **context))
    assert found.status == ("passing" if passes else "failing")
    assert found.offenders == (() if passes else ("Deployment shop/web (container app)",))
    assert ('"containers":[' in found.remediation) == (own is False)


@pytest.mark.parametrize("field", ["initContainers", "ephemeralContainers"])
@pytest.mark.parametrize(
    ("check_id", "context"),
    [
        (NON_ROOT, {"runAsNonRoot": False}),
        (PRIVILEGED, {"runAsNonRoot": True, "privileged": True}),
        (CAPABILITIES, {"runAsNonRoot": True, "capabilities": {"add": ["SYS_ADMIN"]}}),
    ],
)
def test_init_and_ephemeral_containers_are_looked_at(field: str, check_id: str, context: Manifest) -> None:
    found = check(check_id, running(containers=[safe()], **{field: [{"name": "other", "securityContext": context}]}))
    assert found.status == "failing"
    assert "container other" in found.message
    assert ("delete pod web" in found.remediation) == (field == "ephemeralContainers")


def test_privileged_containers() -> None:
    assert check(PRIVILEGED, running(containers=[safe(privileged=False)])).status == "passing"
    found = check(PRIVILEGED, running(owner="DaemonSet/agent", containers=[safe(privileged=True)]))
    assert (found.status, found.severity) == ("failing", "critical")
    assert "kubectl -n shop patch daemonset agent -p" in found.remediation


@pytest.mark.parametrize(
    ("add", "drop", "status"),
    [
        (["NET_BIND_SERVICE"], [], "passing"),
        (["NET_ADMIN"], [], "failing"),
        (["CAP_SYS_TIME"], [], "failing"),
        (["mknod"], [], "failing"),
        (["NET_ADMIN"], ["ALL"], "passing"),
        (["NET_ADMIN"], [f"X{number}" for number in range(39)], "passing"),
        (["NET_ADMIN"], [f"X{number}" for number in range(38)], "failing"),
        (["ALL"], [], "failing"),
        (["ALL"], ["ALL"], "failing"),
    ],
)
def test_capabilities(add: list[str], drop: list[str], status: str) -> None:
    found = check(CAPABILITIES, running(containers=[safe(capabilities={"add": add, "drop": drop})]))
    assert found.status == status


def test_the_ten_dangerous_capabilities_are_found() -> None:
    ten = {"SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "NET_ADMIN"}
    ten |= {"DAC_READ_SEARCH", "AUDIT_CONTROL", "MKNOD", "SYS_BOOT", "SYS_TIME"}
    for one in ten:
        found = check(CAPABILITIES, running(containers=[safe(capabilities={"add": [one]})]))
        assert found.offenders == (f"Pod shop/web (container app: {one})",)


def test_pods_of_one_owner_are_one_offender_and_ended_ones_none() -> None:
    pods = [running(f"web-{number}", owner="Deployment/web") for number in range(9)]
    ended = running("old") | {"status": {"phase": "Succeeded"}}
    found = check(NON_ROOT, *pods, ended)
    assert (found.offenders_total, found.offenders) == (1, ("Deployment shop/web (container app)",))


def test_beyond_five_offenders_the_first_are_named_and_all_counted() -> None:
    found = check(NON_ROOT, *(running(f"pod-{number}") for number in range(5)))
    assert found.message.count("Pod shop/pod-") == 5
    found = check(NON_ROOT, *(running(f"pod-{number}") for number in range(6)))
    assert (found.offenders_total, len(found.offenders)) == (6, 5)
    assert found.message == (
        "Containers that may run as root (6): Pod shop/pod-0 (container app); Pod shop/pod-1 (container app); "
        "Pod shop/pod-2 (container app); and 3 more."
    )


@pytest.mark.parametrize(
    ("owner", "helps"),
    [
        ("", "kubectl -n shop patch pod web -p"),
        ("Deployment/web", "patch deployment web"),
        ("StatefulSet/db", "patch statefulset db"),
        ("Job/once", "Change the pod template of Job shop/once"),
        ("ReplicaSet/bare", "Change the pod template of ReplicaSet shop/bare"),
    ],
)
def test_the_remediation_changes_what_makes_the_pods(owner: str, helps: str) -> None:
    assert helps in check(NON_ROOT, running(owner=owner)).remediation


def test_security_looks_at_managed_namespaces_too() -> None:
    assert check(NON_ROOT, running("mine", "kube-system")).status == "failing"
    assert check(PRIVILEGED, running(namespace="calico-system", containers=[safe(privileged=True)])).status == "failing"


@pytest.mark.parametrize("rule", ["apiGroups", "resources", "verbs", "nonResourceURLs"])
def test_wildcards_anywhere_in_a_rule_fail(rule: str) -> None:
    plain = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    assert check(WILDCARDS, role("reader", "shop", **plain)).status == "passing"
    found = check(WILDCARDS, role("writer", "shop", **(plain | {rule: ["x", "*"]})), role("all", **(plain | {rule: ["*"]})))
    assert found.status == "failing"
    assert found.offenders == (f"Role shop/writer (* in {rule})", f"ClusterRole all (* in {rule})")
    assert "kubectl -n shop create role writer" in found.remediation


def test_wildcards_of_kubernetes_and_aggregated_roles_are_no_findings() -> None:
    every = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    aggregated = role("mine", **every) | {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    builtin = [
        role("cluster-admin", labels={"kubernetes.io/bootstrapping": "rbac-defaults"}, **every),
        role("system:controller:x", **every),
        role("system:leader", "kube-system", **every),
        role("eks:addon-manager", **every),
        role("addon", labels={"addonmanager.kubernetes.io/mode": "Reconcile"}, **every),
    ]
    assert check(WILDCARDS, aggregated, *builtin).status == "passing"
    assert check(WILDCARDS, role("aggregate-to-mine", labels={"mine": "true"}, **every)).status == "failing"
    assert check(WILDCARDS, role("scalers", resources=["*/scale"], verbs=["get"])).status == "passing"


def test_cluster_admin_outside_system_namespaces_fails() -> None:
    trusted = [
        binding("installer", account("helm", "kube-system")),
        binding("own", account("kube9", "kube9-system"), account("other", "kube-public")),
        binding("local", account("ci", "shop"), namespace="kube-system"),
        binding("viewer", account("ci", "shop"), to="view"),
    ]
    assert check(ADMIN, *trusted).status == "passing"
    found = check(ADMIN, binding("ci", account("ci", "shop")), binding("nobody"), binding("boss", group("system:masters")))
    assert (found.status, found.severity, found.offenders_total) == ("failing", "critical", 3)
    assert found.offenders[0] == "ClusterRoleBinding ci (ServiceAccount shop/ci)"
    assert found.remediation.splitlines()[1:] == [
        "kubectl delete clusterrolebinding ci &&",
        "kubectl create clusterrolebinding ci --clusterrole=view --serviceaccount=shop:ci",
    ]
    found = check(ADMIN, binding("dev", account("ci", "kube-system"), group("dev"), namespace="shop"))
    assert found.offenders == ("RoleBinding shop/dev (ServiceAccount kube-system/ci and 1 more)",)
    assert check(ADMIN, binding("mixed", account("a", "kube-system"), account("b", "shop"))).status == "failing"


def test_bindings_of_kubernetes_pass_until_somebody_joins_them() -> None:
    boot = {"metadata": {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}}
    assert check(ADMIN, binding("cluster-admin", group("system:masters"), **boot)).status == "passing"
    assert check(ADMIN, binding("kubeadm:cluster-admins", group("kubeadm:cluster-admins"))).status == "passing"
    joined = binding("cluster-admin", group("system:masters"), {"kind": "User", "name": "eve"}, **boot)
    assert check(ADMIN, joined).status == "failing"


def test_config_maps_are_named_by_key() -> None:
    plain = config_map("plain", data={"password": "changeme", "TOKEN": "abc", "author": "true", "host": "hunter2hunter2"})
    assert check(CONFIG_MAPS, plain).status == "passing"
    secret = base64.b64encode(b"hunter2").decode()
    found = check(
        CONFIG_MAPS,
        config_map("bad", data={"DB_PASSWORD": "hunt"}, binaryData={"api_key": secret, "odd-token": "%%%"}),
        config_map("system", "kube-system", data={"token": "hunter2"}),
    )
    assert found.status == "failing"
    assert found.offenders == (
        "ConfigMap shop/bad (key DB_PASSWORD)",
        "ConfigMap shop/bad (key api_key)",
        "ConfigMap kube-system/system (key token)",
    )
    assert "kubectl -n shop patch configmap bad --type=json" in found.remediation


def test_hardcoded_variables_are_named() -> None:
    def with_env(*env: Manifest, kind: str = "Deployment") -> Manifest:
        return workload(kind, containers=[container(env=list(env))])

    referred = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    kept = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOST", "value": "hunter2hunter2"}]
    assert check(HARDCODED, with_env(referred, *kept, {"name": "A_TOKEN", "value": "$(OTHER)"})).status == "passing"
    found = check(HARDCODED, with_env({"name": "DB_PASSWORD", "value": "hunter2h"}, kind="StatefulSet"))
    assert (found.status, found.severity) == ("failing", "high")
    assert found.offenders == ("StatefulSet shop/web (container app: variable DB_PASSWORD)",)
    assert "kubectl -n shop set env statefulset/web -c app --from=secret/web-app-env --keys=DB_PASSWORD" in found.remediation
    first = workload(containers=[], pod={"initContainers": [{"name": "init", "env": [{"name": "TOKEN", "value": "abcdefgh"}]}]})
    assert "init container init" in check(HARDCODED, first).message
    assert check(HARDCODED, with_env({"name": "TOKEN", "value": "abcdefgh"}, kind="DaemonSet")).status == "passing"


def test_remediations_survive_redaction() -> None:
    """They are stored like every text: what looks like a secret is replaced."""
    env = [{"name": name, "value": "hunter2-hunter2"} for name in ("DB_PASSWORD", "API_TOKEN")]
    objects = (workload(containers=[container(env=env)]), config_map("bad", data={"password": "hunter2", "token": "abcdefgh"}))
    for check_id in (HARDCODED, CONFIG_MAPS):
        found = check(check_id, *objects)
        assert "create secret generic" in found.remediation
        assert "=XXXX" in found.remediation
        assert redact.text(found.remediation, 420) == (found.remediation, 0)


def test_external_secrets() -> None:
    assert check(EXTERNAL, apis=("externalsecrets.external-secrets.io",)).status == "passing"
    assert check(EXTERNAL).status == "skipped"
    assert check(EXTERNAL, apis=("other.external-secrets.io",)).status == "skipped"


def test_vulnerabilities_are_always_skipped() -> None:
    assert check("security.stored-vulnerability-thresholds", running()).status == "skipped"


@pytest.mark.parametrize("word", suspicion.WORDS)
def test_every_secret_word_counts_in_any_case(word: str) -> None:
    assert suspicion.in_config_map(f"my-{word.upper()}-1", "abcd")
    assert not suspicion.in_config_map(f"my-{word}", "abc")
    assert suspicion.in_variable(f"MY_{word}", "abcdefgh")
    assert not suspicion.in_variable(f"MY_{word}", "abcdefg")


def test_the_22_placeholders_are_excused() -> None:
    assert len(suspicion.PLACEHOLDERS) == 22
    for one in suspicion.PLACEHOLDERS:
        assert not suspicion.in_config_map("password", f" {one.upper()} ")
        assert not suspicion.in_binary_data("password", base64.b64encode(one.encode()).decode())
