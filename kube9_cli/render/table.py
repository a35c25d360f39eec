"""The table of events, as wide as the terminal. Pure.

A message has the cause. If the table is too narrow for half of a line of it, each message is below its row.
"""

from __future__ import annotations

from datetime import datetime

from kube9_cli.kinds import SHORT_NAMES
from kube9_cli.render import uids
from kube9_cli.render.clock import Clock
from kube9_cli.render.colours import OF_SEVERITY
from kube9_cli.render.escape import plain
from kube9_cli.render.grid import GAP, Grid
from kube9_cli.render.look import Look
from kube9_cli.render.width import CUT, columns, fits, wrapped
from kube9_schema.api_groups import clashes, plural

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

COLUMNS = ("LAST SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT")
CLUSTER = "CLUSTER"
"""The column after the first one, if events have clusters."""
WIDE = (*COLUMNS, "NODE", "ID", "TITLE")
INDENT = "    "
MESSAGE_LINES = 2
"""A message below its row takes at most so many lines."""
BELOW = "a message is below its row"
"""A mark among the widths of a table that goes on."""
GIVING_WAY = ("REASON", "COUNT")
"""Left out in this order if the terminal is too narrow. Most messages contain the reason."""
NEEDED = {"OBJECT": 12, "REASON": 6}
"""A column gives way rather than that these have fewer columns of the terminal."""
NARROWING = (("OBJECT", 32), ("REASON", 14), (CLUSTER, 12), ("OBJECT", 20), ("REASON", 6), ("LAST SEEN", 5), ("OBJECT", 6))
"""What is shortened, in this order, and how many columns of the terminal it keeps."""


def table(events: list[dict[str, Any]], look: Look, wide: bool = False) -> list[str]:
    """The lines of the table. One that is not `wide` takes no more columns than the terminal has."""
    messages = [plain(message(one)) or "-" for one in events]
    heading = f"LAST SEEN{look.clock.suffix}"
    names = WIDE if wide else COLUMNS
    if any("cluster" in one for one in events):
        names = (names[0], CLUSTER, *names[1:])
    cells = {name: _cells(name, events, look.clock) for name in names}
    if any(one.get("marked") for one in events):
        marks = ("> " if one.get("marked") else "  " for one in events)
        cells["LAST SEEN"] = [mark + cell for mark, cell in zip(marks, cells["LAST SEEN"], strict=True)]
    grid = Grid(cells, {"LAST SEEN": heading} if look.headings else None, look.widths)
    made = _lines(grid, messages, look, wide)
    if look.widths is not None:
        look.widths.update((name, grid.width(name)) for name in grid.cells)
    return made


def _lines(grid: Grid, messages: list[str], look: Look, wide: bool) -> list[str]:
    """Each row with its message. A table that goes on keeps its form once its messages are below their rows."""
    if wide or look.width is None:
        return _in_one_line(grid, messages, look, None)
    for names_of_kinds in (grid.cells["OBJECT"], [short(one) for one in grid.cells["OBJECT"]]):
        grid.replace("OBJECT", names_of_kinds)
        room = look.width - grid.total() - len(GAP)
        if (room * 2 >= look.width or room >= max(map(columns, messages), default=0)) and not (look.widths or {}).get(BELOW):
            return _in_one_line(grid, messages, look, room)
    if look.widths is not None:
        for name in GIVING_WAY:
            if look.widths.get(BELOW) and name not in look.widths:
                del grid.cells[name]
        look.widths[BELOW] = 1
    return _in_two_lines(grid, messages, look, look.width)


def message(event: dict[str, Any]) -> str:
    """What happened, and who made the change if that is known."""
    said = str(event.get("description", event.get("title", "")))
    by = event["metadata"].get("changed_by")
    return f"{said} (by {by})" if isinstance(by, str) and by else said


def about(event: dict[str, Any]) -> str:
    """The object of an event: its kind, with the API group if Kubernetes has a kind of that name; its namespace; its name."""
    parts = [str(event[key]) for key in ("object_kind", "object_namespace", "object_name") if event.get(key)]
    if parts and clashes(event.get("object_kind", ""), event.get("object_api_version", "")):
        parts[0] = f"{plural(parts[0])}.{event['object_api_version'].partition('/')[0]}"
    return "/".join(parts)


def placed(event: dict[str, Any], named: str) -> str:
    """What an object of an event is called, with the cluster if it is known."""
    return f"{event['cluster']}: {named}" if "cluster" in event else named


def short(about: str) -> str:
    """An object with the short name of its kind."""
    kind, slash, rest = about.partition("/")
    return SHORT_NAMES.get(kind, kind) + slash + rest


def last_seen(event: dict[str, Any], clock: Clock) -> tuple[datetime, ...]:
    """When it was last seen; if nobody knows when in a range it was, the end and the beginning of the range."""
    keys = ("last_seen_at", "first_seen_at") if "noticed_at" in event["metadata"] else ("last_seen_at",)
    return tuple(clock.read(event[key]) for key in keys)


def _cells(name: str, events: list[dict[str, Any]], clock: Clock) -> list[str]:
    """The texts of a column."""
    if name == "LAST SEEN":
        return clock.cells([last_seen(one, clock) for one in events])
    key = name.lower()
    if name == "OBJECT":
        values: Iterable[Any] = map(about, events)
    elif key in ("reason", "node"):
        values = (one["metadata"].get(key, "") for one in events)
    else:
        values = (one.get(key, "") for one in events)
    return [plain(str(one)) or "-" for one in values]


def _colours(look: Look) -> dict[str, dict[str, str]]:
    return {"SEVERITY": OF_SEVERITY} if look.colour else {}


def _in_one_line(grid: Grid, messages: list[str], look: Look, room: int | None) -> list[str]:
    """Each row as a line. Its message takes at most `room` columns of the terminal."""
    ends = ["MESSAGE"] * look.headings + messages
    if room is not None:
        ends = [part for one in ends for part in fitted(one, room, 1)]
    lines = grid.lines(_colours(look), padded_to_the_end=True)
    return [f"{line}{GAP}{end}" for line, end in zip(lines, ends, strict=True)]


def _in_two_lines(grid: Grid, messages: list[str], look: Look, width: int) -> list[str]:
    """Each row with its message below it."""
    for name in GIVING_WAY:
        if _needed(grid) > width:
            grid.replace_heading("LAST SEEN", f"SEEN{look.clock.suffix}")
        if _needed(grid) > width:
            grid.cells.pop(name, None)
    for name, least in NARROWING:
        grid.narrow(name, least, width)
        if grid.total() > width:
            grid.replace_heading("LAST SEEN", f"SEEN{look.clock.suffix}")
    lines = grid.lines(_colours(look))
    found = lines[:1] if look.headings else []
    room = max(1, width - len(INDENT))
    for line, message in zip(lines[len(found) :], messages, strict=True):
        found += [line, *(INDENT + part for part in fitted(message, room, MESSAGE_LINES))]
    return found


def fitted(message: str, room: int, most_lines: int) -> list[str]:
    """The message in so many lines at most, without its middle if it is long, because an error often ends with its cause."""
    return wrapped(message if fits(message, room) else uids.shortened(message, CUT), room, most_lines)


def _needed(grid: Grid) -> int:
    """How many columns of the terminal a line needs, with everything shortened."""
    return sum(NEEDED.get(name, grid.width(name)) + len(GAP) for name in grid.cells) - len(GAP)
