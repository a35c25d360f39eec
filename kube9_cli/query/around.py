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


class Moment(NamedTuple):
    """The time whose both sides are wanted, in ms since 1970. That of an event is from its first to its last time."""

    begin_ms: int
    end_ms: int
    event: int | None = None
    """The id of the event."""


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
    window: str
    """The same as it was typed."""

    def at(self, database: Database) -> Moment:
        """The moment. Raises QueryError if the event does not exist."""
        if self.at_ms is not None:
            return Moment(self.at_ms, self.at_ms)
        if self.event is not None:
            database.load_ids([self.event])
            number = database.number(self.event)
            for begin_ms, end_ms in database.all("SELECT first_ms, last_ms FROM events WHERE id = ?", (number,), (WHOLE,) * 2):
                return Moment(begin_ms, end_ms, number)
        raise QueryError("Event not found", self.given, "NOT_FOUND")

    def narrowed(self, selection: Selection, at: Moment) -> Selection:
        """The selection within the window. Raises QueryError if its own times leave nothing of the window."""
        since, until = at.begin_ms - self.window_ms, at.end_ms + self.window_ms + 1
        since = since if selection.since_ms is None else max(since, selection.since_ms)
        until = until if selection.until_ms is None else min(until, selection.until_ms)
        if since >= until:
            details = "--since and --until leave nothing of the time around it"
            raise QueryError(f"Invalid --around {self.given}", details, "INVALID_ARGUMENT")
        return selection._replace(since_ms=max(0, since), until_ms=max(0, until))

    def described(self, at: Moment) -> dict[str, Any]:
        """The moment for programs. Of an event it is the beginning."""
        return {"around": iso(at.begin_ms)} | ({} if at.event is None else {"event": self.given})

    def sentence(self, at: Moment, zone: Zone | None, mark: str = "") -> str:
        """The moment for people. `mark` says how a list marks the event."""
        if at.event is None:
            shown = iso(at.begin_ms) if zone is None else f"{zone.at(at.begin_ms):%Y-%m-%d %H:%M:%S} ({zone.name})"
            return f"Around {shown}."
        return f"Around {self.given}{mark}: from {self.window} before it began to {self.window} after it was last seen."


def both_sides(database: Database, selection: Selection, request: Request, at: Moment) -> tuple[int | None, list[int]]:
    """How many events there are, and the ids of those nearest to the beginning of the moment, the earliest first.

    If there are more than the limit, half of them were last seen before the moment began, unless there are fewer. An event that
    is the moment is always there, if it matches the selection.
    """
    limit = request.limit
    before = find(database, selection, request._replace(reverse=False, window=Window(after=Key(at.begin_ms, 0))))
    # What was last seen at the beginning of the moment is on the later side.
    later = Window(after=Key(at.begin_ms, -1))
    after = find(database, selection, request._replace(reverse=True, counted=False, window=later))
    first = before.ids[: max(limit // 2, limit - len(after.ids))][::-1]
    second = list(after.ids[: limit - len(first)])
    if at.event is not None and at.event not in second and _matches(database, selection, at.event, at.end_ms):
        second[-1] = at.event
    return before.total, [*first, *second]


def _matches(database: Database, selection: Selection, event: int, last_ms: int) -> bool:
    """Whether an event, which was last seen at this time, matches the selection."""
    alone = Window(after=Key(last_ms, event - 1), upto=Key(last_ms, event))
    return bool(find(database, selection, Request(reverse=True, limit=1, counted=False, window=alone)).ids)
