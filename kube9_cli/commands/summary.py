"""The command `events summary`: groups of events."""

from __future__ import annotations

from kube9_cli import options, selection
from kube9_cli.arguments import invalid, nearest, one_of, whole
from kube9_cli.commands import Question, around, scope
from kube9_cli.grouping import DEFAULT, FIELDS, ORDERS, Grouping

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.around import Around
    from kube9_cli.query.connection import Database

MAX_LIMIT = 1000

EXAMPLES = (
    ("What is wrong, the worst first", "--severity warning+"),
    ("Which namespaces are noisiest this week", "--by namespace --since 7d"),
    ("On which nodes images cannot be pulled", "--by node,cause --since 1h"),
    ("What broke around a moment, my time", "--around 'yesterday 14:05' --window 30m --tz Europe/Berlin"),
    ("The causes of all events of a namespace, for a program", "-n shop --by cause -o json"),
)


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = actions.add_parser(
        "summary",
        help="group events and count them",
        description="Group events and count them: by cause and owner, or by other fields. Each group has its worst severity, "
        "the number of events and of occurrences, its first and last time, and when it was active. A group is new if there was "
        "no such event in the equally long time before. All filters combine. The last line says for which time the numbers are "
        "complete.",
        examples=EXAMPLES,
    )
    selection.add(parser)
    around.add(parser)
    parser.add_argument(
        "--by",
        metavar="FIELD[,...]",
        help=f"group by these fields: {', '.join(FIELDS)}. The cause is an exit code, an image, or the reason with a part "
        "of the message. The owner is the outermost controller of the object, or the object itself "
        f"(default: {','.join(DEFAULT)})",
    )
    parser.add_argument(
        "--sort",
        metavar="ORDER",
        help=f"{', '.join(ORDERS)}: first the groups with the worst severity, the greatest count (of occurrences), the most "
        "events, or the last time (default: severity if grouped by cause, otherwise count)",
    )
    parser.add_argument("--limit", metavar="N", default="20", help=f"show at most N groups, 1 to {MAX_LIMIT} (default: 20)")
    options.add(parser, tuple(form for form in options.FORMATS if form != "name"))
    parser.set_defaults(check=check, central=True)


def check(given: argparse.Namespace) -> Question:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    chosen, selected = options.check(given), selection.check(given)
    if selected.zone is not None:
        chosen.show_clock(selected.zone)
    by = DEFAULT if given.by is None else _fields(given.by)
    if "cluster" in by and chosen.store is None:
        raise invalid("--by", given.by, "only events of a store have a cluster: see --store")
    usual = "severity" if "cause" in by else "count"
    order = one_of(usual if given.sort is None else given.sort, "--sort", ORDERS)
    is_usual = given.by is None
    grouping = Grouping(by, order, whole(given.limit, "--limit", 1, MAX_LIMIT))
    moment, selected = around.check(given, chosen, selected)

    def answer(database: Database) -> None:
        from kube9_cli.query.around import Around

        by_cluster = is_usual and database.fleet is not None and len(database.fleet.clusters) > 1
        asked = grouping._replace(by=("cluster", *grouping.by)) if by_cluster else grouping
        _answer(chosen, selected, moment and Around(*moment), asked, database)

    return Question(chosen, answer)


def _fields(text: str) -> tuple[str, ...]:
    by = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in by:
        if name not in FIELDS:
            raise invalid("--by", text, f"it must be one or more of: {', '.join(FIELDS)}{nearest(name, FIELDS)}")
    return by


def _answer(
    chosen: options.Options, selected: selection.Selection, moment: Around | None, grouping: Grouping, database: Database
) -> None:
    from kube9_cli.query import concluded, coverage, notes, summary
    from kube9_cli.render import summary as render

    with database.snapshot():
        selected, asked, said = scope.narrowed(chosen, selected, moment, database)
        selected = scope.bounded(selected)
        database.load(summary.with_time_before(selected))
        found = summary.read(database, selected, grouping, chosen.path)
        covered = coverage.covered(database, selected, chosen.path)
        noted = notes.of(database, selected, empty=not found.total)
        insights = concluded.read(database, selected, chosen.path)
    answer = insights | found.shown(grouping, covered) | noted.fields
    if asked:
        answer["asked"] = answer.get("asked", {}) | asked
    render.print_answer(chosen, answer, [*noted.sentences, *said])
