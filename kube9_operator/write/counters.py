"""What the writer counts for /metrics: only what is committed. No SQL, no clock."""

from collections import Counter

from kube9_operator.model.frame import Counts
from kube9_operator.model.observation import EVENT_TYPES, SEVERITIES, Observation
from kube9_operator.model.tally import LAG, PROCESSING, Tally

OPERATIONS = "kube9_database_operations_total"
ERRORS = "kube9_events_errors_total"
REDACTED = "kube9_secrets_redacted_total"


class Counted:
    """The figures of the transaction at hand; `committed` makes them those of the process."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._events: Counter[tuple[int, int]] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._happened_ms: list[int] = []
        self._redacted = 0

    def begin(self) -> None:
        """To be called first in each transaction: forgets those of one that was rolled back."""
        self._events, self._outcomes, self._happened_ms = Counter(), Counter(), []
        self._redacted = 0

    def received(self, counts: Counts) -> None:
        """Notes what a frame says besides its observations."""
        self._redacted += counts.redacted

    def applied(self, observation: Observation, outcome: str) -> None:
        """Notes what became of an observation."""
        self._outcomes[outcome] += 1
        self._redacted += observation.redacted
        if outcome == "stored":
            self._events[observation.event_type, observation.severity] += 1
        if outcome in ("stored", "updated"):
            self._happened_ms.append(observation.last_ms)

    def committed(self, seconds: float, now_ms: int) -> None:
        """The transaction is committed, `seconds` after its batch was taken."""
        for (event_type, severity), number in self._events.items():
            self._tally.add("kube9_events_total", EVENT_TYPES[event_type], SEVERITIES[severity], number=number)
        self._tally.add(OPERATIONS, "insert", number=self._outcomes["stored"])
        self._tally.add(OPERATIONS, "update", number=self._outcomes["updated"])
        self._tally.add(OPERATIONS, "commit")
        if self._redacted:
            self._tally.add(REDACTED, number=self._redacted)
        self._tally.observe(LAG, *(max(0, now_ms - happened_ms) / 1000 for happened_ms in self._happened_ms))
        if self._outcomes:
            self._tally.observe(PROCESSING, seconds)
        self.begin()

    def failed(self) -> None:
        """A transaction was rolled back for trouble with the database."""
        self._tally.add(OPERATIONS, "rollback")
        self._tally.add(ERRORS, "database")

    def missed(self, number: int) -> None:
        """A list shows these Events, and the watch has not delivered them."""
        self._tally.add(ERRORS, "missed", number=number)
