"""Assessments and their results with the fields of alto9/kube9-operator, for the commands `assess …`. What has no value is left
out.
"""

from __future__ import annotations

from kube9_cli.query import assessments
from kube9_schema.assessments import STATUSES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.query.connection import Database

NUMBERS = tuple(f"{assessments.WORDS.get(status, status)}_checks" for status in STATUSES)
RECORD = (
    *("run_id", "mode", "state", "requested_at", "started_at", "completed_at", "total_checks", "completed_checks"),
    *NUMBERS,
    "failure_reason",
)
RESULT = (
    *("id", "run_id", "check_id", "pillar", "check_name", "status", "message", "remediation", "assessed_at", "duration_ms"),
    "error_code",
)


def record(run: dict[str, Any]) -> dict[str, Any]:
    """An assessment without its results."""
    return _some(run, RECORD)


def runs(database: Database, since_ms: int, state: str, limit: int) -> dict[str, Any]:
    """The newest assessments, and how many there are; '' is any state."""
    found = assessments.runs(database, since_ms, state, limit)
    total = assessments.count_runs(database, since_ms, state)
    return {"assessments": [record(run) for run in found], "pagination": _pagination(total, limit, len(found))}


def history(database: Database, since_ms: int, pillar: str, status: str, limit: int) -> dict[str, Any]:
    """The newest results, and how many there are; '' is any."""
    found = assessments.history(database, since_ms, pillar, status, "", limit)
    total = assessments.count_history(database, since_ms, pillar, status, "")
    return {"history": [_some(result, RESULT) for result in found], "pagination": _pagination(total, limit, len(found))}


def summary(database: Database, since_ms: int, limit: int) -> dict[str, Any]:
    """What the newest assessments have found together, and how many there are in all."""
    found = assessments.runs(database, since_ms, "", limit)
    return {
        "total_runs": assessments.count_runs(database, since_ms, ""),
        "recent_runs": len(found),
        "by_state": _counted(found, "state"),
        "by_mode": _counted(found, "mode"),
        "totals": {name: sum(run[name] for run in found) for name in NUMBERS},
    }


def _some(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if found[name] is not None}


def _counted(found: list[dict[str, Any]], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in found:
        counts[run[name]] = counts.get(run[name], 0) + 1
    return counts


def _pagination(total: int, limit: int, returned: int) -> dict[str, int]:
    return {"total": total, "limit": limit, "offset": 0, "returned": returned}
