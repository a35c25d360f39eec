"""The argument parser with what all commands share: errors as exceptions, and help that ends with examples."""

import argparse
import sys
from typing import Any, NoReturn

from kube9_cli import terminal

Examples = tuple[tuple[str, str], ...]
"""What an example answers, and its arguments after the name of the command."""


class UsageError(Exception):
    """Wrong arguments: what is wrong and what is allowed, and in `details` which argument."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal. argparse would import shutil to know that, which takes 5 ms of every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=(terminal.columns(sys.stdout.isatty()) or terminal.DEFAULT_COLUMNS) - 2)


class Parser(argparse.ArgumentParser):
    """Raises instead of printing, so that every error leaves in one form."""

    def __init__(self, *arguments: Any, examples: Examples = (), manpage: Any = (), **options: Any) -> None:
        """`manpage` has the sections of the man page beside those that the parser gives."""
        super().__init__(*arguments, **options | {"allow_abbrev": False, "formatter_class": Formatter})
        self._examples = examples
        self._manpage = manpage  # read by argparse-manpage

    def format_help(self) -> str:
        """The help, which ends with examples. They are no epilog: the man page has them in a section of its own."""
        lines = [f"  # {title}\n  {f'{self.prog} {arguments}'.rstrip()}\n" for title, arguments in self._examples]
        return f"{super().format_help()}\nexamples:\n" + "\n".join(lines)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(message[:1].upper() + message[1:], f"see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises OSError where help cannot be written, which argparse would hide."""
        print(message, end="", file=file or sys.stderr, flush=True)
