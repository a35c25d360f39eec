"""Deletes events with all that belongs to them alone. With `store` and `ledger` the only places with SQL for writing.

What is found without looking through everything goes at once; words, which anything may use, go by `sweep`, in pieces.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kube9_operator.model.observation import ERROR
from kube9_operator.model.resource_states import OF_SOURCE
from kube9_operator.write.events.names import word_bytes
from kube9_operator.write.events.shares import CONTRIBUTOR_BYTES, EVENT_BYTES
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.database import Connection, one, transaction

SWEPT_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 200
"""Events; and of what has no other bound, in one transaction, each some 5 ms:"""
CONTRIBUTORS_AT_ONCE = 1_000
WORDS_AT_ONCE = 500
PACKED_AT_ONCE = 100
"""Events whose rows are written anew in one transaction: some 5 ms."""
LEFTOVER_MOST_BYTES = 300
"""What contributors may take that stay after their event went for size: two or three. More would hold what is to be freed."""
COUNTED_MOST = 20_000
"""Contributors of one event that are counted, some 3 ms: where there are more, `shares` has to measure again."""
DEAD_LETTERS_AT_ONCE = 20

WORDS_OF_EVENTS = "SELECT namespace, kind, reason, node, title FROM events WHERE id > ? AND id <= ?"
WORDS_OF_OBJECTS = "SELECT namespace, kind, api_group, api_version FROM objects WHERE id > ? AND id <= ?"

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
    primary_statuses: int
    namespace: int
    bytes: int = 0
    """What it took, as `shares` estimates; only where it went for size."""


class Eraser:
    """Works in the transaction that the caller holds, as the store does, but for `sweep`."""

    def __init__(self, connection: Connection, store: Store, listed_ms: int, ages_ms: tuple[int, int]) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._listed_ms = listed_ms
        self._ages_ms = ages_ms
        self._words_may_go = True  # what an earlier process deleted may have been the last that used them
        self._sweeps = 0
        self.word_bytes = 2**63
        """What words took after the last sweep; unknown before the first."""

    def id_after(self, table: str, after: int, count: int) -> int | None:
        """The id of the row that is `count` rows further on, or of the last one; None where there is none."""
        sql = f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?)"  # noqa: S608
        row = one(self._connection, sql, (after, count))
        return row[0] if row else None

    def erase(self, ids: Iterable[int], now_ms: int, *, for_size: bool = False) -> list[Erased]:
        """Deletes events, and the objects that nothing else is about; returns those that were there.

        Contributors stay for as long as their Event, or the status they are from, may be listed again: otherwise it would
        come back as something new. Where events go for size, only a few stay, because `given_up` sees to that too.
        """
        erased = []
        room = CONTRIBUTORS_AT_ONCE
        for event in ids:
            row = one(
                self._connection,
                "SELECT object, severity, first_ms, last_ms, recorded_ms, lead_statuses, namespace FROM events WHERE id = ?",
                (event,),
            )
            if row is None:
                continue
            found = Erased(*row)
            until_ms = found.recorded_ms + self._listed_ms
            if found.primary_statuses:  # a pod may stand for months; what happened to it before is too old to be recorded again
                until_ms = max(until_ms, found.last_ms + self._ages_ms[found.severity >= ERROR])
            if for_size:
                parts = self._contributors_bytes(event)
                until_ms = until_ms if parts <= LEFTOVER_MOST_BYTES else 0
                found = found._replace(bytes=EVENT_BYTES + self._texts_bytes(event) + parts)
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

    def _contributors_bytes(self, event: int) -> int:
        sql = """SELECT count(*), coalesce(sum(length), 0)
            FROM (SELECT length(steps) AS length FROM contributors WHERE event = ? LIMIT ?)"""
        number, steps = one(self._connection, sql, (event, COUNTED_MOST)) or (0, 0)
        return int(number) * CONTRIBUTOR_BYTES + int(steps)

    def _texts_bytes(self, event: int) -> int:
        sql = "SELECT coalesce(octet_length(description), 0) + octet_length(metadata) FROM texts WHERE event = ?"
        row = one(self._connection, sql, (event,))
        return int(row[0]) if row else 0

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
        yield from self.sweep_words()

    def leftovers(self) -> int:
        """How many events that were deleted still have contributors."""
        row = one(self._connection, "SELECT count(*) FROM leftovers")
        return row[0] if row else 0

    def forget_due(self) -> bool:
        """Deletes some contributors that went with their event, which had too many for one transaction; says whether there were
        any.
        """
        return self._forget_contributors(0)

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

    def words_may_go(self, part_bytes: int) -> bool:
        """Whether something was deleted since the last sweep, and words take more than `part_bytes`."""
        return self._words_may_go and self.word_bytes + self._store.names.added_bytes > part_bytes

    def sweep_words(self) -> Iterator[None]:
        """The words go that no event and no object uses, and that nobody has asked for since.

        Every row is looked at once, some thousand at a time, only where something was deleted. A sweep that another has
        overtaken ends: what was asked for since its beginning is known no longer.
        """
        if not self._words_may_go:
            return
        self._sweeps += 1
        mine, names, done = self._sweeps, self._store.names, False
        names.watch()
        names.added_bytes = 0
        self._words_may_go = False  # until something is deleted meanwhile
        try:
            unused: dict[int, int] = {}
            for _ in self._unused_words(unused):
                yield
                if mine != self._sweeps:
                    return
            while unused:
                with transaction(self._connection):
                    for word in names.asked_for():
                        unused.pop(word, None)
                    going = [(unused.popitem()[0],) for _ in range(min(WORDS_AT_ONCE, len(unused)))]
                    self._connection.executemany("DELETE FROM words WHERE id = ?", going)
                yield
                if mine != self._sweeps:
                    return
            names.unwatch()
            done = True
        finally:
            self._words_may_go = self._words_may_go or (not done and mine == self._sweeps)

    def _unused_words(self, unused: dict[int, int]) -> Iterator[None]:
        """Finds the words that no row uses, with what each takes."""
        after, taken = 0, 0  # 0 is the word for none
        while (last := self.id_after("words", after, SWEPT_AT_ONCE)) is not None:
            for number, word in self._execute("SELECT id, word FROM words WHERE id > ? AND id <= ?", (after, last)):
                unused[number] = word_bytes(word)
                taken += unused[number]
            after = last
            yield
        for table, sql in (("events", WORDS_OF_EVENTS), ("objects", WORDS_OF_OBJECTS)):
            after = -1
            while unused and (last := self.id_after(table, after, SWEPT_AT_ONCE)) is not None:
                for words in self._execute(sql, (after, last)):
                    for word in words:
                        unused.pop(word, None)
                after = last
                yield
        self.word_bytes = taken - sum(unused.values())

    def pack(self, first: int, last: int) -> Iterator[None]:
        """Writes anew what is left of the events from one id to another, so that pages that are half empty become free.

        SQLite joins pages only where less than a third of them is left: of 3,600 events deleted among 8,000, 31 pages became
        free, and 397 more by this.
        """
        while first <= last:
            sql = "SELECT max(id) FROM (SELECT id FROM events WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?)"
            row = one(self._connection, sql, (first, last, PACKED_AT_ONCE))
            if row is None or row[0] is None:
                return
            with transaction(self._connection):
                for table, column in (("events", "id"), ("texts", "event"), ("contributors", "event")):
                    self._pack(table, column, first, row[0])
            first = row[0] + 1
            yield

    def _pack(self, table: str, column: str, first: int, last: int) -> None:
        where = f"FROM {table} WHERE {column} BETWEEN ? AND ?"
        rows = self._execute(f"SELECT * {where} ORDER BY {column} LIMIT ?", (first, last, 10 * PACKED_AT_ONCE + 1)).fetchall()
        if rows and len(rows) <= 10 * PACKED_AT_ONCE:  # an event of thousands of contributors fills its pages
            self._execute(f"DELETE {where}", (first, last))
            marks = ", ".join("?" * len(rows[0]))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def drop_dead_letters(self, most_bytes: int) -> bool:
        """Deletes the oldest dead letters where all take more than so much; says whether it did."""
        sql = "SELECT id, octet_length(sighting) + octet_length(error) FROM dead_letters ORDER BY id"
        sizes: list[tuple[Any, ...]] = self._execute(sql).fetchall()
        taken = sum(size for _, size in sizes)
        if taken <= most_bytes:
            return False
        with transaction(self._connection):
            going = [(number,) for number, _ in sizes[:DEAD_LETTERS_AT_ONCE]]
            self._connection.executemany("DELETE FROM dead_letters WHERE id = ?", going)
        return True
