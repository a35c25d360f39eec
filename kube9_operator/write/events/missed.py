"""Missed Events: a comparing list shows them, and the watch does not deliver them within a while."""

import time

from kube9_operator.model import versions
from kube9_operator.model.frame import Compare
from kube9_operator.model.observation import Observation
from kube9_operator.write.events.store import Store

BEHIND = 9
"""A watch that is behind the list may deliver for this many times longer, because it may have much to deliver."""
MAX_WAITING = 5_000
"""If more is missing, the next list finds the rest."""


class MissedEvents:
    """What is missing so far, for each source. In memory only: after a restart the next list finds it again."""

    def __init__(self, store: Store, patience_seconds: float) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._waiting: dict[str, dict[tuple[int, int], Observation]] = {}
        self._decide_at: dict[str, float] = {}
        self._wanted: dict[str, str] = {}
        """The version of the newest list, for each source of which something is missing."""
        self._delivered: dict[str, str] = {}
        """The newest version that the watch of a source has delivered."""

    def take(self, source: str, compared: Compare) -> int:
        """Notes which observations of a comparing list are missing; returns how many."""
        missing = [each for each in compared.observations if not self._store.has(each)]
        waiting = self._waiting.setdefault(source, {})
        for each in missing:
            if len(waiting) < MAX_WAITING:
                waiting[each.contributor_hour, each.contributor] = each
        if waiting:
            self._decide_at.setdefault(source, time.monotonic() + self._patience_seconds)
            self._wanted[source] = max(self._wanted.get(source, ""), compared.version, key=versions.order)
        return len(missing)

    def delivered(self, source: str, version: str) -> None:
        """Notes how far the watch of a source has come."""
        self._delivered[source] = max(self._delivered.get(source, ""), version, key=versions.order)

    def missed(self) -> dict[str, list[Observation]]:
        """For each source what the watch had time to deliver, and has not: it is further than the list, or does not go on.

        It is only right when nothing waits in the queue, and what was in it is committed.
        """
        now, found = time.monotonic(), dict[str, list[Observation]]()
        for source in [source for source, at in self._decide_at.items() if at <= now and self._is_due(source, now - at)]:
            del self._decide_at[source], self._wanted[source]
            missing = [each for each in self._waiting.pop(source).values() if not self._store.has(each)]
            if missing:
                found[source] = missing
        return found

    def _is_due(self, source: str, late_seconds: float) -> bool:
        behind = versions.order(self._delivered.get(source, "")) < versions.order(self._wanted[source])
        return not behind or late_seconds >= self._patience_seconds * BEHIND
