"""What there is to send, read in short snapshots: first what was recorded before, by number, then the journal."""

from collections.abc import Sequence
from typing import Any

import msgspec

from kube9_cli.query.connection import TEXT, Database
from kube9_operator.clock import Clock
from kube9_operator.model import sink_position
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import events, records
from kube9_operator.sink.delivery import PART_BYTES, Batch, Mark
from kube9_operator.sink.records import Cluster, Encoded
from kube9_schema import facts

MOST, LEAST = 1_000, 50
"""Changes that are read at once. Fewer after large ones."""
REOPEN_SECONDS = 5.0
"""Another file may be in the place of the database."""
QUERY_SECONDS = 30.0
CACHE_KIB = 512
LATE_MS = 10_000
"""How far the settled time may be behind if nothing changes."""
FACTS = "SELECT name, value FROM facts WHERE name IN (?, ?, ?, ?)"


class NotReady(Exception):
    """The writer has not prepared this database for a sink yet."""


class Renewed(Exception):
    """Another database, or another journal, is there."""


class DatabaseSource:
    """Reads one database."""

    def __init__(self, path: str, folder: str, target: str, cluster_name: str, backfill_ms: int | None, clock: Clock) -> None:
        """`target` tells stores apart. `backfill_ms`: how far back events are sent; None for all."""
        self._path = path
        self._folder = folder
        self._target = target
        self._cluster_name = cluster_name
        self._backfill_ms = backfill_ms
        self._clock = clock
        self._opened: Database | None = None
        self._opened_at = 0.0
        self._position: Position | None = None
        self._cluster = Cluster("", "", cluster_name)
        self._most = MOST
        self.caught_up_at = clock.monotonic()
        """When it last found that there is no more."""

    def database(self) -> Database:
        """The database, opened again now and then. Raises QueryError."""
        now = self._clock.monotonic()
        if self._opened is None:
            self._opened = Database(self._path, QUERY_SECONDS, lambda: 0.0, CACHE_KIB)
        elif now - self._opened_at >= REOPEN_SECONDS:
            self._opened.reopen()
        else:
            self._opened.renew()
            return self._opened
        self._opened_at = now
        return self._opened

    def first(self) -> Position:
        """The settled place: as it is stored, or the beginning. Raises NotReady or QueryError."""
        instance, journal, _ = self._facts(self.database())
        if not instance or not journal:
            raise NotReady
        stored = sink_position.load(self._folder)
        same = stored if stored and (stored.instance, stored.target) == (instance, self._target) else None
        if same is None or same.journal != journal:
            begin_ms = journal // 1_000
            from_ms = 0 if self._backfill_ms is None else max(0, begin_ms - self._backfill_ms)
            if same is None:
                same = Position(instance, self._target, journal, from_ms)
            else:  # the journal has begun again
                same = msgspec.structs.replace(same, journal=journal, seq=0, backfilled=-1, until_ms=0)
        self._position = same
        return same

    def next(self, mark: Mark) -> Batch | None:
        """The records after a place; None if there are none now. Raises Renewed or QueryError."""
        assert self._position is not None  # `first` was called
        looked_at = self._clock.monotonic()
        database = self.database()
        with database.snapshot():
            instance, journal, committed_ms = self._facts(database)
            if (instance, journal) != (self._position.instance, self._position.journal):
                raise Renewed
            if mark.backfilled is not None:
                return self._backfill(database, mark)
            changed = events.changed(database, mark.seq, self._most)
            if changed is None or len(changed.revisions) < self._most:
                self.caught_up_at = looked_at
            if changed is None:
                late = committed_ms - mark.until_ms >= LATE_MS
                return Batch([], mark._replace(until_ms=committed_ms)) if late else None
            is_all = not database.all("SELECT 1 FROM changes WHERE seq > ? LIMIT 1", (changed.last,))
            found = events.read(database, changed.revisions)
        there = {one.number for one in found}
        made = [records.event(one, changed.revisions[one.number]) for one in found]
        made += [
            records.merged(number, changed.revisions[number], changed.revisions[number] // 1_000)
            for number in sorted(changed.merged - there)
        ]
        self._adapt(made)
        return Batch(made, Mark(changed.last, None, committed_ms if is_all else mark.until_ms))

    def _backfill(self, database: Database, mark: Mark) -> Batch:
        assert self._position is not None
        assert mark.backfilled is not None
        numbers = events.recorded(database, mark.backfilled, self._position.from_ms, self._most)
        if not numbers:
            return Batch([], mark._replace(backfilled=None))
        made = [records.event(one, self._position.journal) for one in events.read(database, numbers)]
        self._adapt(made)
        return Batch(made, mark._replace(backfilled=numbers[-1]))

    def encode(self, some: Sequence[Encoded]) -> bytes:
        """The records as a request."""
        return records.request(some, self._cluster)

    def pending(self, mark: Mark) -> int:
        """About how many changes and events are left. Raises QueryError."""
        database = self.database()
        found: int = database.all("SELECT count(*) FROM changes WHERE seq > ?", (mark.seq,))[0][0]
        if mark.backfilled is not None:
            found += database.all("SELECT count(*) FROM events WHERE id > ?", (mark.backfilled,))[0][0]
        return found

    def _adapt(self, made: Sequence[Encoded]) -> None:
        """Reads fewer changes at once if they are large."""
        size = sum(len(one.data) for one in made)
        self._most = max(LEAST, self._most // 2) if size > PART_BYTES else min(MOST, self._most * 2)

    def _facts(self, database: Database) -> tuple[str, int, int]:
        names = (facts.SINK_INSTANCE, facts.SINK_FROM, facts.CLUSTER, facts.LAST_COMMIT)
        found: dict[str, Any] = dict(database.all(FACTS, names, (TEXT,)))
        instance = str(found.get(facts.SINK_INSTANCE, ""))
        self._cluster = Cluster(instance, str(found.get(facts.CLUSTER, "")), self._cluster_name)
        return instance, int(found.get(facts.SINK_FROM, 0)), int(found.get(facts.LAST_COMMIT, 0))
