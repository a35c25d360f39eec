"""How long Events live in this cluster, learnt from those that go. Pure."""

from collections import deque

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
        """Notes an Event that went early, though its namespace stays; says whether Events now live shorter."""
        self._ages.append(age_ms)
        if len(self._ages) < NEEDED or max(self._ages) >= self.life_ms:
            return False
        self.life_ms = max(self._ages)
        return True
