"""Prints collections."""

from __future__ import annotations

from kube9_cli.render import serialize
from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.options import Options

ROWS = {"COLLECTION_ID": "collection_id", "TYPE": "type", "STATE": "state", "COLLECTED": "collected_at"}
WIDE = {"CLUSTER_ID": "cluster_id"}


def show(options: Options, found: Any) -> None:
    """Prints an answer in the format of the options. People get a payload as YAML, since it has no rows."""
    if options.for_people and "collections" in found:
        print("\n".join(lines(found, options.headings, wide=options.format == "wide")))
    elif options.format == "json":
        print(serialize.as_json(found))
    else:
        print(serialize.as_yaml(found), end="")


def lines(found: Any, headings: bool, wide: bool = False) -> list[str]:
    """The lines of a list for people: the collections, and which types have failed since they were last made."""
    columns = ROWS | (WIDE if wide else {})
    rows = found["collections"]
    cells = {name: [plain(str(row[field] or "-")) for row in rows] for name, field in columns.items()}
    shown = Grid(cells, {} if headings else None).lines() if rows else ["No collections."]
    failing = [one for one in found["types"] if (one["last_failure_at"] or "") > (one["last_success_at"] or "")]
    notes = [f"{one['type']} failed at {one['last_failure_at']}: {plain(one['last_failure'])}" for one in failing]
    return shown + ([""] if notes else []) + notes
