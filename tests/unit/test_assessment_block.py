"""The block `assessment` of the status ConfigMap fills the six reports of the kube9 extension."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.assess.model import MAX_TEXT_CHARACTERS, PILLARS
from kube9_operator.assess.registry import CHECKS
from kube9_operator.assess.run import assess_run
from kube9_operator.model.assessment import AssessmentFrame, Begun, Checked, Checks, Ended, Request
from kube9_operator.watch.errors import http_error
from tests.assessed import FakeClient, container, listing, role, running, workload
from tests.bench import database as made
from tests.extension_reports import REPORTS, check_fields, check_reports
from tests.unit.test_assessments_stored import NOW_MS, Stored


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    connection = made.create(str(tmp_path))
    yield Stored(connection)
    connection.close()


def assess(stored: Stored, client: FakeClient) -> dict[str, Any]:
    """The block after a whole assessment of a cluster, as the writer makes it of what the assessor says."""
    request = Request("asm_1a22d08ca9511fee2", "scheduled", "full", "", "", 600.0, NOW_MS)
    said: list[Any] = [Checks([(one.id, one.name, one.pillar, one.severity) for one in CHECKS])]
    said.append(Begun(request, NOW_MS, len(CHECKS)))
    for one in assess_run(listing(client)):
        result = (one.status, one.message, one.remediation, list(one.offenders), one.offenders_total, one.error_code)
        said.append(Checked(request.id, one.check_id, *result, NOW_MS, one.duration_ms))
    said.append(Ended(request.id, NOW_MS + 2_000))
    with stored.session.transaction(NOW_MS):
        stored.assessments.apply(AssessmentFrame(said), NOW_MS)
    return stored.block()


def test_the_six_reports_are_filled(stored: Stored) -> None:
    bad = container(securityContext={"privileged": True})
    client = FakeClient(
        workload(replicas=1, containers=[{"name": "app", "image": "example/app:1"}]),
        running("web-1", "shop", "Deployment/web", containers=[bad]),
        role("everything", apiGroups=["*"], resources=["*"], verbs=["*"]),
    )
    client.fail("limitranges", http_error(403, "forbidden"))
    client.fail("poddisruptionbudgets", http_error(500, "no leader"))
    block = assess(stored, client)
    check_reports(block)
    assert set(PILLARS) == REPORTS
    assert {one["status"] for one in block["lastScheduledChecks"]} == {"passing", "failing", "warning", "skipped", "error"}
    assert (block["lastScheduledOutcome"], block["lastScheduledRunState"]) == ("success", "partial")


def test_before_the_first_one_the_reports_are_empty(stored: Stored) -> None:
    block = stored.block()
    check_fields(block)
    assert (block["lastScheduledOutcome"], block["lastScheduledChecks"]) == ("none", [])
    assert set(block["lastScheduledTotals"].values()) == {0}


def test_it_fits_into_a_config_map(stored: Stored) -> None:
    """A ConfigMap may have 1 MiB. The texts have their greatest length in every row."""
    block = assess(stored, FakeClient())
    longest = {"message": "ä" * MAX_TEXT_CHARACTERS, "remediation": "ä" * MAX_TEXT_CHARACTERS}
    block["lastScheduledChecks"] = [one | longest for one in block["lastScheduledChecks"]]
    assert len(json.dumps(block).encode()) < 250_000
