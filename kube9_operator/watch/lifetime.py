"""How long Events live in this cluster, learnt from those that go. Pure."""

from collections import deque

MARGIN_MS = 3_000
"""What is added to an age by times cut to seconds, and by etcd, which revokes leases half a second late."""
LEASE_SHARE, LEASE_MOST_MS = 20, 60_000
"""The API server shares leases among Events, so that one may live up to a twentieth longer than it must, a minute at most."""
NEEDED = 5
"""Somebody may delete an Event by hand; as many in a row, each before its time, are a rule of the cluster."""


class Lifetime:
    """Starts from what the setting says; only ever falls."""

    def __init__(self, life_ms: int) -> None:
        self.life_ms = life_ms
        self._ages: deque[int] = deque(maxlen=NEEDED)

    def early(self, age_ms: int) -> bool:
        """Whether an Event that went this long after its last write went before its time."""
        return 0 <= age_ms < self.life_ms

    def gone(self, age_ms: int) -> bool:
        """Notes an Event that went early, though its namespace stays; says whether Events are now known to live shorter.

        What is learnt is the life that every Event is sure to have, so that a gap may be stated too long, never too short.
        """
        self._ages.append(age_ms)
        if len(self._ages) < NEEDED or max(self._ages) >= self.life_ms:
            return False
        longest = max(self._ages)
        self.life_ms = max(1_000, longest - min(longest // LEASE_SHARE, LEASE_MOST_MS) - MARGIN_MS)
        return True
