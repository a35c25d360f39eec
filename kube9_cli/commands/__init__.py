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


NAMES = ("status", "events", "insights", "assessments", "assess", "argocd", "collections", "report", "completion", "help")
"""The commands, each with a module of this name, in the order of the help."""


def is_wanted(name: str, words: list[str] | None) -> bool:
    """Whether a command has to be declared to read these words; None stands for all that could be typed."""
    return words is None or words[:1] == [name]


def declare(parser: Any, words: list[str] | None = None) -> None:
    """Declares the commands on a parser of argparse, or on a `kube9_cli.reader.Declared`.

    With `words`, a command line, only the command that it names is declared: importing all takes a tenth of an answer's time.
    """
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    more = {"events": (None if words is None else words[1:],), "help": (parser,)}
    for name in NAMES:
        if is_wanted(name, words):
            __import__(f"{__name__}.{name}", fromlist=("add",)).add(commands, *more.get(name, ()))
