"""Up to when events were deleted for want of room, by severity: what is not known of that time is not recorded (again), because
it would be the next to go, and its time is a gap. Works in the transaction that the caller holds.
"""

from kube9_operator.frame import CLUSTER, Sighting
from kube9_operator.write.database import Connection

FACT = "given_up_ms_"
"""The facts of this name, with a severity."""


class GivenUp:
    """Holds what may not be committed yet: see `load`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._until_ms: dict[int, int] = {}

    def load(self) -> None:
        """To be called at first, and after a rollback."""
        rows = self._connection.execute("SELECT name, value FROM facts WHERE name GLOB ?", (f"{FACT}*",))
        self._until_ms = {int(str(name).removeprefix(FACT)): int(str(value)) for name, value in rows}

    def note(self, severity: int, until_ms: int) -> None:
        """Events of this severity that had last happened up to this time were deleted, the oldest first."""
        if until_ms > self._until_ms.get(severity, 0):
            self._until_ms[severity] = until_ms
            self._connection.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (f"{FACT}{severity}", until_ms)
            )

    def has(self, seen: Sighting) -> bool:
        """Whether something of which no contributor is known was deleted, or would be next."""
        return seen.event_type == CLUSTER and seen.last_ms <= self._until_ms.get(seen.severity, 0)
