"""What the writer makes of what the assessor says: once, whatever comes again, and no more than allowed."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.model.assessment import AssessmentFrame, Begun, Checked, Checks, Ended, Request
from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.model.tally import Tally
from kube9_operator.settings import from_environment
from kube9_operator.supervise.messages import AssessmentReport
from kube9_operator.write import assessments as module
from kube9_operator.write.assessments import Assessments
from kube9_operator.write.sqlite.session import Session
from kube9_schema.assessments import RETENTION_DAYS
from tests.bench import database as made

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000
CHECKS = [
    ("security.privileged-containers", "No Privileged Containers", "security", "critical"),
    ("security.run-as-non-root", "Run as Non-Root", "security", "high"),
    ("reliability.replica-counts", "High Availability Replica Counts", "reliability", "medium"),
]
PRIVILEGED, NON_ROOT, REPLICAS = (one[0] for one in CHECKS)


class Link:
    def __init__(self) -> None:
        self.tally = Tally()
        self.sent: list[Any] = []

    def send(self, message: Any) -> None:
        self.sent.append(message)


class Stored:
    """The writer's end of it."""

    def __init__(self, connection: apsw.Connection, **settings: str) -> None:
        self.connection = connection
        self.link = Link()
        self.session = Session(connection)
        chosen = from_environment({"DB_PATH": "/", **settings})
        self.assessments = Assessments(self.session, chosen, self.link)  # type: ignore[arg-type]
        self.apply(Checks(CHECKS))

    def apply(self, *changes: Any) -> list[Observation]:
        with self.session.transaction(NOW_MS):
            return self.assessments.apply(AssessmentFrame(list(changes)), NOW_MS)

    def begin(
        self, number: int = 1, origin: str = "scheduled", at_ms: int = NOW_MS, checks: int = 3, pillar: str = ""
    ) -> list[Observation]:
        request = Request(f"asm_{number:02}", origin, "pillar" if pillar else "full", pillar, "", 60.0, at_ms)
        return self.apply(Begun(request, at_ms + 1, checks))

    def check(
        self, check: str, status: str, number: int = 1, offenders: tuple[str, ...] = (), **given: Any
    ) -> list[Observation]:
        fields = {"message": f"It is {status}.", "remediation": "kubectl …", "error_code": ""} | given
        return self.apply(
            Checked(
                f"asm_{number:02}",
                check,
                status,
                **fields,
                offenders=list(offenders),
                offenders_total=len(offenders),
                assessed_ms=NOW_MS + 2,
                duration_ms=3,
            )
        )

    def end(self, number: int = 1, failure: str = "", at_ms: int = NOW_MS + 2_001) -> list[Observation]:
        return self.apply(Ended(f"asm_{number:02}", at_ms, failure))

    def rows(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()

    def block(self) -> dict[str, Any]:
        return dict(json.loads(self.assessments.report().block))


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    connection = made.create(str(tmp_path))
    yield Stored(connection)
    connection.close()


def said(events: list[Observation]) -> list[tuple[str, str, str]]:
    return [(one.reason, SEVERITIES[one.severity], one.title) for one in events]


def test_an_assessment_is_told_by_its_events(stored: Stored) -> None:
    assert said(stored.begin()) == [("AssessmentStarted", "info", "Assessment started")]
    critical = stored.check(PRIVILEGED, "failing", offenders=("Pod shop/a",))
    assert said(critical) == [("AssessmentCriticalFinding", "critical", "Critical finding: No Privileged Containers")]
    assert json.loads(critical[0].metadata)["check_id"] == PRIVILEGED
    assert said(stored.check(NON_ROOT, "failing", offenders=("Pod shop/a",))) == []
    assert said(stored.check(REPLICAS, "passing")) == []
    (ended,) = stored.end()
    assert said([ended]) == [("AssessmentCompleted", "info", "Assessment completed")]
    assert ended.description == "The scheduled assessment is complete: 2 failing, 1 passing."
    assert json.loads(ended.metadata)["counts"] == {"failing": 2, "passing": 1}
    assert {one.event_type for one in (*critical, ended)} == {3}


def test_what_comes_again_changes_nothing_and_tells_the_same(stored: Stored) -> None:
    first = stored.begin() + stored.check(PRIVILEGED, "failing", offenders=("Pod shop/a",))
    assert stored.begin(at_ms=NOW_MS + 5) == [], "it is made again, because its process was killed"
    again = stored.check(PRIVILEGED, "failing", offenders=("Pod shop/a",))
    assert [one.contributor for one in again] == [one.contributor for one in first[1:]]
    stored.end()
    before = stored.rows("SELECT * FROM assessments"), stored.rows("SELECT * FROM assessment_results")
    assert stored.begin() + stored.check(PRIVILEGED, "passing") + stored.check(NON_ROOT, "failing") + stored.end() == []
    assert (stored.rows("SELECT * FROM assessments"), stored.rows("SELECT * FROM assessment_results")) == before


def test_a_critical_finding_is_told_when_it_is_new(stored: Stored) -> None:
    def found(number: int, status: str, *offenders: str) -> int:
        stored.begin(number, at_ms=NOW_MS + number)
        events = stored.check(PRIVILEGED, status, number, offenders)
        stored.end(number)
        return len(events)

    assert found(1, "failing", "Pod shop/a") == 1
    assert found(2, "failing", "Pod shop/a") == 0
    assert found(3, "error") == 0
    assert found(4, "failing", "Pod shop/a") == 0, "what could not be looked at is not mended"
    assert found(5, "failing", "Pod shop/a", "Pod shop/b") == 1
    assert found(6, "passing") == 0
    assert found(7, "failing", "Pod shop/a", "Pod shop/b") == 1


@pytest.mark.parametrize(
    ("results", "failure", "state", "said_so"),
    [
        (("passing", "failing", "skipped"), "", "completed", ""),
        (("passing", "timeout", "error"), "", "partial", ""),
        (("timeout", "timeout", "error"), "", "failed", "none of its checks could be made"),
        (("passing",), "its process failed 3 times", "failed", "its process failed 3 times"),
    ],
)
def test_the_state_says_what_could_be_looked_at(
    stored: Stored, results: tuple[str, ...], failure: str, state: str, said_so: str
) -> None:
    stored.begin()
    for (check, *_), status in zip(CHECKS, results, strict=False):
        stored.check(check, status)
    (event,) = stored.end(failure=failure)
    assert stored.rows("SELECT state, failure FROM assessments") == [(state, said_so)]
    assert event.reason == ("AssessmentFailed" if state == "failed" else "AssessmentCompleted")
    assert said_so in event.description
    counts = stored.link.tally.report().counts
    assert counts["kube9_assessment_runs_total"] == {(state,): 1}
    assert sum(counts["kube9_assessment_checks_total"].values()) == len(results)


def test_one_without_checks_is_complete(stored: Stored) -> None:
    """An unknown check is asked for."""
    stored.begin(checks=0)
    stored.end()
    assert stored.rows("SELECT state FROM assessments") == [("completed",)]


def test_no_text_holds_a_secret(stored: Stored) -> None:
    secret = "password=hunter2hunter2"
    stored.begin()
    stored.check(PRIVILEGED, "failing", offenders=(secret,), message=secret, remediation=f"kubectl\n{secret}")
    assert "hunter2" not in str(stored.rows("SELECT * FROM assessment_results"))
    assert "kubectl\n" in stored.rows("SELECT remediation FROM assessment_results")[0][0], "commands keep their lines"
    stored.end(failure=secret)
    assert "hunter2" not in str(stored.rows("SELECT * FROM assessments"))


def test_the_status_block_is_what_the_extension_reads(stored: Stored) -> None:
    schedule = {
        "schedulingEnabled": True,
        "scheduleIntervalSeconds": 86_400,
        "scheduledAssessmentMode": "full",
        "scheduledAssessmentPillar": None,
    }
    totals = ("totalChecks", "completedChecks", "passedChecks", "failedChecks", "warningChecks")
    none = {
        "lastScheduledCompletedAt": None,
        "lastScheduledOutcome": "none",
        "lastScheduledRunState": None,
        "lastScheduledRunId": None,
        "lastScheduledTotals": dict.fromkeys(totals, 0),
        "lastScheduledError": None,
        "lastScheduledChecks": [],
    }
    assert stored.block() == none | schedule
    stored.begin(1, "manual", pillar="security")
    stored.end(1)
    assert stored.block() == none | schedule, "it would leave the other reports empty"
    stored.begin(2)
    stored.check(PRIVILEGED, "passing", 2)
    stored.check(NON_ROOT, "warning", 2)
    stored.check(REPLICAS, "failing", 2)
    assert stored.block() == none | schedule, "it has not ended"
    stored.end(2)
    texts = {"remediation": "kubectl …"}
    assert stored.block() == schedule | {
        "lastScheduledCompletedAt": "2026-11-18T11:06:42.001Z",
        "lastScheduledOutcome": "success",
        "lastScheduledRunState": "completed",
        "lastScheduledRunId": "asm_02",
        "lastScheduledTotals": dict(zip(totals, (3, 3, 1, 1, 1), strict=True)),
        "lastScheduledError": None,
        "lastScheduledChecks": [
            {"checkId": REPLICAS, "checkName": CHECKS[2][1], "pillar": "reliability", "status": "failing"}
            | {"message": "It is failing."}
            | texts,
            {"checkId": PRIVILEGED, "checkName": CHECKS[0][1], "pillar": "security", "status": "passing"},
            {"checkId": NON_ROOT, "checkName": CHECKS[1][1], "pillar": "security", "status": "warning"}
            | {"message": "It is warning."}
            | texts,
        ],
    }
    stored.begin(3)
    stored.end(3, "its process failed 3 times")
    assert stored.block()["lastScheduledOutcome"] == "failed"
    assert stored.block()["lastScheduledError"] == "its process failed 3 times"
    stored.begin(4, "manual")
    stored.end(4)
    assert stored.block()["lastScheduledRunId"] == "asm_04", "one of all checks counts, whoever has asked for it"


def test_the_report_is_sent_when_it_is_durable(stored: Stored) -> None:
    stored.begin()
    stored.check(PRIVILEGED, "passing")
    stored.check(NON_ROOT, "failing")
    stored.check(REPLICAS, "timeout")
    assert stored.link.sent == []
    with contextlib.suppress(KeyError), stored.session.transaction(NOW_MS):
        stored.assessments.apply(AssessmentFrame([Ended("asm_01", NOW_MS + 2_001)]), NOW_MS)
        raise KeyError
    with stored.session.transaction(NOW_MS), contextlib.suppress(KeyError), stored.session.savepoint():
        stored.assessments.apply(AssessmentFrame([Ended("asm_01", NOW_MS + 2_001)]), NOW_MS)
        raise KeyError
    assert stored.link.sent == []
    assert stored.link.tally.report().counts == {}
    stored.end()
    (report,) = stored.link.sent
    assert isinstance(report, AssessmentReport)
    assert (report.ended_ms, report.score) == (NOW_MS + 2_001, pytest.approx(1 / 3))
    histograms = stored.link.tally.report().histograms
    assert histograms["kube9_assessment_run_duration_seconds"].sum == 2.0
    assert sum(histograms["kube9_assessment_check_duration_seconds"].buckets) == 2, "one was not made"
    assert histograms["kube9_assessment_check_duration_seconds"].sum == pytest.approx(0.006)


def test_the_schedule_learns_what_is_stored(stored: Stored) -> None:
    assert (stored.assessments.last_scheduled_ms(), stored.assessments.unfinished()) == (0, [])
    stored.begin(1, at_ms=NOW_MS)
    stored.begin(2, "manual", at_ms=NOW_MS + 9)
    stored.end(1)
    assert (stored.assessments.last_scheduled_ms(), stored.assessments.unfinished()) == (NOW_MS, ["asm_02"])


def test_old_ones_are_deleted_with_their_results(stored: Stored) -> None:
    for number in range(25):
        stored.begin(number, at_ms=NOW_MS + number * DAY_MS)
        stored.check(PRIVILEGED, "passing", number)
    last_ms = NOW_MS + (RETENTION_DAYS + 22) * DAY_MS
    turns = 0
    with stored.session.transaction(NOW_MS):
        while module.delete_expired(stored.connection, last_ms):
            turns += 1
    assert turns == 3, "a few at a time"
    assert [row[0] for row in stored.rows("SELECT id FROM assessments")] == ["asm_22", "asm_23", "asm_24"]
    assert len(stored.rows("SELECT * FROM assessment_results")) == 3


def test_no_more_are_kept_than_the_size_limit_allows(tmp_path: Path) -> None:
    connection = made.create(str(tmp_path))
    stored = Stored(connection, DATABASE_MAX_SIZE_MIB="16")
    most = module.most_runs(16 * 2**20)
    assert most == 8
    for number in range(20):
        stored.begin(number)
        stored.check(PRIVILEGED, "passing", number)
    kept = [row[0] for row in stored.rows("SELECT id FROM assessments")]
    assert kept == [f"asm_{number:02}" for number in range(12, 20)], "the newest"
    assert len(stored.rows("SELECT * FROM assessment_results")) == most
    connection.close()
