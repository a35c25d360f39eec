"""The argument parser with what all commands share: errors as exceptions, and help that ends with examples."""

import argparse
import sys
from typing import Any, NoReturn

from kube9_cli import terminal

Examples = tuple[tuple[str, str], ...]
"""What an example answers, and its arguments after the name of the command."""


class UsageError(Exception):
    """A wrong argument: the text says what is wrong, with the value; `details` says what is allowed, or what to do."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details


MAX_WHOLE = 2**53
"""The largest whole number of JSON."""


def whole(text: str, option: str, least: int, most: int | None) -> int:
    """A whole number that an option has. Raises UsageError."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
    if not (text.isascii() and text.isdigit() and len(text) < 16 and least <= int(text) <= (most or MAX_WHOLE)):
        raise UsageError(f"Invalid {option} {text}", f"it must be a whole number {allowed}")
    return int(text)


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal. argparse would import shutil to find the width, which takes 5 ms of every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=(terminal.columns(sys.stdout.isatty()) or terminal.DEFAULT_COLUMNS) - 2)


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing errors, so that every error is printed in one place."""

    def __init__(self, *arguments: Any, examples: Examples = (), manpage: Any = (), **options: Any) -> None:
        """`manpage` has the sections that the man page has besides the options and commands."""
        super().__init__(*arguments, **options | {"allow_abbrev": False, "formatter_class": Formatter})
        self._examples = examples
        self._manpage = manpage  # read by argparse-manpage

    def format_help(self) -> str:
        """The help with examples at its end. They are not an epilog, because the man page has a section for them."""
        lines = [f"  # {title}\n  {f'{self.prog} {arguments}'.rstrip()}\n" for title, arguments in self._examples]
        return f"{super().format_help()}\nexamples:\n" + "\n".join(lines)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(message[:1].upper() + message[1:], f"see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises OSError if the help cannot be written. argparse would hide that."""
        print(message, end="", file=file or sys.stderr, flush=True)
