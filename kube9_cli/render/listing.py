"""Prints a list of events: the events on stdout; unless that is one document, how many and the coverage on stderr."""

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kube9_cli.options import Options

if TYPE_CHECKING:
    from kube9_cli.render.clock import Clock

ROWS_AT_ONCE = 1_000
"""Rows of a table that have the same widths. More are not in memory at once."""


def print_list(
    options: Options,
    events: Iterator[dict[str, Any]],
    pagination: dict[str, Any],
    rest: dict[str, Any],
    notes: Sequence[str] = (),
) -> None:
    """Prints the list in the format of the options. Except for tables it prints event by event, so memory is bounded.

    `rest` is what a document has besides the events and the pagination; it has the coverage. `notes` are for people.
    """
    if options.format == "json":
        _print_json(events, pagination, rest)
    elif options.format == "yaml":
        _print_yaml(events, pagination, rest)
    else:
        returned = print_events(options, events)
        sys.stdout.flush()
        _print_closing(options, returned, pagination.get("total"), rest["coverage"], notes)


def print_events(options: Options, events: Iterable[dict[str, Any]]) -> int:
    """Prints only the events, in a format that is not one document; returns how many."""
    counted = itertools.count()
    events = (event for event, _ in zip(events, counted, strict=False))
    if options.for_people or options.columns:
        headings = options.headings
        while rows := list(itertools.islice(events, ROWS_AT_ONCE)):
            print("\n".join(_as_table(options, rows, headings)))
            headings = False
    else:
        from kube9_cli.render import records

        sys.stdout.writelines(records.as_lines(options.format, events, options.headings))
    return next(counted)


def _as_table(options: Options, rows: list[dict[str, Any]], headings: bool) -> list[str]:
    if options.for_people:
        from kube9_cli.render import look, table

        return table.table(rows, look.of(options)._replace(headings=headings), wide=options.format == "wide")
    from kube9_cli.render import records

    return records.as_columns(options.columns, rows, headings)


def closing(returned: int, total: int | None, covered: dict[str, Any], clock: "Clock", notes: Sequence[str] = ()) -> str:
    """How many events there are, and for which time they are complete."""
    from kube9_cli.render.coverage import sentence

    if returned or total:
        counted = f"{returned} events." if total is None else f"{returned} of {total} events."
    elif covered["complete"]:
        counted = "No events."
    else:
        watched = "part" if "from" in covered else "none"
        counted = f"No events are recorded, but {watched} of this time was watched, so something may have happened."
    return " ".join((counted, *notes, sentence(covered, clock)))


def _print_closing(options: Options, returned: int, total: int | None, covered: dict[str, Any], notes: Sequence[str]) -> None:
    from kube9_cli import terminal
    from kube9_cli.render import look
    from kube9_cli.render.escape import plain
    from kube9_cli.render.width import wrapped

    text = plain(closing(returned, total, covered, look.of(options).clock, notes))
    width = terminal.columns(True) if sys.stderr.isatty() else None
    lines = [text] if width is None else wrapped(text, width, len(text))
    sys.stderr.write("\n".join(lines) + "\n")


def _print_json(found: Iterator[dict[str, Any]], pagination: dict[str, int], rest: dict[str, Any]) -> None:
    from kube9_cli.render.serialize import as_json

    returned = 0
    print('{"events": [', end="")
    for event in found:
        print(",\n" if returned else "\n", as_json(event), sep="", end="")
        returned += 1
    closing = {"pagination": pagination | {"returned": returned}} | rest
    print("\n], " if returned else "], ", as_json(closing)[1:], sep="")


def _print_yaml(found: Iterator[dict[str, Any]], pagination: dict[str, int], rest: dict[str, Any]) -> None:
    from kube9_cli.render.serialize import as_yaml

    returned = 0
    for event in found:
        print("" if returned else "events:\n", as_yaml([event]), sep="", end="")
        returned += 1
    print("" if returned else "events: []\n", end="")
    print(as_yaml({"pagination": pagination | {"returned": returned}} | rest), end="")
