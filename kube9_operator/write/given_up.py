"""Up to when events were deleted for want of room, by severity: what is not known of that time is not recorded (again), because
it would be the next to go, and its time is a gap. Works in the transaction that the caller holds.
"""

from kube9_operator.frame import CLUSTER, Sighting
from kube9_operator.write import kept
from kube9_operator.write.database import Connection

UNTIL, FROM = "given_up_ms_", "given_up_from_ms_"
"""The facts of these names, with a severity: up to when, and since when that is stated as a gap without a break."""


class GivenUp:
    """Holds what may not be committed yet: see `load`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._facts: dict[str, int] = {}
        self._unstated: tuple[int, int] | None = None

    def load(self) -> None:
        """To be called at first, and after a rollback."""
        rows = self._connection.execute(
            "SELECT name, value FROM facts WHERE name GLOB ? OR name GLOB ?", (f"{UNTIL}*", f"{FROM}*")
        )
        self._facts = {str(name): kept.number(value) for name, value in rows}
        self._unstated = None

    def note(self, severity: int, until_ms: int, gap_from_ms: int) -> None:
        """Events of this severity that had last happened up to this time were deleted, the oldest first; the gap that says so
        begins at `gap_from_ms`.
        """
        known_ms = self._facts.get(f"{UNTIL}{severity}", 0)
        if gap_from_ms <= known_ms:  # the same gap goes on
            gap_from_ms = min(gap_from_ms, self._from_ms(severity))
        self._keep(f"{FROM}{severity}", gap_from_ms)
        self._keep(f"{UNTIL}{severity}", max(until_ms, known_ms))

    def has(self, seen: Sighting) -> bool:
        """Whether something of which no contributor is known was deleted, or would be next."""
        return seen.event_type == CLUSTER and seen.last_ms <= self._facts.get(f"{UNTIL}{seen.severity}", 0)

    def takes(self, seen: Sighting) -> bool:
        """The same of what is left out then: where it is of a time before the gap, that has to be stated too."""
        if not self.has(seen):
            return False
        end_ms = self._from_ms(seen.severity)
        if seen.first_ms < end_ms:
            begin_ms, other_ms = self._unstated or (seen.first_ms, end_ms)
            self._unstated = min(begin_ms, seen.first_ms), max(other_ms, end_ms)
            self._keep(f"{FROM}{seen.severity}", seen.first_ms)
        return True

    def unstated(self) -> tuple[int, int] | None:
        """From when to when a gap is to be stated before the transaction ends; None for nothing more."""
        found, self._unstated = self._unstated, None
        return found

    def _from_ms(self, severity: int) -> int:
        return self._facts.get(f"{FROM}{severity}", self._facts.get(f"{UNTIL}{severity}", 0))

    def _keep(self, name: str, value: int) -> None:
        if self._facts.get(name) != value:
            self._facts[name] = value
            self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))
