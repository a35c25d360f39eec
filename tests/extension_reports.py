"""What the kube9 extension reads of the block `assessment` of the status ConfigMap, and its six reports.

The fields and the order are those of `AssessmentStatusSummary` in src/kubernetes/OperatorStatusTypes.ts of alto9/kube9-vscode
1.38.0. A report shows the rows of `lastScheduledChecks` with its pillar, and of each what is not passing with message and
remediation.
"""

from typing import Any

from kube9_operator.assess.model import MAX_TEXT_CHARACTERS, STATUSES
from kube9_operator.assess.registry import CHECKS

REPORTS = {
    "cost-optimization",
    "operational-excellence",
    "performance-efficiency",
    "reliability",
    "security",
    "sustainability",
}
"""The pillars of WELL_ARCHITECTED_PILLARS in src/tree/categories/reports/WellArchitectedFrameworkCategory.ts."""
TEXT = (str,)
OR_NULL = (str, type(None))
FIELDS: dict[str, tuple[type, ...]] = {
    "lastScheduledCompletedAt": OR_NULL,
    "lastScheduledOutcome": TEXT,
    "lastScheduledRunState": OR_NULL,
    "lastScheduledRunId": OR_NULL,
    "lastScheduledTotals": (dict,),
    "lastScheduledError": OR_NULL,
    "lastScheduledChecks": (list,),
    "schedulingEnabled": (bool,),
    "scheduleIntervalSeconds": (int, type(None)),
    "scheduledAssessmentMode": OR_NULL,
    "scheduledAssessmentPillar": OR_NULL,
}
TOTALS = {"totalChecks", "completedChecks", "passedChecks", "failedChecks", "warningChecks"}
ROW = {"checkId", "checkName", "pillar", "status"}
EXPLAINED = ROW | {"message", "remediation"}


def check_fields(block: dict[str, Any]) -> None:
    assert list(block) == list(FIELDS)
    for name, types in FIELDS.items():
        assert isinstance(block[name], types), name
    assert set(block["lastScheduledTotals"]) == TOTALS
    assert all(type(number) is int for number in block["lastScheduledTotals"].values())
    assert block["lastScheduledOutcome"] in ("none", "success", "failed")


def check_reports(block: dict[str, Any]) -> None:
    """Each report has the rows of its pillar, and together they have every check once, each with what the extension shows."""
    check_fields(block)
    rows = block["lastScheduledChecks"]
    assert [one["checkId"] for one in sorted(rows, key=lambda one: one["checkId"])] == [one.id for one in CHECKS]
    for pillar in REPORTS:
        report = [one for one in rows if one["pillar"] == pillar]
        assert report
        assert [one["checkName"] for one in report] == sorted(one["checkName"] for one in report)
        assert all(one["checkId"].startswith(f"{pillar}.") for one in report)
    for one in rows:
        assert set(one) == (ROW if one["status"] == "passing" else EXPLAINED)
        assert one["status"] in STATUSES
        assert all(isinstance(text, str) for text in one.values())
        assert all(len(one.get(name, "")) <= MAX_TEXT_CHARACTERS for name in ("message", "remediation"))
    assert block["lastScheduledTotals"]["completedChecks"] == len(CHECKS)
