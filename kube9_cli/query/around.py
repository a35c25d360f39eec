"""What happened around a moment, or around an event."""

from __future__ import annotations

from kube9_cli.errors import QueryError
from kube9_cli.query.connection import WHOLE, Database
from kube9_cli.query.order import Key, Window
from kube9_cli.query.search import Request, find
from kube9_cli.selection import Selection
from kube9_cli.times import iso

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from kube9_cli.zones import Zone
else:
    from kube9_cli.named_tuple import NamedTuple


class Around(NamedTuple):
    """The moment that is asked for."""

    given: str
    """As it was typed."""
    at_ms: int | None
    """None for an event."""
    event: int | None
    """The id of the event; None for a time, and for an id that cannot exist."""
    window_ms: int
    """So long before and after it."""

    def at(self, database: Database) -> Key:
        """The place of the moment in the order of the last times. Raises QueryError if the event does not exist."""
        if self.at_ms is not None:
            return Key(self.at_ms, 0)
        rows = database.all("SELECT last_ms FROM events WHERE id = ?", (self.event,), (WHOLE,))
        if not rows or self.event is None:
            raise QueryError("Event not found", self.given, "NOT_FOUND")
        return Key(rows[0][0], self.event)

    def narrowed(self, selection: Selection, at: Key) -> Selection:
        """The selection within the window. Raises QueryError if its own times leave nothing of the window."""
        since, until = at.value - self.window_ms, at.value + self.window_ms + 1
        since = since if selection.since_ms is None else max(since, selection.since_ms)
        until = until if selection.until_ms is None else min(until, selection.until_ms)
        if since >= until:
            details = "--since and --until leave nothing of the time around it"
            raise QueryError(f"Invalid --around {self.given}", details, "INVALID_ARGUMENT")
        return selection._replace(since_ms=max(0, since), until_ms=max(0, until))

    def described(self, at: Key) -> dict[str, Any]:
        """The moment for programs."""
        return {"around": iso(at.value)} | ({} if self.event is None else {"event": self.given})

    def sentence(self, at: Key, zone: Zone | None) -> str:
        """The moment for people. An event is marked in a list."""
        return f"Around {self.given} (marked with >)." if self.event is not None else f"Around {shown(at, zone)}."


def shown(at: Key, zone: Zone | None) -> str:
    """A moment as clocks in a zone show it; without one, in UTC."""
    return iso(at.value) if zone is None else f"{zone.at(at.value):%Y-%m-%d %H:%M:%S} ({zone.name})"


def both_sides(database: Database, selection: Selection, request: Request, at: Key) -> tuple[int | None, list[int]]:
    """How many events there are, and the ids of those nearest to the moment, the earliest first.

    If there are more than the limit, half of them are before the moment, unless there are fewer.
    """
    limit = request.limit
    before = find(database, selection, request._replace(reverse=False, window=Window(after=at)))
    # The moment itself, and an event that is it, are on the later side.
    later = Window(after=Key(at.value, at.id - 1))
    after = find(database, selection, request._replace(reverse=True, counted=False, window=later))
    most_before = max(limit // 2, limit - len(after.ids))
    first = before.ids[:most_before][::-1]
    return before.total, [*first, *after.ids[: limit - len(first)]]
