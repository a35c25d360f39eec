"""Checks of the pillar security that look for secrets where they should not be. They know names and keys, never values."""

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import Cluster
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.model import FAILING, HIGH, LOW, MEDIUM, PASSING, SECURITY, SKIPPED, Check, Verdict

EXTERNAL_SECRETS_CHART = "external-secrets --repo https://charts.external-secrets.io -n external-secrets --create-namespace"


def secrets_in_configmaps(cluster: Cluster) -> Verdict:
    """Fails for ConfigMaps with keys and values that look like secrets."""
    found = text.Offenders()
    for one in cluster.configmaps:
        for field, keys in (("data", one.keys), ("binaryData", one.binary_keys)):
            for key in keys:
                found.add(f"ConfigMap {one.namespace}/{one.name} (key {key})", (one, field, key))
    if not found:
        return Verdict(PASSING, "No ConfigMap has a key and a value that look like a secret.")
    one, field, key = found.subject
    removed = text.quote(f'[{{"op":"remove","path":"/{field}/{key}"}}]')
    remediation = text.advice(
        "Put a new value into a Secret, let pods read it from there, and remove the key from the ConfigMap.",
        text.kubectl(one.namespace, f"create secret generic {one.name} --from-literal={text.quote(key)}=NEW-VALUE"),
        text.kubectl(one.namespace, f"patch configmap {one.name} --type=json -p {removed}"),
    )
    return found.verdict(FAILING, "ConfigMap keys that look like secrets", remediation)


def hardcoded_secrets(cluster: Cluster) -> Verdict:
    """Fails for environment variables of workloads whose literal values look like secrets."""
    found = text.Offenders()
    for workload, container in scope.containers(cluster.scalable):
        for name in container.hardcoded:
            found.add(scope.shown(workload, container, f"variable {name}"), (workload, container, name))
    if not found:
        return Verdict(PASSING, "No environment variable has a literal value that looks like a secret.")
    workload, container, name = found.subject
    secret = f"{workload.name}-env"
    chosen = f"{text.reference(workload)} -c {text.quote(container.name)}"
    key = text.quote(name)
    remediation = text.advice(
        "Put a new value into a Secret, and let the variable refer to it.",
        text.kubectl(workload.namespace, f"create secret generic {secret} --from-literal={key}=NEW-VALUE"),
        text.kubectl(workload.namespace, f"set env {chosen} --from=secret/{secret} --keys={key}"),
    )
    return found.verdict(FAILING, "Environment variables that look like secrets", remediation)


def external_secrets_usage(cluster: Cluster) -> Verdict:
    """Passes where External Secrets is installed; otherwise there is nothing to look at."""
    if apis.EXTERNAL_SECRETS in cluster.apis:
        return Verdict(PASSING, "External Secrets is installed.")
    remediation = text.advice(
        "To keep secrets outside the cluster, install External Secrets.",
        f"helm install external-secrets {EXTERNAL_SECRETS_CHART}",
    )
    return Verdict(SKIPPED, f"Skipped: {apis.EXTERNAL_SECRETS} is not served.", remediation=remediation)


def stored_vulnerability_thresholds(_: Cluster) -> Verdict:
    """Is always skipped: this operator scans no images."""
    return Verdict(SKIPPED, "Skipped: kube9-operator does not scan images, so there are no vulnerabilities to count.")


CHECKS = (
    Check(
        "security.secrets-in-configmaps",
        "Secrets in ConfigMaps",
        SECURITY,
        HIGH,
        ("configmaps",),
        secrets_in_configmaps,
    ),
    Check(
        "security.hardcoded-secrets",
        "Hardcoded Secrets in Workloads",
        SECURITY,
        HIGH,
        ("deployments", "statefulsets"),
        hardcoded_secrets,
    ),
    Check(
        "security.external-secrets-usage",
        "External Secrets Usage",
        SECURITY,
        LOW,
        (apis.KIND,),
        external_secrets_usage,
    ),
    Check(
        "security.stored-vulnerability-thresholds",
        "Stored vulnerability severity thresholds",
        SECURITY,
        MEDIUM,
        (),
        stored_vulnerability_thresholds,
    ),
)
