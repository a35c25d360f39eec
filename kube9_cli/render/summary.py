"""Prints a summary: groups on stdout; for people also how many there are, and the coverage, on stderr."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kube9_cli import terminal
from kube9_cli.options import Options
from kube9_cli.render.coverage import sentence
from kube9_cli.render.escape import plain
from kube9_cli.render.table import COLOURS, GAP, age, columns, fit, short
from kube9_schema.api_groups import GROUPS, plural

BARS = " ▁▂▃▄▅▆▇█"
PLAIN_BARS = " .:-=+*#%"
"""For terminals that show no other characters."""
LEAST_FIELD = 10
"""A field gets at least so many columns of the terminal."""
ONE_LINE = 130
"""From this width on, the cause is on the line of its group."""
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_answer(options: Options, answer: dict[str, Any], notes: Sequence[str] = ()) -> None:
    """Prints the answer in the format of the options, for people with the notes."""
    if not options.for_people:
        from kube9_cli.render import serialize

        print(serialize.as_yaml(answer) if options.format == "yaml" else serialize.as_json(answer) + "\n", end="")
        return
    on_terminal = sys.stdout.isatty()
    width = None if options.format == "wide" else terminal.columns(on_terminal)
    colour = on_terminal and not os.environ.get("NO_COLOR")
    bars = PLAIN_BARS if os.environ.get("TERM") == "dumb" else BARS
    now = time.time()
    if answer["groups"]:
        print("\n".join(lines(answer, now, width, colour, bars, wide=options.format == "wide")))
    sys.stdout.flush()
    sys.stderr.write(plain(" ".join((*notes, closing(answer, now)))) + "\n")


def lines(
    answer: dict[str, Any], now_seconds: float, width: int | None, colour: bool, bars: str = BARS, wide: bool = False
) -> list[str]:
    """The table: one line for each group, and below it the cause where there is no room beside it."""
    groups, by = answer["groups"], answer["by"]
    below = "cause" in by and len(by) > 1 and width is not None and width < ONE_LINE
    fields = [field for field in by if not (below and field == "cause")]
    fields.sort(key=lambda field: field == "cause")  # at the end: it is the longest
    numbers = {
        "SEVERITY": [one["severity"] for one in groups],
        "EVENTS": [str(one["events"]) for one in groups],
        "COUNT": [str(one["occurrences"]) for one in groups],
        "FIRST": [_age(one["first_seen_at"], now_seconds) for one in groups],
        "LAST": [_age(one["last_seen_at"], now_seconds) for one in groups],
        "ACTIVITY": [activity(one["activity"], bars) for one in groups],
        "NEW": ["new" if one.get("new") else "" for one in groups],
    }
    if not wide:
        del numbers["FIRST"]
    if not any(numbers["NEW"]):
        del numbers["NEW"]
    cells = numbers | {field.upper(): [shown(field, one["group"]) for one in groups] for field in fields}
    if wide:
        cells["NEWEST"] = [one["newest"] for one in groups]
    widths = _widths(cells, [field.upper() for field in fields], width)
    made = [_line({name: name for name in cells}, widths, False)]
    for at, one in enumerate(groups):
        made.append(_line({name: texts[at] for name, texts in cells.items()}, widths, colour))
        if below:
            cause = f"  {shown('cause', one['group'])}"
            made.append(cause if width is None else fit(cause, width))
    return made


def activity(numbers: list[int], bars: str = BARS) -> str:
    """One bar for each number, the highest for the greatest."""
    most = max(numbers, default=0)
    return "".join(bars[-(-number * (len(bars) - 1) // most) if number > 0 else 0] for number in numbers)


def shown(field: str, group: dict[str, Any]) -> str:
    """A field of a group as tables show it."""
    value = group.get(field)
    if field != "owner" or value is None:
        return plain(value) if value else "-"
    names = [value[key] for key in ("kind", "namespace", "name") if key in value]
    if "api_group" in value and value["kind"] in GROUPS:
        names[0] = f"{plural(names[0])}.{value['api_group']}"
    return plain(short("/".join(names)))


def closing(answer: dict[str, Any], now_seconds: float) -> str:
    """How many groups there are, what a bar stands for, and for which time the numbers are complete."""
    said, covered = sentence(answer["coverage"], now_seconds), answer["coverage"]
    total = answer["pagination"]["total"]
    if total:
        step = answer["range"]["step_seconds"]
        size, unit = next(one for one in UNITS if step % one[0] == 0)
        return (
            f"{answer['pagination']['returned']} of {total} groups, {answer['events']} events. "
            f"A bar of ACTIVITY is {step // size} {unit}. {said}"
        )
    if covered["complete"]:
        return f"No events. {said}"
    return f"No events are recorded, but {'part' if 'from' in covered else 'none'} of this time was watched. {said}"


def _age(text: str, now_seconds: float) -> str:
    return age(now_seconds - datetime.fromisoformat(text).timestamp())


def _widths(cells: dict[str, list[str]], fields: list[str], width: int | None) -> dict[str, int]:
    """The width of each column. The fields share what the numbers leave."""
    widths = {name: max(map(columns, (name, *texts))) for name, texts in cells.items()}
    if width is not None:
        over = sum(widths.values()) + len(GAP) * (len(widths) - 1) - width
        for name in sorted(fields, key=lambda name: -widths[name]):
            less = min(max(over, 0), max(0, widths[name] - LEAST_FIELD))
            widths[name] -= less
            over -= less
    return widths


def _line(texts: dict[str, str], widths: dict[str, int], colour: bool) -> str:
    made = []
    for name, text in texts.items():
        cell = fit(text, widths[name])
        filled = cell + " " * (widths[name] - columns(cell))
        made.append(f"\x1b[{COLOURS[text]}m{filled}\x1b[0m" if colour and name == "SEVERITY" else filled)
    return GAP.join(made).rstrip()
