"""Up to when events were deleted for size, by namespace and severity: what is not known of that time is not recorded (again),
because it would be the next to go, and its time is a gap. Works in the transaction that the caller holds.
"""

from kube9_operator.model.observation import CLUSTER, SEVERITIES, Observation
from kube9_operator.write.events import stored
from kube9_operator.write.sqlite.database import Connection

UNTIL, FROM = "given_up_ms_", "given_up_from_ms_"
"""The facts of these names, with a severity and a namespace: up to when, and since when a gap states that without a break.
An older release kept one of a severity for all namespaces: its facts end with the severity.
"""
MOST_NAMESPACES = 1_000
"""Of which facts are kept; those that end the earliest are forgotten."""


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
        self._facts = {str(name): stored.number(value) for name, value in rows}
        self._unstated = None

    def note(self, namespace: str, severity: int, until_ms: int, gap_from_ms: int) -> None:
        """Events of this namespace and severity that had last happened up to this time were deleted, the oldest first; the gap
        that says so begins at `gap_from_ms`. What is less severe was deleted before: it would be the next to go too.
        """
        for each in range(severity + 1):
            known_ms = self._until_ms(namespace, each)
            from_ms = gap_from_ms
            if from_ms <= known_ms:  # the same gap goes on
                from_ms = min(from_ms, self._from_ms(namespace, each))
            self._keep(FROM, namespace, each, from_ms)
            self._keep(UNTIL, namespace, each, max(until_ms, known_ms))
        self._forget_some()

    def has(self, seen: Observation) -> bool:
        """Whether something of which no contributor is known was deleted, or would be next."""
        return seen.event_type == CLUSTER and seen.last_ms <= self._until_ms(seen.namespace, seen.severity)

    def takes(self, seen: Observation) -> bool:
        """The same of what is left out then: where it is of a time before the gap, that has to be stated too."""
        if not self.has(seen):
            return False
        end_ms = self._from_ms(seen.namespace, seen.severity)
        if seen.first_ms < end_ms:
            begin_ms, other_ms = self._unstated or (seen.first_ms, end_ms)
            self._unstated = min(begin_ms, seen.first_ms), max(other_ms, end_ms)
            self._keep(FROM, seen.namespace, seen.severity, seen.first_ms)
        return True

    def unstated(self) -> tuple[int, int] | None:
        """From when to when a gap is to be stated before the transaction ends; None for nothing more."""
        found, self._unstated = self._unstated, None
        return found

    def _until_ms(self, namespace: str, severity: int) -> int:
        if not self._facts:
            return 0
        return max(self._facts.get(f"{UNTIL}{severity}/{namespace}", 0), self._facts.get(f"{UNTIL}{severity}", 0))

    def _from_ms(self, namespace: str, severity: int) -> int:
        names = (f"{FROM}{severity}/{namespace}", f"{FROM}{severity}")
        known = [self._facts[name] for name in names if name in self._facts]
        return min(known) if known else self._until_ms(namespace, severity)

    def _keep(self, what: str, namespace: str, severity: int, value: int) -> None:
        name = f"{what}{severity}/{namespace}"
        if self._facts.get(name) != value:
            self._facts[name] = value
            self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def _forget_some(self) -> None:
        """Keeps the facts few, however many namespaces come and go."""
        if len(self._facts) <= 2 * MOST_NAMESPACES * len(SEVERITIES):
            return
        until = sorted((value, name) for name, value in self._facts.items() if name.startswith(UNTIL) and "/" in name)
        for _, name in until[: len(until) // 2]:
            for each in (name, FROM + name.removeprefix(UNTIL)):
                self._facts.pop(each, None)
                self._connection.execute("DELETE FROM facts WHERE name = ?", (each,))
