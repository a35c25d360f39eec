"""The command line of kube9-operator. Standard library only: the man page is built from this file alone."""

import argparse
from typing import NoReturn

DESCRIPTION = """\
Watches a Kubernetes cluster and keeps what happened in it in a SQLite database. It runs as one pod in the cluster; outside of
one it finds the API server as kubectl does. It is set up by environment variables."""

ENVIRONMENT = {
    "LOG_LEVEL": "debug, info, warning or error (default: info)",
    "DB_PATH": "the folder of the database, which must exist and be writable (default: /data)",
    "HEALTH_PORT": "where health and metrics are served over HTTP; 0 for any free port (default: 8080)",
    "POD_NAMESPACE": "the namespace of the operator, where it keeps the ConfigMap kube9-operator-status; empty for none",
    "STATUS_UPDATE_INTERVAL_SECONDS": "how often that is written when nothing changes, 1 to 299 (default: 60)",
    "KUBERNETES_EVENT_TTL_SECONDS": "how long the API server keeps Events, its --event-ttl (default: 3600)",
    "EVENT_QUIET_MINUTES": "what repeats after a longer silence is another happening (default: 60)",
    "EVENT_QUEUE_SIZE": "how much of a watch may wait for the writer (default: 1000)",
    "EVENT_RETENTION_INFO_WARNING_DAYS": "how long events of severity info and warning are kept (default: 7)",
    "EVENT_RETENTION_ERROR_CRITICAL_DAYS": "how long events of severity error and critical are kept (default: 30)",
    "DATABASE_MAX_SIZE_MIB": "what the database may take; near it the least severe events are deleted (default: 1024)",
    "EVENT_REASONS_INCLUDE": "reasons of Events of type Normal to record too, separated by commas; * for everything",
    "EVENT_REASONS_EXCLUDE": "reasons of Events to leave out, whatever else says so",
    "KUBECONFIG": "the cluster, as for kubectl; in a pod its service account, unless this is set",
}
"""Of each variable what it is; the README says more."""

SECTIONS = [
    {
        "heading": "environment",
        "content": "\n".join(f".TP\n.B {name}\n{text}" for name, text in ENVIRONMENT.items()).replace("-", "\\-"),
    },
    {
        "heading": "signals",
        "content": "SIGTERM, SIGINT and SIGHUP stop it: what was read is committed first. After any other end it goes on too.",
    },
    {
        "heading": "exit status",
        "content": """\
.TP
.B 0
it was asked to stop
.TP
.B 78
a reason that will not pass by starting it again, which it names: a wrong setting, a module that is missing, a folder that may
not be written, a newer database, another operator on the same folder""",
    },
    {
        "heading": "examples",
        "content": """\
.TP
Record the cluster that kubectl uses:
.B DB_PATH=$HOME/kube9 kube9\\-operator
.TP
Ask it, as kube9\\-cli(1) does:
.B kube9\\-operator query events list \\-\\-since 1h""",
    },
]
"""Of the man page, beside what the parser gives."""


class Parser(argparse.ArgumentParser):
    """With the sections of the man page."""

    _manpage = SECTIONS  # read by argparse-manpage

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2."""
        from kube9_operator.plain import plain  # not for the man page

        super().error(plain(message))


def get_parser() -> argparse.ArgumentParser:
    """The parser; its help is the help of the man page."""
    parser = Parser(prog="kube9-operator", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    commands.add_parser("serve", help="run the operator (also without a command)", description="Run the operator.")
    commands.add_parser(
        "query",
        help="the same as kube9-cli: ask what was recorded",
        description="The commands and options are those of kube9-cli(1).",
    )
    return parser
