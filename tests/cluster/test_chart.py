"""A real API server takes all that the chart makes, in a namespace that enforces the strictest Pod Security."""

import os
import subprocess
from typing import Any

import pytest
import yaml

from tests.cluster.plane import ControlPlane
from tests.operator import until
from tests.packaging.test_chart import CASES, CHART
from tests.tools import tool

NAMESPACE = "restricted"
LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
FOREIGN = {"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"}
"""Kinds of the Prometheus operator, with their names in the API."""


@pytest.fixture(scope="module")
def kubectl(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of kubectl; there is a restricted namespace, and the kinds of the Prometheus operator."""
    environment = os.environ | {"KUBECONFIG": str(plane.kubeconfig(tmp_path_factory.mktemp("chart")))}
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": LABELS}})
    until(lambda: plane.api("GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")["items"], "its service account")
    for kind, plural in FOREIGN.items():
        plane.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind, plural))
        established = ("wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com", "--timeout=60s")
        subprocess.run([tool("kubectl"), *established], env=environment, check=True, capture_output=True)
    return environment


def definition(kind: str, plural: str) -> dict[str, Any]:
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": anything}],
        },
    }


def apply(environment: dict[str, str], text: str) -> subprocess.CompletedProcess[str]:
    command = [tool("kubectl"), "apply", "--dry-run=server", "-n", NAMESPACE, "-f", "-"]
    return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_all(kubectl: dict[str, str], case: str) -> None:
    values = CHART / "ci" / f"{case}-values.yaml"
    command = [tool("helm"), "template", "kube9-operator", CHART, "-n", NAMESPACE, "-f", values]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = [one for one in yaml.safe_load_all(text) if one]
    # Admission looks at pods; of a StatefulSet it only warns.
    objects.append(pod_of(next(one for one in objects if one["kind"] == "StatefulSet")))
    done = apply(kubectl, yaml.safe_dump_all(objects))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert len(done.stdout.splitlines()) == len(objects)


def test_it_is_refused_where_it_asks_for_more(kubectl: dict[str, str]) -> None:
    """So that the test above can fail."""
    wanted = ["--set", "securityContext.allowPrivilegeEscalation=true"]
    command = [tool("helm"), "template", "kube9-operator", CHART, "-n", NAMESPACE, *wanted]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    workload = next(one for one in yaml.safe_load_all(text) if one and one["kind"] == "StatefulSet")
    done = apply(kubectl, yaml.safe_dump(pod_of(workload)))
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation' in done.stderr


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod that a StatefulSet makes, with the namespace's own service account, which is there, and no priority class."""
    spec = workload["spec"]["template"]["spec"] | {"serviceAccountName": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "made-of-it", "namespace": NAMESPACE},
        "spec": {name: value for name, value in spec.items() if name != "priorityClassName"},
    }
