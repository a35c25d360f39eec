"""Deletes events with all that belongs to them alone. With `store` and `ledger` the only places with SQL for writing.

What is found without looking through everything goes at once; words, which anything may use, go by `sweep`, in pieces.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kube9_operator.frame import ERROR
from kube9_operator.states import OF_SOURCE
from kube9_operator.write.database import Connection, one, transaction
from kube9_operator.write.store import Store

SWEPT_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 200
"""Events; and of what has no other bound, in one transaction, each some 5 ms:"""
CONTRIBUTORS_AT_ONCE = 1_000
WORDS_AT_ONCE = 500

WORDS_OF_EVENTS = "SELECT namespace, kind, reason, node, title FROM events WHERE id > ? AND id <= ?"
WORDS_OF_OBJECTS = "SELECT namespace, kind FROM objects WHERE id > ? AND id <= ?"

UNUSED_OBJECT = """SELECT owner FROM objects WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM events WHERE object = ?1) AND NOT EXISTS (SELECT 1 FROM objects WHERE owner = ?1)
    AND NOT EXISTS (SELECT 1 FROM controllers WHERE object = ?1)"""


class Erased(NamedTuple):
    """An event that was there, as far as others need to know."""

    object: int
    severity: int
    first_ms: int
    last_ms: int
    recorded_ms: int
    lead_statuses: int


class Eraser:
    """Works in the transaction that the caller holds, as the store does, but for `sweep`."""

    def __init__(self, connection: Connection, store: Store, listed_ms: int, ages_ms: tuple[int, int]) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._listed_ms = listed_ms
        self._ages_ms = ages_ms
        self._words_may_go = True  # what an earlier process deleted may have been the last that used them

    def id_after(self, table: str, after: int, count: int) -> int | None:
        """The id of the row that is `count` rows further on, or of the last one; None where there is none."""
        sql = f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?)"  # noqa: S608
        row = one(self._connection, sql, (after, count))
        return row[0] if row else None

    def erase(self, ids: Iterable[int], now_ms: int) -> list[Erased]:
        """Deletes events, and the objects that nothing else is about; returns those that were there.

        Contributors stay for as long as their Event, or the status they are from, may be listed again: otherwise it would
        come back as something new.
        """
        erased = []
        room = CONTRIBUTORS_AT_ONCE
        for event in ids:
            row = one(
                self._connection,
                "SELECT object, severity, first_ms, last_ms, recorded_ms, lead_statuses FROM events WHERE id = ?",
                (event,),
            )
            if row is None:
                continue
            found = Erased(*row)
            until_ms = found.recorded_ms + self._listed_ms
            if found.lead_statuses:  # a pod may stand for months; what happened to it before is too old to be recorded again
                until_ms = max(until_ms, found.last_ms + self._ages_ms[found.severity >= ERROR])
            if until_ms <= now_ms:
                room -= self._erase_contributors(event, room)
            if until_ms > now_ms or room < 0:
                self._execute("INSERT OR REPLACE INTO leftovers (event, until_ms) VALUES (?, ?)", (event, until_ms))
                room = max(room, 0)
            self._execute("DELETE FROM texts WHERE event = ?", (event,))
            self._execute("DELETE FROM events WHERE id = ?", (event,))
            self._erase_object(found.object)
            self._erase_controller(event)
            self._words_may_go = True
            erased.append(found)
        return erased

    def _erase_contributors(self, event: int, most: int) -> int:
        """Deletes contributors of an event; returns how many: more than `most` where some are left."""
        sql = "SELECT hash FROM contributors WHERE event = ? ORDER BY hash LIMIT 1 OFFSET ?"
        row = one(self._connection, sql, (event, most))
        if row is None:
            self._execute("DELETE FROM contributors WHERE event = ?", (event,))
        else:
            self._execute("DELETE FROM contributors WHERE event = ? AND hash <= ?", (event, row[0]))
        return self._connection.changes()

    def _erase_controller(self, event: int) -> None:
        row = one(self._connection, "DELETE FROM controllers WHERE event = ? RETURNING object", (event,))
        if row is not None:
            self._erase_object(row[0])

    def _erase_object(self, number: int | None) -> None:
        """Deletes an object that no event is about and that owns none, and then perhaps its owner."""
        while number is not None:
            row = one(self._connection, UNUSED_OBJECT, (number,))
            if row is None:
                return
            self._execute("DELETE FROM objects WHERE id = ?", (number,))
            number = row[0]

    def sweep(self, now_ms: int) -> Iterator[None]:
        """Deletes what nothing refers to any more, in transactions of its own; pauses between them."""
        while self._forget_contributors(now_ms):
            yield
        for source in self._sources_of_states():
            if source not in OF_SOURCE:  # of another release
                with transaction(self._connection):
                    self._execute("DELETE FROM states WHERE source = ?", (source,))
                yield
        yield from self._sweep_words()

    def leftovers(self) -> int:
        """How many events that were deleted still have contributors."""
        row = one(self._connection, "SELECT count(*) FROM leftovers")
        return row[0] if row else 0

    def forget_leftovers(self) -> int:
        """Deletes some contributors of deleted events all the same, first of those that soon cannot be listed; returns of how
        many events all. `given_up` sees to it that they do not come back.
        """
        rows = self._execute("SELECT event FROM leftovers ORDER BY until_ms LIMIT ?", (FORGOTTEN_AT_ONCE,)).fetchall()
        return self._forget(rows)

    def _forget(self, events: list[Any]) -> int:
        """Deletes contributors of these events, as many as one transaction should; returns of how many events all."""
        room, gone = CONTRIBUTORS_AT_ONCE, 0
        with transaction(self._connection):
            for (event,) in events:
                room -= self._erase_contributors(event, room)
                if room < 0:
                    break
                self._execute("DELETE FROM leftovers WHERE event = ?", (event,))
                gone += 1
        return gone

    def _forget_contributors(self, now_ms: int) -> bool:
        """Deletes some of those that cannot be listed any more; says whether there were any."""
        rows = self._execute(
            "SELECT event FROM leftovers WHERE until_ms <= ? ORDER BY until_ms LIMIT ?", (now_ms, FORGOTTEN_AT_ONCE)
        ).fetchall()
        if rows:
            self._forget(rows)
        return bool(rows)

    def _sources_of_states(self) -> list[str]:
        sources: list[str] = []
        while row := one(
            self._connection, "SELECT min(source) FROM states WHERE source > ?", (sources[-1] if sources else "",)
        ):
            if row[0] is None:
                break
            sources.append(row[0])
        return sources

    def _sweep_words(self) -> Iterator[None]:
        """The words go that no event and no object uses, and that nobody has asked for since.

        Every row is looked at once, some thousand at a time, only where something was deleted.
        """
        if not self._words_may_go:
            return
        names, unused = self._store.names, set[int]()
        names.watch()
        after = 0  # which is the word for none
        while (last := self.id_after("words", after, SWEPT_AT_ONCE)) is not None:
            unused.update(row[0] for row in self._execute("SELECT id FROM words WHERE id > ? AND id <= ?", (after, last)))
            after = last
            yield
        for table, sql in (("events", WORDS_OF_EVENTS), ("objects", WORDS_OF_OBJECTS)):
            after = -1
            while unused and (last := self.id_after(table, after, SWEPT_AT_ONCE)) is not None:
                for words in self._execute(sql, (after, last)):
                    unused.difference_update(words)
                after = last
                yield
        while unused:
            with transaction(self._connection):
                unused -= names.asked_for()
                going = [(unused.pop(),) for _ in range(min(WORDS_AT_ONCE, len(unused)))]
                self._connection.executemany("DELETE FROM words WHERE id = ?", going)
            yield
        names.unwatch()
        self._words_may_go = False
