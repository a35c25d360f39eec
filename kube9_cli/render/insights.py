"""Prints insights: a list, or one with its evidence."""

from __future__ import annotations

import sys
import time

from kube9_cli.options import Options
from kube9_cli.query.insights import STALE_MS
from kube9_cli.render.clock import Clock, age, ago
from kube9_cli.render.colours import OF_SEVERITY, painted
from kube9_cli.render.coverage import sentence
from kube9_cli.render.details import sheet, within
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import field
from kube9_cli.render.grid import GAP, Grid
from kube9_cli.render.look import Look
from kube9_cli.render.table import about, short, table
from kube9_cli.render.width import wrapped
from kube9_cli.times import iso

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.query.notes import Notes

CSV = (
    *("id", "status", "severity", "category", "rule", "title", "text", "recommendation"),
    *("object_kind", "object_namespace", "object_name", "container", "first_seen_at", "last_seen_at", "created_at", "ended"),
)
INDENT, LABELS_WIDTH = "    ", 13
GIVING_WAY = ("LAST", "STATUS")
"""Left out in this order if the terminal is too narrow."""
LEAST_OBJECT, TITLE_LINES = 16, 2
ROLES = {
    "cause": "What came before:",
    "effect": "What followed, or is the matter:",
    "control": "When it failed before, and what ended that:",
    "against": "What speaks against it:",
}


def print_list(
    options: Options,
    found: list[dict[str, Any]],
    pagination: dict[str, int],
    covered: dict[str, Any],
    looked_ms: int,
    noted: Notes,
) -> None:
    """Prints the list in the format of the options; unless that is one document, how many and the coverage on stderr."""
    from kube9_cli.render import listing, look

    if options.format in ("json", "yaml"):
        looked = {"analyzed_at": iso(looked_ms)} if looked_ms else {}
        _print(options, {"insights": found, "pagination": pagination} | looked | {"coverage": covered} | noted.fields)
        return
    seen = look.of(options)
    if options.for_people and found:
        print("\n".join(lines(found, seen, wide=options.format == "wide")))
    elif not options.for_people:
        from kube9_cli.render import records

        if options.format == "csv":
            sys.stdout.writelines(records.as_csv(CSV, found, options.headings))
        else:
            sys.stdout.writelines(records.as_lines(options.format, found, options.headings))
    sys.stdout.flush()
    counted = f"{pagination['returned']} of {pagination['total']} insights." if pagination["total"] else "No insights."
    listing.say([counted, _looked(looked_ms, seen.clock), *noted.sentences, sentence(covered, seen.clock)])


def print_insights(options: Options, found: list[dict[str, Any]]) -> None:
    """Prints insights in detail. As JSON and YAML, one insight is an object, and several are a list `insights`."""
    if options.for_people:
        from kube9_cli.render import look

        seen, wide = look.of(options), options.format == "wide"
        print("\n\n".join("\n".join(_one(one, seen, wide)) for one in found))
    elif options.format == "jsonl":
        from kube9_cli.render import records

        sys.stdout.writelines(records.as_lines("jsonl", found, options.headings))
    else:
        _print(options, found[0] if len(found) == 1 else {"insights": found})


def _print(options: Options, answer: Any) -> None:
    from kube9_cli.render import serialize

    print(serialize.as_yaml(answer) if options.format == "yaml" else serialize.as_json(answer) + "\n", end="")


def _looked(looked_ms: int, clock: Clock) -> str:
    """When the operator last looked for insights."""
    if not looked_ms:
        return "The operator has not looked for insights yet."
    moment = clock.read(iso(looked_ms))
    late = time.time_ns() // 1_000_000 - looked_ms > STALE_MS
    return f"The operator last looked {ago(clock.passed(moment))}{', so something may be missing' if late else ''}."


def lines(found: list[dict[str, Any]], seen: Look, wide: bool = False) -> list[str]:
    """The table. The title of an insight is below its line if there is no room for it."""
    clock, width = seen.clock, None if wide else seen.width
    objects = [_object(one) for one in found]
    cells = {
        "STATUS": [one["status"] for one in found],
        "SEVERITY": [one["severity"] for one in found],
        **({"SINCE": clock.cells([(clock.read(one["first_seen_at"]),) for one in found])} if wide else {}),
        "LAST": clock.cells([(clock.read(one["last_seen_at"]),) for one in found]),
        "ID": [one["id"] for one in found],
        **({"RULE": [plain(one["rule"]) for one in found]} if wide else {}),
        "OBJECT": [plain(one) or "-" for one in objects],
    }
    headings = {name: f"{name}{clock.suffix}" for name in ("SINCE", "LAST")}
    grid = Grid(cells, headings if seen.headings else None)
    titles = [plain(one["title"]) for one in found]
    colours = {"SEVERITY": OF_SEVERITY} if seen.colour else {}
    if width is None or width - grid.total() - len(GAP) >= max(map(len, titles), default=0):
        made = grid.lines(colours, padded_to_the_end=True)
        ends = ["TITLE"] * seen.headings + titles
        return [f"{line}{GAP}{end}" for line, end in zip(made, ends, strict=True)]
    if grid.total() > width:
        grid.replace("OBJECT", [short(one) or "-" for one in cells["OBJECT"]])
    grid.narrow("OBJECT", LEAST_OBJECT, width)
    for name in GIVING_WAY:
        if grid.total() > width:
            del grid.cells[name]
    made = grid.lines(colours)
    shown = made[: int(seen.headings)]
    for line, title in zip(made[len(shown) :], titles, strict=True):
        shown += [line, *(INDENT + part for part in wrapped(title, max(1, width - len(INDENT)), TITLE_LINES))]
    return shown


def _one(insight: dict[str, Any], seen: Look, wide: bool) -> list[str]:
    """An insight: what, what to do, when, what it rests on, what is not known."""
    clock, width = seen.clock, None if wide else seen.width
    title = plain(f"{insight['severity'].upper()}: {insight['title']}")
    colour = OF_SEVERITY.get(insight["severity"], "") if seen.colour else ""
    shown = [painted(line, colour) for line in ([title] if width is None else wrapped(title, width, len(title)))]
    owner = insight.get("owner", {})
    fields = [
        ("Status", _status(insight, clock)),
        ("Object", _object(insight)),
        ("Owner", "/".join(owner[key] for key in ("kind", "namespace", "name") if key in owner)),
        ("Container", insight.get("container", "")),
        ("Nodes", ", ".join(insight.get("nodes", ()))),
        ("What", insight["text"]),
        ("What to do", insight.get("recommendation", "")),
        ("Not known", " ".join(insight.get("unknown", ()))),
        ("When", _when(insight, clock)),
        ("Rule", f"{insight['rule']} ({insight['category']})"),
        ("Related", ", ".join(insight.get("related", ()))),
        ("Before it", insight.get("previous", "")),
        ("Id", insight["id"]),
    ]
    for label, text in fields:
        if text:
            shown += field(label, str(text), LABELS_WIDTH, width)
    narrower = seen._replace(width=None if width is None else max(20, width - 2))
    for role, heading in ROLES.items():
        some = [one for one in insight["evidence"] if one["role"] == role]
        there = [one | {"metadata": {"reason": one["reason"]}} for one in some if not one.get("expired")]
        gone = len(some) - len(there)
        if some:
            shown += ["", heading]
        if there:
            shown += [f"  {line}" for line in table(there, narrower, wide)]
        if gone:
            shown.append(f"  {gone} {'event has' if gone == 1 else 'events have'} expired.")
    if insight.get("figures"):
        shown += ["", "Figures:", *(f"  {line}" for line in within(sheet(insight["figures"]), narrower.width))]
    return shown


def _object(insight: dict[str, Any]) -> str:
    group = insight.get("object_api_group")
    return about(insight | {"object_api_version": f"{group}/"} if group else insight)


def _status(insight: dict[str, Any], clock: Clock) -> str:
    ended = f", ended: {insight['ended']}" if insight.get("ended") else ""
    return f"{insight['status']}{ended} ({ago(clock.passed(clock.read(insight['changed_at'])))})"


def _when(insight: dict[str, Any], clock: Clock) -> str:
    first, last = clock.read(insight["first_seen_at"]), clock.read(insight["last_seen_at"])
    lasted = age((last - first).total_seconds())
    return f"{clock.range(first, last, ' to ')} ({lasted}), last seen {ago(clock.passed(last))}"
