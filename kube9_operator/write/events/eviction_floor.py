"""The eviction floor: up to when events were deleted because of the size limit, by namespace and severity.

What is older than the floor, and unknown, is not recorded (again): it would be the next to be deleted. Its time is in a gap.
"""

from kube9_operator.model.observation import CLUSTER, SEVERITIES, Observation
from kube9_operator.write.events import stored
from kube9_operator.write.sqlite.database import Connection
from kube9_operator.write.sqlite.session import Participant
from kube9_schema import facts

UNTIL, FROM = facts.EVICTED_UNTIL, facts.EVICTED_FROM
"""Facts of these names, with a severity and a namespace: the floor, and since when a gap covers the time up to it without a
break. An older release had one floor a severity for all namespaces: its facts end with the severity.
"""
MOST_NAMESPACES = 1_000
"""Namespaces with facts; those with the lowest floor are forgotten."""


class EvictionFloor(Participant):
    """Reads the facts when they are first needed, and again after a rollback."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cache: dict[str, int] | None = None
        self._gap: tuple[int, int] | None = None

    def begin(self, _now_ms: int) -> None:
        """Nothing is filtered yet."""
        self._gap = None

    def rolled_back(self) -> None:
        """The cache may have facts that were rolled back."""
        self._cache = self._gap = None

    def savepoint_rolled_back(self) -> None:
        """The cache may have facts that were rolled back. The gap stays: it is also of what came before the savepoint."""
        self._cache = None

    def rise(self, namespace: str, severity: int, until_ms: int, gap_from_ms: int) -> None:
        """Notes that events of a namespace and severity up to this time were deleted, the oldest first.

        The gap for it begins at `gap_from_ms`. Less severe ones were deleted before, so their floor rises too.
        """
        for each in range(severity + 1):
            known_ms = self._until_ms(namespace, each)
            from_ms = gap_from_ms
            if from_ms <= known_ms:  # the same gap goes on
                from_ms = min(from_ms, self._from_ms(namespace, each))
            self._set(FROM, namespace, each, from_ms)
            self._set(UNTIL, namespace, each, max(until_ms, known_ms))
        self._forget_some()

    def covers(self, observation: Observation) -> bool:
        """Whether an observation of an unknown contributor is below the floor."""
        if not self._facts() or observation.event_type != CLUSTER:
            return False
        return observation.last_ms <= self._until_ms(observation.namespace, observation.severity)

    def filters(self, observation: Observation) -> bool:
        """Whether an observation is left out. If it is older than the gap, the gap has to grow: see `take_gap`."""
        if self._cache == {} or not self.covers(observation):  # mostly nothing was ever evicted
            return False
        end_ms = self._from_ms(observation.namespace, observation.severity)
        if observation.first_ms < end_ms:
            begin_ms, other_ms = self._gap or (observation.first_ms, end_ms)
            self._gap = min(begin_ms, observation.first_ms), max(other_ms, end_ms)
            self._set(FROM, observation.namespace, observation.severity, observation.first_ms)
        return True

    def take_gap(self) -> tuple[int, int] | None:
        """Returns the gap that this transaction has to record for what was filtered; None for no gap."""
        found, self._gap = self._gap, None
        return found

    def _facts(self) -> dict[str, int]:
        if self._cache is None:
            rows = self._connection.execute(
                "SELECT name, value FROM facts WHERE name GLOB ? OR name GLOB ?", (f"{UNTIL}*", f"{FROM}*")
            )
            self._cache = {str(name): stored.number(value) for name, value in rows}
        return self._cache

    def _until_ms(self, namespace: str, severity: int) -> int:
        known = self._facts()
        if not known:
            return 0
        return max(known.get(f"{UNTIL}{severity}/{namespace}", 0), known.get(f"{UNTIL}{severity}", 0))

    def _from_ms(self, namespace: str, severity: int) -> int:
        stored_facts = self._facts()
        names = (f"{FROM}{severity}/{namespace}", f"{FROM}{severity}")
        known = [stored_facts[name] for name in names if name in stored_facts]
        return min(known) if known else self._until_ms(namespace, severity)

    def _set(self, prefix: str, namespace: str, severity: int, value: int) -> None:
        name, known = f"{prefix}{severity}/{namespace}", self._facts()
        if known.get(name) != value:
            known[name] = value
            self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def _forget_some(self) -> None:
        """Keeps the facts few, however many namespaces come and go."""
        known = self._facts()
        if len(known) <= 2 * MOST_NAMESPACES * len(SEVERITIES):
            return
        until = sorted((value, name) for name, value in known.items() if name.startswith(UNTIL) and "/" in name)
        for _, name in until[: len(until) // 2]:
            for each in (name, FROM + name.removeprefix(UNTIL)):
                known.pop(each, None)
                self._connection.execute("DELETE FROM facts WHERE name = ?", (each,))
