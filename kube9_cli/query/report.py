"""What a report is made of: the timeline, the events, insights, and for which time all this is complete."""

from __future__ import annotations

from kube9_cli.query import coverage, events, insights, status, timeline
from kube9_cli.query.connection import Database
from kube9_cli.query.search import Request, find
from kube9_cli.query.timeline import Timeline
from kube9_cli.selection import Selection

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_EVENTS = 5_000
MOST_INSIGHTS = 50
AT_ONCE = 1_000
MARKS = 60
MOST_CHARACTERS = 400
"""Of a text in a report. A report of 5,000 events fits into memory and into a mail."""
FIELDS = ("cluster", "id", "severity", "title", "object_kind", "object_namespace", "object_name", "object_api_version", "count")
TIMES = ("first_seen_at", "last_seen_at")
OF_A_CHANGE = (("previous", "current"), ("previous", "new"), ("previous_replicas", "new_replicas"))
"""Where the metadata of an event have the old and the new value."""


class Report(NamedTuple):
    """The parts of a report."""

    timeline: Timeline
    events: list[dict[str, Any]]
    """Those that were seen last, the newest first."""
    total: int
    """How many events match."""
    insights: list[dict[str, Any]]
    """Those that match, with their evidence, the worst that goes on first."""
    coverage: dict[str, Any]
    version: str
    """Of the operator that recorded the events."""


def read(database: Database, selection: Selection, path: str) -> Report:
    """The parts, for a selection with both times. The caller has begun a snapshot. Raises QueryError."""
    covered = coverage.covered(database, selection, path)
    lines = timeline.read(database, selection, covered, path, MARKS)
    matches = find(database, selection, Request(limit=MOST_EVENTS))
    found: list[dict[str, Any]] = []
    for at in range(0, len(matches.ids), AT_ONCE):
        found += map(_kept, events.Page(database, matches.ids[at : at + AT_ONCE]).events())
    _, concluded = insights.find(database, selection, insights.Wanted(), insights.Order(limit=MOST_INSIGHTS))
    return Report(
        lines,
        found,
        matches.total or 0,
        [insights.get(database, one["id"]) for one in concluded],
        covered,
        status.read(database)["version"] if database.fleet is None else database.fleet.version(),
    )


def _kept(event: dict[str, Any]) -> dict[str, Any]:
    """What a report shows of an event."""
    metadata = event["metadata"]
    kept = {name: event[name] for name in (*FIELDS, *TIMES) if name in event}
    kept |= {"reason": str(metadata["reason"]), "message": _short(event.get("description", ""))}
    if metadata.get("changed_by"):
        kept["changed_by"] = _short(metadata["changed_by"])
    for old, new in OF_A_CHANGE:
        if old in metadata or new in metadata:
            kept["change"] = _short(metadata.get(old, "")), _short(metadata.get(new, ""))
            break
    if metadata.get("changed"):
        kept["changed"] = _short(metadata["changed"])
    return kept


def _short(value: Any) -> str:
    if isinstance(value, dict):  # the values of fields by their paths, of which one needs no path: it is named as what changed
        value = [*value.values()] if len(value) == 1 else [f"{path}: {one}" for path, one in value.items()]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
