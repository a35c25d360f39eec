"""Checks of the pillar security that look for secrets where they should not be. They know names and keys, never values."""

import msgspec

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import Cluster
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.model import FAILING, HIGH, LOW, MEDIUM, PASSING, SECURITY, SKIPPED, Check, Verdict

EXTERNAL_SECRETS_CHART = "external-secrets --repo https://charts.external-secrets.io -n external-secrets --create-namespace"


def secrets_in_configmaps(cluster: Cluster) -> Verdict:
    """Fails for ConfigMaps with keys and values that look like secrets."""
    found = text.Offenders()
    for one in cluster.configmaps:
        for key in one.keys + one.binary_keys:
            found.add(f"ConfigMap {one.namespace}/{one.name} (key {key})", one)
    if not found:
        return Verdict(PASSING, "No ConfigMap has a key and a value that look like a secret.")
    one = found.subject
    paths = [f"/data/{key}" for key in one.keys] + [f"/binaryData/{key}" for key in one.binary_keys]
    removed = msgspec.json.encode([{"op": "remove", "path": path} for path in paths]).decode()
    remediation = text.advice(
        "Put new values (here XXXX) into a Secret, let pods read them from there, and remove the keys from the ConfigMap.",
        _secret(one.namespace, one.name, one.keys + one.binary_keys),
        text.kubectl(one.namespace, f"patch configmap {one.name} --type=json -p {text.quote(removed)}"),
    )
    return found.verdict(FAILING, "ConfigMap keys that look like secrets", remediation)


def hardcoded_secrets(cluster: Cluster) -> Verdict:
    """Fails for environment variables of workloads whose literal values look like secrets."""
    found = text.Offenders()
    for workload, container in scope.containers(cluster.scalable):
        for name in container.hardcoded:
            found.add(scope.shown(workload, container, f"variable {name}"), (workload, container))
    if not found:
        return Verdict(PASSING, "No environment variable has a literal value that looks like a secret.")
    workload, container = found.subject
    secret = f"{workload.name}-{container.name}-env"
    chosen = f"{text.reference(workload)} -c {text.quote(container.name)}"
    remediation = text.advice(
        "Put new values (here XXXX) into a Secret, and let the variables refer to it.",
        _secret(workload.namespace, secret, container.hardcoded),
        text.kubectl(
            workload.namespace, f"set env {chosen} --from=secret/{secret} --keys={text.quote(','.join(container.hardcoded))}"
        ),
    )
    return found.verdict(FAILING, "Environment variables that look like secrets", remediation)


def _secret(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Makes a Secret with all keys at once, because it can be made once. Redaction knows that XXXX is no secret."""
    values = " ".join(f"--from-literal={text.quote(key)}=XXXX" for key in dict.fromkeys(keys))
    return text.kubectl(namespace, f"create secret generic {name} {values}")


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
