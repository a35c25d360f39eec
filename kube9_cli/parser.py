"""The command line of kube9-cli. Standard library only: the man page is built from this file alone.

What the values of options must be is checked by `arguments`.
"""

import argparse
import sys
from typing import Any, NoReturn

DESCRIPTION = """\
Answers questions about the history that kube9-operator has recorded: what happened in a Kubernetes cluster, when, how often,
and which times the answer covers. It only reads, and works while the operator writes, after it has stopped, and from a copy
of the database. The answer goes to stdout, all else to stderr. Exit codes: 0 done; 1 bad arguments, unknown id or unusable
database; 2 the query took longer than --timeout; 3 not permitted to read the file."""

EVENT_TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
SEVERITIES = ("info", "warning", "error", "critical")
FORMATS = ("json", "yaml", "table", "wide")
TABLES = ("table", "wide")
"""Of the formats those for people: their errors are plain text."""
ORDERS = ("seen", "created")
MAX_LIMIT = 1000


class UsageError(Exception):
    """Wrong arguments: what is wrong and what is allowed, and in `details` which argument."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details


SECTIONS = [
    {
        "heading": "environment",
        "content": """\
.TP
.B DB_PATH
the folder of the database, or its file, where
.B \\-\\-db
is not given; without both,
.I /data
.TP
.B COLUMNS
how wide a table may be, also where stdout is no terminal; without it, as wide as the terminal
.TP
.B NO_COLOR
not empty: no colour in tables""",
    },
    {
        "heading": "examples",
        "content": """\
.TP
What went wrong in a namespace since yesterday:
.B kube9\\-cli events list \\-n shop \\-\\-severity error,critical \\-\\-since 24h
.TP
The history of one pod, with ids to look at with events get:
.B kube9\\-cli events list \\-\\-object\\-kind pod \\-\\-object\\-name web\\-0 \\-o wide
.TP
What happened in an hour, for a program:
.B kube9\\-cli events list \\-\\-since 2025\\-12\\-02T10:00Z \\-\\-until 2025\\-12\\-02T11:00Z \\-o json
.TP
The same in a cluster:
.B kubectl exec \\-n kube9\\-system kube9\\-operator\\-0 \\-\\- kube9\\-cli status""",
    },
]
"""Of the man page, beside what the parser gives."""


class Parser(argparse.ArgumentParser):
    """Raises instead of printing, so that every error leaves in one form."""

    _manpage = SECTIONS  # read by argparse-manpage

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(message[:1].upper() + message[1:], f"see {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises OSError where help cannot be written, which argparse would hide."""
        print(message, end="", file=file or sys.stderr, flush=True)


def get_parser(prog: str = "kube9-cli") -> argparse.ArgumentParser:
    """The parser; its help is the help of the man page."""
    parser = Parser(prog=prog, description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    _add_common(
        commands.add_parser(
            "status",
            allow_abbrev=False,
            help="what is recorded, and how far it is known to be whole",
            description="Show what is recorded, and how far it is known to be whole.",
        )
    )
    events = commands.add_parser(
        "events", allow_abbrev=False, help="list events, or show one", description="List events, or show one."
    )
    actions = events.add_subparsers(dest="action", metavar="ACTION", title="actions", parser_class=Parser, required=True)
    listing = actions.add_parser(
        "list",
        allow_abbrev=False,
        help="list events, newest first",
        description="List events, newest first. An event matches a time range if it was seen in it.",
    )
    _add_filters(listing)
    _add_common(listing)
    get = actions.add_parser(
        "get",
        allow_abbrev=False,
        help="show one event with its occurrences",
        description="Show one event with its occurrences.",
    )
    get.add_argument("id", metavar="ID", help="the id of an event, evt_YYYYMMDD_HHMMSS_xxxxxx")
    _add_common(get)
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", metavar="TYPE[,...]", action="append", help=f"only of these: {', '.join(EVENT_TYPES)}")
    parser.add_argument("--severity", metavar="SEVERITY[,...]", action="append", help=f"only of these: {', '.join(SEVERITIES)}")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="seen at or after this time: an ISO 8601 date or time (UTC without a zone), or how long ago: 30s, 15m, 1h30m, 7d",
    )
    parser.add_argument("--until", metavar="TIME", help="seen before this time, given as for --since")
    parser.add_argument("--object-kind", metavar="KIND", help="only about objects of this kind, for example Pod")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--object-namespace", metavar="NAMESPACE", help="only about objects in this namespace")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="about objects in all namespaces, as without -n")
    parser.add_argument("--object-name", metavar="NAME", help="only about objects of this name")
    parser.add_argument(
        "--sort",
        metavar="ORDER",
        default="seen",
        help="newest first by when it was last seen (seen, the default) or first recorded (created)",
    )
    parser.add_argument("--limit", metavar="N", default="50", help=f"at most this many, 1 to {MAX_LIMIT} (default: 50)")
    parser.add_argument("--offset", metavar="N", default="0", help="leave out the first N (default: 0)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--format",
        metavar="FORMAT",
        help="json, yaml, table, or wide (with node, id, title; never cut); without it a table on a terminal, otherwise json",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        default="30",
        help="end a query that takes longer than this, or an answer of which nobody reads on for ten times this (default: 30)",
    )
    parser.add_argument(
        "--db",
        metavar="PATH",
        help="the folder of the database, or its file; without it the environment variable DB_PATH, or else /data",
    )
