"""The commands `assess run`, `list`, `get`, `summary` and `history`, as alto9/kube9-operator has them, with its fields.

What is new is in `assessments …`, which shows more. Scripts that were written for the other program work with these.
"""

from __future__ import annotations

from kube9_cli import options
from kube9_cli.arguments import UsageError, one_of, whole, without_action
from kube9_cli.commands import Question, assessments
from kube9_schema.assessments import FULL, MODES, PILLAR, PILLARS, SEVERITIES, SINGLE_CHECK, STATES, STATUSES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.connection import Database

ACTIONS = ("run", "list", "get", "summary", "history")
QUEUED = "queued"
"""A state of the other program. Here, no assessment ever has it."""
MAX_TIMEOUT_MS, MAX_RUNS, MAX_SUMMED, MAX_RESULTS = 300_000, 1000, 100, 1000
GRACE_SECONDS = 300.0
"""How much longer than its own time the command waits: the process may die, and a request to the API server may hang."""

EXAMPLES = (
    ("Assess the cluster now", "run"),
    ("What the last assessments found, in numbers", "summary --limit 10"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "assess",
        help="the commands of alto9/kube9-operator for assessments",
        description="Assessments, by the commands of alto9/kube9-operator, with its fields. assessments … shows more.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
    run = assessments.add_action(
        actions,
        "run",
        "have the operator assess the cluster now",
        "Ask the operator for an assessment, wait until it has ended, and show its numbers. The exit code is 0 whatever the "
        "checks find, and also if the assessment fails. If there is no check of the given id, the assessment is empty.",
        (("All checks", ""), ("Those of one pillar", "--mode pillar --pillar security")),
    )
    run.add_argument("--mode", metavar="MODE", default=FULL, help=f"what is assessed: {', '.join(MODES)} (default: full)")
    run.add_argument("--pillar", metavar="PILLAR", help=f"with --mode pillar: {', '.join(PILLARS)}")
    run.add_argument("--check-id", metavar="ID", help="with --mode single-check: the id of a check")
    run.add_argument(
        "--timeout-ms",
        metavar="N",
        default="30000",
        help=f"checks that are not made by then have the status timeout, 1 to {MAX_TIMEOUT_MS} ms (default: 30000)",
    )
    run.set_defaults(check=check_run)
    listing = assessments.add_action(
        actions, "list", "list assessments", "List assessments, the newest first.", (("Those of the last week", "--since 7d"),)
    )
    listing.add_argument("--state", metavar="STATE", help=f"only those in this state: {', '.join((QUEUED, *STATES))}")
    _add_since(listing, "50", MAX_RUNS)
    listing.set_defaults(check=check_list)
    get = assessments.add_action(
        actions,
        "get",
        "show the numbers of an assessment",
        "Show the numbers of an assessment.",
        (("One", assessments.EXAMPLE),),
    )
    get.add_argument("id", metavar="ID", help=f"the id of an assessment, such as {assessments.EXAMPLE}")
    get.set_defaults(check=check_get)
    summary = assessments.add_action(
        actions, "summary", "add up the newest assessments", "Add up the newest assessments.", (("The last ten", "--limit 10"),)
    )
    _add_since(summary, "50", MAX_SUMMED)
    summary.set_defaults(check=check_summary)
    history = assessments.add_action(
        actions,
        "history",
        "list results of checks over time",
        "List results of checks, those of the newest assessment first.",
        (("What failed in the last month", "--result failing --since 30d"),),
    )
    history.add_argument("--pillar", metavar="PILLAR", help=f"only checks of this pillar: {', '.join(PILLARS)}")
    history.add_argument("--result", metavar="STATUS", help=f"only these results: {', '.join(STATUSES)}")
    history.add_argument("--severity", metavar="SEVERITY", help="does not change the answer, as in alto9/kube9-operator")
    _add_since(history, "100", MAX_RESULTS)
    history.set_defaults(check=check_history)


def _add_since(parser: Any, limit: str, most: int) -> None:
    parser.add_argument("--since", metavar="TIME", help="only what is of this time or later")
    parser.add_argument("--limit", metavar="N", default=limit, help=f"at most N, 1 to {most} (default: {limit})")


def check_run(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assess run`. Raises UsageError."""
    mode = one_of(given.mode, "--mode", MODES)
    pillar = "" if given.pillar is None else one_of(given.pillar, "--pillar", PILLARS)
    if mode == PILLAR and not pillar:
        raise UsageError("--pillar is missing", f"with --mode pillar it must be one of: {', '.join(PILLARS)}")
    if mode == SINGLE_CHECK and not given.check_id:
        raise UsageError("--check-id is missing", "--mode single-check needs it; kube9-cli assessments checks lists them")
    seconds = whole(given.timeout_ms, "--timeout-ms", 1, MAX_TIMEOUT_MS) / 1000
    asked = {"mode": mode, "pillar": pillar, "check_id": given.check_id or "", "timeout_seconds": seconds}
    chosen = options.check(given)

    def answer(database: Database) -> None:
        made = assessments.make(chosen, database, asked, seconds + GRACE_SECONDS)
        if made:
            from kube9_cli.query import originals
            from kube9_cli.render import assessments as render

            render.show(chosen, originals.record(made))

    return Question(chosen, answer)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assess list`. Raises UsageError."""
    state = "" if given.state is None else one_of(given.state, "--state", (QUEUED, *STATES))
    since_ms, limit = assessments.since(given), whole(given.limit, "--limit", 1, MAX_RUNS)

    def find(database: Database) -> Any:
        from kube9_cli.query import originals

        return originals.runs(database, since_ms, state, limit)

    return assessments.question(given, find)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assess get`. Raises UsageError."""
    name = assessments.run_id(given.id)

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments, originals

        return originals.record(assessments.get(database, name))

    return assessments.question(given, find)


def check_summary(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assess summary`. Raises UsageError."""
    since_ms, limit = assessments.since(given), whole(given.limit, "--limit", 1, MAX_SUMMED)

    def find(database: Database) -> Any:
        from kube9_cli.query import originals

        return originals.summary(database, since_ms, limit)

    return assessments.question(given, find)


def check_history(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assess history`. Raises UsageError."""
    pillar = "" if given.pillar is None else one_of(given.pillar, "--pillar", PILLARS)
    status = "" if given.result is None else one_of(given.result, "--result", STATUSES)
    if given.severity is not None:
        one_of(given.severity, "--severity", (*SEVERITIES, "info"))
    since_ms, limit = assessments.since(given), whole(given.limit, "--limit", 1, MAX_RESULTS)

    def find(database: Database) -> Any:
        from kube9_cli.query import originals

        return originals.history(database, since_ms, pillar, status, limit)

    return assessments.question(given, find)
