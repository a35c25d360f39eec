"""Deletes events in small transactions, each with the event and the gap that tell of it, and measures what that freed."""

import time
from collections import Counter
from typing import NamedTuple

import msgspec

from kube9_operator.clock import now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.tally import OTHER, Tally
from kube9_operator.write.counters import OPERATIONS
from kube9_operator.write.events.bounds import printable
from kube9_operator.write.events.coverage import Ledger
from kube9_operator.write.events.eraser import Erased, Eraser
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.space import Space

ERASED_AT_ONCE = 100
ERASED_LEAST = 5
ERASING_SECONDS = 0.008
"""Events in one transaction: half as many after one that took longer, up to the most again after shorter ones."""
MOST_NAMESPACES = 10
"""That an event names; the others are counted together."""

DELETED = "kube9_events_deleted_total"
REASON_SIZE = (
    "deleted to keep the database within its size limit, first from the namespaces that take most, there the least severe and "
    "oldest first"
)


class Round(msgspec.Struct):
    """What is deleted for one reason in one go: one event tells of it, and grows with it."""

    reason: str
    severity: int
    title: str
    why: str
    at_ms: int
    for_size: bool = False
    deleted: Counter[str] = msgspec.field(default_factory=Counter)
    """By severity."""
    namespaces: Counter[str] = msgspec.field(default_factory=Counter)
    """By namespace, only where it is for size."""
    gap: tuple[int, int] = (2**62, 0)
    """From the first to the last of what was deleted, in ms since 1970."""


class Freed(NamedTuple):
    """What one transaction did."""

    events: int = 0
    expected_bytes: int = 0
    """What the deleted events took, as `shares` estimates."""
    pages: int = 0
    """By how many the pages in use became fewer."""


class Deletion:
    """Of one writer."""

    def __init__(
        self, connection: database.Connection, store: Store, ledger: Ledger, eraser: Eraser, space: Space, tally: Tally
    ) -> None:
        self._connection = connection
        self._store = store
        self._ledger = ledger
        self._eraser = eraser
        self._space = space
        self._tally = tally
        self.at_once = ERASED_AT_ONCE

    def delete(self, ids: list[int], told: Round) -> Freed:
        """Deletes these events in one transaction."""
        if not ids:
            return Freed()
        at_ms, began, used = now_ms(), time.monotonic(), self._space.used()
        with database.transaction(self._connection):
            self._store.begin(at_ms)
            erased = self._eraser.erase(ids, at_ms, for_size=told.for_size)
            new = told.deleted + Counter(SEVERITIES[one.severity] for one in erased)
            gap, namespaces = self._note(erased, new, told) if erased else (told.gap, told.namespaces)
            self._store.finish()
        told.gap, told.namespaces = gap, namespaces
        for severity, number in (new - told.deleted).items():
            self._tally.add(DELETED, severity, number=number)
        self._tally.add(OPERATIONS, "delete", number=(new - told.deleted).total())
        told.deleted = new
        slow = time.monotonic() - began > ERASING_SECONDS
        self.at_once = max(ERASED_LEAST, len(ids) // 2) if slow else min(ERASED_AT_ONCE, self.at_once + ERASED_LEAST)
        return Freed(len(erased), sum(one.bytes for one in erased), used - self._space.used())

    def tell(self, told: Round, description: str, count: int, metadata: dict[str, dict[str, int]] | None = None) -> None:
        """Records the event that tells of a round as it stands, in the transaction that the caller holds."""
        happened = operator_event.observation(
            told.reason, told.severity, told.title, description, told.at_ms, metadata, operator_event.SYSTEM
        )
        seen = msgspec.structs.replace(happened, count=count, last_ms=max(told.at_ms, now_ms()))
        self._ledger.happened(seen)

    def _note(self, erased: list[Erased], new: Counter[str], told: Round) -> tuple[tuple[int, int], Counter[str]]:
        """Records what a round has deleted with these. Returns its gap and its namespaces, true when that is committed."""
        figures = ", ".join(f"{new[name]} {name}" for name in SEVERITIES if new[name])
        metadata = {"deleted": dict(new)}
        gap, namespaces = told.gap, told.namespaces.copy()
        if told.for_size:
            begin_ms, end_ms = min(one.first_ms for one in erased), max(one.last_ms for one in erased)
            gap = (min(told.gap[0], begin_ms), max(told.gap[1], end_ms))
            self._ledger.deleted(*gap, REASON_SIZE)
            metadata["namespaces"] = self._of_namespaces(erased, namespaces, gap[0])
        self.tell(told, f"{figures}: {told.why}", new.total(), metadata)
        return gap, namespaces

    def _of_namespaces(self, erased: list[Erased], namespaces: Counter[str], from_ms: int) -> dict[str, int]:
        """Notes up to when events went of each namespace, and adds how many to `namespaces`. Returns that of the most, and of
        all others together.
        """
        until: dict[tuple[int, int], int] = {}
        for one in erased:
            of = one.namespace, one.severity
            until[of] = max(until.get(of, 0), min(one.last_ms, one.recorded_ms))
        words = {namespace: self._word(namespace) for namespace, _ in until}
        for (namespace, severity), until_ms in until.items():
            self._store.given_up.note(words[namespace], severity, until_ms, from_ms)
        for one in erased:
            shown = printable(words[one.namespace])
            if shown not in namespaces and len(namespaces) >= 10 * MOST_NAMESPACES:
                shown = OTHER
            namespaces[shown] += 1
        named = dict(namespaces.most_common(MOST_NAMESPACES))
        rest = namespaces.total() - sum(named.values())
        return named | ({OTHER: named.get(OTHER, 0) + rest} if rest else {})

    def _word(self, number: int) -> str:
        row = database.one(self._connection, "SELECT word FROM words WHERE id = ?", (number,))
        return str(row[0]) if row else ""
