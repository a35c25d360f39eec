"""docs/assessments.md says of each check what the registry and the constants say."""

import re
from pathlib import Path

import pytest

from kube9_operator.assess import builtin, suspicion
from kube9_operator.assess.checks import availability, containers, cost, governance, operations, sustainability
from kube9_operator.assess.cluster import MANAGED_NAMESPACES
from kube9_operator.assess.kinds import governance as namespaces
from kube9_operator.assess.kinds import pods, workloads
from kube9_operator.assess.model import CHECK_ERROR, CHECK_TIMEOUT, MAX_TEXT_CHARACTERS, RBAC_LIST_ERROR, STATUSES, Check
from kube9_operator.assess.registry import CHECKS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "assessments.md").read_text(encoding="utf-8")
TEXT = " ".join(DOCUMENT.split())
ROWS = {
    row.split("`")[1]: [cell.strip() for cell in row.strip("|\n").split(" | ")]
    for row in re.findall(r"^\| `[a-z-]+\.[a-z0-9-]+` .*", DOCUMENT, re.M)
}


def test_each_check_has_one_row_in_the_order_of_its_pillar() -> None:
    assert set(ROWS) == {one.id for one in CHECKS}
    assert len(re.findall(r"^\| `[a-z-]+\.[a-z0-9-]+` ", DOCUMENT, re.M)) == len(CHECKS)


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_row_says_what_the_registry_says(one: Check) -> None:
    named, severity, reads, result, remediation = ROWS[one.id]
    assert named.removeprefix("| ") == f"`{one.id}` {one.name}"
    assert severity == one.severity
    assert tuple(re.findall(r"`([a-z]+)`", reads)) == one.reads
    assert re.search(r"\b(failing|warning|skipped|passing): ", result)
    assert remediation


def row(check_id: str, *said: str) -> None:
    for one in said:
        assert one in ROWS[check_id][3], one


def test_thresholds_are_those_of_the_code() -> None:
    row("security.capabilities-validation", *pods.DANGEROUS, f"at least {pods.ALL_BUT_TWO}")
    row("security.secrets-in-configmaps", f"at least {suspicion.MIN_CONFIG_MAP_CHARACTERS} characters")
    row("security.hardcoded-secrets", f"at least {suspicion.MIN_VARIABLE_CHARACTERS} characters")
    row("reliability.replica-counts", f"fewer than {availability.MIN_REPLICAS} replicas")
    row("reliability.liveness-readiness-probes", f"a delay of at most {containers.SOON_SECONDS} s")
    row(
        "cost-optimization.resource-request-limit-ratios",
        f"below {cost.LEAST_RATIO * 100:.0f} %",
        f"below {cost.GOOD_RATIO * 100:.0f} %",
    )
    large = "cost-optimization.over-provisioning-detection"
    for cores, size in (cost.POD_FAILS, cost.POD_WARNS, cost.WORKLOAD_FAILS, cost.WORKLOAD_WARNS):
        row(large, f"at least {cores:.0f} cores or {size / cost.GI:.0f}Gi")
    row("operational-excellence.kube9-operator-deployment-strategy", f"below {operations.MIN_DEADLINE_SECONDS}")
    row(
        "performance-efficiency.namespace-resource-governance",
        f"at least {governance.NEAR * 100:.0f} %",
        f"{governance.REQUESTS_TOO_LARGE:.0f} times for requests, {governance.LIMITS_TOO_LARGE:.0f} times for limits",
        f"{governance.PODS_TOO_LARGE:.0f} times for pods",
    )
    row(
        "sustainability.resource-efficiency-signals",
        f"less than {sustainability.LEAST_USE * 100:.0f} %",
        f"from {sustainability.LEAST_CORES:.0f} cores on",
        f"from {sustainability.LEAST_BYTES / 2**30:.0f}Gi on",
    )
    row(
        "sustainability.workload-consolidation-signals",
        f"of {sustainability.MIN_DEPLOYMENTS} or more",
        f"at least {sustainability.SINGLE_SHARE * 100:.0f} %",
    )


def test_what_is_left_out_is_what_the_code_leaves_out() -> None:
    for one in (*MANAGED_NAMESPACES, builtin.BOOTSTRAPPING, *builtin.OWNED_PREFIXES, *namespaces.PURPOSE_LABELS):
        assert f"`{one}`" in TEXT
    for label in (workloads.HA_EXEMPT, workloads.RESOURCE_EXEMPT, workloads.PROBE_EXEMPT):
        assert f"| `{label}` |" in TEXT
    for word in (*suspicion.WORDS, *governance.IMPORTANT_NAMES, *governance.IMPORTANT_VALUES, *cost.SPOT_WORDS):
        assert f"`{word}`" in TEXT
    assert f"want {governance.MANY_PODS} pods" in TEXT


def test_statuses_codes_and_limits_are_explained() -> None:
    for status in STATUSES:
        assert f"| `{status}` |" in TEXT
    for code in (CHECK_ERROR, CHECK_TIMEOUT, RBAC_LIST_ERROR):
        assert f"`{code}`" in TEXT
    assert f"at most {MAX_TEXT_CHARACTERS} characters" in TEXT
