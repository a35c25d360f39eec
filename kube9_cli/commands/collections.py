"""The commands `collections list` and `get`."""

from __future__ import annotations

from kube9_cli import options
from kube9_cli.arguments import invalid, one_of, whole, without_action
from kube9_cli.commands import Question
from kube9_cli.selection import Clock
from kube9_schema.collections import COMPLETE, PARTIAL, TYPES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from kube9_cli.query.connection import Database

ACTIONS = ("list", "get")
FORMATS = (*options.DOCUMENTS, *options.TABLES)
STORED = (COMPLETE, PARTIAL)
"""The states of collections that are stored."""
MAX_ROWS = 1000
EXAMPLE = "coll_1a22d08ca9511fee2c03d8a66b1f4e7a0"
DIGITS = frozenset("0123456789abcdef")

EXAMPLES = (
    ("What was collected", "list"),
    ("The newest inventory", "list --type resource-inventory --limit 1"),
    ("One of them", f"get {EXAMPLE}"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "collections",
        help="show what the cluster consists of, in numbers and without names",
        description="Show collections: what the cluster consists of, in numbers and without names.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
    listing = actions.add_parser(
        "list",
        help="list collections",
        description="List collections, the newest first, and what became of the collections of each type.",
        examples=(("Those of the last week", "--since 7d"),),
    )
    options.add(listing, FORMATS)
    listing.add_argument("--type", metavar="TYPE", help=f"only those of this type: {', '.join(TYPES)}")
    listing.add_argument("--cluster-id", metavar="ID", help="only those of this cluster")
    listing.add_argument("--state", metavar="STATE", help=f"only those in this state: {', '.join(STORED)}")
    listing.add_argument("--since", metavar="TIME", help="only those made at or after this time")
    listing.add_argument("--until", metavar="TIME", help="only those made at or before this time")
    listing.add_argument("--limit", metavar="N", default="50", help=f"at most N, 1 to {MAX_ROWS} (default: 50)")
    listing.add_argument("--offset", metavar="N", default="0", help="leave out the first N (default: 0)")
    listing.set_defaults(check=check_list)
    get = actions.add_parser(
        "get",
        help="show a collection",
        description="Show what a collection consists of.",
        examples=(("One of them", EXAMPLE),),
    )
    options.add(get, FORMATS)
    get.add_argument("id", metavar="ID", help=f"the id of a collection, such as {EXAMPLE}")
    get.set_defaults(check=check_get)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `collections list`. Raises UsageError."""
    kind = "" if given.type is None else one_of(given.type, "--type", TYPES)
    state = "" if given.state is None else one_of(given.state, "--state", STORED)
    clock = Clock(given.tz)
    since_ms, until_ms = clock.range(given.since, given.until)
    limit, offset = whole(given.limit, "--limit", 1, MAX_ROWS), whole(given.offset, "--offset", 0, None)

    def find(database: Database) -> Any:
        from kube9_cli.query import collections

        return collections.listed(database, kind, given.cluster_id or "", state, (since_ms, until_ms), (limit, offset))

    return _question(given, find)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `collections get`. Raises UsageError."""
    digits = given.id.removeprefix("coll_")
    if digits == given.id or not digits or not set(digits) <= DIGITS:
        raise invalid("collection id", given.id, f"it must look like {EXAMPLE}")

    def find(database: Database) -> Any:
        from kube9_cli.query import collections

        return collections.get(database, given.id)

    return _question(given, find)


def _question(given: argparse.Namespace, find: Callable[[Database], Any]) -> Question:
    chosen = options.check(given)

    def answer(database: Database) -> None:
        from kube9_cli.render import collections as render

        with database.snapshot():
            found = find(database)
        render.show(chosen, found)

    return Question(chosen, answer)
