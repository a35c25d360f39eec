"""The commands `events list` and `events get`."""

from __future__ import annotations

from kube9_cli import options, selection
from kube9_cli.arguments import UsageError, one_of, whole
from kube9_cli.commands import Question, summary
from kube9_schema import ids

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.connection import Database
    from kube9_cli.query.search import Request

ACTIONS = ("list", "get", "summary")
ORDERS = ("last", "first", "created", "count", "severity")
OLD_ORDERS = {"seen": "last"}
"""What earlier releases called an order."""
COUNTS = ("exact", "none")
MAX_LIMIT = 1000
MAX_IDS = 100
"""Events that one `events get` shows. All of them are in memory."""

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
    ("With times of the clock in a time zone", "evt_20261124_103045_000000 --tz Europe/Berlin"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "events",
        help="list events, show one, or group them",
        description="List events, show one, or group them.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: _refuse(group.prog))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
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
        help="show events in detail",
        description="Show one or more events in detail: what happened, to which object, why, how often and when, the owners of "
        "the object, and related events: those about the same object, its owners, and objects of the same owner, that happened "
        "up to 15 minutes before.",
        examples=GET_EXAMPLES,
    )
    get.add_argument("ids", metavar="ID", nargs="+", help=f"the id of an event, {ids.FORMAT}; up to {MAX_IDS} of them")
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

    def answer(database: Database) -> None:
        from kube9_cli.query.search import Request

        _list(chosen, selected, Request(order, given.reverse, limit, offset, counts), database)

    return Question(chosen, answer)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `events get`. Raises UsageError."""
    chosen = options.check(given)
    wanted: dict[str, int | None] = {}
    for text in given.ids:
        try:
            wanted[text] = ids.decode(text)
        except ValueError:
            raise UsageError(f"Invalid event id {text}", f"it must look like {ids.FORMAT}") from None
    if len(wanted) > MAX_IDS:
        raise UsageError(f"{len(wanted)} event ids", f"it must be {MAX_IDS} at most")
    return Question(chosen, lambda database: _get(chosen, wanted, database))


def _get(chosen: options.Options, wanted: dict[str, int | None], database: Database) -> None:
    """Prints events of one snapshot."""
    from kube9_cli.query import events, related
    from kube9_cli.render import single

    with database.snapshot():
        numbers = events.existing(database, wanted)
        found = [events.get(database, number, text) | related.read(database, number) for text, number in numbers.items()]
    single.print_events(chosen, found)


def _refuse(prog: str) -> Question:
    raise UsageError(f"{prog} needs an action", f"it must be one of: {', '.join(ACTIONS)}; see {prog} --help")


def _list(chosen: options.Options, selected: selection.Selection, request: Request, database: Database) -> None:
    """Prints events, number and coverage of one snapshot. It is over before anything is printed: a reader may be slow."""
    from kube9_cli.query import coverage, events, notes, search
    from kube9_cli.render import listing

    with database.snapshot():
        matches = search.find(database, selected, request)
        covered = coverage.covered(database, selected, chosen.path)
        noted = notes.of(database, selected, empty=not (matches.ids or request.offset))
        page = events.Page(database, matches.ids)
    counted = {"total": matches.total} if request.counted else {}
    pagination = counted | {"limit": request.limit, "offset": request.offset}
    listing.print_list(chosen, page.events(), pagination, {"coverage": covered} | noted.fields, noted.sentences)
