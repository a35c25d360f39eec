"""The options of every query: the output format, the time limit and the database."""

from __future__ import annotations

import os
import sys

from kube9_cli.arguments import UsageError
from kube9_schema import DATABASE_NAME

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse

FORMATS = ("json", "yaml", "table", "wide")
TABLES = ("table", "wide")
"""The formats for people: with them, errors are plain text."""
MAX_TIMEOUT_SECONDS = 3600


class Options:
    """The checked options."""

    def __init__(self, form: str, path: str, timeout_seconds: float) -> None:
        self.format, self.path, self.timeout_seconds = form, path, timeout_seconds
        self.for_people = form in TABLES
        """The answer is a table, and an error is plain text."""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options to the parser of a command."""
    parser.add_argument(
        "-o",
        "--format",
        metavar="FORMAT",
        help="json, yaml, table, or wide: the table with node, id and title, which is never cut (default: table on a terminal, "
        "otherwise json)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        default="30",
        help="stop a query that takes longer than this, and an answer whose reader takes nothing for ten times as long "
        "(default: 30)",
    )
    parser.add_argument(
        "--db",
        metavar="PATH",
        help="the folder that holds kube9.db, or a database file (default: the environment variable DB_PATH, then /data)",
    )


def check(given: argparse.Namespace) -> Options:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    return Options(_format(given.format), _path(given.db), _seconds(given.timeout))


def _format(asked: str | None) -> str:
    if asked is None:
        return "table" if sys.stdout.isatty() else "json"
    if asked not in FORMATS:
        raise UsageError(f"Invalid --format {asked}", f"it must be one of: {', '.join(FORMATS)}")
    return asked


def _path(asked: str | None) -> str:
    if asked == "":
        raise UsageError("Invalid --db: it is empty", "it must be a folder or a database file")
    if asked is not None and not asked.isprintable():
        raise UsageError(f"Invalid --db {asked!r}", "it must be printable text")
    path = asked or os.environ.get("DB_PATH") or "/data"
    if os.path.isdir(path) or not (path.endswith(".db") or os.path.exists(path)):
        path = os.path.join(path, DATABASE_NAME)
    return path


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_TIMEOUT_SECONDS:
        raise UsageError(f"Invalid --timeout {text}", f"it must be a number of seconds above 0, at most {MAX_TIMEOUT_SECONDS}")
    return number
