"""The command line of kube9-operator. Standard library only: the man page is built from this file alone."""

import argparse

DESCRIPTION = """\
Watches a Kubernetes cluster and keeps what happened in it in a SQLite database. It runs as one pod in the cluster; outside of
one it finds the API server as kubectl does. It is set up by environment variables, which the README lists."""


def get_parser() -> argparse.ArgumentParser:
    """The parser; its help is the help of the man page."""
    parser = argparse.ArgumentParser(prog="kube9-operator", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands.add_parser("serve", help="run the operator (also without a command)", description="Run the operator.")
    commands.add_parser(
        "query",
        help="the same as kube9-cli: ask what was recorded",
        description="The commands and options are those of kube9-cli(1).",
    )
    return parser
