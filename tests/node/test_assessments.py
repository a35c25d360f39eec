"""An assessment on a real node: it fills the extension's six reports, and finds nothing in what Kubernetes itself installs."""

import json
from typing import Any

from tests.extension_reports import check_reports
from tests.node.node import Node
from tests.node.pod import NAMESPACE, OperatorPod
from tests.node.scenario_objects import deployment
from tests.operator import until

SYSTEM = ("kube-system/", "kube-public/", "kube-node-lease/", "system:")
BARE = "bare"
"""A namespace with a Deployment that has findings: one replica, no limits, no probes."""
LONG_SECONDS = 120.0


def block(node: Node) -> dict[str, Any]:
    """What the extension reads: the block `assessment` of the status in the ConfigMap."""
    (found,) = node.get("configmaps", "-n", NAMESPACE, "--field-selector=metadata.name=kube9-operator-status")["items"]
    said: dict[str, Any] = json.loads(found["data"]["status"])["assessment"]
    return said


def test_an_assessment_fills_the_six_reports_of_the_extension(node: Node, operator: OperatorPod) -> None:
    node.make_namespaces(BARE)
    node.apply(deployment(BARE, "web", 1))
    run = operator.cli("assessments", "run", "-o", "json")
    assert run["state"] == "completed", run
    until(lambda: block(node)["lastScheduledRunId"] == run["run_id"], "its result in the ConfigMap", LONG_SECONDS)
    found = block(node)
    check_reports(found)
    assert (found["lastScheduledOutcome"], found["lastScheduledRunState"]) == ("success", "completed")
    # An offender is its kind, its name, and what is wrong with it.
    offenders = [name for result in run["results"] for name in result["offenders"]]
    assert [name for name in offenders if name.split()[1].startswith(f"{BARE}/")] != []
    assert [name for name in offenders if name.split()[1].startswith(SYSTEM)] == []
