"""The orders of a list, and the part of a list between two places in it."""

from __future__ import annotations

from kube9_cli.query.conditions import Condition

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

VALUES = {"last": "last_ms", "first": "first_ms", "created": "id", "count": "count", "severity": "severity"}
"""The column that events are sorted by, for each order. An id is given when an event is first recorded. Of equal events the id
decides, so every order is total.
"""


class Key(NamedTuple):
    """The place of an event in an order."""

    value: int
    """What it is sorted by."""
    id: int


class Window(NamedTuple):
    """Which part of a list is wanted. Totals are those of the whole list."""

    after: Key | None = None
    """Only events that come after this place."""
    upto: Key | None = None
    """Only events that come before this place, or are at it."""
    newest_id: int | None = None
    """Only events with this id or a smaller one: those that were recorded by then."""
    changed_since_ms: int | None = None
    """Only events that were recorded or changed at this time of the operator's clock, or later."""


WHOLE = Window()


def conditions(window: Window, sort: str, reverse: bool) -> list[Condition]:
    """The part of a list as conditions on rows of `events`."""
    column, found = VALUES[sort], []
    for place, later in ((window.after, True), (window.upto, False)):
        if place is None:
            continue
        beyond = ">" if later is reverse else "<"
        same = "" if later else "="
        sql = f"{column} {beyond}= ? AND ({column} {beyond} ? OR id {beyond}{same} ?)"
        found.append(Condition(sql, (place.value, place.value, place.id)))
    if window.newest_id is not None:
        found.append(Condition("id <= ?", (window.newest_id,)))
    if window.changed_since_ms is not None:
        found.append(Condition("recorded_ms >= ?", (window.changed_since_ms,)))
    return found
