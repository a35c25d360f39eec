"""The commands `events list` and `events get`."""

import argparse
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kube9_cli import options, selection
from kube9_cli.arguments import Parser, UsageError, one_of, whole
from kube9_cli.commands import Question, summary
from kube9_schema import ids

if TYPE_CHECKING:
    from kube9_cli.query.connection import Database
    from kube9_cli.query.search import Request

ACTIONS = ("list", "get", "summary")
ORDERS = ("last", "first", "created", "count", "severity")
OLD_ORDERS = {"seen": "last"}
"""What earlier releases called an order."""
COUNTS = ("exact", "none")
MAX_LIMIT = 1000

EXAMPLES = (
    ("What happened in the last hour", "list --since 1h"),
    ("One event in detail", "get evt_20261124_103045_000000"),
    ("What is wrong, in groups", "summary --severity warning+"),
)
LIST_EXAMPLES = (
    ("What went wrong in a namespace since yesterday", "-n shop --severity error+ --since yesterday"),
    ("A deployment with its ReplicaSets and pods, also those that are gone", "--for deploy/web -n shop --since 7d"),
    ("What happened on a node last night", "--for node/worker-2 --since 'yesterday 22:00' --until 06:00 --tz Europe/Berlin"),
    (
        "Errors in all namespaces but two, without one reason",
        "--severity error+ --exclude namespace=dev,test --exclude reason=Evicted",
    ),
    ("Everything that mentions a text", "--search '\"connection refused\" postgres'"),
    ("One hour, for a program", "--since 2026-11-24T10:00Z --until 2026-11-24T11:00Z -o json"),
    ("The second page of a hundred", "--limit 100 --offset 100"),
)
GET_EXAMPLES = (
    ("One event in detail", "evt_20261124_103045_000000"),
    ("The same for a program", "evt_20261124_103045_000000 -o json"),
)


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "events",
        help="list events, show one, or group them",
        description="List events, show one, or group them.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=functools.partial(_refuse, group.prog))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions", parser_class=Parser)
    listing = actions.add_parser(
        "list",
        help="list events, newest first",
        description="List events, newest first. All filters combine: an event must match each of them. An event matches a time "
        "range if any of it was seen in the range. The last line says for which time the list is complete.",
        examples=LIST_EXAMPLES,
    )
    selection.add(listing)
    listing.add_argument(
        "--sort",
        metavar="ORDER",
        default="last",
        help="sort by: last, when an event was last seen; first, when it was first seen; created, when it was first recorded; "
        "count, how often it happened; severity. The latest, the most frequent or the worst is first (default: last)",
    )
    listing.add_argument("--reverse", action="store_true", help="the other way round: the oldest first")
    listing.add_argument(
        "--count",
        metavar="HOW",
        default="exact",
        help="exact: say how many events match; none: do not, which can be faster (default: exact)",
    )
    listing.add_argument("--limit", metavar="N", default="50", help=f"list at most N events, 1 to {MAX_LIMIT} (default: 50)")
    listing.add_argument("--offset", metavar="N", default="0", help="skip the first N events (default: 0)")
    options.add(listing)
    listing.set_defaults(check=check_list)
    get = actions.add_parser(
        "get",
        help="show one event with its occurrences",
        description="Show one event: what happened, to which object, how often and when, and the owners of the object.",
        examples=GET_EXAMPLES,
    )
    get.add_argument("id", metavar="ID", help=f"the id of an event, {ids.FORMAT}")
    options.add(get)
    get.set_defaults(check=check_get)
    summary.add(actions)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `events list`. Raises UsageError."""
    chosen, selected = options.check(given), selection.check(given)
    order = one_of(OLD_ORDERS.get(given.sort, given.sort), "--sort", ORDERS)
    counts = one_of(given.count, "--count", COUNTS) == "exact"
    limit = whole(given.limit, "--limit", 1, MAX_LIMIT)
    offset = whole(given.offset, "--offset", 0, None)

    def answer(database: "Database") -> None:
        from kube9_cli.query.search import Request

        _list(chosen, selected, Request(order, given.reverse, limit, offset, counts), database)

    return Question(chosen, answer)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `events get`. Raises UsageError."""
    chosen = options.check(given)
    try:
        number = ids.decode(given.id)
    except ValueError:
        raise UsageError(f"Invalid event id {given.id}", f"it must look like {ids.FORMAT}") from None

    def answer(database: "Database") -> None:
        from kube9_cli.query import events
        from kube9_cli.render import details

        print(details.shown(events.get(database, number, given.id), chosen.format), end="")

    return Question(chosen, answer)


def _refuse(prog: str, _: argparse.Namespace) -> Question:
    raise UsageError(f"{prog} needs an action", f"it must be one of: {', '.join(ACTIONS)}; see {prog} --help")


def _list(chosen: options.Options, selected: selection.Selection, request: "Request", database: "Database") -> None:
    """Prints events, number and coverage of one snapshot. It is over before anything is printed: a reader may be slow."""
    from kube9_cli.query import asked, coverage, events, search

    with database.snapshot():
        matches = search.find(database, selected, request)
        covered = coverage.covered(database, selected, chosen.path)
        page = events.Page(database, matches.ids)
    found = page.events()
    counted = {} if matches.total is None else {"total": matches.total}
    pagination = counted | {"limit": request.limit, "offset": request.offset}
    if chosen.for_people:
        from kube9_cli.render import listing

        listing.print_table(found, covered, matches.total, chosen.format == "wide", asked.sentences(selected))
        return
    rest = {"coverage": covered} | asked.described(selected)
    (_print_json if chosen.format == "json" else _print_yaml)(found, pagination, rest)


def _print_json(found: Iterator[dict[str, Any]], pagination: dict[str, int], rest: dict[str, Any]) -> None:
    from kube9_cli.render.serialize import as_json

    returned = 0
    print('{"events": [', end="")
    for event in found:
        print(",\n" if returned else "\n", as_json(event), sep="", end="")
        returned += 1
    closing = {"pagination": pagination | {"returned": returned}} | rest
    print("\n], " if returned else "], ", as_json(closing)[1:], sep="")


def _print_yaml(found: Iterator[dict[str, Any]], pagination: dict[str, int], rest: dict[str, Any]) -> None:
    from kube9_cli.render.serialize import as_yaml

    returned = 0
    for event in found:
        print("" if returned else "events:\n", as_yaml([event]), sep="", end="")
        returned += 1
    print("" if returned else "events: []\n", end="")
    print(as_yaml({"pagination": pagination | {"returned": returned}} | rest), end="")
