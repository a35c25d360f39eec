"""Deletes what nothing refers to any more: contributors of deleted events, states of unknown sources, words, dead letters.

In transactions of its own, each of some milliseconds, and with pauses between them.
"""

from collections.abc import Iterator
from typing import Any

from kube9_operator.clock import now_ms
from kube9_operator.model.resource_states import OF_SOURCE
from kube9_operator.write.events.filing import Filing
from kube9_operator.write.events.names import Names, word_bytes
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Session
from kube9_schema import tables

SCANNED_AT_ONCE = 2_000
LEFTOVERS_AT_ONCE = 200
CONTRIBUTORS_AT_ONCE = 1_000
WORDS_AT_ONCE = 500
PACKED_AT_ONCE = 100
DEAD_LETTERS_AT_ONCE = 20
"""Rows that are looked at or deleted in one transaction. Each of these takes some 5 ms."""

WORDS_OF_EVENTS = "SELECT namespace, kind, reason, node, title FROM events WHERE id > ? AND id <= ?"
WORDS_OF_OBJECTS = "SELECT namespace, kind, api_group, api_version FROM objects WHERE id > ? AND id <= ?"
WORDS_OF_SERIES = "SELECT source, place FROM series WHERE id > ? AND id <= ?"
"""The other words of a series are those of its events and their objects."""


class Sweep:
    """Of one database."""

    def __init__(self, session: Session, names: Names, filing: Filing) -> None:
        self._session = session
        self._connection = session.connection
        self._execute = session.connection.execute
        self._names = names
        self._filing = filing
        self._words_may_be_unused = True  # an earlier process may have deleted the last event that used them
        self._sweeps = 0
        self._word_bytes = 2**63
        """What words took after the last sweep; unknown before the first."""

    def deleted_something(self) -> None:
        """Notes that events were deleted, so that words may be unused."""
        self._words_may_be_unused = True

    def id_after(self, table: str, after: int, count: int) -> int | None:
        """The id of the row that is `count` rows further on, or of the last one; None if there is none."""
        sql = f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?)"  # noqa: S608
        row = one(self._connection, sql, (after, count))
        return row[0] if row else None

    def all(self, until_ms: int) -> Iterator[None]:
        """Deletes everything that is unused at this time."""
        while self._delete_due_leftovers(until_ms):
            yield
        for source in self._sources_of_states():
            if source not in OF_SOURCE:  # of another release
                with self._session.transaction(now_ms()):
                    self._execute("DELETE FROM states WHERE source = ?", (source,))
                yield
        yield from self.words()

    # Series and periods

    def delete_unused_series(self) -> None:
        """Deletes series and periods without events."""
        with self._session.transaction(now_ms()):
            self._filing.delete_unused()

    # Contributors of deleted events

    def delete_contributors(self, event: int, most: int) -> int:
        """Deletes contributors of an event, in the transaction of the caller.

        Returns how many were deleted: more than `most` if some are left.
        """
        sql = "SELECT hash FROM contributors WHERE event = ? ORDER BY hash LIMIT 1 OFFSET ?"
        row = one(self._connection, sql, (event, most))
        if row is None:
            self._execute("DELETE FROM contributors WHERE event = ?", (event,))
        else:
            self._execute("DELETE FROM contributors WHERE event = ? AND hash <= ?", (event, row[0]))
        return self._connection.changes()

    def leftovers(self) -> int:
        """How many deleted events still have contributors."""
        row = one(self._connection, "SELECT count(*) FROM leftovers")
        return row[0] if row else 0

    def delete_overdue_leftovers(self) -> bool:
        """Deletes contributors that were too many for the transaction that deleted their event. Says if there were any."""
        return self._delete_due_leftovers(0)

    def delete_leftovers_early(self) -> int:
        """Deletes contributors although they may be listed again, first those that expire first.

        Returns of how many events all are gone. The eviction floor prevents that they come back.
        """
        rows = self._execute("SELECT event FROM leftovers ORDER BY until_ms LIMIT ?", (LEFTOVERS_AT_ONCE,)).fetchall()
        return self._delete_leftovers(rows)

    def _delete_due_leftovers(self, until_ms: int) -> bool:
        """Deletes some contributors that cannot be listed any more. Says if there were any."""
        rows = self._execute(
            "SELECT event FROM leftovers WHERE until_ms <= ? ORDER BY until_ms LIMIT ?", (until_ms, LEFTOVERS_AT_ONCE)
        ).fetchall()
        if rows:
            self._delete_leftovers(rows)
        return bool(rows)

    def _delete_leftovers(self, events: list[Any]) -> int:
        room, gone = CONTRIBUTORS_AT_ONCE, 0
        with self._session.transaction(now_ms()):
            for (event,) in events:
                room -= self.delete_contributors(event, room)
                if room < 0:
                    break
                self._execute("DELETE FROM leftovers WHERE event = ?", (event,))
                gone += 1
        return gone

    def _sources_of_states(self) -> list[str]:
        sources: list[str] = []
        while row := one(
            self._connection, "SELECT min(source) FROM states WHERE source > ?", (sources[-1] if sources else "",)
        ):
            if row[0] is None:
                break
            sources.append(row[0])
        return sources

    # Words

    def words_take_more_than(self, part_bytes: int) -> bool:
        """Whether something was deleted since the last sweep, and words take more than `part_bytes`."""
        return self._words_may_be_unused and self._word_bytes + self._names.added_bytes > part_bytes

    def words(self) -> Iterator[None]:
        """Deletes words that no event and no object uses, and that nobody has asked for since the sweep began.

        It looks at every row once, some thousand at a time, and only if something was deleted. If another sweep begins
        meanwhile, this one ends: what was asked for since its beginning is no longer known.
        """
        if not self._words_may_be_unused:
            return
        self._sweeps += 1
        mine, done = self._sweeps, False
        self._names.start_noting()
        self._names.added_bytes = 0
        self._words_may_be_unused = False  # until something is deleted meanwhile
        try:
            self.delete_unused_series()
            unused: dict[int, int] = {}
            for _ in self._find_unused_words(unused):
                yield
                if mine != self._sweeps:
                    return
            while unused:
                with self._session.transaction(now_ms()):
                    for word in self._names.asked_for():
                        unused.pop(word, None)
                    going = [(unused.popitem()[0],) for _ in range(min(WORDS_AT_ONCE, len(unused)))]
                    self._connection.executemany("DELETE FROM words WHERE id = ?", going)
                yield
                if mine != self._sweeps:
                    return
            self._names.stop_noting()
            done = True
        finally:
            self._words_may_be_unused = self._words_may_be_unused or (not done and mine == self._sweeps)

    def _find_unused_words(self, unused: dict[int, int]) -> Iterator[None]:
        """Collects the words that no row uses, with what each takes."""
        after, taken = 0, 0  # word 0 is the empty one
        while (last := self.id_after("words", after, SCANNED_AT_ONCE)) is not None:
            for number, word in self._execute("SELECT id, word FROM words WHERE id > ? AND id <= ?", (after, last)):
                unused[number] = word_bytes(word)
                taken += unused[number]
            after = last
            yield
        for table, sql in (("events", WORDS_OF_EVENTS), ("objects", WORDS_OF_OBJECTS), ("series", WORDS_OF_SERIES)):
            after = -1
            while unused and (last := self.id_after(table, after, SCANNED_AT_ONCE)) is not None:
                for words in self._execute(sql, (after, last)):
                    for word in words:
                        unused.pop(word, None)
                after = last
                yield
        self._word_bytes = taken - sum(unused.values())

    # Pages

    def pack(self, first: int, last: int) -> Iterator[None]:
        """Writes the events from one id to another again, so that half-empty pages become free.

        SQLite joins pages only if less than a third of them is used. When 3,600 of 8,000 events were deleted, 31 pages
        became free, and 397 more by this.
        """
        while first <= last:
            sql = "SELECT max(id) FROM (SELECT id FROM events WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?)"
            row = one(self._connection, sql, (first, last, PACKED_AT_ONCE))
            if row is None or row[0] is None:
                return
            with self._session.transaction(now_ms()):
                for table, column in (("events", "id"), ("texts", "event"), ("contributors", "event")):
                    self._pack(table, column, first, row[0])
            first = row[0] + 1
            yield

    def _pack(self, table: str, column: str, first: int, last: int) -> None:
        where = f"FROM {table} WHERE {column} BETWEEN ? AND ?"
        select = f"SELECT {tables.columns(table)} {where} ORDER BY {column} LIMIT ?"
        rows = self._execute(select, (first, last, 10 * PACKED_AT_ONCE + 1)).fetchall()
        if rows and len(rows) <= 10 * PACKED_AT_ONCE:  # an event with thousands of contributors fills its pages
            self._execute(f"DELETE {where}", (first, last))
            self._connection.executemany(tables.insert(table), rows)

    # Dead letters

    def delete_dead_letters(self, most_bytes: int) -> bool:
        """Deletes the oldest dead letters if all together take more than `most_bytes`. Says whether it did."""
        sql = "SELECT id, octet_length(sighting) + octet_length(error) FROM dead_letters ORDER BY id"
        sizes: list[tuple[Any, ...]] = self._execute(sql).fetchall()
        taken = sum(size for _, size in sizes)
        if taken <= most_bytes:
            return False
        with self._session.transaction(now_ms()):
            going = [(number,) for number, _ in sizes[:DEAD_LETTERS_AT_ONCE]]
            self._connection.executemany("DELETE FROM dead_letters WHERE id = ?", going)
        return True
