"""Learns the Event TTL from Events that went, though their namespace stays."""

import time

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch import cluster_identity
from kube9_operator.watch.client import Client
from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.lifetime import Lifetime

ASKED_SECONDS = 60.0
"""So long an answer about a namespace is good: who deletes thousands of Events costs no thousand requests."""
MOST_ASKED = 20
"""Requests for what one read of the watch has."""


class EventTtl:
    """What the watch of Events knows of their TTL."""

    def __init__(self, lifetime: Lifetime, client: Client, deadlines: Deadlines) -> None:
        self._lifetime = lifetime
        self._client = client
        self._deadlines = deadlines
        self._stay: dict[str, bool] = {}
        self._asked_until = 0.0

    def learn(self, gone: list[tuple[str, int]]) -> int:
        """Takes Events that went, as a Batch has them. Returns the TTL where it is not the one that was known; otherwise 0."""
        changed, asked, now_ms = False, 0, self._client.server_now_ms()
        if time.monotonic() >= self._asked_until:
            self._stay, self._asked_until = {}, time.monotonic() + ASKED_SECONDS
        for namespace, written_ms in gone:
            age_ms = now_ms - written_ms
            if self._lifetime.early(age_ms):
                if namespace not in self._stay:
                    if asked == MOST_ASKED:
                        continue
                    asked += 1
                    try:
                        self._stay[namespace] = cluster_identity.namespace_remains(namespace, self._client, self._deadlines)
                    except ApiError:
                        asked = MOST_ASKED  # one wait for a server that hangs is enough
                        continue
                if not self._stay[namespace]:
                    continue
            changed = self._lifetime.gone(namespace, age_ms) or changed
        return self._lifetime.life_ms if changed else 0
