"""The command `status`: the health of the operator, and until when each watch is confirmed."""

import argparse
from typing import TYPE_CHECKING, Any

from kube9_cli import options
from kube9_cli.commands import Question

if TYPE_CHECKING:
    from kube9_cli.query.connection import Database

EXAMPLES = (
    ("Check that everything is being recorded", ""),
    ("The same for a program", "-o json"),
    ("The state of a copy of the database", "--db /tmp/copy.db"),
)


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "status",
        help="show what is watched, and until when the record is confirmed",
        description="Show the health of the operator, what it watches, and until when each watch is confirmed.",
        examples=EXAMPLES,
    )
    options.add(parser)
    parser.set_defaults(check=check)


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError."""
    chosen = options.check(given)

    def answer(database: "Database") -> None:
        from kube9_cli.query import status
        from kube9_cli.render import details

        with database.snapshot():
            read = status.read(database)
        print(details.shown(read, chosen.format), end="")

    return Question(chosen, answer)
