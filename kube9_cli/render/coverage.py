"""The coverage of an answer in plain words. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from kube9_cli.query.coverage import BEFORE_FIRST, KEPT, NEVER_LISTED, NOT_YET
from kube9_cli.render.clock import Clock, ago

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    Gap = dict[str, Any]

NAMED_SOURCES = 3
NAMED_OUTAGES = 2
NAMED_CLUSTERS = 5
TO = "–"  # noqa: RUF001
NOW_SECONDS = 5.0
"""A gap that goes on is one of now if the time that is asked for ends this shortly before now, or later."""
UNCONFIRMED = "No gap is known, but not every watch has been confirmed yet: this takes up to two minutes after a start."
WHOLE_MINUTES_FROM = timedelta(minutes=2)
"""The seconds of a gap of at least this length say nothing."""
UNWATCHED = (
    "not watched",
    "could not watch",
    "not watching",
    "not running",
    "changes in between unknown",
    "not permitted",
    "not served",
)
"""A reason with one of these means that a source was not watched at all."""


def sentence(coverage: dict[str, Any], clock: Clock) -> str:
    """The coverage as one or more sentences. Of the gaps it has the newest."""
    if "clusters" in coverage:
        return _of_clusters(coverage, clock)
    known = _known(coverage, clock)
    if coverage["complete"]:
        return f"Complete {known}." if known else UNCONFIRMED
    gaps = coverage["gaps"]
    now = _outages([gap for gap in gaps if _goes_on(gap, clock)])
    past = _outages([gap for gap in gaps if not _goes_on(gap, clock)])
    left = sum(len(outage) for outage in past[NAMED_OUTAGES:]) + coverage.get("gaps_left_out", 0)
    clauses = [_past(one, clock) for one in past[:NAMED_OUTAGES]]
    if left:
        clauses.append(f"{left} more gap{'s' if left > 1 else ''} (see -o json)")
    said = [f"Incomplete: {'; '.join(clauses)}." if clauses else "Incomplete."]
    if now:
        said.append(f"Not watching now: {'; '.join(_present(one, clock) for one in now)}.")
    named = {gap["source"] for outage in now for gap in outage}
    if closed := [source for source in coverage["unavailable"] if source not in named]:
        said.append(f"Cannot be watched: {', '.join(closed)}.")
    return " ".join([*said, *([f"Otherwise complete {known}."] if known else [])])


def _of_clusters(coverage: dict[str, Any], clock: Clock) -> str:
    """The same of several clusters: those that are complete together, and each of the others."""
    clusters = coverage["clusters"]
    if len(clusters) == 1:
        return sentence({key: value for key, value in coverage.items() if key != "clusters"}, clock)
    whole = [one for one in clusters if one["complete"]]
    said = []
    if whole:
        times = [one for one in whole if "from" in one]
        known = {"from": max(one["from"] for one in times), "until": min(one["until"] for one in times)} if times else {}
        complete = sentence({"complete": True, "gaps": [], "unavailable": [], **known}, clock)
        said = [complete if len(whole) == len(clusters) else f"{len(whole)} of {len(clusters)} clusters: {complete}"]
    for one in [one for one in clusters if not one["complete"]][:NAMED_CLUSTERS]:
        gaps = [gap for gap in coverage["gaps"] if gap["cluster"] == one["cluster"]]
        said.append(f"{one['cluster']}: {sentence(one | {'gaps': gaps}, clock)}")
    left = len(clusters) - len(whole) - NAMED_CLUSTERS
    return " ".join([*said, *([f"{left} more clusters are incomplete (see -o json)."] if left > 0 else [])])


def not_yet(coverage: dict[str, Any], clock: Clock) -> str:
    """When the time that is asked for begins, if that is in the future; otherwise ''."""
    begins = [gap["from"] for gap in coverage["gaps"] if gap["reason"] == NOT_YET]
    return clock.range(clock.read(begins[0])) if begins else ""


def _known(coverage: dict[str, Any], clock: Clock) -> str:
    """The time in which nothing is missing but the gaps; '' for none."""
    if "from" not in coverage:
        return ""
    begin, end = clock.read(coverage["from"]), clock.read(coverage["until"])
    return f"from {clock.range(begin, end, ' to ')} ({ago(clock.passed(end))})"


def _outages(gaps: list[Gap]) -> list[list[Gap]]:
    """The gaps, newest first. One outage affects many sources: gaps that overlap and have the same reason are together."""
    left = sorted(gaps, key=lambda gap: (gap["to"], gap["from"]), reverse=True)
    found = []
    while left:
        first = left[0]
        found.append([one for one in left if one["reason"] == first["reason"] and one["to"] >= first["from"]])
        left = [one for one in left if one not in found[-1]]
    return found


def _goes_on(gap: Gap, clock: Clock) -> bool:
    """Whether its source is not watched now, and now is asked for."""
    return bool(gap.get("ongoing")) and clock.passed(clock.read(gap["to"])) < NOW_SECONDS


def _begin(outage: list[Gap], clock: Clock) -> datetime:
    return clock.read(min(gap["from"] for gap in outage))


def _end(outage: list[Gap], clock: Clock) -> datetime:
    return clock.read(max(gap["to"] for gap in outage))


def _past(outage: list[Gap], clock: Clock) -> str:
    """A gap that has ended."""
    reason: str = outage[0]["reason"]
    begin, end = _begin(outage, clock), _end(outage, clock)
    if reason == NOT_YET:
        return reason
    if reason == BEFORE_FIRST:
        return f"{_named(outage)} not yet recorded before {clock.range(end)}"
    if reason.startswith(KEPT):
        return f"before {clock.range(end)}, because {reason}"
    if end - begin >= WHOLE_MINUTES_FROM:
        begin, end = begin.replace(second=0, microsecond=0), _next_minute(end)
    if begin == datetime(1970, 1, 1, tzinfo=UTC) or reason == NEVER_LISTED:
        period = f"before {clock.range(end)}"
    else:
        period = f"at {clock.range(end)}" if begin == end else clock.range(begin, end, TO)
    return f"{_named(outage)} {_missed(reason)} {period} ({reason.removeprefix('not watched, and ')})"


def _present(outage: list[Gap], clock: Clock) -> str:
    """A gap that goes on."""
    return f"{_named(outage)} since {clock.range(_begin(outage, clock))} ({outage[0]['reason']})"


def _next_minute(moment: datetime) -> datetime:
    minutes = math.ceil((moment.second + moment.microsecond / 1e6) / 60)
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=minutes)


def _missed(reason: str) -> str:
    return "not watched" if any(text in reason for text in UNWATCHED) else "not fully recorded"


def _named(outage: list[Gap]) -> str:
    names = sorted({gap["source"] for gap in outage}, key=lambda name: (name != "events", name))
    rest = len(names) - NAMED_SOURCES
    return ", ".join(names[:NAMED_SOURCES]) + (f" and {rest} more" if rest > 0 else "")
