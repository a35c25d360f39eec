"""The commands of both programs, for the tests of help and of documents: their parsers, and whether a command line is one."""

import argparse
import contextlib
import io
from collections.abc import Iterator

from kube9_cli.parser import get_parser as cli_parser
from kube9_operator.parser import get_parser as operator_parser


def levels(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser, and those of all its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from levels(below)


def parsed(command: list[str]) -> None:
    """Parses and checks a command without running it. Raises UsageError, or SystemExit, where it is wrong."""
    program, *arguments = command
    if program == "kube9-operator" and arguments[:1] == ["assess"]:
        program = "kube9-cli"  # the same command
    if program == "kube9-operator" and arguments[:1] != ["query"]:
        operator_parser().parse_args(arguments)
        return
    prog = "kube9-cli" if program == "kube9-cli" else "kube9-operator query"
    given = cli_parser(prog).parse_args(arguments if program == "kube9-cli" else arguments[1:])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        given.check(given)
