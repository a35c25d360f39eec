"""The remediations of all checks, for the objects of tests/cluster/test_assessments.py, which follows them."""

import shlex

import pytest

from kube9_operator.assess.model import Check
from kube9_operator.assess.registry import CHECKS
from tests.assessed import Manifest, check, running
from tests.cluster.test_assessments import CASES, Case

TOOLS = ("kubectl", "helm", "echo")
OF_PODS = {one.id for one in CHECKS if one.reads == ("pods",)}


def pods(objects: list[Manifest]) -> list[Manifest]:
    """A pod of each workload."""
    return [
        running(
            f"{one['metadata']['name']}-1", owner=f"{one['kind']}/{one['metadata']['name']}", **one["spec"]["template"]["spec"]
        )
        for one in objects
        if "template" in one.get("spec", {})
    ]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_remediation_can_be_shown_on_one_line(case: Case) -> None:
    """The extension shows its line breaks as spaces."""
    of_pods = pods(case.objects) if case.check_id in OF_PODS else []
    found = check(case.check_id, *case.objects, *of_pods, apis=("verticalpodautoscalers.autoscaling.k8s.io",))
    assert found.status == case.status
    is_one_line(found.remediation)


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_so_can_what_grants_a_permission(one: Check) -> None:
    for kind in one.reads:
        found = check(one.id, missing=(kind,))
        assert (found.status, kind in found.message or kind == "apis") == ("skipped", True)
        is_one_line(found.remediation)


def is_one_line(remediation: str) -> None:
    sentence, _, rest = remediation.partition("\n")
    assert sentence.endswith(":"), remediation
    *before, last = rest.split("\n")
    assert all(line.endswith(" &&") for line in before), "two commands would become one"
    words = [shlex.split(line) for line in (*before, last)]
    assert all(line[0] in TOOLS for line in words)
    assert "<<" not in rest
    assert shlex.split(rest.replace("\n", " ")) == [word for line in words for word in line]
