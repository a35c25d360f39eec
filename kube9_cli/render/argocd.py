"""Prints Applications of Argo CD."""

from __future__ import annotations

from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.options import Options

COLUMNS = {
    "NAMESPACE": "app_namespace",
    "NAME": "app_name",
    "SYNC": "sync_status",
    "HEALTH": "health_status",
    "OBSERVED": "observed_at",
}


def show(options: Options, found: Any) -> None:
    """Prints an answer in the format of the options."""
    if options.for_people:
        print("\n".join(lines(found, options.headings)))
        return
    from kube9_cli.render import serialize

    print(serialize.as_yaml(found) if options.format == "yaml" else serialize.as_json(found) + "\n", end="")


def lines(found: Any, headings: bool) -> list[str]:
    """The lines of an answer for people."""
    if "applications" in found:
        return _table(found["applications"], headings) if found["applications"] else ["No Applications."]
    status = found["status"]
    said = [
        f"{found['app_namespace']}/{found['app_name']}: {status['sync_status'] or 'not compared yet'}, "
        f"{status['health_status'] or 'health unknown'}",
        *(f"{name}: {value}" for name, value in (("Revision", status["revision"]), ("Error", status["error"])) if value),
    ]
    if status["health_message"]:
        said.append(f"Health: {status['health_message']}")
    if operation := status["operation"]:
        by = operation["initiated_by"] or ("Argo CD" if operation["automated"] else "")
        said.append(
            f"Last operation: {operation['phase']}"
            + (f" at {operation['finished_at'] or operation['started_at']}" if operation["started_at"] else "")
            + (f", by {by}" if by else "")
            + (f": {operation['message']}" if operation["message"] else "")
        )
    return [plain(line) for line in said]


def _table(applications: list[dict[str, Any]], headings: bool) -> list[str]:
    cells = {name: [plain(str(one[field])) for one in applications] for name, field in COLUMNS.items()}
    return Grid(cells, {} if headings else None).lines()
