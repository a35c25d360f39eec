"""How much of the database each namespace takes, and which take more than their share. It only reads; figures are estimates."""

import time
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from kube9_operator.write.sqlite.database import Connection, rows

EVENT_BYTES = 400
"""An event without its texts and contributors: rows of events and objects, and their indexes."""
CONTRIBUTOR_BYTES = 100
"""A contributor with its first step, and its place in the index."""
MEASURED_AT_ONCE = 1_000
"""Rows in one slice: some 2 ms."""
STALE_SECONDS = 600.0
"""After this time everything is measured again, because rising counts make contributors grow without a note."""

TEXTS = """SELECT e.id, e.namespace, octet_length(t.description), octet_length(t.metadata) FROM events e
    LEFT JOIN texts t ON t.event = e.id WHERE e.id > ? ORDER BY e.id LIMIT ?"""
CONTRIBUTORS = """SELECT c.event, c.hash, c.part, e.namespace, length(c.steps) FROM contributors c
    LEFT JOIN events e ON e.id = c.event
    WHERE (c.event, c.hash, c.part) > (?, ?, ?) ORDER BY c.event, c.hash, c.part LIMIT ?"""


class Shares:
    """Measures once, then goes by what the store added and what was deleted."""

    def __init__(self, connection: Connection, grown: Counter[int]) -> None:
        self._connection = connection
        self._grown = grown
        self._bytes: Counter[int] = Counter()
        """By namespace (words.id). 0 stands for cluster-scoped objects, which have a share like any namespace."""
        self._measured_at = 0.0

    def measure(self) -> Iterator[None]:
        """Measures everything step by step, if that was long ago."""
        if self._measured_at and time.monotonic() - self._measured_at < STALE_SECONDS:
            return
        self._grown.clear()
        found: Counter[int] = Counter()
        place: tuple[int, ...] = (-(2**63),)
        while texts := self._slice(TEXTS, place):
            for _, namespace, description, metadata in texts:
                found[namespace] += EVENT_BYTES + (description or 0) + (metadata or 0)
            place = (texts[-1][0],)
            yield
        place = (-(2**63),) * 3
        while parts := self._slice(CONTRIBUTORS, place):
            for _, _, _, namespace, steps in parts:
                if namespace is not None:
                    found[namespace] += CONTRIBUTOR_BYTES + steps
            place = tuple(parts[-1][:3])
            yield
        self._bytes, self._measured_at = found, time.monotonic()

    def doubt(self) -> None:
        """Makes it measure again, because more was deleted than was counted."""
        self._measured_at = 0.0

    def deleted(self, namespace: int, freed: int) -> None:
        """Notes that events of a namespace were deleted, and how many bytes they took."""
        self._bytes[namespace] -= freed

    def over(self, wanted: int, without: Collection[int] = ()) -> list[tuple[int, int]]:
        """Which namespaces have to give how many bytes, so that `wanted` bytes are freed; the largest first.

        Namespaces in `without` give nothing. Max-min fairness: the largest are cut down to one level, and namespaces below
        that level give nothing.
        """
        self._take_over()
        largest = sorted(
            ((taken, namespace) for namespace, taken in self._bytes.items() if taken > 0 and namespace not in without),
            reverse=True,
        )
        level = cut_level([taken for taken, _ in largest], wanted)
        return [(namespace, taken - level) for taken, namespace in largest if taken > level]

    def total(self) -> int:
        """How many bytes all namespaces take together."""
        self._take_over()
        return self._bytes.total()

    def _take_over(self) -> None:
        self._bytes.update(self._grown)
        self._grown.clear()

    def _slice(self, sql: str, place: tuple[int, ...]) -> list[tuple[Any, ...]]:
        return rows(self._connection, sql, (*place, MEASURED_AT_ONCE))


def cut_level(sizes: list[int], wanted: int) -> int:
    """The level to which the largest sizes are cut, so that the cuts add up to `wanted`. `sizes` has the largest first."""
    added = 0
    for number, size in enumerate(sizes, 1):
        added += size
        smaller = sizes[number] if number < len(sizes) else 0
        if added - number * smaller >= wanted:
            return max(0, (added - wanted) // number)
    return 0
