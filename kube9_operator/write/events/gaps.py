"""Times in which a source may have missed something, each with the event about it. Owns the table gaps."""

from typing import Any

from kube9_operator.clock import iso
from kube9_operator.model import operator_event
from kube9_operator.model.observation import WARNING, Observation
from kube9_operator.write.events.gap_text import text
from kube9_operator.write.events.store import Outcome, Store
from kube9_operator.write.sqlite import database

MAX_SOURCES_NAMED = 20


class Gaps:
    """Works in the transaction of its caller."""

    def __init__(self, connection: database.Connection, store: Store) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store

    def add(self, source: str, from_ms: int, to_ms: int, reason: str) -> Outcome:
        """Records a gap, and returns what became of the event about it.

        A gap that touches another one of the same source and reason becomes one with it, and so do their events. One outage
        is one event, however many sources it affected: a gap shares the event of gaps that have the same reason and overlap
        in time. The event names all sources, from the first beginning to the last end.
        """
        touching = database.rows(
            self._connection,
            "SELECT id, from_ms, to_ms, event FROM gaps WHERE source = ? AND reason = ? AND to_ms >= ? AND from_ms <= ? "
            "ORDER BY from_ms",
            (source, reason, from_ms, to_ms),
        )
        event: int | None = None
        for gap, other_from, other_to, other_event in touching:
            from_ms, to_ms = min(from_ms, other_from), max(to_ms, other_to)
            event = event or other_event
            self._execute("DELETE FROM gaps WHERE id = ?", (gap,))
        event = event or self._event_of_others(from_ms, to_ms, reason)
        self._execute(
            "INSERT INTO gaps (source, from_ms, to_ms, reason, event) VALUES (?, ?, ?, ?, ?)",
            (source, from_ms, to_ms, reason, event),
        )
        gap = self._connection.last_insert_rowid()
        if event and self._store.extend(event, self._event("event = ?", event)):
            return "updated"
        applied = self._store.apply(self._event("id = ?", gap))
        self._execute("UPDATE gaps SET event = ? WHERE id = ?", (applied.event_id, gap))
        return applied.outcome

    def _event_of_others(self, from_ms: int, to_ms: int, reason: str) -> int | None:
        row = database.one(
            self._connection,
            "SELECT event FROM gaps WHERE reason = ? AND to_ms >= ? AND from_ms <= ? AND event IS NOT NULL ORDER BY from_ms",
            (reason, from_ms, to_ms),
        )
        return row[0] if row else None

    def _event(self, where: str, value: int) -> Observation:
        """Makes the event about these gaps."""
        rows: list[tuple[Any, ...]] = self._execute(
            f"SELECT source, from_ms, to_ms, reason FROM gaps WHERE {where} ORDER BY source",  # noqa: S608
            (value,),
        ).fetchall()
        sources = list(dict.fromkeys(source for source, *_ in rows))
        begin, end, reason = min(row[1] for row in rows), max(row[2] for row in rows), rows[0][3]
        named = ", ".join(sources[:MAX_SOURCES_NAMED])
        return operator_event.observation(
            "GapFound",
            WARNING,
            "Gap in the record",
            text(sources, begin, end, reason),
            begin,
            {"sources": sources, "from": iso(begin), "to": iso(end), "why": reason},
            key=f"{reason} {begin} {end} {named}",
            last_ms=end,
        )
