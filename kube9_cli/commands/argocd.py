"""The commands `argocd apps list|get` and `argocd resource-tree get`."""

from __future__ import annotations

from kube9_cli import options
from kube9_cli.arguments import UsageError, invalid, whole, without_action
from kube9_cli.commands import Question
from kube9_cli.selection import Clock

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.query.connection import Database

ACTIONS = ("apps", "resource-tree")
FORMATS = (*options.DOCUMENTS, *options.TABLES)
MAX_LIMIT = 1000
NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")
MAX_NAME, MAX_NAMESPACE = 253, 63
GRACE_SECONDS = 15.0
"""The time of the command is that of the request to Argo CD, and so much more for everything else."""

EXAMPLES = (
    ("Which Applications there are, and how", "apps list"),
    ("One of them", "apps get argocd web"),
    ("Its resources and what owns them, from Argo CD's API", "resource-tree get web --namespace argocd"),
)
APPS_EXAMPLES = (("Which there are, and how", "list"), ("One of them", "get argocd web"))


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the commands."""
    group = commands.add_parser(
        "argocd",
        help="list Applications of Argo CD, show one, or show its resources",
        description="List Applications of Argo CD as the operator last saw them, or show one. resource-tree asks Argo CD's "
        "API.",
        examples=EXAMPLES,
    )
    group.set_defaults(check=lambda _: without_action(group.prog, ACTIONS))
    groups = group.add_subparsers(dest="subject", metavar="SUBJECT", title="subjects")
    _add_apps(groups)
    _add_tree(groups)


def _add_apps(groups: Any) -> None:
    apps = groups.add_parser(
        "apps", help="list Applications, or show one", description="List Applications, or show one.", examples=APPS_EXAMPLES
    )
    apps.set_defaults(check=lambda _: without_action(apps.prog, ("list", "get")))
    actions = apps.add_subparsers(dest="action", metavar="ACTION", title="actions")
    listing = actions.add_parser(
        "list",
        help="list Applications",
        description="List Applications, by namespace and name, as they are now.",
        examples=(("Those of a namespace", "--namespace argocd"), ("Those that changed in the last hour", "--since 1h")),
    )
    listing.add_argument(
        "--cluster-id", metavar="ID", default="", help="only those of this cluster; the record has one cluster"
    )
    listing.add_argument("-n", "--namespace", metavar="NAME", default="", help="only those in this namespace")
    listing.add_argument("--name", metavar="NAME", default="", help="only those of this name")
    listing.add_argument("--since", metavar="TIME", help="only those whose state last changed at or after this time")
    listing.add_argument("--until", metavar="TIME", help="only those whose state last changed before this time")
    listing.add_argument("--limit", metavar="N", default="50", help=f"at most N, 1 to {MAX_LIMIT} (default: 50)")
    listing.add_argument("--offset", metavar="N", default="0", help="skip the first N (default: 0)")
    options.add(listing, FORMATS)
    listing.set_defaults(check=check_list)
    get = actions.add_parser(
        "get",
        help="show an Application",
        description="Show an Application: its sync status, its health, its last operation.",
        examples=(("One of them", "argocd web"),),
    )
    get.add_argument("names", metavar="NAME", nargs="+", help="namespace and name, after the id of the cluster or without it")
    options.add(get, FORMATS)
    get.set_defaults(check=check_get)


def _add_tree(groups: Any) -> None:
    tree = groups.add_parser(
        "resource-tree",
        help="show the resources of an Application",
        description="Show the resources of an Application and what owns them, as Argo CD's API has them.",
        examples=(("Of one Application", "get web --namespace argocd"),),
    )
    tree.set_defaults(check=lambda _: without_action(tree.prog, ("get",)))
    actions = tree.add_subparsers(dest="action", metavar="ACTION", title="actions")
    get = actions.add_parser(
        "get",
        help="show the resources of an Application",
        description="Print what Argo CD's API answers for the resource tree of an Application, unchanged. The operator needs a "
        "token of an Argo CD account (chart: argocd.api.token). Errors are JSON on stderr: ok, code, message, details. Exit "
        "codes: 2 wrong arguments; 3 no such Application; 4 no token, or it is not accepted; 5 not permitted; 6 not in time; 7 "
        "Argo CD was not detected, or cannot be reached; 1 anything else.",
        examples=(("Of an Application", "web --namespace argocd"),),
    )
    get.add_argument("name", metavar="APP", help="the name of the Application")
    get.add_argument("-n", "--namespace", metavar="NAME", help="its namespace")
    options.add(get, ("json",), default="json")
    get.set_defaults(check=check_tree)


def check_list(given: argparse.Namespace) -> Question:
    """Checks the arguments of `argocd apps list`. Raises UsageError."""
    chosen = options.check(given)
    clock = Clock(given.tz)
    since_ms, until_ms = clock.range(given.since, given.until)
    limit, offset = whole(given.limit, "--limit", 1, MAX_LIMIT), whole(given.offset, "--offset", 0, None)

    def answer(database: Database) -> None:
        from kube9_cli.query import argocd
        from kube9_cli.render import argocd as render

        wanted = argocd.Wanted(
            given.cluster_id,
            given.namespace,
            given.name,
            since_ms or 0,
            argocd.FOREVER if until_ms is None else until_ms,
            limit,
            offset,
        )
        with database.snapshot():
            found = argocd.applications(database, wanted)
        render.show(chosen, found)

    return Question(chosen, answer)


def check_get(given: argparse.Namespace) -> Question:
    """Checks the arguments of `argocd apps get`. Raises UsageError."""
    if len(given.names) not in (2, 3):
        raise UsageError(f"Invalid names: {len(given.names)} are given", "NAMESPACE NAME, or CLUSTER NAMESPACE NAME")
    *cluster, namespace, name = given.names
    chosen = options.check(given)

    def answer(database: Database) -> None:
        from kube9_cli.query import argocd
        from kube9_cli.render import argocd as render

        wanted = argocd.Wanted("".join(cluster), namespace, name)
        with database.snapshot():
            found = argocd.application(database, wanted)
        render.show(chosen, found)

    return Question(chosen, answer)


def check_tree(given: argparse.Namespace) -> Question:
    """Checks the arguments of `argocd resource-tree get`. Raises UsageError."""
    name, namespace = given.name, given.namespace
    if namespace is None:
        raise UsageError("--namespace is missing", "it must be the namespace of the Application, such as argocd")
    _check_name("Application", name, MAX_NAME)
    _check_name("--namespace", namespace, MAX_NAMESPACE)
    chosen = options.check(given)
    seconds = chosen.timeout_seconds
    chosen.timeout_seconds += GRACE_SECONDS

    def answer(database: Database) -> None:
        import os
        import sys

        from kube9_cli.query import argocd, argocd_api

        with database.snapshot():
            server = argocd.namespace_of_server(database)
        sys.stdout.writelines(argocd_api.resource_tree(argocd_api.access(os.environ, server), name, namespace, seconds))

    return Question(chosen, answer)


def failed(error: dict[str, Any], exit_code: int) -> tuple[dict[str, Any], int]:
    """The error of `argocd resource-tree`, as the extension reads it, and its exit code."""
    code = str(error.get("code", "INTERNAL_ERROR"))
    if code == "INVALID_ARGUMENT":
        exit_code = 2
    elif code == "TIMEOUT":
        exit_code = 6
    elif exit_code < 3 or code == "NOT_PERMITTED":  # 3 means that there is no such Application
        code, exit_code = "INTERNAL_ERROR", 1
    envelope = {"ok": False, "code": code, "message": str(error["error"])}
    return envelope | ({"details": error["details"]} if error.get("details") else {}), exit_code


def _check_name(option: str, text: str, most: int) -> None:
    if not (0 < len(text) <= most and set(text) <= NAME and text[0] not in "-." and text[-1] not in "-."):
        raise invalid(option, text, f"it must be at most {most} lower-case letters, digits, hyphens and dots")
