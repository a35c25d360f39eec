"""The command `events export`: everything that is selected, in the order in which it was recorded."""

from __future__ import annotations

import sys

from kube9_cli import options, selection
from kube9_cli.arguments import invalid
from kube9_cli.commands import Question, around, scope

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any

    from kube9_cli.query.around import Around
    from kube9_cli.query.connection import Database
    from kube9_cli.query.events import Page
    from kube9_cli.query.search import Matches
    from kube9_cli.selection import Selection

FORMATS = ("jsonl", "csv")
IDS_AT_ONCE = 100_000
"""Ids that are in memory at once."""
EXAMPLES = (
    ("Everything, one JSON object on each line", ""),
    ("What went wrong in a namespace this week, for a spreadsheet", "-n shop --severity warning+ --since 7d -o csv"),
    ("What was recorded since an earlier export, whose last event had this id", "--after evt_20261124_103045_000000"),
)


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = actions.add_parser(
        "export",
        help="write everything that is selected",
        description="Write every selected event, in the order in which the events were first recorded, as JSON lines or CSV. "
        "Memory is bounded. On a terminal, stderr shows the progress. The last line says how many events there are, for which "
        "time they are complete, and how to go on with those that are recorded later. All filters combine.",
        examples=EXAMPLES,
    )
    selection.add(parser)
    around.add(parser)
    parser.add_argument(
        "--after",
        metavar="ID",
        help="only events that were recorded after this one: what an export that was broken off has not written, or what is "
        "new since the last one. The event may be deleted meanwhile",
    )
    options.add(parser, FORMATS, default="jsonl")
    parser.set_defaults(check=check, central=True)


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    chosen, selected = options.check(given), selection.check(given)
    moment, selected = around.check(given, chosen, selected)
    after = -1 if given.after is None else _after(given.after)

    def answer(database: Database) -> None:
        from kube9_cli.query.around import Around

        _answer(chosen, selected, moment and Around(*moment), after, database)

    return Question(chosen, answer)


def _after(text: str) -> int:
    number = around.event_id(text)
    if number is None:
        raise invalid("--after", text, "no event can have this id")
    return number


def _answer(chosen: options.Options, selected: Selection, moment: Around | None, after: int, database: Database) -> None:
    from kube9_cli.query import coverage, notes
    from kube9_cli.render import export as render

    with database.snapshot():
        selected, _, said = scope.narrowed(chosen, selected, moment, database)
        database.load(selected)
        newest = database.newest_id()
        shows_progress = after < 0 and sys.stderr.isatty()
        total, ids = _ids(database, selected, after, newest, counted=shows_progress)
        covered = coverage.covered(database, selected, chosen.path)
        noted = notes.of(database, selected, empty=not ids and after < 0)
    is_known = total is not None or len(ids) < IDS_AT_ONCE
    pages = _pages(database, selected, ids, newest)
    written = render.print_events(chosen, pages, len(ids) if total is None else total, not is_known)
    render.print_closing(chosen, written, covered, [*noted.sentences, *said])


def _pages(database: Database, selected: Selection, ids: Sequence[int], newest: int) -> Iterator[Page]:
    """The events. Each thousand are one snapshot, with a time limit of its own."""
    from kube9_cli.commands.event_list import ROWS_AT_ONCE
    from kube9_cli.query import events

    while ids:
        for at in range(0, len(ids), ROWS_AT_ONCE):
            database.renew()
            with database.snapshot():
                page = events.Page(database, ids[at : at + ROWS_AT_ONCE])
            yield page
        if len(ids) < IDS_AT_ONCE:
            return
        database.renew()
        with database.snapshot():
            ids = _ids(database, selected, ids[-1], newest).ids


def _ids(database: Database, selected: Selection, after: int, newest: int, counted: bool = False) -> Matches:
    """The ids of the next events that were recorded after this one, and not after the newest one."""
    from kube9_cli.query.order import Key, Window
    from kube9_cli.query.search import Request, find

    window = Window(after=Key(after, after), newest_id=newest)
    return find(database, selected, Request("created", True, IDS_AT_ONCE, counted=counted, window=window))
