"""The chart: what helm makes of it, compared with what the code asks for. What an API server says of it is in another tier."""

import json
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube9_operator.assess.readings import READINGS
from kube9_operator.http.prometheus import METRICS
from kube9_operator.model.rules.rule import Match, Rule
from kube9_operator.model.sources import APPLICATIONS, CUSTOM, FLUX, SOURCES
from kube9_operator.settings import VARIABLES, SettingError, from_environment
from kube9_operator.watch.status_map import NAME as STATUS_MAP
from tests.operator import Operator, until
from tests.standin import StandIn, warning
from tests.tools import tool

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm" / "kube9-operator"
CASES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
ALERTS = CHART / "alerts" / "kube9-operator.yaml"
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))
OF_THE_ORIGINAL = {"aiConformance", "assessment", "metrics", "prometheus", "trivy"} | {
    *("collectionEnabled", "serverServiceName", "timeoutMs", "tlsInsecure"),
}
"""Values of the original chart that are accepted, and are not among ours. Most have no effect."""
OUTSIDE = {"KUBECONFIG"}
"""Settings that are for an operator outside a cluster."""
WRONG = (
    ("logLevel=loud", "logLevel"),
    ("statusUpdateIntervalSeconds=300", "statusUpdateIntervalSeconds"),
    ("port=80", "port"),
    ("events.queueSize=10", "queueSize"),
    ("events.retention.infoWarningDays=0", "infoWarningDays"),
    ("events.reasons.exclude[0]=*", "exclude"),
    ("events.rules=text", "rules"),
    ("events.rules[0].id=a", "match"),
    ("events.rules[0].id=a,events.rules[0].match.resaon=X", "resaon"),
    ("events.rules[0].id=a,events.rules[0].match.reason=X,events.rules[0].severity=fatal", "severity"),
    ("events.waitMinutes=0", "waitMinutes"),
    ("assessments.intervalSeconds=60", "intervalSeconds"),
    ("assessments.pillar=safety", "pillar"),
    ("collections.intervals.resourceInventory=60", "resourceInventory"),
    ("metrics.intervals.clusterMetadata=60", "clusterMetadata"),
    ("events.retention.infoWarning=0", "infoWarning"),
    ("events.retention.errorCritical=3651", "errorCritical"),
    ("events.persistence.accessMode=ReadOnlyMany", "accessMode"),
    ("image.repository=ghcr.io/alto9/kube9-operator", "the image of the original operator"),
    ("events.persistence.size=2", "size"),
    ("events.persistance.size=2Gi", "persistance"),
    ("fullnameOverride=Recorder", "fullnameOverride"),
    ("image.digest=latest", "digest"),
    ("networkPolicy.to=10.0.0.1", "to"),
    ("registration.serverUrl=http://kube9.example.com", "serverUrl"),
    ("events.persistence.size=10Mi", "events.persistence.size is 10Mi: must be 64Mi or more"),
    ("events.maxSizeMiB=6000", "events.maxSizeMiB is 6000: must be less than events.persistence.size, which is 5Gi"),
)
LIMITED = {
    "statusUpdateIntervalSeconds": "STATUS_UPDATE_INTERVAL_SECONDS",
    "events.quietMinutes": "EVENT_QUIET_MINUTES",
    "events.ttlSeconds": "KUBERNETES_EVENT_TTL_SECONDS",
    "events.queueSize": "EVENT_QUEUE_SIZE",
    "events.retention.infoWarningDays": "EVENT_RETENTION_INFO_WARNING_DAYS",
    "events.retention.errorCriticalDays": "EVENT_RETENTION_ERROR_CRITICAL_DAYS",
    "events.retention.infoWarning": "EVENT_RETENTION_INFO_WARNING_DAYS",
    "events.retention.errorCritical": "EVENT_RETENTION_ERROR_CRITICAL_DAYS",
    "events.maxSizeMiB": "DATABASE_MAX_SIZE_MIB",
    "events.waitMinutes": "EVENT_WAIT_MINUTES",
    "assessments.intervalSeconds": "ASSESSMENT_INTERVAL_SECONDS",
    "assessment.intervalSeconds": "ASSESSMENT_INTERVAL_SECONDS",
    "assessments.timeoutSeconds": "ASSESSMENT_TIMEOUT_SECONDS",
    "collections.intervals.clusterMetadata": "CLUSTER_METADATA_INTERVAL_SECONDS",
    "collections.intervals.resourceInventory": "RESOURCE_INVENTORY_INTERVAL_SECONDS",
    "collections.intervals.resourceConfigurationPatterns": "RESOURCE_CONFIGURATION_PATTERNS_INTERVAL_SECONDS",
    "metrics.intervals.clusterMetadata": "CLUSTER_METADATA_INTERVAL_SECONDS",
}
"""Values that have the limits of a setting."""


def helm(*arguments: object, fail: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([tool("helm"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert fail or done.returncode == 0, done.stderr
    return done


def rendered(*options: str, namespace: str = "kube9-system") -> list[dict[str, Any]]:
    """What the chart makes, with these options of helm."""
    text = helm("template", "kube9-operator", CHART, "-n", namespace, *options).stdout
    return [one for one in yaml.safe_load_all(text) if one]


def of_case(case: str) -> list[dict[str, Any]]:
    return rendered("-f", str(CHART / "ci" / f"{case}-values.yaml"))


def the(kind: str, objects: list[dict[str, Any]], name: str = "") -> dict[str, Any]:
    (found,) = [one for one in objects if one["kind"] == kind and name in one["metadata"]["name"]]
    return found


def environment(objects: list[dict[str, Any]]) -> dict[str, str]:
    (container,) = the("StatefulSet", objects)["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", "") for one in container["env"]}


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_complain_of(case: str) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "-f", CHART / "ci" / f"{case}-values.yaml").stdout
    objects = of_case(case)
    assert len({(one["kind"], one["metadata"]["name"]) for one in objects}) == len(objects)


def test_the_role_is_what_is_watched() -> None:
    rules = the("ClusterRole", rendered("--set", "assessments.enabled=false"))["rules"]
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in rules)
    assert all(sorted(rule["verbs"]) == ["get", "list", "watch"] for rule in rules)
    given = [(group, kind) for rule in rules for group in rule["apiGroups"] for kind in rule["resources"]]
    assert sorted(given) == sorted((source.group, source.name) for source in (SOURCES | CUSTOM).values())
    for value, absent in (("argocd.enabled", {APPLICATIONS}), ("argocd.autoDetect", {APPLICATIONS}), ("flux.enabled", {*FLUX})):
        without = the("ClusterRole", rendered("--set", f"{value}=false,assessments.enabled=false"))["rules"]
        assert {kind for rule in rules if rule not in without for kind in rule["resources"]} == absent
    with_maps = the("ClusterRole", rendered("--set", "watch.configMaps=true,assessments.enabled=false"))["rules"]
    (added,) = [rule for rule in with_maps if rule not in rules]
    assert added == {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
    allowed = [(rule["resources"], rule.get("resourceNames"), rule["verbs"]) for rule in the("Role", rendered())["rules"]]
    assert allowed == [(["configmaps"], [STATUS_MAP], ["get", "update", "patch"]), (["configmaps"], None, ["create"])]


def permissions(rules: list[dict[str, Any]]) -> set[str]:
    """What may be listed, as kubectl names it."""
    return {
        f"{kind}.{group}".rstrip(".")
        for rule in rules
        if "list" in rule["verbs"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    }


def test_the_role_has_what_assessments_look_at_in_parts() -> None:
    watched = the("ClusterRole", rendered("--set", "assessments.enabled=false"))["rules"]
    assert the("ClusterRole", rendered("--set", "assessment.enabled=false"))["rules"] == watched
    everything = the("ClusterRole", rendered("--set", "assessments.readConfigMaps=true"))["rules"]
    assert permissions(everything) == permissions(watched) | {one.permission for one in READINGS.values()}
    added = [rule for rule in everything if rule not in watched]
    assert all(rule["verbs"] == ["list"] for rule in added)
    parts = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["assessments"]["permissions"]
    without = ",".join(f"assessments.permissions.{part}=false" for part in parts)
    assert the("ClusterRole", rendered("--set", without))["rules"] == watched
    for part in parts:
        rules = the("ClusterRole", rendered("--set", f"assessments.permissions.{part}=false"))["rules"]
        assert len(rules) == len(everything) - 2, "without this part, and without ConfigMaps"


def test_every_setting_is_a_value() -> None:
    names = {variable for variable, _, _ in VARIABLES.values()} - OUTSIDE
    assert set(environment(rendered())) == names
    everything = environment(of_case("all"))
    same = {name for name, value in environment(rendered()).items() if everything[name] == value}
    # That which is taken from the pod, and where the volume is mounted, are as they were.
    assert same == {"POD_NAMESPACE", "DB_PATH"}


@pytest.mark.parametrize("case", CASES)
def test_the_operator_takes_the_values(case: str, tmp_path: Path) -> None:
    objects = of_case(case)
    chosen = environment(objects) | {"DB_PATH": str(tmp_path)}
    if chosen["EVENT_RULES_FILE"]:
        chosen["EVENT_RULES_FILE"] = mounted(objects, chosen["EVENT_RULES_FILE"], tmp_path)
    from_environment(chosen)


def mounted(objects: list[dict[str, Any]], path: str, folder: Path) -> str:
    """Puts into a folder what the pod would find at a path, by its mounts; returns where it is."""
    spec = the("StatefulSet", objects)["spec"]["template"]["spec"]
    (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if Path(path).parent == Path(one["mountPath"])]
    (volume,) = [one for one in spec["volumes"] if one["name"] == mount["name"]]
    content = the("ConfigMap", objects, volume["configMap"]["name"])["data"][Path(path).name]
    file = folder / Path(path).name
    file.write_text(content, encoding="utf-8")
    return str(file)


def test_rules_of_a_user_reach_the_operator(tmp_path: Path) -> None:
    objects = of_case("all")
    path = environment(objects)["EVENT_RULES_FILE"]
    quiet, loud = from_environment(
        environment(objects) | {"DB_PATH": str(tmp_path), "EVENT_RULES_FILE": mounted(objects, path, tmp_path)}
    ).rules
    assert (quiet.ignore, quiet.match.message_contains) == (True, ("a: b", "{x}"))
    assert (loud.severity, loud.match.group, loud.match.min_count, loud.match.min_seconds) == (
        *("critical", "", 3, "EVENT_WAIT_MINUTES"),
    )
    without = rendered()
    assert environment(without)["EVENT_RULES_FILE"] == ""
    assert not [one for one in without if one["kind"] == "ConfigMap"]


RULES = """
events:
  rules:
    - {id: no probes, match: {kind: Pod, reason: Unhealthy}, ignore: true}
    - {id: mounts, match: {kind: Pod, reason: FailedMount}, joins: cannot mount, severity: critical, title: "Storage: {reason}"}
"""


def test_rules_of_the_chart_decide_what_the_cli_shows(tmp_path: Path, standin: StandIn) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(RULES, encoding="utf-8")
    objects = rendered("-f", str(values))
    file = mounted(objects, environment(objects)["EVENT_RULES_FILE"], tmp_path)
    standin.write(
        warning("probed", "Unhealthy", "Readiness probe failed: no"),
        warning("stuck", "FailedMount", 'MountVolume.SetUp failed for volume "data" : timed out'),
    )
    with Operator(tmp_path, standin.kubeconfig(tmp_path), EVENT_RULES_FILE=file) as operator:
        until(lambda: operator.events() and operator.accounting()["received"] == 2, "both")
        (event,) = operator.events()
        assert (event["severity"], event["title"], event["object_name"]) == ("critical", "Storage: FailedMount", "stuck")


def test_other_rules_bring_another_pod() -> None:
    """They are read at the start only."""

    def template(reason: str) -> Any:
        values = f"events.rules[0].id=a,events.rules[0].ignore=true,events.rules[0].match.reason={reason}"
        return the("StatefulSet", rendered("--set", values))["spec"]["template"]

    assert template("A") == template("A") != template("B")


def test_the_schema_knows_the_fields_of_a_rule() -> None:
    rule = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["definitions"]["rule"]["properties"]
    assert set(rule) == set(Rule.__struct_fields__)
    assert set(rule["match"]["properties"]) == set(Match.__struct_fields__)


def test_defaults_are_those_of_the_program() -> None:
    given = environment(rendered("--set", "events.maxSizeMiB=1024"))
    for variable, default, _ in VARIABLES.values():
        if variable != "POD_NAMESPACE":
            assert given[variable] == default, variable


@pytest.mark.parametrize(
    ("size", "mib"), [("5Gi", 4096), ("10Gi", 8192), ("500Mi", 400), ("1.5Gi", 1228), ("1G", 762), ("64Mi", 51)]
)
def test_the_database_takes_four_fifths_of_the_volume(size: str, mib: int) -> None:
    assert environment(rendered("--set", f"events.persistence.size={size}"))["DATABASE_MAX_SIZE_MIB"] == str(mib)


@pytest.mark.parametrize(("value", "named"), WRONG)
def test_a_wrong_value_is_named(value: str, named: str) -> None:
    refused = helm("template", "kube9-operator", CHART, "--set", value, fail=True)
    assert refused.returncode != 0
    assert named in refused.stderr


@pytest.mark.parametrize("value", LIMITED)
def test_limits_are_those_of_the_settings(value: str, tmp_path: Path) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    for name in value.split("."):
        schema = schema["properties"][name]
    variable = LIMITED[value]
    for allowed in (schema["minimum"], schema["maximum"]):
        from_environment({"DB_PATH": str(tmp_path), variable: str(allowed)})
    for wrong in (schema["minimum"] - 1, schema["maximum"] + 1):
        with pytest.raises(SettingError):
            from_environment({"DB_PATH": str(tmp_path), variable: str(wrong)})


def test_the_schema_has_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

    def compare(found: dict[str, Any], described: dict[str, Any]) -> None:
        assert set(found) == set(described["properties"]) - {"global"} - OF_THE_ORIGINAL
        for name, value in found.items():
            if described["properties"][name].get("additionalProperties") is False:
                compare(value, described["properties"][name])

    compare(values, schema)


def test_the_claim_stays_where_that_is_asked() -> None:
    kept = the("PersistentVolumeClaim", rendered("--set", "events.persistence.keep=true"))
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in the("PersistentVolumeClaim", rendered())["metadata"]


def test_values_of_the_original_chart_work(tmp_path: Path) -> None:
    objects = of_case("original")
    chosen = from_environment(environment(objects) | {"DB_PATH": str(tmp_path)})
    assert (chosen.info_warning_days, chosen.error_critical_days, chosen.log_level) == (14, 60, "warning")
    claim = the("PersistentVolumeClaim", objects)["spec"]
    assert claim == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "8Gi"}}}, "the default class"


def test_names_of_the_original_chart_win_over_ours() -> None:
    ours = "events.retention.infoWarningDays=3,events.retention.errorCriticalDays=4"
    theirs = "events.retention.infoWarning=5,events.persistence.accessMode=ReadWriteOncePod"
    objects = rendered("--set", ours, "--set", theirs, "--set", "events.persistence.accessModes={ReadWriteOnce}")
    given = environment(objects)
    assert (given["EVENT_RETENTION_INFO_WARNING_DAYS"], given["EVENT_RETENTION_ERROR_CRITICAL_DAYS"]) == ("5", "4")
    given = environment(rendered("--set", "assessment.intervalSeconds=31536000,assessment.enabled=false"))
    assert (given["ASSESSMENT_INTERVAL_SECONDS"], given["ASSESSMENT_ENABLED"]) == ("31536000", "false")
    assert the("PersistentVolumeClaim", objects)["spec"]["accessModes"] == ["ReadWriteOncePod"]


@pytest.mark.parametrize(("value", "named"), [("null", None), ("", None), ("-", ""), ("fast", "fast")])
def test_the_storage_class(value: str, named: str | None) -> None:
    claim = the("PersistentVolumeClaim", rendered("--set", f"events.persistence.storageClassName={value}"))["spec"]
    assert claim.get("storageClassName") == named


def test_the_volume_is_as_large_as_that_of_the_original() -> None:
    claim = the("PersistentVolumeClaim", rendered())["spec"]
    assert claim["resources"]["requests"]["storage"] == "5Gi"


def test_the_notes_say_the_first_question(tmp_path: Path) -> None:
    def notes(*options: str, namespace: str = "kube9-system") -> str:
        done = helm("install", "kube9-operator", CHART, "-n", namespace, "--dry-run=client", *options)
        return done.stdout.partition("NOTES:")[2]

    assert "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli events list -o table" in notes()
    assert "kube9.operatorNamespace" not in notes()
    assert '"kube9.operatorNamespace": "monitoring"' in notes(namespace="monitoring")
    assert "when the pod is deleted, the history is lost" in notes("--set", "events.persistence.enabled=false")
    assert "The claim stays when this release" in notes("--set", "events.persistence.keep=true")
    assert "If there is none, the pod stays Pending. Then name a class" in notes()
    assert "Uninstalling this release deletes the claim" in notes()
    assert "Its storage class is fast.\n" in notes("--set", "events.persistence.storageClassName=fast")
    assert "Pending until there is a PersistentVolume that fits." in notes("--set", "events.persistence.storageClassName=-")
    existing = notes("--set", "events.persistence.existingClaim=old")
    assert "PersistentVolumeClaim old, which stays when this release is uninstalled." in existing
    assert "deletes the claim" not in existing
    assert "In this release its name is other-0" in notes("--set", "fullnameOverride=other")
    assert "Do not use that button" in notes()
    assert "have no effect" not in notes()
    ignored = notes("-f", str(CHART / "ci" / "original-values.yaml"))
    assert "have no effect here: aiConformance, prometheus, trivy." in ignored


def test_only_the_operator_is_found_as_the_operator() -> None:
    objects = of_case("all")
    wanted = the("Service", objects)["spec"]["selector"]
    assert the("StatefulSet", objects)["spec"]["template"]["metadata"]["labels"].items() >= wanted.items()
    assert not the("Pod", objects)["metadata"]["labels"].items() >= wanted.items()


def test_the_network_policy_lets_out_no_further_than_asked() -> None:
    rules = the("NetworkPolicy", of_case("all"))["spec"]["egress"]
    ports = [{"port": 443}, {"port": 6443}]
    assert rules == [
        {"ports": ports, "to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}, {"ipBlock": {"cidr": "192.168.0.10/32"}}]},
        {"ports": [{"port": 3128}], "to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}]},
        {"ports": [{"port": 9428}, {"port": 9471}], "to": [{"ipBlock": {"cidr": "10.0.0.7/32"}}]},
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
    ]
    for url, port in (("https://logs.example.com/v1", 443), ("http://logs/v1", 80), ("http://[::1]:4318/v1", 4318)):
        policy = the("NetworkPolicy", rendered("--set", "networkPolicy.create=true", "--set", f"sink.url={url}"))
        assert policy["spec"]["egress"][1] == {"ports": [{"port": port}]}
    (rule,) = the("NetworkPolicy", rendered("--set", "networkPolicy.create=true"))["spec"]["egress"]
    assert rule == {"ports": ports}, "any address"
    assert not [one for one in rendered() if one["kind"] == "NetworkPolicy"]
    argo_cd = "networkPolicy.create=true,argocd.api.token.existingSecret=token"
    _, api, dns = the("NetworkPolicy", rendered("--set", argo_cd))["spec"]["egress"]
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "argocd"}}}
    assert api == {"ports": [{"port": 443}, {"port": 8080}], "to": [peer]}
    assert dns == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    elsewhere = rendered("--set", f"{argo_cd},argocd.api.baseUrl=https://argocd.example")
    assert the("NetworkPolicy", elsewhere)["spec"]["egress"][1] == {"ports": api["ports"]}
    assert len(the("NetworkPolicy", rendered("--set", f"{argo_cd},argocd.enabled=false"))["spec"]["egress"]) == 1
    for url, port in (("https://192.0.2.7", 443), ("https://kube9.example.com:8443/api", 8443)):
        chosen = f"networkPolicy.create=true,registration.secretName=kube9,registration.serverUrl={url}"
        _, to_server, _ = the("NetworkPolicy", rendered("--set", chosen))["spec"]["egress"]
        assert to_server == {"ports": [{"port": port}]}


def test_the_token_for_argo_cd_is_mounted() -> None:
    objects = of_case("all")
    given = environment(objects)
    assert given["ARGOCD_API_BASE_URL"] == "https://argocd.example"
    pod = the("StatefulSet", objects)["spec"]["template"]["spec"]
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    for variable, name, key in (("ARGOCD_API_TOKEN_FILE", "token", "t"), ("ARGOCD_API_CA_FILE", "ca", "c")):
        assert given[variable] == f"{mounts[f'argocd-{name}']}/{key}"
        (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == f"argocd-{name}"]
        assert volume == {"secretName": f"argocd-{name}", "items": [{"key": key, "path": key}], "optional": True}
    assert "ARGOCD_API_TOKEN_FILE" not in environment(rendered())


def test_registration_is_off_without_a_secret() -> None:
    given = environment(rendered("--set", "registration.serverUrl=https://kube9.example.com"))
    assert (given["API_KEY_FILE"], given["SERVER_CA_FILE"]) == ("", "")
    spec = the("StatefulSet", rendered())["spec"]["template"]["spec"]
    assert not [one for one in spec["volumes"] if "secret" in one]


def test_the_key_is_mounted_where_the_operator_looks() -> None:
    objects = of_case("all")
    spec, given = the("StatefulSet", objects)["spec"]["template"]["spec"], environment(objects)
    mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    (secret,) = [one for one in spec["volumes"] if one["name"] == "registration"]
    assert secret["secret"] == {"secretName": "kube9", "optional": True, "items": [{"key": "key", "path": "key"}]}
    assert given["API_KEY_FILE"] == f"{mounts['registration']}/key"
    assert given["SERVER_CA_FILE"] == f"{mounts['server-ca']}/ca.crt"
    assert given["SERVER_URL"] == "https://kube9.example.com:8443/api"


# Alerts and dashboard


def queries() -> Iterator[tuple[str, str]]:
    """Where, and what Prometheus is asked."""
    for rule in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in examples():
        yield rule["alert"], rule["expr"]


def panels() -> Iterator[dict[str, Any]]:
    """Those of all dashboards."""
    for path in DASHBOARDS:
        yield from json.loads(path.read_text(encoding="utf-8"))["panels"]


def examples() -> list[dict[str, Any]]:
    """The alerts on recorded events in docs/metrics.md."""
    section = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").partition("## Alerts on what was recorded\n")[2]
    block = section.partition("    groups:\n")[2].partition("\n[notifications.md]")[0]
    rules: list[dict[str, Any]] = yaml.safe_load(textwrap.dedent(f"    groups:\n{block}"))["groups"][0]["rules"]
    return rules


def test_queries_are_of_metrics_that_are_there() -> None:
    used = set()
    for where, query in queries():
        for name in re.findall(r"\bkube9_\w+", query):
            metric = METRICS.get(name) or METRICS.get(name.removesuffix("_bucket"))
            assert metric, f"{where}: {name}"
            used.add(name.removesuffix("_bucket"))
    assert set(METRICS) == used, "every metric is in the dashboard or in an alert"


def test_queries_are_promql(tmp_path: Path) -> None:
    """Those of the dashboard, as rules; its variables are Grafana's."""
    rules = [{"record": f"q{number}", "expr": _plain(query)} for number, (_, query) in enumerate(queries())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)


def _plain(query: str) -> str:
    """A query without the variables of Grafana."""
    return re.sub(r"\$__(rate_interval|interval|range)\b", "5m", query)


def test_panels_stand_side_by_side() -> None:
    """Each has a number, a title and a place of its own in its dashboard."""
    assert len(DASHBOARDS) == 2
    for path in DASHBOARDS:
        found = json.loads(path.read_text(encoding="utf-8"))["panels"]
        places = set()
        for panel in found:
            at = panel["gridPos"]
            mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not places & mine, panel["title"]
            assert at["x"] + at["w"] <= 24
            places |= mine
        assert len({panel["id"] for panel in found}) == len({panel["title"] for panel in found}) == len(found)


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    promtool("check", "rules", ALERTS)
    tests = (Path(__file__).parent / "alerts_test.yaml").read_text(encoding="utf-8")
    file = tmp_path / "tests.yaml"
    file.write_text(tests.replace("ALERTS", str(ALERTS)), encoding="utf-8")
    promtool("test", "rules", file)


def test_every_alert_is_tested_and_explained() -> None:
    tests = yaml.safe_load((Path(__file__).parent / "alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    expected = {(one["alertname"], bool(one.get("exp_alerts"))) for test in tests for one in test["alert_rule_test"]}
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]]
    assert re.findall(r"^### (Kube9\w+)$", operations, re.MULTILINE) == names
    assert expected == {(name, fires) for name in names for fires in (True, False)}


def test_the_chart_has_the_same_alerts_for_its_own_release() -> None:
    plain = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    objects = rendered("--set", "prometheusRule.create=true,fullnameOverride=other", namespace="monitoring")
    own = json.dumps(the("PrometheusRule", objects)["spec"]["groups"])
    assert json.loads(own.replace('job=\\"other\\", namespace=\\"monitoring\\"', 'job=\\"kube9-operator\\"')) == plain
    boards = the("ConfigMap", of_case("all"), "dashboard")["data"]
    assert {name: json.loads(text) for name, text in boards.items()} == {
        path.name: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS
    }


def promtool(*arguments: object) -> None:
    done = subprocess.run([tool("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
