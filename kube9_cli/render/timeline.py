"""Prints a timeline: a histogram, and a line for each change of state; unless that is one document, the coverage on stderr."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kube9_cli.options import DOCUMENTS, Options
from kube9_cli.render import listing, look
from kube9_cli.render.clock import Clock, age
from kube9_cli.render.colours import painted
from kube9_cli.render.coverage import sentence
from kube9_cli.render.difference import difference
from kube9_cli.render.escape import plain
from kube9_cli.render.grid import GAP, Grid
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import sparkline
from kube9_cli.render.summary import UNITS, owner
from kube9_cli.render.table import MESSAGE_LINES, about, fitted, placed, short
from kube9_cli.render.width import columns

COLOURS = {"changed": "90", "broke": "31", "again": "31", "recovered": "32", "ended": "32", "not watched": "33"}
"""By the change, as `kube9_cli.render.colours` has them."""
INDENT = "    "
INSIGHTS = frozenset(("InsightFound", "InsightEscalated", "InsightResolved"))
"""The reasons of events about insights."""
LABELS = {"problems": "31", "reports": "90"}
"""The lines of the histogram, and their colours."""
LABEL_WIDTH = len("not watched") + len(GAP)
MARKS, MOST_MARKS, LEAST_MARKS = 60, 120, 10
GAP_MARK = "░"
BETWEEN = ".."
"""Between the times of a range."""
TIMES = "×"  # noqa: RUF001
LEAST_OBJECT, SHORTEST_OBJECT = 12, 6
"""A name keeps so many columns while there is something else to leave out, and then."""
TICK_WIDTH = 12
"""So far apart are the times below the histogram."""


def marks(options: Options) -> int:
    """How many marks the histogram may have: as many as the terminal has room for."""
    width = look.of(options).width if options.for_people else None
    return MARKS if width is None else max(LEAST_MARKS, min(MOST_MARKS, width - LABEL_WIDTH))


def print_answer(options: Options, answer: dict[str, Any], notes: Sequence[str]) -> None:
    """Prints the answer in the format of the options; unless it is one document, also the notes."""
    if options.format in DOCUMENTS:
        from kube9_cli.render import serialize

        print(serialize.as_yaml(answer) if options.format == "yaml" else serialize.as_json(answer) + "\n", end="")
        return
    seen = look.of(options)
    if not options.for_people:
        from kube9_cli.render import records

        sys.stdout.writelines(records.as_lines(options.format, answer["lines"], options.headings))
    elif answer["lines"]:
        made = [*bars(answer, seen), "", *lines(answer, seen, wide=options.format == "wide")]
        print("\n".join(made))
    sys.stdout.flush()
    listing.say(closing(answer, seen.clock, notes))


# The histogram


def bars(answer: dict[str, Any], seen: Look) -> list[str]:
    """The histogram: problems, reports, and the times in which something was not watched; below them, times of the clock."""
    drawn, clock = answer["histogram"], seen.clock
    start, step = clock.read(drawn["from"]).timestamp(), drawn["step_seconds"]
    number = len(drawn["problems"])
    unwatched = [
        any(
            begin.timestamp() < start + step * (at + 1) and end.timestamp() > start + step * at
            for begin, end, *_ in _gaps(answer, clock)
        )
        for at in range(number)
    ]
    made = []
    for name, colour in LABELS.items():
        line = sparkline(drawn[name]).rstrip()
        if line:
            made.append(f"{name:<{LABEL_WIDTH}}{painted(line, colour if seen.colour else '')}")
    if any(unwatched):
        line = "".join(GAP_MARK if gap else " " for gap in unwatched).rstrip()
        made.append(f"{'not watched':<{LABEL_WIDTH}}{painted(line, COLOURS['not watched'] if seen.colour else '')}")
    return [*made, " " * LABEL_WIDTH + _ticks(start, step, number, clock)]


def _ticks(start: float, step: int, number: int, clock: Clock) -> str:
    """Times of the clock, each below the mark that begins then."""
    end = start + step * number
    moments = [clock.at(start + step * at) for at in range(0, number, TICK_WIDTH)]
    form = clock.form([*moments, clock.at(end)]).replace(":%S", "" if step >= 60 else ":%S")
    line = ""
    for at, moment in zip(range(0, number, TICK_WIDTH), moments, strict=True):
        text = f"{moment:{form}}"
        if len(line) <= at and (at == 0 or at + len(text) <= number):
            line = line.ljust(at) + text + " "
    return line.rstrip()


# The lines


def lines(answer: dict[str, Any], seen: Look, wide: bool = False) -> list[str]:
    """The table: when, how far from the onset, what, which object. The message is at the end of the line, or below it."""
    rows = _rows(answer, seen.clock)
    cells = {
        "TIME": seen.clock.cells([row["times"] for row in rows]),
        "OFFSET": [row["offset"] for row in rows],
        "WHAT": [row["what"] for row in rows],
        **({"ID": [row.get("id", "") for row in rows]} if wide else {}),
        "OBJECT": [row["object"] for row in rows],
    }
    if not any(cells["OFFSET"]):
        del cells["OFFSET"]
    grid = Grid(cells, {"TIME": f"TIME{seen.clock.suffix}"} if seen.headings else None)
    width = None if wide else seen.width
    messages = [row["message"] for row in rows]
    room = None if width is None else width - grid.total() - len(GAP)
    one_line = width is None or room is None or room * 2 >= width or room >= max(map(columns, messages), default=0)
    if width is not None and not one_line:
        _narrow(grid, width)
    made = grid.lines({"WHAT": COLOURS} if seen.colour else None, padded_to_the_end=one_line)
    heading, made = made[: int(seen.headings)], made[int(seen.headings) :]
    found = [f"{line}{GAP}MESSAGE" if one_line else line for line in heading]
    for line, text in zip(made, messages, strict=True):
        if room is None:
            found.append(f"{line}{GAP}{text}".rstrip())
        elif one_line:
            first, *rest = fitted(text, max(1, room), MESSAGE_LINES)
            found += [f"{line}{GAP}{first}".rstrip(), *(" " * (grid.total() + len(GAP)) + one for one in rest)]
        else:
            found += [line, *(INDENT + one for one in fitted(text, max(1, (width or 0) - len(INDENT)), MESSAGE_LINES) if one)]
    return found


def _narrow(grid: Grid, width: int) -> None:
    """Shortens the names of lines that are too long, leaves out the ends of ranges and the distances, and shortens further."""
    grid.narrow("OBJECT", LEAST_OBJECT, width)
    if grid.total() > width:
        grid.replace(
            "TIME", [one[: one.index(BETWEEN) + len(BETWEEN)] if BETWEEN in one else one for one in grid.cells["TIME"]]
        )
    if grid.total() > width:
        grid.cells.pop("OFFSET", None)
    grid.narrow("OBJECT", SHORTEST_OBJECT, width)


def _rows(answer: dict[str, Any], clock: Clock) -> list[dict[str, Any]]:
    """What the lines of the table show. A time in which something was not watched is a line where it began."""
    found = [_row(line, clock) for line in answer["lines"]]
    first, last = clock.read(answer["range"]["since"]), clock.read(answer["range"]["until"])
    for begin, end, sources, reason in _gaps(answer, clock):
        begin, end = max(begin, first), min(end, last)
        if begin < end:
            text = f"{', '.join(sources)}: {reason}"
            row = {"times": (begin, end), "offset": "", "what": "not watched", "object": "", "message": plain(text)}
            found.insert(sum(one["times"][0] <= begin for one in found), row)
    return found


def _row(line: dict[str, Any], clock: Clock) -> dict[str, Any]:
    at = clock.read(line["at"])
    moments = (at, clock.read(line["at_latest"])) if "at_latest" in line else (at,)
    return {
        "times": moments,
        "offset": _offset(line) if "offset_seconds" in line else "",
        "what": line["change"],
        "id": line["event"],
        "object": "  " * line["level"] + plain(placed(line, short(_object(line)))),
        "message": plain(_message(line)),
    }


def _object(line: dict[str, Any]) -> str:
    return owner(line["owner"]) if "cause" in line else about(line)


def _offset(line: dict[str, Any]) -> str:
    """How far from the onset. Only a problem that began in its second is the onset, and no change that was made then."""
    seconds = line["offset_seconds"]
    if seconds == 0 and line["change"] == "broke":
        return "onset"
    return f"{'-' if seconds < 0 else '+'}{age(abs(seconds))}"


def _message(line: dict[str, Any]) -> str:
    """What happened. The end of a problem says how long it lasted. Of an insight it is the title."""
    said = line["cause"] if "cause" in line else difference(line)
    title = line.get("title", said)
    if "cause" not in line and line["metadata"].get("reason") in INSIGHTS:
        said = title = f"insight: {title}"
    if line["change"] == "ended":
        return f"{title}: ended after {age(line['lasted_seconds'])}{_times(line)}"
    if "cause" in line:
        return f"{said}{_times(line)}"
    return f"count {line['count']}: {said}" if line["change"] == "again" else said


def _times(line: dict[str, Any]) -> str:
    """How often it happened."""
    if "occurrences" in line:
        number = line["events"]
        return f" ({number} event{'s' if number > 1 else ''}, {TIMES}{line['occurrences']})"
    return f" ({TIMES}{line['count']})" if line.get("count", 1) > 1 else ""


def _gaps(answer: dict[str, Any], clock: Clock) -> list[tuple[datetime, datetime, list[str], str]]:
    """The gaps of the coverage, from the oldest: those of one time and one reason are one, with the names of their sources."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for gap in answer["coverage"]["gaps"]:
        found.setdefault((gap["from"], gap["to"], gap["reason"]), []).append(gap["source"])
    return [
        (clock.read(begin), clock.read(end), sorted(sources), reason) for (begin, end, reason), sources in sorted(found.items())
    ]


def closing(answer: dict[str, Any], clock: Clock, notes: Sequence[str] = ()) -> list[str]:
    """How many events and lines there are, what a bar stands for, and for which time the timeline is complete."""
    covered, asked = answer["coverage"], answer["range"]
    period = clock.range(clock.read(asked["since"]), clock.read(asked["until"]), " to ")
    if not answer["events"]:
        return [f"From {period}: {listing.no_events(covered, clock)}", *notes, *listing.complete(covered, clock, empty=True)]
    step = answer["histogram"]["step_seconds"]
    size, unit = next(one for one in UNITS if step % one[0] == 0)
    said = [f"{answer['events']} events from {period}. A bar is {step // size} {unit}."]
    if answer["aggregated"]:
        left = answer.get("groups_left_out", 0)
        rest = f"; {left} more, the least severe, are not shown" if left else ""
        said.append(f"These are too many for single lines: each line is of one cause and one owner{rest}.")
    return [*said, *notes, sentence(covered, clock)]
