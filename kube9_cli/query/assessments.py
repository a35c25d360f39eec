"""Assessments, their results and the checks, as clients see them."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.errors import QueryError
from kube9_cli.query.connection import TEXT, WHOLE, WHOLE_OR_NONE, Database, Types
from kube9_cli.times import iso
from kube9_schema.assessments import STATUSES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

RUN = "id, origin, mode, pillar, check_id, state, requested_ms, started_ms, completed_ms, checks, failure"
RUN_TYPES: Types = (*((TEXT,) * 6), WHOLE, WHOLE, WHOLE_OR_NONE, WHOLE, TEXT)
WANTED_RUNS = "requested_ms >= ?1 AND (?2 = '' OR state = ?2)"
RUNS = f"SELECT {RUN} FROM assessments WHERE {WANTED_RUNS} ORDER BY id DESC LIMIT ?3"  # noqa: S608
COUNT_RUNS = f"SELECT count(*) FROM assessments WHERE {WANTED_RUNS}"  # noqa: S608
ONE = f"SELECT {RUN} FROM assessments WHERE id = ?"  # noqa: S608
LATEST = "SELECT id FROM assessments WHERE state <> 'running' ORDER BY id DESC LIMIT 1"
COUNTS = "SELECT status, count(*) FROM assessment_results WHERE assessment = ? GROUP BY status"
RESULT = """r.assessment, r.check_id, coalesce(c.name, r.check_id), coalesce(c.pillar, ''), coalesce(c.severity, ''), r.status,
    r.message, r.remediation, r.offenders, r.offenders_total, r.error_code, r.assessed_ms, r.duration_ms
    FROM assessment_results r LEFT JOIN assessment_checks c ON c.id = r.check_id"""
RESULT_TYPES: Types = (*((TEXT,) * 9), WHOLE, TEXT, WHOLE, WHOLE)
OF_RUN = f"SELECT {RESULT} WHERE r.assessment = ? ORDER BY r.check_id"
WANTED_RESULTS = """r.assessed_ms >= ?1 AND (?2 = '' OR c.pillar = ?2) AND (?3 = '' OR r.status = ?3)
    AND (?4 = '' OR r.check_id = ?4)"""
HISTORY = f"SELECT {RESULT} WHERE {WANTED_RESULTS} ORDER BY r.assessment DESC, r.check_id LIMIT ?5"
COUNT_HISTORY = f"""SELECT count(*) FROM assessment_results r LEFT JOIN assessment_checks c ON c.id = r.check_id
    WHERE {WANTED_RESULTS}"""  # noqa: S608
WORDS = {"passing": "passed", "failing": "failed"}
"""Statuses, as they are called in names of numbers."""
CHECKS = "SELECT id, name, pillar, severity FROM assessment_checks ORDER BY id"


def runs(database: Database, since_ms: int, state: str, limit: int) -> list[dict[str, Any]]:
    """The newest assessments first; '' is any state."""
    return [_run(database, row) for row in database.all(RUNS, (since_ms, state, limit), RUN_TYPES)]


def count_runs(database: Database, since_ms: int, state: str) -> int:
    """How many assessments there are; '' is any state."""
    return int(database.all(COUNT_RUNS, (since_ms, state), (WHOLE,))[0][0])


def get(database: Database, name: str) -> dict[str, Any]:
    """An assessment with its results. Raises QueryError if there is none of this id."""
    rows = database.all(ONE, (name,), RUN_TYPES)
    if not rows:
        raise QueryError("Assessment not found", name, "NOT_FOUND")
    results = [_result(row) for row in database.all(OF_RUN, (name,), RESULT_TYPES)]
    return _run(database, rows[0]) | {"results": results}


def latest(database: Database) -> dict[str, Any]:
    """The newest assessment that has ended. Raises QueryError if there is none."""
    rows = database.all(LATEST, (), (TEXT,))
    if not rows:
        raise QueryError(
            "No assessment has ended yet",
            "the first is made five minutes after the operator's start, unless ASSESSMENT_ENABLED is false; or ask for one: "
            "kube9-cli assessments run",
            "NO_ASSESSMENT",
        )
    return get(database, rows[0][0])


def history(database: Database, since_ms: int, pillar: str, status: str, check: str, limit: int) -> list[dict[str, Any]]:
    """Results of all assessments, the newest first; '' is any."""
    return [_result(row) for row in database.all(HISTORY, (since_ms, pillar, status, check, limit), RESULT_TYPES)]


def count_history(database: Database, since_ms: int, pillar: str, status: str, check: str) -> int:
    """How many results there are; '' is any."""
    return int(database.all(COUNT_HISTORY, (since_ms, pillar, status, check), (WHOLE,))[0][0])


def checks(database: Database) -> list[dict[str, Any]]:
    """All checks, by their ids."""
    names = ("check_id", "check_name", "pillar", "severity")
    return [dict(zip(names, row, strict=True)) for row in database.all(CHECKS, (), (TEXT,) * 4)]


def _run(database: Database, row: Any) -> dict[str, Any]:
    name, origin, mode, pillar, check, state, requested, started, completed, total, failure = row
    counts = dict(database.all(COUNTS, (name,), (TEXT, WHOLE)))
    return {
        "run_id": name,
        "origin": origin,
        "mode": mode,
        "pillar": pillar or None,
        "check_id": check or None,
        "state": state,
        "requested_at": iso(requested),
        "started_at": iso(started),
        "completed_at": None if completed is None else iso(completed),
        "total_checks": total,
        "completed_checks": sum(counts.values()),
        **{f"{WORDS.get(status, status)}_checks": counts.get(status, 0) for status in STATUSES},
        "failure_reason": failure or None,
    }


def _result(row: Any) -> dict[str, Any]:
    run, check, name, pillar, severity, status, message, remediation, offenders, total, code, assessed, duration = row
    return {
        "id": f"{run}/{check}",
        "run_id": run,
        "check_id": check,
        "pillar": pillar,
        "check_name": name,
        "severity": severity,
        "status": status,
        "message": message,
        "offenders": json_text.decode(offenders),
        "offenders_total": total,
        "remediation": remediation or None,
        "assessed_at": iso(assessed),
        "duration_ms": duration,
        "error_code": code or None,
    }
