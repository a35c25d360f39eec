"""The commands, one module for each group: its parser, the check of its arguments, and what it prints."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kube9_cli.options import Options
    from kube9_cli.query.connection import Database


class Question:
    """A checked command line."""

    # A NamedTuple with these types would cost every start 2 ms.
    def __init__(self, options: Options, answer: Callable[[Database], None]) -> None:
        """`answer` prints the answer; it raises QueryError."""
        self.options = options
        self.answer = answer


def declare(parser: Any) -> None:
    """Declares all commands on a parser of argparse, or on a `kube9_cli.reader.Declared`."""
    from kube9_cli.commands import argocd, assess, assessments, collections, completion, events, insights, report, status
    from kube9_cli.commands import help as help_command

    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    status.add(commands)
    events.add(commands)
    insights.add(commands)
    assessments.add(commands)
    assess.add(commands)
    argocd.add(commands)
    collections.add(commands)
    report.add(commands)
    completion.add(commands)
    help_command.add(commands, parser)
