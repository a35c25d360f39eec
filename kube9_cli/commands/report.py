"""The command `report`: one page about what happened, to keep or to hand over."""

from __future__ import annotations

import os
import sys

from kube9_cli import options, selection
from kube9_cli.arguments import UsageError, invalid
from kube9_cli.commands import Question, around, scope

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.around import Around
    from kube9_cli.query.connection import Database

TO_STDOUT = "-"
EXAMPLES = (
    ("What happened in a namespace in the last two hours", "-n shop --since 2h --output shop.html"),
    (
        "A deployment and its pods around a moment, my time",
        "--for deploy/web -n shop --around 14:05 --window 1h --tz Europe/Berlin --output web.html",
    ),
    ("On stdout, for example through kubectl exec", "-n shop --since 2h --output -"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "report",
        help="write a page about what happened, to keep or to hand over",
        description="Write one HTML file about what happened: in three sentences, as a picture, with what the operator has "
        "concluded, the changes, the affected objects, a table of the events that can be searched, and the gaps of the record. "
        "The page needs no network and contacts nobody. All filters combine.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "--output",
        metavar="FILE.html",
        default=TO_STDOUT,
        help="the file to write; - is stdout, if it is no terminal (default: -)",
    )
    selection.add(parser)
    around.add(parser)
    options.add_times(parser)
    options.add_reading(parser)
    parser.set_defaults(
        check=check, central=True, formats=("html",), usual_format="html", format=None, no_headers=False, color="never"
    )


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    chosen, selected = options.check(given), selection.check(given)
    moment, selected = around.check(given, chosen, selected)
    chosen.show_clock(selected.zone or chosen.zone)
    chosen.ages = False
    output = given.output
    if not output.strip():
        raise invalid("--output", output, "it must be a file, or - for stdout")
    if output == TO_STDOUT and sys.stdout.isatty():
        raise UsageError("A report on a terminal cannot be read", "give --output FILE.html")
    if output != TO_STDOUT and os.path.isdir(output):
        raise invalid("--output", output, "it is a folder; it must be a file")

    def answer(database: Database) -> None:
        from kube9_cli.query.around import Around

        _answer(chosen, selected, moment and Around(*moment), output, database)

    return Question(chosen, answer)


def _answer(
    chosen: options.Options, selected: selection.Selection, moment: Around | None, output: str, database: Database
) -> None:
    from kube9_cli.query import notes, report
    from kube9_cli.render import listing, look
    from kube9_cli.render import report as render
    from kube9_cli.render.coverage import sentence

    with database.snapshot():
        selected, _, said = scope.narrowed(chosen, selected, moment, database)
        selected = scope.bounded(selected)
        database.load(selected)
        found = report.read(database, selected, chosen.path)
        noted = notes.of(database, selected, empty=not found.events)
    clock = look.of(chosen).clock
    page = render.page(found, selected, clock, [*noted.sentences, *said])
    if output == TO_STDOUT:
        sys.stdout.write(page)
        sys.stdout.flush()
    else:
        with open(output, "w", encoding="utf-8") as file:
            file.write(page)
    where = "" if output == TO_STDOUT else f" in {output}"
    listing.say([f"A report of {len(found.events)} events{where}.", sentence(found.coverage, clock)])
