"""Events one by one, each as a record: JSON lines, CSV, names, and columns that the user names. Pure."""

from __future__ import annotations

from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid
from kube9_cli.render.serialize import as_json

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from kube9_cli.custom_columns import Column

CSV = (
    *("id", "event_type", "severity", "reason", "title", "description"),
    *("object_kind", "object_namespace", "object_name", "object_api_version", "node"),
    *("count", "first_seen_at", "last_seen_at", "created_at", "metadata"),
)
"""The columns of CSV: fields of an event; reason and node are in its metadata."""
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""A spreadsheet may take a text that begins with one of these for a formula, and compute it."""
ABSENT = "<none>"
"""What kubectl shows for an absent value."""


def as_lines(form: str, events: Iterable[dict[str, Any]], headings: bool, clusters: bool = False) -> Iterator[str]:
    """The events as jsonl, csv or name: lines with their ends. With `clusters`, CSV has a column of them."""
    if form == "csv":
        yield from as_csv(("cluster", *CSV) if clusters else CSV, map(_with_metadata, events), headings)
    for event in events:
        yield f"{event['id'] if form == 'name' else as_json(event)}\n"


def as_columns(columns: tuple[Column, ...], events: Iterable[dict[str, Any]], headings: bool) -> list[str]:
    """The events as a table with these columns."""
    rows = [[_text(column.value(event)) for column in columns] for event in events]
    cells = {str(at): [row[at] for row in rows] for at in range(len(columns))}
    named = {str(at): plain(column.heading) for at, column in enumerate(columns)}
    return Grid(cells, named if headings else None).lines()


def _text(value: Any) -> str:
    if value is None:
        return ABSENT
    return plain(value if isinstance(value, str) else as_json(value))


def _with_metadata(event: dict[str, Any]) -> dict[str, Any]:
    metadata = event["metadata"]
    return event | {"reason": metadata["reason"], "node": metadata.get("node", "")}


def as_csv(names: tuple[str, ...], rows: Iterable[dict[str, Any]], headings: bool) -> Iterator[str]:
    """CSV by RFC 4180: quotes around a cell that needs them, and lines that end with CR LF.

    Characters that act on a terminal are spaces. An apostrophe is put before a text that a spreadsheet could compute.
    """
    if headings:
        yield ",".join(names) + "\r\n"
    for row in rows:
        yield ",".join(_cell(row.get(name, "")) for name in names) + "\r\n"


def _cell(value: Any) -> str:
    text = plain(value if isinstance(value, str) else as_json(value))
    if isinstance(value, str) and text.lstrip().startswith(FORMULA):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text
