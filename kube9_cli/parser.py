"""The command line of kube9-cli, put together of its commands. The man page is built from it.

It imports no module outside of the standard library and this repository, because the man page is built before anything is
installed. What a command needs to answer, it imports when it answers.
"""

import argparse

from kube9_cli.arguments import Examples, Parser
from kube9_cli.commands import events, status
from kube9_cli.commands import help as help_command

DESCRIPTION = """\
Query what kube9-operator has recorded: what happened in a Kubernetes cluster, to which object, when and how often. Each list
says for which time it is complete. kube9-cli only reads. It works while the operator runs, after it has stopped, and on a copy
of the database. Answers go to stdout, everything else to stderr. Exit codes: 0 success; 1 invalid argument, unknown id or
unusable database; 2 the query took longer than --timeout; 3 no permission to read the database."""

EXAMPLES: Examples = (
    ("What happened in the last hour", "events list --since 1h"),
    ("What went wrong in a namespace since yesterday", "events list -n shop --severity error+ --since yesterday"),
    ("A deployment with all its pods", "events list --for deploy/web -n shop"),
    ("One event in detail", "events get evt_20261124_103045_000000"),
    ("Check that everything is being recorded", "status"),
    ("The options of a command", "help events list"),
)
IN_A_CLUSTER = "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli"

SECTIONS = (
    {
        "heading": "environment",
        "content": """\
.TP
.B DB_PATH
The folder that holds kube9.db, or a database file. It is used when
.B \\-\\-db
is not given. Default:
.I /data
.TP
.B TZ
The time zone of times such as 14:05 or yesterday, and of
.BR "\\-\\-time local" ,
when
.B \\-\\-tz
is not given.
.TP
.B COLUMNS
The width of tables, in columns. Default: the width of the terminal; without a terminal, tables are not cut.
.TP
.B KUBE9_OUTPUT
The format of answers when
.B \\-o
is not given.
.TP
.B NO_COLOR
When it is set and not empty, tables have no colour.
.TP
.B TERM
When it is
.BR dumb ,
tables have no colour.""",
    },
    {
        "heading": "examples",
        "content": "\n".join(
            f".TP\n{title}:\n.B {command}"
            for title, command in (
                *((title, f"kube9-cli {arguments}") for title, arguments in EXAMPLES),
                ("In a cluster", f"{IN_A_CLUSTER} status"),
            )
        ).replace("-", "\\-"),
    },
)
"""What the man page has besides the options and commands."""


def get_parser(prog: str = "kube9-cli") -> argparse.ArgumentParser:
    """The parser of all commands. `prog` is how the user calls the program."""
    parser = Parser(prog=prog, description=DESCRIPTION, examples=EXAMPLES, manpage=SECTIONS)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    status.add(commands)
    events.add(commands)
    help_command.add(commands, parser)
    return parser
