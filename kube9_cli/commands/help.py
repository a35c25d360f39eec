"""The command `help`: the help of any command, as --help prints it."""

import argparse
from typing import Any

from kube9_cli.arguments import Parser
from kube9_cli.commands import Question

EXAMPLES = (("The options of a command", "events list"),)


def add(commands: "argparse._SubParsersAction[Any]", root: Parser) -> None:
    """Adds the command. `root` is the parser of all commands."""
    parser = commands.add_parser(
        "help", help="show the help of a command", description="Show the help of a command.", examples=EXAMPLES
    )
    parser.add_argument("topic", metavar="COMMAND", nargs="*", help="a command, such as: events list")

    def check(given: argparse.Namespace) -> Question:
        """Prints the help and raises SystemExit, as argparse does. Raises UsageError for an unknown command."""
        root.parse_args([*given.topic, "--help"])
        raise AssertionError("--help ends the program")

    parser.set_defaults(check=check)
