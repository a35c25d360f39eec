"""Prints a list of events: the events on stdout; unless that is one document, how many and the coverage on stderr."""

from __future__ import annotations

import itertools
import sys

from kube9_cli.options import Options

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from kube9_cli.render.clock import Clock

ROWS = 1_000
"""So many rows of a table are in memory."""


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
        from kube9_cli.render import look

        returned = print_events(options, events)
        sys.stdout.flush()
        say(closing(returned, pagination.get("total"), rest["coverage"], look.of(options).clock, notes))


def print_events(options: Options, events: Iterable[dict[str, Any]]) -> int:
    """Prints only the events, in a format that is not one document; returns how many."""
    counted = itertools.count()
    events = (event for event, _ in zip(events, counted, strict=False))
    if options.for_people or options.columns:
        _print_tables(options, events)
    else:
        from kube9_cli.render import records

        sys.stdout.writelines(records.as_lines(options.format, events, options.headings, options.store is not None))
    return next(counted)


def _print_tables(options: Options, events: Iterator[dict[str, Any]]) -> None:
    """Prints a table, a part after the other. All cells of a part are in memory, and its columns are as wide as they need."""
    from kube9_cli.render import look, table

    shown = look.of(options)
    for part in iter(lambda: list(itertools.islice(events, ROWS)), []):
        if options.columns:
            from kube9_cli.render import records

            lines = records.as_columns(options.columns, part, shown.headings)
        else:
            lines = table.table(part, shown, wide=options.format == "wide")
        print("\n".join(lines))
        shown = shown._replace(headings=False)


def closing(returned: int, total: int | None, covered: dict[str, Any], clock: Clock, notes: Sequence[str] = ()) -> list[str]:
    """How many events there are, the notes, and for which time the answer is complete."""
    if returned or total:
        counted = f"{returned} events." if total is None else f"{returned} of {total} events."
    else:
        counted = no_events(covered, clock)
    return [counted, *notes, *complete(covered, clock, empty=not (returned or total))]


def complete(covered: dict[str, Any], clock: Clock, empty: bool) -> list[str]:
    """For which time the answer is complete. If it is empty and of a time in the future, `no_events` has said so."""
    from kube9_cli.render.coverage import not_yet, sentence

    return [] if empty and not_yet(covered, clock) else [sentence(covered, clock)]


def no_events(covered: dict[str, Any], clock: Clock) -> str:
    """That there are no events, and whether that is good news."""
    from kube9_cli.render.coverage import not_yet

    if begins := not_yet(covered, clock):
        return f"No events: the time that is asked for begins at {begins}, which is in the future."
    if covered["complete"]:
        return "No events." if "from" in covered else "No events so far."
    watched = "only part" if "from" in covered else "none"
    return f"No events are recorded, but {watched} of this time was watched, so something may have happened."


def say(sentences: Sequence[str]) -> None:
    """Prints what an answer ends with, on stderr, as wide as the terminal, or as COLUMNS says."""
    from kube9_cli import terminal
    from kube9_cli.render.escape import plain
    from kube9_cli.render.width import wrapped

    said = [plain(one) for one in sentences]
    text = " ".join(said)
    width = terminal.columns(sys.stderr.isatty(), 2)
    lines = [text]
    if width is not None and len(text) > width:  # each on lines of its own
        lines = [line for one in said for line in wrapped(one, width, len(one))]
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
