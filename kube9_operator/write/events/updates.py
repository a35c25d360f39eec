"""What is changed of an event besides what its contributors bring: how long it lasted, what its object says of itself."""

from kube9_operator.model.observation import MS_IN_HOUR
from kube9_operator.write.events.names import Names
from kube9_operator.write.sqlite.database import Connection, one

NO_HASH = -1
"""In events.text_hash: the texts are of several contributors, so no contributor's hash stands for them."""

Interval = tuple[int, int]
"""First and last time, in ms."""


def move_hours(connection: Connection, event: int, before: Interval, after: Interval) -> None:
    """Keeps an event's hours as its times are. Apart from other columns: naming an indexed one writes its index, changed or
    not.
    """
    first_hour, last_hour = after[0] // MS_IN_HOUR, after[1] // MS_IN_HOUR
    if (first_hour, last_hour) != (before[0] // MS_IN_HOUR, before[1] // MS_IN_HOUR):
        connection.execute("UPDATE events SET first_hour = ?, last_hour = ? WHERE id = ?", (first_hour, last_hour, event))


class Amend:
    """Works in the transaction that the caller holds."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    def lasted(self, event: int, last_ms: int, now_ms: int) -> None:
        """What an event tells of still lasted at this time. Its count is what it was."""
        row = one(self._connection, "SELECT first_ms, last_ms FROM events WHERE id = ?", (event,))
        if row is not None and last_ms > row[1]:
            self._connection.execute("UPDATE events SET last_ms = ?, recorded_ms = ? WHERE id = ?", (last_ms, now_ms, event))
            move_hours(self._connection, event, row, (row[0], last_ms))

    def describe(self, event: int, metadata: str, stamps: str) -> None:
        """Replaces an event's metadata by one that has more keys, and its stamps."""
        self._connection.execute("UPDATE texts SET metadata = ?, stamps = ? WHERE event = ?", (metadata, stamps, event))
        self._connection.execute("UPDATE events SET text_hash = ? WHERE id = ?", (NO_HASH, event))

    def rename(self, event: int, title: str, better: str) -> None:
        """Gives an event of this title a better one."""
        words = (self._names.word(better), event, self._names.word(title))
        self._connection.execute("UPDATE events SET title = ? WHERE id = ? AND title = ?", words)
