"""The argument parser with what all commands share: errors as exceptions, and help that ends with examples."""

import argparse
import sys
from collections.abc import Iterable
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


def one_of(text: str, option: str, names: tuple[str, ...]) -> str:
    """One of these names. Raises UsageError, which suggests the nearest."""
    if text not in names:
        raise UsageError(f"Invalid {option} {text}", f"it must be one of: {', '.join(names)}{nearest(text, names)}")
    return text


def nearest(text: str, names: Iterable[str], least: float = 0.6) -> str:
    """A hint for a misspelt name; '' if no name is as near as `least` (1 is equal)."""
    import difflib  # only where it is needed

    found = difflib.get_close_matches(text, names, 1, least)
    return f"; did you mean {found[0]}?" if found else ""


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

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Raises UsageError for an unknown option of a command, with the option that is nearest.

        argparse would leave that to the parser of the program, which does not know the options of the command.
        """
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and not self._subparsers:
            known = [one for action in self._actions for one in action.option_strings]
            option = next((one.partition("=")[0] for one in unknown if one.startswith("-")), "")
            hint = nearest(option, known, 0.7).removeprefix("; ")
            details = f"{hint[:1].upper()}{hint[1:]} See {self.prog} --help" if hint else f"see {self.prog} --help"
            raise UsageError(f"Unrecognized arguments: {' '.join(unknown)}", details)
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(message[:1].upper() + message[1:], f"see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises OSError if the help cannot be written. argparse would hide that."""
        print(message, end="", file=file or sys.stderr, flush=True)
