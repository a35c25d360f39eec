"""One event for people: what happened, to what, why, when, what is related, and its metadata. Pure."""

from __future__ import annotations

from kube9_cli.query.related import OTHERS
from kube9_cli.render.clock import Clock, age, ago
from kube9_cli.render.colours import OF_SEVERITY, painted
from kube9_cli.render.details import sheet, within
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import LEAST_WIDTH, field
from kube9_cli.render.grid import GAP
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import buckets, sparkline
from kube9_cli.render.table import about, table
from kube9_cli.render.width import wrapped

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

LABELS_WIDTH = 11
ID_WIDTH = len("ins_9f383e1accecc3e0") + len(GAP)
BARS = 40
RELATED = "Related events, from 15 minutes before it:"
CHANGES = "What changed in its namespace and on its node, in the 15 minutes before it:"
TIMES_SHOWN = 5
"""Of the occurrences the last ones are listed."""


def lines(event: dict[str, Any], look: Look, wide: bool = False) -> list[str]:
    """The event in the width of the terminal. Nothing is cut, except for messages of related events if it is not `wide`."""
    clock, width = look.clock, None if wide else look.width
    severity = event["severity"]
    title = plain(f"{severity.upper()}: {event.get('title', event['metadata']['reason'])}")
    colour = OF_SEVERITY.get(severity, "") if look.colour else ""
    found = [painted(line, colour) for line in ([title] if width is None else wrapped(title, width, len(title)))]
    fields = [
        ("Cluster", event.get("cluster", "")),
        ("Object", about(event)),
        ("Why", event.get("description", "")),
        ("Changed by", str(event["metadata"].get("changed_by", ""))),
        ("Reason", event["metadata"]["reason"]),
        ("When", _when(event, clock)),
        ("Owners", ", ".join(f"{one['kind']}/{one['name']}" for one in event.get("owners", ()))),
        ("Node", str(event["metadata"].get("node", ""))),
        ("Id", event["id"]),
    ]
    for label, text in fields:
        if text:
            found += field(label, str(text), LABELS_WIDTH, width)
        if label == "When":
            found += [" " * LABELS_WIDTH + line for line in _timeline(event.get("occurrences", []), clock, width)]
    related = event.get("related", [])
    for heading, some in (
        (RELATED, [one for one in related if one["relation"] not in OTHERS]),
        (CHANGES, [one for one in related if one["relation"] in OTHERS]),
    ):
        if some:
            found += ["", heading, *(f"  {line}" for line in _related(some, look, wide))]
    inner = None if width is None else width - 2
    if concluded := event.get("insights", []):
        found += ["", "Insights that rest on it:"]
        for one in concluded:
            said, beside = f"{one['title']} ({one['status']})", inner is None or inner >= ID_WIDTH + LEAST_WIDTH
            shown = field(one["id"], said, ID_WIDTH, inner) if beside else [one["id"], *field("", said, 2, inner)]
            found += [f"  {line}" for line in shown]
    return [*found, "", "Metadata:", *(f"  {line}" for line in within(sheet(event["metadata"]), inner))]


def _when(event: dict[str, Any], clock: Clock) -> str:
    first, last = clock.read(event["first_seen_at"]), clock.read(event["last_seen_at"])
    passed = ago(clock.passed(last))
    if "noticed_at" in event["metadata"]:
        return f"between {clock.range(first, last, ' and ')} ({passed})"
    count = event["count"]
    if first == last:
        return f"{'once' if count == 1 else f'{count} times'}, {clock.range(last)} ({passed})"
    lasted = age((last - first).total_seconds())
    often = "once" if count == 1 else f"{count} times in {lasted}"
    return f"{often}, {clock.range(first, last, ' to ')} ({passed})"


def _timeline(occurrences: list[dict[str, Any]], clock: Clock, width: int | None) -> list[str]:
    """When the count rose: a line of bars from the first to the last time, and the last times."""
    if len(occurrences) < 2:
        return []
    moments = [clock.read(one["at"]) for one in occurrences]
    counts = [one["count"] for one in occurrences]
    one_day = moments[0].date() == moments[-1].date()  # which the line above has
    times = [f"{moment:{'%H:%M:%S' if one_day else clock.form(moments)}}" for moment in moments]
    room = BARS if width is None else min(BARS, width - LABELS_WIDTH - 2 * len(times[0]) - len(" || "))
    found = []
    if room > 0:
        rises = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
        seconds = [moment.timestamp() for moment in moments]
        parts = buckets(list(zip(seconds, rises, strict=True)), seconds[0], seconds[-1], room)
        found.append(f"{times[0]} |{sparkline(parts)}| {times[-1]}")
    last = list(zip(times, counts, strict=True))[-TIMES_SHOWN:]
    return [*found, *(f"{moment}{GAP}{count}" for moment, count in last)]


def _related(related: list[dict[str, Any]], look: Look, wide: bool) -> list[str]:
    events = [one | {"metadata": one} for one in related]
    width = None if look.width is None else max(20, look.width - 2)
    return table(events, look._replace(width=width), wide)
