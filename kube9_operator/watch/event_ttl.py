"""Learns the Event TTL: how long the API server keeps Events, seen from those that disappear."""

from collections import OrderedDict, deque
from typing import Protocol

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.watch.errors import ApiError

MARGIN_MS = 3_000
"""How much times that are cut to seconds, and etcd, which revokes leases half a second late, may add to an age."""
LEASE_SHARE, LEASE_MOST_MS = 20, 60_000
"""The API server shares leases among Events, so an Event may stay up to a twentieth longer than its TTL, a minute at most."""
NEEDED = 5
"""Somebody may delete an Event by hand. As many in a row, each before its time, show the TTL in that namespace."""
SEVERAL = 3
"""This many namespaces must agree that the TTL is shorter: whoever may delete Events of one namespace cannot change the TTL."""
MOST_NAMESPACES = 1_000
"""Ages are kept for this many namespaces, those heard of last."""

ASKED_SECONDS = 60.0
"""How long an answer about a namespace is used, so that deleting thousands of Events does not cause thousands of requests."""
MOST_ASKED = 20
"""Requests for what one read of the watch contains."""


class Estimate:
    """An estimate of the Event TTL. Pure.

    It starts from what is known, falls when most namespaces, and several at least, agree, and rises when they no longer do.
    """

    def __init__(self, setting_ms: int, known_ms: int = 0) -> None:
        """`setting_ms` is the setting, which is never exceeded; `known_ms` was learned before, 0 for nothing."""
        self._setting_ms = setting_ms
        self.ttl_ms = min(setting_ms, known_ms or setting_ms)
        self._ages: OrderedDict[str, deque[int]] = OrderedDict()

    def early(self, age_ms: int) -> bool:
        """Returns whether an Event that disappeared at this age disappeared before the TTL of the setting."""
        return 0 <= age_ms < self._setting_ms

    def gone(self, namespace: str, age_ms: int) -> bool:
        """Notes at which age an Event disappeared although its namespace remains. Returns whether the estimate has changed.

        The estimate is the time that every Event is sure to stay, so a gap may be reported too long, but never too short.
        """
        ages = self._ages.setdefault(namespace, deque(maxlen=NEEDED))
        ages.append(age_ms)
        self._ages.move_to_end(namespace)
        if len(self._ages) > MOST_NAMESPACES:
            self._ages.popitem(last=False)
        before, self.ttl_ms = self.ttl_ms, self._agreed_ms()
        return before != self.ttl_ms

    def _agreed_ms(self) -> int:
        """Returns the TTL on which namespaces agree; the present one if they say too little."""
        longest = [max(ages) for ages in self._ages.values() if len(ages) == NEEDED or not self.early(max(ages))]
        short = [age for age in longest if self.early(age)]
        if len(short) >= SEVERAL and 2 * len(short) > len(longest):
            sure = max(short)
            return max(1_000, sure - min(sure // LEASE_SHARE, LEASE_MOST_MS) - MARGIN_MS)
        if longest and 2 * len(short) <= len(longest):
            return self._setting_ms
        return self.ttl_ms


class Server(Protocol):
    """What is asked of the API server; a Lister does it."""

    def server_now_ms(self) -> int:
        """The present time by the server's clock, in ms since 1970."""

    def namespace_remains(self, namespace: str) -> bool:
        """Whether a namespace exists and is not being deleted. Raises ApiError."""


class EventTtl:
    """Learns from the watch of Events, and asks the API server which namespaces remain."""

    def __init__(self, estimate: Estimate, server: Server, clock: Clock = SYSTEM) -> None:
        self._estimate = estimate
        self._server = server
        self._clock = clock
        self._remain: dict[str, bool] = {}
        self._asked_until = 0.0

    def learn(self, gone: list[tuple[str, int]]) -> int:
        """Takes Events that disappeared, as a Batch has them. Returns the TTL in ms if it has changed, otherwise 0."""
        changed, asked, now_ms = False, 0, self._server.server_now_ms()
        if self._clock.monotonic() >= self._asked_until:
            self._remain, self._asked_until = {}, self._clock.monotonic() + ASKED_SECONDS
        for namespace, written_ms in gone:
            age_ms = now_ms - written_ms
            if self._estimate.early(age_ms):
                if namespace not in self._remain:
                    if asked == MOST_ASKED:
                        continue
                    asked += 1
                    try:
                        self._remain[namespace] = self._server.namespace_remains(namespace)
                    except ApiError:
                        asked = MOST_ASKED  # waiting once for a server that hangs is enough
                        continue
                if not self._remain[namespace]:
                    continue
            changed = self._estimate.gone(namespace, age_ms) or changed
        return self._estimate.ttl_ms if changed else 0
