"""The command `events timeline`: what changed, broke and recovered, in the order in which it happened."""

from __future__ import annotations

from kube9_cli import options, selection
from kube9_cli.commands import Question, around, scope

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.around import Around
    from kube9_cli.query.connection import Database

EXAMPLES = (
    ("What changed and broke in a namespace in the last hour", "-n shop --since 1h"),
    (
        "A deployment, its ReplicaSets and its pods, around a moment, my time",
        "--for deploy/web --around 14:05 --tz Europe/Berlin",
    ),
    ("The same moments for everything on a node", "--for node/worker-2 --around 14:05"),
    ("Each time at which an event happened again, too", "--for deploy/web -n shop --since 2h --occurrences"),
    ("For a program", "-n shop --since 1h -o jsonl"),
)
FORMATS = (*options.DOCUMENTS, *options.TABLES, "jsonl")


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = actions.add_parser(
        "timeline",
        help="show what changed, broke and recovered, in order",
        description="Show what happened in ascending order, one line for each change of state: what changed, what broke, what "
        "recovered or ended. Times are also shown as the distance from the onset, which is the beginning of the first problem. "
        "Above is a histogram of the events that began, with the times in which something was not watched. If there would be "
        "more than 200 lines, events of one cause and one owner share lines. All filters combine. The last line says for which "
        "time the timeline is complete.",
        examples=EXAMPLES,
    )
    selection.add(parser)
    around.add(parser)
    parser.add_argument(
        "--occurrences", action="store_true", help="also a line for each time at which an event is known to have happened again"
    )
    options.add(parser, FORMATS)
    parser.set_defaults(check=check, central=True)


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    chosen, selected = options.check(given), selection.check(given)
    moment, selected = around.check(given, chosen, selected)
    chosen.show_clock(selected.zone or chosen.zone)

    def answer(database: Database) -> None:
        from kube9_cli.query.around import Around

        _answer(chosen, selected, moment and Around(*moment), given.occurrences, database)

    return Question(chosen, answer)


def _answer(
    chosen: options.Options, selected: selection.Selection, moment: Around | None, occurrences: bool, database: Database
) -> None:
    from kube9_cli.query import coverage, notes, timeline
    from kube9_cli.render import timeline as render

    with database.snapshot():
        selected, asked, said = scope.narrowed(chosen, selected, moment, database)
        selected = scope.bounded(selected)
        database.load(selected)
        covered = coverage.covered(database, selected, chosen.path)
        found = timeline.read(database, selected, covered, chosen.path, render.marks(chosen), occurrences)
        noted = notes.of(database, selected, empty=not found.events)
    answer = found.shown(selected, covered) | noted.fields
    if asked:
        answer["asked"] = answer.get("asked", {}) | asked
    render.print_answer(chosen, answer, [*noted.sentences, *said])
