"""The command `help`: the help of any command, as --help prints it."""

from __future__ import annotations

from kube9_cli.commands import Question

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

EXAMPLES = (("The options of a command", "events list"),)


def add(commands: argparse._SubParsersAction[Any], root: argparse.ArgumentParser) -> None:
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
