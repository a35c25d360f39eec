"""Insights of a time in short, for the summary: what is the matter, since when, and whether a change came before it."""

from __future__ import annotations

from kube9_cli.query import insights
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.coverage import covered
from kube9_cli.selection import Selection
from kube9_cli.times import iso

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

MOST = 5
BEFORE_MS = 3_600_000
"""So long before the first evidence a change is looked for."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
CHANGES = ("Scaled", "ImageChanged", "ConfigurationChanged", "Created")
"""What the reasons of the changes of a workload end with."""
CAUSE = 0
"""The role of a change in the evidence, as in kube9_schema.codes."""
NONE, CANNOT_TELL = "none", "cannot tell"
FIELDS = (
    *("id", "severity", "status", "category", "title", "object_kind", "object_namespace", "object_name", "first_seen_at"),
    *("last_seen_at", "ended"),
)
TIMES = "SELECT first_ms FROM insights WHERE id = ?"
HAS_CAUSE = "SELECT 1 FROM insight_evidence WHERE insight = ? AND role = ? LIMIT 1"
CHANGED = """SELECT 1 FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    JOIN events e INDEXED BY events_by_object ON e.object = o.id JOIN words r ON r.id = e.reason
    WHERE o.name = ?1 AND k.word = ?2 AND n.word = ?3 AND e.first_ms <= ?4 AND e.last_ms >= ?4 - ?5
    AND r.word IN (?2 || ?6, ?2 || ?7, ?2 || ?8, ?2 || ?9) LIMIT 1"""


def read(database: Database, selection: Selection, path: str) -> dict[str, Any]:
    """The worst insights of the selected time, and how many there are; {} for none. The caller has begun a snapshot."""
    total, found = insights.find(database, selection, insights.Wanted(), insights.Order(limit=MOST))
    if not total:
        return {}
    shown = [{name: one[name] for name in FIELDS if name in one} | _change_before(database, one, path) for one in found]
    return {"insights": shown, "insights_total": total}


def _change_before(database: Database, insight: dict[str, Any], path: str) -> dict[str, str]:
    """Whether no change of the workload came shortly before; {} if one did, or is among the evidence."""
    owner = insight.get("owner") or {name: insight.get(f"object_{name}", "") for name in ("kind", "namespace", "name")}
    kind = owner.get("kind", "")
    if kind not in WORKLOADS or database.all(HAS_CAUSE, (insight["id"], CAUSE)):
        return {}
    first_ms = database.all(TIMES, (insight["id"],), (WHOLE,))[0][0]
    values = (owner.get("name", ""), kind, owner.get("namespace", ""), first_ms, BEFORE_MS, *CHANGES)
    if database.all(CHANGED, values):
        return {}
    before = Selection({"kind": (kind,)}, since_ms=max(0, first_ms - BEFORE_MS), until_ms=first_ms)
    answer = covered(database, before, path)
    complete = answer["complete"] and answer.get("from") == iso(first_ms - BEFORE_MS)
    return {"change_before": NONE if complete else CANNOT_TELL}
