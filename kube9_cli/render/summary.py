"""Prints a summary: groups of events on stdout; unless that is one document, how many and the coverage on stderr."""

import sys
from collections.abc import Sequence
from typing import Any

from kube9_cli.options import DOCUMENTS, Options
from kube9_cli.render import listing, look
from kube9_cli.render.clock import Clock
from kube9_cli.render.colours import OF_SEVERITY
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import field
from kube9_cli.render.grid import GAP, Grid
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import sparkline
from kube9_cli.render.table import short
from kube9_cli.render.width import columns, cut_inside
from kube9_schema.api_groups import GROUPS, plural

NUMBERS = ("severity", "events", "occurrences", "first_seen_at", "last_seen_at", "new", "newest", "activity")
"""The columns of CSV after those of the fields."""
INDENT = "  "
LEAST_FIELD = 8
"""A field gets at least so many columns of the terminal."""
BEFORE = {
    "none": " No tracked change in the 60 minutes before.",
    "cannot tell": " Cannot tell whether something changed in the 60 minutes before: not everything was watched.",
}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_answer(options: Options, answer: dict[str, Any], notes: Sequence[str]) -> None:
    """Prints the answer in the format of the options; unless it is one document, also the notes."""
    if options.format in DOCUMENTS:
        from kube9_cli.render import serialize

        print(serialize.as_yaml(answer) if options.format == "yaml" else serialize.as_json(answer) + "\n", end="")
        return
    seen = look.of(options)
    groups = answer["groups"]
    if options.for_people:
        if said := insights(answer, seen):
            print("\n".join([*said, ""]))
        if groups:
            print("\n".join(lines(answer, seen, wide=options.format == "wide")))
    else:
        from kube9_cli.render import records

        if options.columns:
            print("\n".join(records.as_columns(options.columns, groups, options.headings)))
        elif options.format == "csv":
            names = (*answer["by"], *(name for name in NUMBERS if name not in answer["by"]))
            sys.stdout.writelines(records.as_csv(names, map(_flat, groups), options.headings))
        else:
            sys.stdout.writelines(records.as_lines(options.format, groups, options.headings))
    sys.stdout.flush()
    listing.say(closing(answer, seen.clock, notes))


def insights(answer: dict[str, Any], seen: Look) -> list[str]:
    """What the operator has concluded, in a sentence each; it is above the groups."""
    said: list[str] = []
    for one in answer.get("insights", ()):
        colour = OF_SEVERITY.get(one["severity"], "") if seen.colour else ""
        label = f"{one['severity'].upper()}:"
        said += field(label, _concluded(one, seen.clock), len(label) + 1, seen.width, colour)
    rest = answer.get("insights_total", 0) - len(answer.get("insights", ()))
    return [*said, f"{rest} more: kube9-cli insights list"] if rest > 0 else said


def _concluded(insight: dict[str, Any], clock: Clock) -> str:
    first, last = clock.read(insight["first_seen_at"]), clock.read(insight["last_seen_at"])
    if insight["status"] == "resolved":
        ended = insight.get("ended", "no more evidence")
        when = f"{clock.range(first, last, ' to ')}, {ended}"
    else:
        when = f"since {clock.range(first)}"
    return f"{insight['title']} ({when}).{BEFORE.get(insight.get('change_before', ''), '')} {insight['id']}"


def lines(answer: dict[str, Any], seen: Look, wide: bool = False) -> list[str]:
    """The table. The cause of a group is below its line if there is no room for it at the end of the line."""
    groups, by = answer["groups"], answer["by"]
    clock = seen.clock
    cells = {
        "SEVERITY": [one["severity"] for one in groups],
        "EVENTS": [str(one["events"]) for one in groups],
        "COUNT": [str(one["occurrences"]) for one in groups],
        **({"FIRST": clock.cells([(clock.read(one["first_seen_at"]),) for one in groups])} if wide else {}),
        "LAST": clock.cells([(clock.read(one["last_seen_at"]),) for one in groups]),
        "ACTIVITY": [sparkline(one["activity"]) for one in groups],
        **({"NEW": ["new" if one.get("new") else "" for one in groups]} if any(one.get("new") for one in groups) else {}),
        **({"NEWEST": [one["newest"] for one in groups]} if wide else {}),
    }
    fields = [field.upper() for field in by if field != "cause"]
    cells |= {name: [shown(name.lower(), one["group"]) for one in groups] for name in fields}
    headings = {name: f"{name}{clock.suffix}" for name in ("FIRST", "LAST")}
    grid = Grid(cells, headings if seen.headings else None)
    width = None if wide else seen.width
    causes = [shown("cause", one["group"]) for one in groups] if "cause" in by else []
    below = width is not None and bool(causes) and (width - grid.total() - len(GAP)) < max(map(columns, causes))
    if below or not causes:
        _narrow(grid, fields, width)
    colours = {"SEVERITY": OF_SEVERITY} if seen.colour else {}
    if not causes:
        return grid.lines(colours)
    made = grid.lines(colours, padded_to_the_end=not below)
    if not below:
        ends = ["CAUSE"] * seen.headings + causes
        return [f"{line}{GAP}{end}" for line, end in zip(made, ends, strict=True)]
    found, rows = made[: int(seen.headings)], made[int(seen.headings) :]
    for line, cause in zip(rows, causes, strict=True):
        found += [line, INDENT + cut_inside(cause, max(1, (width or 0) - len(INDENT)))]
    return found


def _narrow(grid: Grid, fields: list[str], width: int | None) -> None:
    """Shortens the fields as far as the lines are too long: the longest first, then those that can be left out."""
    if width is None:
        return
    for name in sorted(fields, key=grid.width, reverse=True):
        grid.narrow(name, LEAST_FIELD, width)
    for name in ("EVENTS", "ACTIVITY", "NEW"):
        if grid.total() > width and name in grid.cells:
            del grid.cells[name]


def shown(field: str, group: dict[str, Any]) -> str:
    """A field of a group as tables show it."""
    value = group.get(field, "")
    return plain(short(owner(value)) if isinstance(value, dict) else str(value)) or "-"


def owner(value: dict[str, str]) -> str:
    """An owner as one text: its kind, with the API group if Kubernetes has a kind of that name; its namespace; its name."""
    names = [value[key] for key in ("kind", "namespace", "name") if key in value]
    if "api_group" in value and value["kind"] in GROUPS:
        names[0] = f"{plural(names[0])}.{value['api_group']}"
    return "/".join(names)


def _flat(group: dict[str, Any]) -> dict[str, Any]:
    """A group as a row of CSV."""
    fields = {key: owner(value) if isinstance(value, dict) else value for key, value in group["group"].items()}
    return group | fields


def closing(answer: dict[str, Any], clock: Clock, notes: Sequence[str] = ()) -> list[str]:
    """How many groups there are, of which time, what a bar stands for, and for which time the numbers are complete."""
    total, covered, asked = answer["pagination"]["total"], answer["coverage"], answer["range"]
    begin, end = clock.read(asked["since"]), clock.read(asked["until"])
    if total:
        step = asked["step_seconds"]
        size, unit = next(one for one in UNITS if step % one[0] == 0)
        said = (
            f"{answer['pagination']['returned']} of {total} groups, {answer['events']} events from "
            f"{clock.range(begin, end, ' to ')}. A bar of ACTIVITY is {step // size} {unit}."
        )
    else:
        said = f"From {clock.range(begin, end, ' to ')}: {listing.no_events(covered, clock)}"
    return [said, *notes, *listing.complete(covered, clock, empty=not total)]
