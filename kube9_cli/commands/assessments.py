"""The commands `assessments run`, `list`, `get`, `latest`, `history` and `checks`."""

from __future__ import annotations

from kube9_cli import options
from kube9_cli.arguments import invalid, nearest, one_of, whole, without_action
from kube9_cli.commands import Question
from kube9_cli.selection import Clock
from kube9_schema.assessments import FAILED, FULL, PILLAR, PILLARS, SINGLE_CHECK, STATES, STATUSES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from kube9_cli.query.connection import Database

ACTIONS = ("run", "list", "get", "latest", "history", "checks")
FORMATS = (*options.DOCUMENTS, *options.TABLES)
MAX_RUNS, MAX_RESULTS = 1000, 10_000
MAX_WAIT_SECONDS = 86_400
EXAMPLE = "asm_1a22d08ca9511fee2"
DIGITS = frozenset("0123456789abcdef")

EXAMPLES = (
    ("What the newest assessment found", "latest"),
    ("Assess the cluster now", "run"),
    ("The assessments of the last week", "list --since 7d"),
    ("Which checks there are", "checks"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "assessments",
        help="show how the cluster is configured: assessments, their results, and the checks",
        description="Show how the cluster is configured: the assessments that the operator has made, their results, and the "
        "checks. Or ask the operator for an assessment.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    actions = group.add_subparsers(dest="action", metavar="ACTION", title="actions")
    run = add_action(
        actions,
        "run",
        "have the operator assess the cluster now",
        "Ask the operator for an assessment, wait until it has ended, and show its results. It makes one at a time. On a "
        "terminal, stderr shows the progress. Run this command where the operator runs, as its user. If the command ends "
        "early, for example by Ctrl-C, the assessment goes on. The exit code is 0 whatever the checks find, and 1 if none of "
        "them could be made.",
        (
            ("All checks", ""),
            ("Those of one pillar", "--pillar security"),
            ("One check, after a change", "--check reliability.replica-counts"),
        ),
    )
    some = run.add_mutually_exclusive_group()
    some.add_argument("--pillar", metavar="PILLAR", help=f"only the checks of this pillar: {', '.join(PILLARS)}")
    some.add_argument("--check", dest="check_id", metavar="ID", help="only this check")
    run.add_argument(
        "--wait",
        metavar="SECONDS",
        default="900",
        help=f"how long to wait for the assessment, 1 to {MAX_WAIT_SECONDS} (default: 900)",
    )
    run.set_defaults(check=check_run)
    listing = add_action(
        actions, "list", "list assessments", "List assessments, the newest first.", (("Those of the last week", "--since 7d"),)
    )
    listing.add_argument("--state", metavar="STATE", help=f"only those in this state: {', '.join(STATES)}")
    listing.add_argument("--since", metavar="TIME", help="only those requested at or after this time")
    listing.add_argument("--limit", metavar="N", default="50", help=f"at most N, 1 to {MAX_RUNS} (default: 50)")
    listing.set_defaults(check=check_list)
    get = add_action(
        actions,
        "get",
        "show an assessment with its results",
        "Show an assessment with its results.",
        (("One of them", EXAMPLE),),
    )
    get.add_argument("id", metavar="ID", help=f"the id of an assessment, such as {EXAMPLE}")
    get.set_defaults(check=check_get)
    latest = add_action(
        actions,
        "latest",
        "show the newest assessment",
        "Show the newest assessment that has ended, with its results.",
        (("What it found", ""), ("The same for a program", "-o json")),
    )
    latest.set_defaults(check=check_latest)
    history = add_action(
        actions,
        "history",
        "list results of checks over time",
        "List results of checks, those of the newest assessment first.",
        (
            ("How a check went", "--check reliability.replica-counts"),
            ("What failed in the last month", "--result failing --since 30d"),
        ),
    )
    history.add_argument("--pillar", metavar="PILLAR", help=f"only checks of this pillar: {', '.join(PILLARS)}")
    history.add_argument("--check", dest="check_id", metavar="ID", help="only this check")
    history.add_argument("--result", metavar="STATUS", help=f"only these results: {', '.join(STATUSES)}")
    history.add_argument("--since", metavar="TIME", help="only results at or after this time")
    history.add_argument("--limit", metavar="N", default="100", help=f"at most N, 1 to {MAX_RESULTS} (default: 100)")
    history.set_defaults(check=check_history)
    checks = add_action(actions, "checks", "list the checks", "List the checks.", (("All of them", ""),))
    checks.set_defaults(check=check_checks)


def add_action(actions: Any, name: str, summary: str, description: str, examples: tuple[tuple[str, str], ...]) -> Any:
    """Adds a command, and returns its parser. It has the options of every query."""
    parser = actions.add_parser(name, help=summary, description=description, examples=examples)
    options.add(parser, FORMATS)
    return parser


def check_run(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments run`. Raises UsageError."""
    asked: dict[str, Any] = {"mode": FULL}
    if given.pillar is not None:
        asked = {"mode": PILLAR, "pillar": one_of(given.pillar, "--pillar", PILLARS)}
    if given.check_id is not None:
        asked = {"mode": SINGLE_CHECK, "check_id": given.check_id}
    chosen, seconds = options.check(given), whole(given.wait, "--wait", 1, MAX_WAIT_SECONDS)

    def answer(database: Database) -> None:
        if given.check_id is not None:
            _check_id(database, given.check_id)
        found = make(chosen, database, asked, seconds)
        if found and found["state"] == FAILED:
            from kube9_cli.errors import QueryError

            details = f"{found['failure_reason']}; see kube9-cli assessments get {found['run_id']}"
            raise QueryError("The assessment has failed", details, "ASSESSMENT_FAILED")
        if found:
            from kube9_cli.render import assessments as render

            render.show(chosen, found)

    return Question(chosen, answer)


def make(chosen: options.Options, database: Database, asked: dict[str, Any], seconds: float) -> dict[str, Any] | None:
    """Has the operator make an assessment, and returns it with its results; None if nobody reads the answer any more.

    Raises QueryError.
    """
    from kube9_cli import request
    from kube9_cli.query import assessments
    from kube9_cli.render.progress import OfAssessment

    shown = OfAssessment()
    try:
        name = request.run(chosen.path, asked, request.Wait(seconds, database.renew, shown.begun, shown.draw))
    finally:
        shown.clear()
    if not name:
        return None
    database.reopen()  # it may have waited for minutes
    with database.snapshot():
        return assessments.get(database, name)


def _check_id(database: Database, wanted: str) -> None:
    """Raises QueryError for the id of a check that the operator does not have. Before its first start it has stored none."""
    from kube9_cli.errors import QueryError
    from kube9_cli.query import assessments

    known = [one["check_id"] for one in assessments.checks(database)]
    if known and wanted not in known:
        slugs = {one.partition(".")[2]: one for one in known}  # somebody may leave out the pillar
        hint = nearest(wanted, known) or nearest(wanted, slugs)
        near = hint.removeprefix("; did you mean ").removesuffix("?")
        more = f"; did you mean {slugs.get(near, near)}?" if hint else ""
        error = invalid("--check", wanted, f"kube9-cli assessments checks lists them{more}")
        raise QueryError(str(error), error.details, "INVALID_ARGUMENT")


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments list`. Raises UsageError."""
    state = "" if given.state is None else one_of(given.state, "--state", STATES)
    since_ms, limit = since(given), whole(given.limit, "--limit", 1, MAX_RUNS)

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments

        return {"assessments": assessments.runs(database, since_ms, state, limit)}

    return question(given, find)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments get`. Raises UsageError."""
    name = run_id(given.id)

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments

        return assessments.get(database, name)

    return question(given, find)


def run_id(text: str) -> str:
    """The id of an assessment. Raises UsageError if it cannot be one."""
    digits = text.removeprefix("asm_")
    if digits == text or not digits or not set(digits) <= DIGITS:
        raise invalid("assessment id", text, f"it must look like {EXAMPLE}")
    return text


def check_latest(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments latest`. Raises UsageError."""

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments

        return assessments.latest(database)

    return question(given, find)


def check_history(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments history`. Raises UsageError."""
    pillar = "" if given.pillar is None else one_of(given.pillar, "--pillar", PILLARS)
    status = "" if given.result is None else one_of(given.result, "--result", STATUSES)
    since_ms, limit = since(given), whole(given.limit, "--limit", 1, MAX_RESULTS)

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments

        if given.check_id is not None:
            _check_id(database, given.check_id)
        return {"results": assessments.history(database, since_ms, pillar, status, given.check_id or "", limit)}

    return question(given, find)


def check_checks(given: argparse.Namespace) -> Question:
    """Checks the arguments of `assessments checks`. Raises UsageError."""

    def find(database: Database) -> Any:
        from kube9_cli.query import assessments

        return {"checks": assessments.checks(database)}

    return question(given, find)


def question(given: argparse.Namespace, find: Callable[[Database], Any]) -> Question:
    """A question whose answer is what is found in one snapshot of the database."""
    chosen = options.check(given)

    def answer(database: Database) -> None:
        from kube9_cli.render import assessments as render

        with database.snapshot():
            found = find(database)
        render.show(chosen, found)

    return Question(chosen, answer)


def since(given: argparse.Namespace) -> int:
    """The time of --since in ms since 1970; 0 without one."""
    return Clock(given.tz).time(given.since, "--since") or 0
