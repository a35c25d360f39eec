"""Missed Events: a comparing list shows them, and the watch does not deliver them within a while."""

import time

from kube9_operator.model.observation import Observation
from kube9_operator.write.events.store import Store

MAX_WAITING = 5_000
"""If more is missing, the next list finds the rest."""


class MissedEvents:
    """What is missing so far, for each source. In memory only: after a restart the next list finds it again."""

    def __init__(self, store: Store, patience_seconds: float) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._waiting: dict[str, dict[tuple[int, int], Observation]] = {}
        self._decide_at: dict[str, float] = {}

    def take(self, source: str, observations: list[Observation]) -> int:
        """Notes which observations of a comparing list are missing; returns how many."""
        missing = [each for each in observations if not self._store.has(each)]
        waiting = self._waiting.setdefault(source, {})
        for each in missing:
            if len(waiting) < MAX_WAITING:
                waiting[each.contributor_hour, each.contributor] = each
        if waiting:
            self._decide_at.setdefault(source, time.monotonic() + self._patience_seconds)
        return len(missing)

    def missed(self) -> dict[str, list[Observation]]:
        """For each source what the watch had time to deliver, and has not.

        It is only right when nothing waits in the queue, and what was in it is committed.
        """
        now, found = time.monotonic(), dict[str, list[Observation]]()
        for source in [source for source, at in self._decide_at.items() if at <= now]:
            del self._decide_at[source]
            missing = [each for each in self._waiting.pop(source).values() if not self._store.has(each)]
            if missing:
                found[source] = missing
        return found
