"""The outbox of operator events: keeps each event until the writer has committed it.

Events go over the control pipe, one batch at a time. Neither a dead writer nor a dead queue loses one.
"""

from collections import deque

from kube9_operator.model.observation import Observation
from kube9_operator.supervise.messages import OutboxBatch

MAX_WAITING = 200
"""The most events that wait while the database cannot be written. Beyond that, the least severe, and of these the oldest, are
dropped and counted."""
MAX_IN_BATCH = 10
"""Each has a few KiB, so a batch never fills the pipe. The supervisor would block on a full one."""


class EventOutbox:
    """The events that the writer has not acknowledged yet, and the current health."""

    def __init__(self) -> None:
        self._waiting: deque[Observation] = deque()
        self._dropped = 0
        self._sent: OutboxBatch | None = None
        """The batch that is not acknowledged yet."""
        self._number = 0
        self._health = self._health_sent = "{}"

    def add(self, *observations: Observation) -> None:
        """Keeps events until they are acknowledged."""
        for observation in observations:
            self._waiting.append(observation)
            if len(self._waiting) > MAX_WAITING:
                in_flight = len(self._sent.observations) if self._sent else 0
                at = min(range(in_flight, len(self._waiting)), key=lambda at: (self._waiting[at].severity, at))
                del self._waiting[at]
                self._dropped += 1

    def set_health(self, document: str) -> None:
        """Replaces the health, JSON. Only the newest is sent."""
        self._health = document

    def writer_replaced(self) -> None:
        """Sends everything again that the previous writer did not acknowledge."""
        self._sent, self._health_sent = None, "{}"

    def acknowledge(self, number: int) -> None:
        """Removes the events of the batch with this number: the writer has committed them."""
        if self._sent is not None and number == self._sent.number:
            for _ in self._sent.observations:
                self._waiting.popleft()
            self._dropped -= self._sent.dropped
            self._sent = None

    def next_batch(self, final: bool = False) -> OutboxBatch | None:
        """Returns the batch to send now; None if there is none, or if the last one is not acknowledged yet.

        A `final` batch does not wait for that: it is the last before the operator stops. If the writer is late, it gets some
        events twice, which changes nothing.
        """
        nothing_new = not self._waiting and self._health == self._health_sent
        if nothing_new or (self._sent is not None and not final):
            return None
        self._number += 1
        self._health_sent = self._health
        # The final batch holds the newest events: the last of them says that the operator stops.
        chosen = list(self._waiting)[-MAX_IN_BATCH:] if final else list(self._waiting)[:MAX_IN_BATCH]
        batch = OutboxBatch(self._number, chosen, self._dropped, self._health)
        self._sent = None if final else batch
        return batch
