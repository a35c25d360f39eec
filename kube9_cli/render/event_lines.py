"""Events as JSON lines, made of their rows. They are what `as_json` makes of the events, in a third of the time. Pure.

Most of an event repeats: its words, and the metadata that only say who wrote it. Their JSON is remembered.
"""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.query import events
from kube9_cli.render.escape import in_json
from kube9_cli.render.serialize import as_json
from kube9_cli.times import iso
from kube9_schema import ids
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable

    from kube9_cli.query.events import Row

MOST_KNOWN, LONG = 1_000, 500
"""Pieces of each kind that are remembered; those of longer metadata are not."""
FIGURES = frozenset(("reason", "count", "first_timestamp", "last_timestamp", "node"))
"""What the metadata of each event have. If stored metadata have them too, `events.event` decides."""


class _Pieces(dict[str, str]):
    """The JSON of what repeats, by its text."""

    def __init__(self, made: Callable[[str], str]) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, text: str) -> str:
        if len(self) >= MOST_KNOWN:
            self.clear()
        found = self._made(text)
        if len(text) <= LONG:
            self[text] = found
        return found


def _member(key: str) -> _Pieces:
    """A member of a JSON object, after others; '' for an empty text, which is left out."""
    return _Pieces(lambda text: f', "{key}": {json_text.string(text)}' if text else "")


def _more(metadata: str) -> str:
    """What stored metadata add to the figures; '-' if they have figures themselves."""
    stored = events.decoded(metadata)
    if not FIGURES.isdisjoint(stored):
        return "-"
    return f", {json_text.encode(stored)[1:-1]}" if stored else ""


_titles, _kinds, _namespaces, _versions = map(_member, ("title", "object_kind", "object_namespace", "object_api_version"))
_nodes, _reasons, _metadata = _member("node"), _Pieces(json_text.string), _Pieces(_more)


def line(row: Row) -> tuple[str, str]:
    """The id of an event, and its line. Raises QueryError for a row that makes no sense."""
    (title, kind, namespace, reason, node, api_version, number, type_, severity, created_ms, first_ms, last_ms) = row[:12]
    times, name, description, metadata = row[12:]
    more = _metadata[metadata]
    if more == "-" or times <= 0:
        event = events.event(row)
        return event["id"], f"{as_json(event)}\n"
    shown, first = ids.encode(number), iso(first_ms)
    last = first if last_ms == first_ms else iso(last_ms)
    created = first if created_ms == first_ms else iso(created_ms)
    text = f', "description": {json_text.string(description)}' if description else ""
    named = f', "object_name": {json_text.string(name)}' if name else ""
    made = (
        f'{{"id": "{shown}", "event_type": "{events.named(EVENT_TYPES, type_)}", '
        f'"severity": "{events.named(SEVERITIES, severity)}"{_titles[title]}{text}{_kinds[kind]}{_namespaces[namespace]}{named}'
        f'{_versions[api_version]}, "metadata": {{"reason": {_reasons[reason]}, "count": {times}, '
        f'"first_timestamp": "{first}", "last_timestamp": "{last}"{_nodes[node]}{more}}}, "created_at": "{created}", '
        f'"first_seen_at": "{first}", "last_seen_at": "{last}", "count": {times}}}'
    )
    return shown, f"{in_json(made)}\n"
