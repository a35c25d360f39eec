"""Prints Applications of Argo CD."""

from __future__ import annotations

from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid
from kube9_cli.render.look import Look

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.options import Options

COLUMNS = {"NAMESPACE": "app_namespace", "NAME": "app_name", "SYNC": "sync_status", "HEALTH": "health_status"}
WIDE = {"CLUSTER_ID": "cluster_id"}
CHANGED = "CHANGED"
LEAST_NAME = 16


def show(options: Options, found: Any) -> None:
    """Prints an answer in the format of the options. How many Applications of a list there are, people read on stderr."""
    if not options.for_people:
        from kube9_cli.render import serialize

        print(serialize.as_yaml(found) if options.format == "yaml" else serialize.as_json(found) + "\n", end="")
        return
    from kube9_cli.render import listing, look

    if "applications" not in found:
        print("\n".join(_one(found)))
        return
    shown, total = found["applications"], found["pagination"]["total"]
    if shown:
        print("\n".join(lines(shown, look.of(options), wide=options.format == "wide")), flush=True)
    counted = f"{len(shown)} of {total} Applications." if total else "No Applications."
    listing.say([counted, *found.get("hints", [])])


def lines(found: list[dict[str, Any]], seen: Look, wide: bool = False) -> list[str]:
    """The table of Applications. A narrow terminal shortens their names, then their namespaces."""
    cells = {name: [plain(one[field]) for one in found] for name, field in (COLUMNS | (WIDE if wide else {})).items()}
    cells[CHANGED] = seen.clock.cells([(seen.clock.read(one["observed_at"]),) for one in found])
    grid = Grid(cells, {CHANGED: f"{CHANGED}{seen.clock.suffix}"} if seen.headings else None)
    if seen.width is not None and not wide:
        for name in ("NAME", "NAMESPACE"):
            grid.narrow(name, LEAST_NAME, seen.width)
    return grid.lines()


def _one(found: dict[str, Any]) -> list[str]:
    """An Application: how it is, and its last operation."""
    status = found["status"]
    said = [
        f"{found['app_namespace']}/{found['app_name']}: {status['sync_status']}, {status['health_status']}",
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
