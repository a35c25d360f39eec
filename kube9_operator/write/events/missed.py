"""What a list shows and the record does not have: what the watch does not deliver within a while, it has missed."""

import time

from kube9_operator.model.observation import Observation
from kube9_operator.write.events.store import Store

MAX_WAITING = 5_000
"""More that is missing than this is found by the list that follows."""


class Comparison:
    """Of all sources what is missing so far, in memory: the next list finds it again after a restart."""

    def __init__(self, store: Store, patience_seconds: float) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._waiting: dict[str, dict[tuple[int, int], Observation]] = {}
        self._decide_at: dict[str, float] = {}

    def take(self, source: str, observations: list[Observation]) -> int:
        """Notes which observations of a list are missing; returns how many."""
        missing = [one for one in observations if not self._store.has(one)]
        waiting = self._waiting.setdefault(source, {})
        for one in missing:
            if len(waiting) < MAX_WAITING:
                waiting[one.contributor_hour, one.contributor] = one
        if waiting:
            self._decide_at.setdefault(source, time.monotonic() + self._patience_seconds)
        return len(missing)

    def missed(self) -> dict[str, list[Observation]]:
        """Of each source what the watch had time to deliver and has not. To be asked when nothing waits in the queue."""
        now, found = time.monotonic(), dict[str, list[Observation]]()
        for source in [source for source, at in self._decide_at.items() if at <= now]:
            del self._decide_at[source]
            missing = [one for one in self._waiting.pop(source).values() if not self._store.has(one)]
            if missing:
                found[source] = missing
        return found
