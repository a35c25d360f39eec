"""The command `status`: the health of the operator, and until when each watch is confirmed."""

from __future__ import annotations

from kube9_cli import options
from kube9_cli.commands import Question

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.central.fleet import Fleet
    from kube9_cli.query.connection import Database

EXAMPLES = (
    ("Check that everything is being recorded", ""),
    ("The same for a program", "-o json"),
    ("The state of a copy of the database", "--db /tmp/copy.db"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "status",
        help="show the health, and for which time the record is complete",
        description="Show the health of the operator, for which time its record is complete, and the state of its watches.",
        examples=EXAMPLES,
    )
    options.add(parser, (*options.DOCUMENTS, *options.TABLES))
    parser.set_defaults(check=check, central=True)


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError."""
    chosen = options.check(given)

    return Question(chosen, lambda database: _answer(chosen, database))


def _answer(chosen: options.Options, database: Database) -> None:
    from kube9_cli.query import coverage, status
    from kube9_cli.selection import Selection

    if database.fleet is not None:
        _of_fleet(chosen, database.fleet)
        return
    with database.snapshot():
        found = status.read(database) | {"coverage": coverage.covered(database, Selection(), chosen.path)}
    if chosen.for_people:
        from kube9_cli.render import look
        from kube9_cli.render.status import lines

        print("\n".join(lines(found, look.of(chosen), wide=chosen.format == "wide")))
    else:
        _print_document(chosen, found)


def _of_fleet(chosen: options.Options, fleet: Fleet) -> None:
    """Prints what the clusters of a store last said of themselves."""
    from kube9_cli.central import status

    found = status.read(fleet)
    if chosen.for_people:
        from kube9_cli.render import fleet as render
        from kube9_cli.render import look

        print("\n".join(render.lines(found, look.of(chosen), wide=chosen.format == "wide")))
    else:
        _print_document(chosen, found)


def _print_document(chosen: options.Options, found: dict[str, Any]) -> None:
    from kube9_cli.render import serialize

    print(serialize.as_yaml(found) if chosen.format == "yaml" else serialize.as_json(found) + "\n", end="")
