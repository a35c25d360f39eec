"""How long Events live in this cluster, learnt from those that go. Pure."""

from collections import OrderedDict, deque

MARGIN_MS = 3_000
"""What is added to an age by times cut to seconds, and by etcd, which revokes leases half a second late."""
LEASE_SHARE, LEASE_MOST_MS = 20, 60_000
"""The API server shares leases among Events, so that one may live up to a twentieth longer than it must, a minute at most."""
NEEDED = 5
"""Somebody may delete an Event by hand; as many in a row, each before its time, are how Events live in that namespace."""
SEVERAL = 3
"""So many namespaces must agree that Events live shorter: who may delete the Events of one says nothing of the cluster."""
MOST_NAMESPACES = 1_000
"""Of which ages are kept; the one that was heard of longest ago gives way."""


class Lifetime:
    """Starts from what is known. It falls when most namespaces, several at least, agree, and rises when they do no longer."""

    def __init__(self, setting_ms: int, known_ms: int = 0) -> None:
        """`setting_ms` is what is set, which it never exceeds; `known_ms` what was learnt before, 0 for nothing."""
        self._setting_ms = setting_ms
        self.life_ms = min(setting_ms, known_ms or setting_ms)
        self._ages: OrderedDict[str, deque[int]] = OrderedDict()

    def early(self, age_ms: int) -> bool:
        """Whether an Event that went this long after its last write went before the time that is set."""
        return 0 <= age_ms < self._setting_ms

    def gone(self, namespace: str, age_ms: int) -> bool:
        """Notes at what age an Event went, though its namespace stays; says whether another life is known now.

        What is learnt is the life that every Event is sure to have, so that a gap may be stated too long, never too short.
        """
        ages = self._ages.setdefault(namespace, deque(maxlen=NEEDED))
        ages.append(age_ms)
        self._ages.move_to_end(namespace)
        if len(self._ages) > MOST_NAMESPACES:
            self._ages.popitem(last=False)
        before, self.life_ms = self.life_ms, self._agreed_ms()
        return before != self.life_ms

    def _agreed_ms(self) -> int:
        """The life upon which namespaces agree; what it is already where they say too little."""
        longest = [max(ages) for ages in self._ages.values() if len(ages) == NEEDED or not self.early(max(ages))]
        short = [age for age in longest if self.early(age)]
        if len(short) >= SEVERAL and 2 * len(short) > len(longest):
            sure = max(short)
            return max(1_000, sure - min(sure // LEASE_SHARE, LEASE_MOST_MS) - MARGIN_MS)
        if longest and 2 * len(short) <= len(longest):
            return self._setting_ms
        return self.life_ms
