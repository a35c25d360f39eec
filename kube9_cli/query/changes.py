"""Which events are new or changed since the last look."""

from __future__ import annotations

from kube9_cli.query.connection import WHOLE, Database, number
from kube9_cli.query.order import Key, Window
from kube9_cli.query.search import Request, find
from kube9_cli.selection import Selection
from kube9_schema import facts
from kube9_schema.intervals import MS_IN_HOUR

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    State = tuple[int, ...]
    """What a change changes: when the event was recorded, its last time, count and severity."""

MOST = 1_000_000
"""Changes that one look finds. The next look finds the others."""
RECENT_MS = 3 * MS_IN_HOUR
"""Nearly all changes are in events that were last seen this long ago, at most. They are quickly found."""
LOOKS = 60
"""Every so many looks, all events are looked at."""
AT_ONCE = 500


class Changes:
    """Remembers what was shown."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._since_ms = 0
        self._known: dict[int, State] = {}
        """The events that were recorded at `_since_ms` or later."""
        self._looks = 0

    def begin(self, database: Database) -> None:
        """Takes the events as they are now as known. The caller has begun a snapshot."""
        self._since_ms = _last_commit(database)
        self._known = _states(database, self._found(database, everything=True))

    def since_last(self, database: Database) -> list[int]:
        """The ids of the events that are new or changed since the last call, in the order in which they were recorded.

        The caller has begun a snapshot. Raises QueryError.
        """
        self._looks += 1
        states = _states(database, self._found(database, everything=self._looks % LOOKS == 0))
        changed = [event for event, state in states.items() if self._known.get(event) != state]
        self._since_ms = max(self._since_ms, _last_commit(database))
        self._known = {event: state for event, state in (self._known | states).items() if state[0] >= self._since_ms}
        return sorted(changed, key=lambda event: (states[event][0], event))

    def _found(self, database: Database, everything: bool) -> Any:
        after = None if everything else Key(self._since_ms - RECENT_MS, 0)
        window = Window(after=after, changed_since_ms=self._since_ms)
        return find(database, self._selection, Request(reverse=True, limit=MOST, counted=False, window=window)).ids


def _states(database: Database, ids: Any) -> dict[int, State]:
    found: dict[int, State] = {}
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        sql = f"SELECT id, recorded_ms, last_ms, count, severity FROM events WHERE id IN ({', '.join('?' * len(some))})"
        found.update((row[0], row[1:]) for row in database.all(sql, tuple(some), (WHOLE,) * 5))
    return found


def _last_commit(database: Database) -> int:
    rows = database.all("SELECT name, value FROM facts WHERE name = ?", (facts.LAST_COMMIT,))
    return number(dict(rows), facts.LAST_COMMIT) or 0
