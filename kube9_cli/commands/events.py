"""The commands `events list` and `events get`."""

from __future__ import annotations

from kube9_cli import options, selection
from kube9_cli.arguments import UsageError, invalid, one_of, whole, without_action
from kube9_cli.commands import Question, around, is_wanted
from kube9_schema import ids

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.connection import Database
    from kube9_cli.query.paging import Cursor

ACTIONS = ("list", "get", "summary", "timeline", "export")
IN_MODULES = ("summary", "timeline", "export")
"""Those that have a module of their own."""
ORDERS = ("last", "first", "created", "count", "severity")
OLD_ORDERS = {"seen": "last"}
"""What earlier releases called an order."""
COUNTS = ("exact", "none")
MAX_LIMIT = 1000
LIST = "kube9-cli events list"
MAX_IDS = 100
"""Events that one `events get` shows. All of them are in memory."""

EXAMPLES = (
    ("What happened in the last hour", "list --since 1h"),
    ("One event in detail", "get evt_20261124_103045_000000"),
    ("What is wrong, in groups", "summary --severity warning+"),
    ("What changed, broke and recovered, in order", "timeline --since 1h"),
    ("Everything of a week, one JSON object on each line", "export --since 7d"),
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
    ("What happened around a moment, my time", "--around 'yesterday 14:05' --window 10m --tz Europe/Berlin"),
    ("What happened in a namespace around one event", "-n shop --around evt_20261124_103045_000000 --window 1h"),
    ("What happens from now on", "--watch --severity warning+"),
    ("Everything of a week, one JSON object on each line", "--since 7d --limit 0 -o jsonl"),
)
GET_EXAMPLES = (
    ("One event in detail", "evt_20261124_103045_000000"),
    ("The same for a program", "evt_20261124_103045_000000 -o json"),
    ("The newest event about a pod", "pod/web-0 -n shop"),
    ("The same, as a table shows the pod", "po/shop/web-0"),
    ("With times of the clock in a time zone", "evt_20261124_103045_000000 --tz Europe/Berlin"),
)


def add(commands: argparse._SubParsersAction[Any], words: list[str] | None = None) -> None:
    """Adds the commands, or of these only what is needed to read `words`."""
    group = commands.add_parser(
        "events",
        help="list events, show one, group them, show them in order, or export them",
        description="List events, show one, group them, show what happened in order, or export everything.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
    listing = actions.add_parser(
        "list",
        help="list events, newest first",
        description="List events, newest first. All filters combine: an event must match each of them. An event matches a time "
        "range if the time from its first to its last occurrence overlaps the range. The last line "
        "says for which time the list is complete.",
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
    listing.add_argument("--reverse", action="store_true", help="sort the other way round: the oldest first")
    listing.add_argument(
        "--count",
        metavar="HOW",
        default="exact",
        help="exact: count how many events match; none: do not count them, which can be faster (default: exact)",
    )
    listing.add_argument(
        "--limit", metavar="N", default="50", help=f"list at most N events, 1 to {MAX_LIMIT}, or 0 for all (default: 50)"
    )
    listing.add_argument("--offset", metavar="N", default="0", help="skip the first N events (default: 0)")
    listing.add_argument(
        "--after",
        metavar="CURSOR",
        help="the page after an earlier one. CURSOR is the pagination.next of its JSON. Together, the pages have each event "
        "that was there at the first page exactly once, whatever is recorded meanwhile",
    )
    around.add(listing, "the earliest first")
    listing.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="list the newest events, then go on with what is new or changed, until the reader goes away. -o json gives one "
        "JSON object on each line",
    )
    options.add(listing)
    listing.set_defaults(check=check_list, central=True)
    get = actions.add_parser(
        "get",
        help="show events in detail",
        description="Show one or more events in detail: what happened, to which object, why, how often and when, the owners of "
        "the object, and related events: about the same object, its owners, or other objects of the same owner, from the 15 "
        "minutes before, and what changed in its namespace and on its node in this time.",
        examples=GET_EXAMPLES,
    )
    get.add_argument(
        "ids",
        metavar="ID",
        nargs="+",
        help=f"the id of an event, {ids.FORMAT}, or an object, whose newest event is shown: pod/web-0, pod web-0, or as a "
        f"table shows it, po/shop/web-0; up to {MAX_IDS} of them",
    )
    get.add_argument("-n", "--namespace", metavar="NAMESPACE", help="the namespace of the objects (default: any)")
    options.add(get)
    get.set_defaults(check=check_get, central=True)
    for name in IN_MODULES:
        if is_wanted(name, words):
            __import__(f"kube9_cli.commands.{name}", fromlist=("add",)).add(actions)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `events list`. Raises UsageError."""
    chosen, selected = options.check(given), selection.check(given)
    order = one_of(OLD_ORDERS.get(given.sort, given.sort), "--sort", ORDERS)
    counted = one_of(given.count, "--count", COUNTS) == "exact"
    limit = 0 if given.limit == "0" else whole(given.limit, "--limit", 1, MAX_LIMIT, ", or 0 for all")
    offset = whole(given.offset, "--offset", 0, None)
    _refuse_together(given, "--after", "--offset", "--around", "--watch")
    _refuse_together(given, "--around", "--offset", "--watch", "--sort", "--reverse")
    _refuse_together(given, "--watch", "--offset", "--sort", "--reverse", "--until")
    if given.watch:
        chosen.show_clock(chosen.zone)  # a line that is printed once has no age
    if given.watch and chosen.format == "yaml":
        raise UsageError("Argument --watch: not allowed with --format yaml", "use -o json for one JSON object on each line")
    if limit == 0 and (given.around is not None or given.watch or offset):
        other = "--around" if given.around is not None else "--watch" if given.watch else "--offset"
        raise UsageError(f"Argument --limit 0: not allowed with {other}", f"--limit must be from 1 to {MAX_LIMIT}")
    if given.watch and chosen.store is not None:
        raise UsageError("Argument --watch: not allowed with --store", "it needs the local database; ask again with --since")
    moment, selected = around.check(given, chosen, selected)
    after = None if given.after is None else _cursor(given.after, selected, order, given.reverse)
    if after is not None:
        selected = selected._replace(since_ms=after.since_ms, until_ms=after.until_ms)

    def answer(database: Database) -> None:
        from kube9_cli.commands import event_list
        from kube9_cli.query.search import Request

        request = Request(order, given.reverse, limit, offset, counted)
        if moment is not None:
            from kube9_cli.query.around import Around

            event_list.print_around(chosen, selected, request, Around(*moment), database)
        elif given.watch:
            event_list.watch(chosen, selected, request, database)
        elif limit:
            event_list.print_page(chosen, selected, request, after, database)
        else:
            event_list.print_all(chosen, selected, request, after, database)

    return Question(chosen, answer)


def _refuse_together(given: argparse.Namespace, option: str, *others: str) -> None:
    """Raises UsageError if an option is given together with one of the others."""
    defaults = {"--sort": "last", "--offset": "0", "--around": None, "--after": None, "--until": None}

    def is_given(name: str) -> bool:
        return bool(getattr(given, name.removeprefix("--")) != defaults.get(name, False))

    for other in others:
        if is_given(option) and is_given(other):
            raise UsageError(f"Argument {option}: not allowed with {other}", f"give one of them; see {LIST} --help")


def _cursor(text: str, selected: selection.Selection, order: str, reverse: bool) -> Cursor:
    """The cursor of --after, which belongs to this question. Raises UsageError."""
    from kube9_cli.query import paging  # only where it is needed
    from kube9_cli.query.search import Request

    try:
        cursor = paging.decode(text)
    except ValueError:
        raise invalid("--after", text, "it must be the pagination.next of an earlier answer") from None
    if cursor.question != paging.question(selected, Request(order, reverse)):
        details = "it must be the pagination.next of an answer to the same question: the same filters, --sort and --reverse"
        raise invalid("--after", text, details)
    return cursor


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `events get`. Raises UsageError."""
    chosen = options.check(given)
    texts = _objects_as_one_word(list(dict.fromkeys(given.ids)))
    if len(texts) > MAX_IDS:
        raise UsageError(f"Too many events: {len(texts)}", f"at most {MAX_IDS} are allowed")
    if given.namespace is not None:
        selection.text([given.namespace], "--namespace")
    numbers, named = dict[str, int | None](), dict[str, tuple[str, str | None, str]]()
    for text in texts:
        if "/" in text:
            named[text] = _object(text, given.namespace)
        else:
            numbers[text] = around.event_id(text, ", or KIND/NAME")
    if given.namespace is not None and not named:
        raise UsageError("Argument --namespace: not allowed with ids", "an id stands for one event")
    return Question(chosen, lambda database: _get(chosen, texts, numbers, named, database))


def _objects_as_one_word(words: list[str]) -> list[str]:
    """The same, with KIND/NAME for each object of KIND NAME [NAME …]."""
    if len(words) > 1 and not any("/" in word or word.startswith("evt_") for word in words):
        return [f"{words[0]}/{name}" for name in words[1:]]
    return words


def _object(text: str, namespace: str | None) -> tuple[str, str | None, str]:
    """Kind, namespace and name of KIND/NAME, or of KIND/NAMESPACE/NAME. Raises UsageError."""
    selection.text([text], "object")
    kind, *between, name = text.split("/")
    if not kind or not name or len(between) > 1 or "" in between:
        raise invalid("object", text, "it must be KIND/NAME, such as pod/web-0, or KIND/NAMESPACE/NAME, as a table shows it")
    if between and namespace not in (None, *between):
        raise UsageError(f"Invalid object {text} in namespace {namespace}", "it names another namespace")
    return kind, between[0] if between else namespace, name


def _get(
    chosen: options.Options,
    texts: list[str],
    ids_given: dict[str, int | None],
    named: dict[str, tuple[str, str | None, str]],
    database: Database,
) -> None:
    """Prints events of one snapshot."""
    from kube9_cli.query import events, insights, related
    from kube9_cli.render import single

    with database.snapshot():
        numbers = events.existing(database, ids_given)
        if named:
            from kube9_cli.query.objects import Named, newest  # only where it is needed

            numbers |= {text: newest(database, Named(text, *named[text])) for text in named}
        numbers = {text: numbers[text] for text in texts}
        found = [events.get(database, number, text) | related.read(database, number) for text, number in numbers.items()]
        concluded = insights.of_events(database, numbers.values())
        for event, number in zip(found, numbers.values(), strict=True):
            event |= {"insights": concluded[number]} if number in concluded else {}
    single.print_events(chosen, found)
