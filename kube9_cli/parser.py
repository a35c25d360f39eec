"""The command line of kube9-cli. Standard library only: the man page is built from this file alone.

What the values of options must be is checked by `arguments`.
"""

import argparse
import sys
from typing import Any, NoReturn

DESCRIPTION = """\
Query the history that kube9-operator has recorded: what happened in a Kubernetes cluster, to what, when and how often. Each
list also says for which time it is complete. It only reads, so it works while the operator runs, after it has stopped, and on a
copy of the database. Answers go to stdout, everything else to stderr. Exit codes: 0 success; 1 invalid argument, unknown id or
unusable database; 2 the query took longer than --timeout; 3 no permission to read the database."""

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


EXAMPLES = {
    "": (
        ("What happened in the last hour", "events list --since 1h"),
        ("What went wrong in a namespace since yesterday", "events list -n shop --severity error,critical --since 24h"),
        ("One event in detail", "events get evt_20261124_103045_000000"),
        ("Check that everything is being recorded", "status"),
        ("The options of a command", "help events list"),
    ),
    "status": (
        ("Check that everything is being recorded", ""),
        ("The same for a program", "-o json"),
        ("The state of a copy of the database", "--db /tmp/copy.db"),
    ),
    "events": (
        ("What happened in the last hour", "list --since 1h"),
        ("One event in detail", "get evt_20261124_103045_000000"),
    ),
    "events list": (
        ("What went wrong in a namespace since yesterday", "-n shop --severity error,critical --since 24h"),
        ("The history of one pod, with event ids", "--object-kind pod --object-name web-0 -o wide"),
        ("One hour, for a program", "--since 2026-11-24T10:00Z --until 2026-11-24T11:00Z -o json"),
        ("The second page of a hundred", "--limit 100 --offset 100"),
    ),
    "events get": (
        ("One event in detail", "evt_20261124_103045_000000"),
        ("The same for a program", "evt_20261124_103045_000000 -o json"),
    ),
    "help": (("The options of a command", "events list"),),
}
"""Of each command what it answers, and its arguments after the name of the command."""
IN_A_CLUSTER = "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli"

SECTIONS = [
    {
        "heading": "environment",
        "content": """\
.TP
.B DB_PATH
The folder that holds kube9.db, or a database file. Used where
.B \\-\\-db
is not given. Default:
.I /data
.TP
.B COLUMNS
The width of tables, in columns. Default: the width of the terminal; without a terminal, tables are not cut.
.TP
.B NO_COLOR
Where it is set and not empty, tables have no colour.""",
    },
    {
        "heading": "examples",
        "content": "\n".join(
            f".TP\n{title}:\n.B {command}"
            for title, command in (
                *((title, f"kube9-cli {arguments}") for title, arguments in EXAMPLES[""]),
                ("In a cluster", f"{IN_A_CLUSTER} status"),
            )
        ).replace("-", "\\-"),
    },
]
"""Of the man page, beside what the parser gives."""


class Parser(argparse.ArgumentParser):
    """Raises instead of printing, so that every error leaves in one form."""

    _manpage = SECTIONS  # read by argparse-manpage

    def format_help(self) -> str:
        """The help, which ends with examples. They are no epilog: the man page has them in a section of its own."""
        words = self.prog.split()
        command = " ".join(words[words.index("query") + 1 if "query" in words else 1 :])
        lines = [f"  # {title}\n  {f'{self.prog} {arguments}'.rstrip()}\n" for title, arguments in EXAMPLES[command]]
        return f"{super().format_help()}\nexamples:\n" + "\n".join(lines)

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
            help="show what is watched, and until when the record is confirmed",
            description="Show the health of the operator, what it watches, and until when each watch is confirmed.",
        )
    )
    events = commands.add_parser(
        "events", allow_abbrev=False, help="list events, or show one", description="List events, or show one."
    )
    actions = events.add_subparsers(dest="action", metavar="ACTION", title="actions", parser_class=Parser)
    listing = actions.add_parser(
        "list",
        allow_abbrev=False,
        help="list events, newest first",
        description="List events, newest first. All filters combine. An event matches a time range if it was seen in it.",
    )
    _add_filters(listing)
    _add_common(listing)
    get = actions.add_parser(
        "get",
        allow_abbrev=False,
        help="show one event with its occurrences",
        description="Show one event: what happened, to what, how often and when, and what owned the object.",
    )
    get.add_argument("id", metavar="ID", help="the id of an event, evt_YYYYMMDD_HHMMSS_xxxxxx")
    _add_common(get)
    helping = commands.add_parser(
        "help", allow_abbrev=False, help="show the help of a command", description="Show the help of a command."
    )
    helping.add_argument("topic", metavar="COMMAND", nargs="*", help="a command, such as: events list")
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", metavar="TYPE[,...]", action="append", help=f"only these types: {', '.join(EVENT_TYPES)}")
    parser.add_argument("--severity", metavar="SEVERITY[,...]", action="append", help=f"only these: {', '.join(SEVERITIES)}")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only events seen at or after TIME: an ISO 8601 date or time (UTC unless it has a zone), or how long ago, such as "
        "30s, 15m, 1h30m or 7d",
    )
    parser.add_argument("--until", metavar="TIME", help="only events seen before TIME, in the same forms")
    parser.add_argument(
        "--object-kind", metavar="KIND", help="only events about this kind of object, such as Pod, pods or deploy"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--object-namespace", metavar="NAMESPACE", help="only events about objects in this namespace")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="events about all namespaces (the default)")
    parser.add_argument("--object-name", metavar="NAME", help="only events about objects with this name")
    parser.add_argument(
        "--sort",
        metavar="ORDER",
        default="seen",
        help="seen: by when an event was last seen; created: by when it was first recorded; newest first (default: seen)",
    )
    parser.add_argument("--limit", metavar="N", default="50", help=f"list at most N events, 1 to {MAX_LIMIT} (default: 50)")
    parser.add_argument("--offset", metavar="N", default="0", help="skip the first N events (default: 0)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--format",
        metavar="FORMAT",
        help="json, yaml, table or wide; wide adds node, id and title, and never cuts (default: table on a terminal, json "
        "otherwise)",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        default="30",
        help="stop a query that takes longer than this, and an answer that nobody reads for ten times as long (default: 30)",
    )
    parser.add_argument(
        "--db",
        metavar="PATH",
        help="the folder that holds kube9.db, or a database file (default: the environment variable DB_PATH, then /data)",
    )
