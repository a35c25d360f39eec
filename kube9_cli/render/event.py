"""One event for people: what happened, to what, why, when, what is related, and its metadata. Pure."""

from typing import Any

from kube9_cli.render.clock import Clock, age, ago
from kube9_cli.render.colours import OF_SEVERITY, painted
from kube9_cli.render.details import sheet
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import field
from kube9_cli.render.grid import GAP
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import buckets, sparkline
from kube9_cli.render.table import about, table

LABELS_WIDTH = 11
TIMELINE_WIDTH = 40
TIMES_SHOWN = 5
"""Of the occurrences the last ones are listed."""


def lines(event: dict[str, Any], look: Look) -> list[str]:
    """The event in the width of the terminal; nothing is cut."""
    clock, width = look.clock, look.width
    severity = event["severity"]
    title = f"{severity.upper()}: {event.get('title', event['metadata']['reason'])}"
    found = [painted(plain(title), OF_SEVERITY.get(severity, "") if look.colour else "")]
    fields = [
        ("Object", about(event)),
        ("Why", event.get("description", "")),
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
            found += [" " * LABELS_WIDTH + line for line in _timeline(event["occurrences"], clock)]
    if related := event.get("related", []):
        found += ["", "Related events, from 15 minutes before:"]
        found += [f"  {line}" for line in _related(related, look)]
    return [*found, "", "Metadata:", *(f"  {line}" for line in sheet(event["metadata"]))]


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


def _timeline(occurrences: list[dict[str, Any]], clock: Clock) -> list[str]:
    """When the count rose: a line of bars from the first to the last time, and the last times."""
    if len(occurrences) < 2:
        return []
    moments = [clock.read(one["at"]) for one in occurrences]
    counts = [one["count"] for one in occurrences]
    rises = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    begin, end = moments[0].timestamp(), moments[-1].timestamp()
    bars = sparkline(
        buckets([(at.timestamp(), rise) for at, rise in zip(moments, rises, strict=True)], begin, end, TIMELINE_WIDTH)
    )
    form = clock.form(moments)
    found = [f"{moments[0]:{form}} |{bars}| {moments[-1]:{form}}"]
    last = list(zip(moments, counts, strict=True))[-TIMES_SHOWN:]
    return [*found, *(f"{moment:{form}}{GAP}{count}" for moment, count in last)]


def _related(related: list[dict[str, Any]], look: Look) -> list[str]:
    events = [one | {"metadata": {"reason": one["reason"]}} for one in related]
    width = None if look.width is None else max(20, look.width - 2)
    return table(events, look._replace(width=width))
