"""What goes with the chart, and what stays."""

import json

import pytest

from tests.cluster.plane import ApiError
from tests.node.images import ROOT
from tests.node.node import Node
from tests.node.pod import RELEASE, OperatorPod
from tests.operator import until

STATUS = "kube9-operator-status"
KINDS = "statefulset,pod,service,serviceaccount,configmap,role,rolebinding,networkpolicy,persistentvolumeclaim"
CLUSTER_KINDS = "clusterrole,clusterrolebinding"
LONG_SECONDS = 120.0


@pytest.mark.parametrize("keep", [False, True], ids=["all", "claim-kept"])
def test_uninstalled(node: Node, image: str, keep: bool) -> None:
    operator = OperatorPod(node, "kept" if keep else "gone")
    operator.make_volume()
    operator.install(image, ROOT, *(("--set", "events.persistence.keep=true") if keep else ()))
    operator.until_ready()
    until(lambda: has(operator, "configmaps", STATUS), "its status to be published", LONG_SECONDS)
    claim = node.get("pvc", RELEASE, "-n", operator.namespace)["metadata"]["uid"]

    node.program("helm", "uninstall", RELEASE, "-n", operator.namespace, "--wait")
    # Nobody but the garbage collector deletes it: its owner has gone.
    until(lambda: not has(operator, "configmaps", STATUS), "its status to go with it", LONG_SECONDS)
    wanted = {f"persistentvolumeclaim/{RELEASE}"} if keep else set()
    until(lambda: left(operator) == wanted, f"nothing to be left but {wanted or 'nothing'}", LONG_SECONDS)
    assert (operator.history / "kube9.db").exists(), "the volume is its owner's, here a folder"
    if not keep:
        return

    operator.install(image, ROOT, "--set", f"events.persistence.existingClaim={RELEASE}")
    operator.until_ready()
    assert node.get("pvc", RELEASE, "-n", operator.namespace)["metadata"]["uid"] == claim
    until(lambda: starts(operator) == 2, "the history to go on", LONG_SECONDS)
    node.program("helm", "uninstall", RELEASE, "-n", operator.namespace, "--wait")
    assert has(operator, "persistentvolumeclaims", RELEASE), "it is not this release's"


def starts(operator: OperatorPod) -> int:
    """How often the operator says that it has started."""
    return [event["title"] for event in operator.events("--type", "operator")].count("Operator started")


def has(operator: OperatorPod, kind: str, name: str) -> bool:
    """Whether there is such an object that is not being deleted."""
    try:
        found = operator.node.plane.api("GET", f"/api/v1/namespaces/{operator.namespace}/{kind}/{name}")
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return "deletionTimestamp" not in found["metadata"]


def left(operator: OperatorPod) -> set[str]:
    """What there is of the operator in its namespace, and of this release in the cluster."""
    said = operator.node.kubectl("get", KINDS, "-n", operator.namespace, "-o", "json")
    objects = [one for one in json.loads(said)["items"] if RELEASE in one["metadata"]["name"]]
    said = operator.node.kubectl("get", CLUSTER_KINDS, "-o", "json")
    of_namespace = {"meta.helm.sh/release-namespace": operator.namespace}.items()
    objects += [one for one in json.loads(said)["items"] if of_namespace <= one["metadata"].get("annotations", {}).items()]
    return {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in objects}
