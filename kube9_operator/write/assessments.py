"""Stores assessments, and makes the events that tell of them.

Owns the tables assessments, assessment_results and assessment_checks.

Everything is keyed by the id of the assessment, and nothing of one that has ended changes. So an assessor that was killed makes
the same assessment again, and what arrives twice does nothing.
"""

import json
from typing import Any, NamedTuple

from kube9_operator.clock import iso
from kube9_operator.model import operator_event
from kube9_operator.model.assessment import AssessmentFrame, Begun, Checked, Checks, Ended
from kube9_operator.model.observation import Observation
from kube9_operator.model.tally import ASSESSMENT_SECONDS, CHECK_SECONDS
from kube9_operator.settings import Settings
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import AssessmentReport
from kube9_operator.text import limits, redact
from kube9_operator.write.ended_runs import EndedRuns
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_operator.write.sqlite.session import Session
from kube9_schema import codes, tables
from kube9_schema.assessments import (
    COMPLETED,
    CRITICAL,
    ERROR,
    FAILED,
    FAILING,
    FULL,
    PARTIAL,
    PASSING,
    RETENTION_DAYS,
    RUNNING,
    SCHEDULED,
    TIMEOUT,
    WARNING,
)

RUNS, CHECKS = "kube9_assessment_runs_total", "kube9_assessment_checks_total"
RUN_BYTES, RUNS_PART = 32_768, 64
"""What an assessment takes at most with its results, and the part of the size limit that all may take."""
LEAST_RUNS = 5
DELETED_AT_ONCE = 10
DAY_MS = 86_400_000
MAX_FAILURE_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 420
"""Of a message and a remediation: the extension shows no more."""

PUT_CHECK = tables.insert("assessment_checks", replace=True)
PUT_RESULT = tables.insert("assessment_results", replace=True)
BEGIN = f"{tables.insert('assessments')} ON CONFLICT DO NOTHING"
BEFORE = """SELECT r.status, r.offenders, r.offenders_total FROM assessment_results r
    WHERE r.check_id = ? AND r.assessment < ? AND r.status NOT IN (?, ?) ORDER BY r.assessment DESC LIMIT 1"""
COUNTS = "SELECT status, count(*) FROM assessment_results WHERE assessment = ? GROUP BY status"
OF_PILLARS = """SELECT c.pillar, r.status, count(*) FROM assessment_results r JOIN assessment_checks c ON c.id = r.check_id
    WHERE r.assessment = ? GROUP BY c.pillar, r.status"""
DURATIONS = "SELECT duration_ms FROM assessment_results WHERE assessment = ? AND status <> ?"
NEWEST = f"""SELECT {tables.columns("assessments")} FROM assessments WHERE state <> ? AND (origin = ? OR mode = ?)
    ORDER BY id DESC LIMIT 1"""  # noqa: S608
OF_NEWEST = """SELECT c.id, c.name, c.pillar, r.status, r.message, r.remediation
    FROM assessment_results r JOIN assessment_checks c ON c.id = r.check_id WHERE r.assessment = ? ORDER BY c.pillar, c.name"""


class EndedRun(NamedTuple):
    """An assessment that has ended in this transaction."""

    state: str
    seconds: float
    results: list[tuple[str, str, int]]
    """The number of results, by pillar and status."""
    checks_ms: list[int]
    """How long each check took that was made."""


class Assessments(EndedRuns[EndedRun, AssessmentReport]):
    """Works in the transactions of the session, and reports what has ended when that is durable."""

    def __init__(self, session: Session, settings: Settings, link: Link) -> None:
        super().__init__(session, link)
        self._connection = session.connection
        self._execute = session.connection.execute
        self._settings = settings
        self._most = most_runs(settings.database_max_mib * 2**20)

    def count(self, run: EndedRun) -> None:
        """Counts an assessment in the metrics."""
        self._link.tally.add(RUNS, run.state)
        self._link.tally.observe(ASSESSMENT_SECONDS, run.seconds)
        self._link.tally.observe(CHECK_SECONDS, *(ms / 1000 for ms in run.checks_ms))
        for pillar, found, number in run.results:
            self._link.tally.add(CHECKS, pillar, found, number=number)

    # Reading

    def last_scheduled_ms(self) -> int:
        """Returns when the schedule last requested one, in ms since 1970; 0 for never."""
        row = one(self._connection, "SELECT max(requested_ms) FROM assessments WHERE origin = ?", (SCHEDULED,))
        return (row and row[0]) or 0

    def unfinished(self) -> list[str]:
        """Returns the ids of those that run, or whose process has died."""
        return [row[0] for row in rows(self._connection, "SELECT id FROM assessments WHERE state = ?", (RUNNING,))]

    def report(self) -> AssessmentReport:
        """Returns what the status ConfigMap and the metrics say about the newest assessment that has ended.

        One of a part that a user asked for does not count: it would leave the other reports of the extension empty.
        """
        row = one(self._connection, NEWEST, (RUNNING, SCHEDULED, FULL))
        newest = None if row is None else tables.Assessment(*row)
        counts = dict(rows(self._connection, COUNTS, (newest.id,))) if newest else {}
        results = rows(self._connection, OF_NEWEST, (newest.id,)) if newest else []
        block = status_block(newest, counts, results) | schedule_block(self._settings)
        score = counts.get(PASSING, 0) / sum(counts.values()) if counts else 0.0
        return AssessmentReport(json.dumps(block), (newest.completed_ms or 0) if newest else 0, score)

    def _counts(self, run: str) -> dict[str, int]:
        return dict(rows(self._connection, COUNTS, (run,)))

    # Writing

    def apply(self, frame: AssessmentFrame, _now_ms: int) -> list[Observation]:
        """Applies what the assessor says. Returns the events about it, which the caller records."""
        events: list[Observation] = []
        for change in frame.changes:
            match change:
                case Checks(checks):
                    for check in checks:
                        self._execute(PUT_CHECK, check)
                case Begun():
                    events += self._begin(change)
                case Checked():
                    events += self._check(change)
                case Ended():
                    events += self._end(change)
        return events

    def _begin(self, begun: Begun) -> list[Observation]:
        request = begun.request
        self._execute(
            BEGIN,
            tables.Assessment(
                request.id,
                request.origin,
                request.mode,
                request.pillar,
                request.check_id,
                RUNNING,
                request.requested_ms,
                begun.started_ms,
                None,
                begun.checks,
                "",
            ),
        )
        if not self._connection.changes():
            return []
        self._keep_few()
        what = {"pillar": f" of the pillar {request.pillar}", "single-check": f" of {request.check_id}"}.get(request.mode, "")
        text = f"A {request.origin} assessment{what} has started. Checks: {begun.checks}."
        return [
            _event("AssessmentStarted", codes.INFO, "Assessment started", text, request.requested_ms, {"run_id": request.id})
        ]

    def _check(self, checked: Checked) -> list[Observation]:
        run = self._running(checked.assessment)
        if run is None:
            return []
        message, _ = limits.line(checked.message, MAX_TEXT_CHARACTERS)
        offenders = json.dumps([limits.line(each, MAX_TEXT_CHARACTERS)[0] for each in checked.offenders], ensure_ascii=False)
        result = tables.AssessmentResult(
            checked.assessment,
            checked.check_id,
            checked.status,
            message,
            limits.cut(redact.text(checked.remediation, MAX_TEXT_CHARACTERS)[0], MAX_TEXT_CHARACTERS),
            offenders,
            checked.offenders_total,
            checked.error_code,
            checked.assessed_ms,
            checked.duration_ms,
        )
        self._execute(PUT_RESULT, result)
        check = one(self._connection, "SELECT name, pillar, severity FROM assessment_checks WHERE id = ?", (checked.check_id,))
        if check is None or check[2] != CRITICAL or checked.status != FAILING or not self._is_new(result):
            return []
        name, pillar, _ = check
        metadata = {"run_id": run.id, "check_id": checked.check_id, "pillar": pillar, "remediation": result.remediation}
        # The time is that of the request, so that an assessment that is made again tells the same.
        title = f"Critical finding: {name}"
        return [_event("AssessmentCriticalFinding", codes.CRITICAL, title, message, run.requested_ms, metadata)]

    def _end(self, ended: Ended) -> list[Observation]:
        run = self._running(ended.assessment)
        if run is None:
            return []
        counts = self._counts(run.id)
        failure, _ = limits.line(ended.failure, MAX_FAILURE_CHARACTERS)
        state = _state(run.checks, counts, failure)
        if state == FAILED and not failure:
            failure = "none of its checks could be made"
        self._execute(
            "UPDATE assessments SET state = ?, completed_ms = ?, failure = ? WHERE id = ?",
            (state, ended.completed_ms, failure, run.id),
        )
        seconds = max(0, ended.completed_ms - run.started_ms) / 1000
        made = [ms for (ms,) in rows(self._connection, DURATIONS, (run.id, TIMEOUT))]
        self._ended.append(EndedRun(state, seconds, rows(self._connection, OF_PILLARS, (run.id,)), made))
        said = ", ".join(f"{number} {word}" for word, number in sorted(counts.items())) or "no checks"
        metadata = {"run_id": run.id, "state": state, "counts": counts}
        if state == FAILED:
            text = f"The {run.origin} assessment has failed: {failure}. Until then: {said}."
            return [_event("AssessmentFailed", codes.ERROR, "Assessment failed", text, ended.completed_ms, metadata)]
        text = f"The {run.origin} assessment is {'complete' if state == COMPLETED else 'partly complete'}: {said}."
        return [_event("AssessmentCompleted", codes.INFO, "Assessment completed", text, ended.completed_ms, metadata)]

    def _running(self, run: str) -> tables.Assessment | None:
        found = f"SELECT {tables.columns('assessments')} FROM assessments WHERE id = ? AND state = ?"  # noqa: S608
        row = one(self._connection, found, (run, RUNNING))
        return None if row is None else tables.Assessment(*row)

    def _is_new(self, result: tables.AssessmentResult) -> bool:
        """Returns whether the assessment before this one did not find the same."""
        before = one(self._connection, BEFORE, (result.check_id, result.assessment, ERROR, TIMEOUT))
        return before != (result.status, result.offenders, result.offenders_total)

    def _keep_few(self) -> None:
        """Deletes the oldest if there are too many."""
        for (run,) in rows(self._connection, "SELECT id FROM assessments ORDER BY id DESC LIMIT -1 OFFSET ?", (self._most,)):
            _delete(self._connection, run)


def delete_expired(connection: Connection, now_ms: int) -> bool:
    """Deletes some of the assessments that are older than RETENTION_DAYS. Returns whether there were any."""
    find = "SELECT id FROM assessments WHERE requested_ms < ? LIMIT ?"
    found = rows(connection, find, (now_ms - RETENTION_DAYS * DAY_MS, DELETED_AT_ONCE))
    for (run,) in found:
        _delete(connection, run)
    return bool(found)


def _delete(connection: Connection, run: str) -> None:
    connection.execute("DELETE FROM assessment_results WHERE assessment = ?", (run,))
    connection.execute("DELETE FROM assessments WHERE id = ?", (run,))


def most_runs(max_bytes: int) -> int:
    """How many assessments are kept within a size limit of the database."""
    return max(LEAST_RUNS, max_bytes // RUNS_PART // RUN_BYTES)


def _state(checks: int, counts: dict[str, int], failure: str) -> str:
    failed = counts.get(ERROR, 0) + counts.get(TIMEOUT, 0)
    if failure or (checks and failed == checks):
        return FAILED
    return PARTIAL if failed else COMPLETED


def _event(reason: str, severity: int, title: str, text: str, at_ms: int, metadata: dict[str, Any]) -> Observation:
    return operator_event.observation(reason, severity, title, text, at_ms, metadata, codes.ASSESSMENT)


def schedule_block(settings: Settings) -> dict[str, Any]:
    """The part that is about the schedule."""
    is_on = settings.assessment_enabled
    return {
        "schedulingEnabled": is_on,
        "scheduleIntervalSeconds": settings.assessment_interval_seconds if is_on else None,
        "scheduledAssessmentMode": settings.assessment_mode if is_on else None,
        "scheduledAssessmentPillar": settings.assessment_pillar or None if is_on else None,
    }


def status_block(run: tables.Assessment | None, counts: dict[str, int], results: list[tuple[Any, ...]]) -> dict[str, Any]:
    """The part of the block `assessment` of the status ConfigMap that is about the newest assessment.

    docs/extension.md describes the fields.
    """
    failed = run is not None and run.state == FAILED
    return {
        "lastScheduledCompletedAt": iso(run.completed_ms) if run and run.completed_ms else None,
        "lastScheduledOutcome": "none" if run is None else "failed" if failed else "success",
        "lastScheduledRunState": run.state if run else None,
        "lastScheduledRunId": run.id if run else None,
        "lastScheduledTotals": {
            "totalChecks": run.checks if run else 0,
            "completedChecks": sum(counts.values()),
            "passedChecks": counts.get(PASSING, 0),
            "failedChecks": counts.get(FAILING, 0),
            "warningChecks": counts.get(WARNING, 0),
        },
        "lastScheduledError": (run.failure or None) if run else None,
        "lastScheduledChecks": [
            {"checkId": check, "checkName": name, "pillar": pillar, "status": found}
            | ({"message": message, "remediation": remediation} if found != PASSING else {})
            for check, name, pillar, found, message, remediation in results
        ],
    }
