"""The commands `insights list` and `insights get`."""

from __future__ import annotations

from kube9_cli import options, selection
from kube9_cli.arguments import UsageError, invalid, nearest, one_of, whole, without_action
from kube9_cli.commands import Question
from kube9_schema.codes import CATEGORIES, INSIGHT_STATUSES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.connection import Database
    from kube9_cli.query.insights import Order, Wanted

ACTIONS = ("list", "get")
ORDERS = ("worst", "last", "first", "created")
STATUSES = "active,quiet,resolved"
MAX_LIMIT, MAX_IDS = 1000, 100
ID_CHARACTERS = 20
FORMATS = tuple(form for form in options.FORMATS if not form.startswith(options.CUSTOM))
FORM = "ins_xxxxxxxxxxxxxxxx"

EXAMPLES = (
    ("What is wrong now, the worst first", "list --status active,quiet"),
    ("One insight with its evidence", "get ins_9f383e1accecc3e0"),
)
LIST_EXAMPLES = (
    ("What is wrong now, the worst first", "--status active,quiet"),
    ("What was concluded about a deployment and its pods this week", "--for deploy/web -n shop --since 7d"),
    ("Only what is an error or worse, in two namespaces", "-n shop,billing --severity error+"),
    ("Where something could be done better", "--category optimization"),
    ("Images that cannot be pulled", "--rule image-or-registry"),
    ("Everything, for a program", "--limit 1000 -o json"),
)
GET_EXAMPLES = (
    ("One insight with its evidence", "ins_9f383e1accecc3e0"),
    ("The same for a program", "ins_9f383e1accecc3e0 -o json"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "insights",
        help="list what the operator has concluded, or show one conclusion with its evidence",
        description="List what the operator has concluded from the record, or show one conclusion with its evidence.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
    listing = actions.add_parser(
        "list",
        help="list insights, the worst that go on first",
        description="List insights: first those that go on, of these the worst. All filters combine. An insight matches a time "
        "range if the time from its first evidence to its last overlaps it; while it goes on, this time has no end. --reason "
        "stands for the rule. --for also finds insights "
        "about what the object owned, and those that rest on events of it. The last line says for which time the record is "
        "complete.",
        examples=LIST_EXAMPLES,
    )
    selection.add(listing)
    listing.add_argument(
        "--status",
        metavar="STATUS[,...]",
        default=STATUSES,
        help=f"only these: {', '.join(INSIGHT_STATUSES)}. A quiet one has had no evidence for a while; a pending one is not "
        f"confirmed yet (default: {STATUSES})",
    )
    listing.add_argument("--category", metavar="CATEGORY[,...]", help=f"only these categories: {', '.join(CATEGORIES)}")
    listing.add_argument("--rule", metavar="RULE[,...]", help="only insights of these rules; * stands for any characters")
    listing.add_argument(
        "--sort",
        metavar="ORDER",
        default="worst",
        help="sort by: worst, what goes on, then severity; last, the last evidence; first, the first evidence; created, when "
        "it was first concluded (default: worst)",
    )
    listing.add_argument("--reverse", action="store_true", help="the other way round")
    listing.add_argument("--limit", metavar="N", default="50", help=f"list at most N insights, 1 to {MAX_LIMIT} (default: 50)")
    listing.add_argument("--offset", metavar="N", default="0", help="skip the first N insights (default: 0)")
    options.add(listing, FORMATS)
    listing.set_defaults(check=check_list)
    get = actions.add_parser(
        "get",
        help="show insights with their evidence",
        description="Show one or more insights: what is the matter, what to do, since when, which events it rests on, what "
        "could not be told, and which other insights rest on the same events.",
        examples=GET_EXAMPLES,
    )
    get.add_argument("ids", metavar="ID", nargs="+", help=f"the id of an insight, {FORM}; up to {MAX_IDS} of them")
    options.add(get, (*options.DOCUMENTS, *options.TABLES, "jsonl"))
    get.set_defaults(check=check_get)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `insights list`. Raises UsageError."""
    from kube9_cli.query.insights import Order, Wanted

    chosen, selected = options.check(given), selection.check(given)
    if selected.zone is not None:
        chosen.show_clock(selected.zone)
    statuses = selection.some_of(INSIGHT_STATUSES, {})([given.status], "--status")
    categories = () if given.category is None else selection.some_of(CATEGORIES, {})([given.category], "--category")
    rules = () if given.rule is None else _rules(given.rule)
    order = Order(
        one_of(given.sort, "--sort", ORDERS),
        given.reverse,
        whole(given.limit, "--limit", 1, MAX_LIMIT),
        whole(given.offset, "--offset", 0, None),
    )
    wanted = Wanted(statuses, categories, rules)
    return Question(chosen, lambda database: _list(chosen, selected, wanted, order, database))


def _rules(text: str) -> tuple[str, ...]:
    """The names of rules, or patterns of them. Raises UsageError: that a rule that does not exist found nothing is no news."""
    from kube9_cli import patterns
    from kube9_schema.insights import RULES

    wanted = selection.values([text], "--rule")
    for one in wanted:
        if not any(map(patterns.matcher((one,), any_case=True), RULES)):
            raise invalid("--rule", one, f"it must be one or more of: {', '.join(RULES)}{nearest(one, RULES)}")
    return wanted


def _list(chosen: options.Options, selected: selection.Selection, wanted: Wanted, order: Order, database: Database) -> None:
    """Prints insights, their number and the coverage of one snapshot."""
    from kube9_cli.query import coverage, insights, notes
    from kube9_cli.render import insights as render

    with database.snapshot():
        total, found = insights.find(database, selected, wanted, order)
        covered = coverage.covered(database, selected, chosen.path)
        noted = notes.of(database, selected, empty=not total)
        looked = insights.analyzed_ms(database)
    pagination = {"total": total, "limit": order.limit, "offset": order.offset, "returned": len(found)}
    render.print_list(chosen, found, pagination, covered, looked, noted)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `insights get`. Raises UsageError."""
    chosen = options.check(given)
    wanted = list(dict.fromkeys(given.ids))
    for text in wanted:
        digits = text.removeprefix("ins_")
        if len(text) != ID_CHARACTERS or digits == text or not set(digits) <= set("0123456789abcdef"):
            raise invalid("insight id", text, f"it must look like {FORM}")
    if len(wanted) > MAX_IDS:
        raise UsageError(f"{len(wanted)} insight ids", f"it must be {MAX_IDS} at most")
    return Question(chosen, lambda database: _get(chosen, wanted, database))


def _get(chosen: options.Options, wanted: list[str], database: Database) -> None:
    """Prints insights of one snapshot."""
    from kube9_cli.query import insights
    from kube9_cli.render import insights as render

    with database.snapshot():
        found = [insights.get(database, name) for name in wanted]
    render.print_insights(chosen, found)
