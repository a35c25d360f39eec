"""The operator's own events from the supervisor to the writer: what is noted is told over the control pipe, one telling at a
time, and kept until the writer has committed it, so that neither a dead writer nor a dead queue loses any.
"""

from collections import deque

from kube9_operator.model.observation import Observation
from kube9_operator.supervise.child import OutboxBatch

MAX_WAITING = 200
"""More are not kept while the database is away: the least severe, of these the oldest, give way and are counted."""
MAX_IN_BATCH = 10
"""Observations in one telling: with a few KiB each it never fills the pipe, on which the supervisor would block."""


class Untold:
    """What the supervisor has noted and the writer has not committed."""

    def __init__(self) -> None:
        self._waiting: deque[Observation] = deque()
        self._dropped = 0
        self._told: OutboxBatch | None = None
        self._number = 0
        self._health = self._health_told = "{}"

    def note(self, *observations: Observation) -> None:
        """Keeps what has happened until it is committed."""
        for one in observations:
            self._waiting.append(one)
            if len(self._waiting) > MAX_WAITING:
                under_way = len(self._told.observations) if self._told else 0
                at = min(range(under_way, len(self._waiting)), key=lambda at: (self._waiting[at].severity, at))
                del self._waiting[at]
                self._dropped += 1

    def note_health(self, document: str) -> None:
        """The health as it is now, JSON; only the newest is worth telling."""
        self._health = document

    def another_writer(self) -> None:
        """There is another writer, which knows nothing of what the one before has not committed."""
        self._told, self._health_told = None, "{}"

    def committed(self, number: int) -> None:
        """The writer has committed the telling of this number."""
        if self._told is not None and number == self._told.number:
            for _ in self._told.observations:
                self._waiting.popleft()
            self._dropped -= self._told.dropped
            self._told = None

    def next(self, hurry: bool = False) -> OutboxBatch | None:
        """What is to be told now; None where there is nothing, or where the telling before is not committed yet.

        `hurry` does not wait for that: it is said at the end, once more than needed where the writer is late.
        """
        nothing_new = not self._waiting and self._health == self._health_told
        if nothing_new or (self._told is not None and not hurry):
            return None
        self._number += 1
        self._health_told = self._health
        # Of many that wait the newest are hurried: the last is that the operator stops.
        chosen = list(self._waiting)[-MAX_IN_BATCH:] if hurry else list(self._waiting)[:MAX_IN_BATCH]
        told = OutboxBatch(self._number, chosen, self._dropped, self._health)
        self._told = None if hurry else told
        return told
