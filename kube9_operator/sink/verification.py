"""Reads back what was sent, hour by hour, and says what is missing. No I/O of its own: the answers of the store are passed in.

It finds what no sender can see: a storage node that was killed behind an insert node, a queue in memory that was lost, and a
store that does not keep records for as long as the operator sends them.
"""

import urllib.parse
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import msgspec

from kube9_cli.query.connection import Database
from kube9_operator import logs
from kube9_operator.clock import Clock, iso
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import events, records
from kube9_operator.sink.records import Encoded
from kube9_schema import attributes

HOUR_MS = 3_600_000
QUIET_MS = 300_000
"""An hour is read back when it has been settled for this long: until then its events still change."""
AGAIN_SECONDS = 60.0
"""What was sent again is settled by then, and the store has it on its disk."""
MOST_TRIES = 3
"""What was sent again may be lost again: a node that crashed once may crash twice."""
RETRY_SECONDS = 60.0
AT_ONCE = 500
PATH = "/select/logsql/query"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVENTS = """SELECT id FROM events WHERE series IS NOT NULL AND last_ms >= ? AND last_ms < ? AND recorded_ms >= ? ORDER BY id"""
FIRST = "SELECT min(last_ms) FROM events WHERE series IS NOT NULL AND last_ms >= ? AND recorded_ms >= ?"
FIELDS = (attributes.NUMBER, attributes.REVISION, attributes.CHECKSUM)


class Unanswered(Exception):
    """The store does not answer the question."""


class Ask(Protocol):
    """Asks the store."""

    def __call__(self, query: str) -> Iterable[bytes]:
        """The lines of an answer, a JSON object each. Raises Unanswered."""


class Row(msgspec.Struct, gc=False):
    """What the store has of a record. A store leaves out fields without a value."""

    number: str = msgspec.field(name=attributes.NUMBER, default="0")
    revision: str = msgspec.field(name=attributes.REVISION, default="0")
    checksum: str = msgspec.field(name=attributes.CHECKSUM, default="")


_decode = msgspec.json.Decoder(Row).decode


class Hour(NamedTuple):
    """An hour that is being verified."""

    from_ms: int
    tries: int = 0
    """How often what was missing was sent again."""


class Verification:
    """Verifies one store. `step` does one thing, now and then."""

    def __init__(self, ask: Ask, database: Callable[[], Database], clock: Clock) -> None:
        self._ask = ask
        self._database = database
        self._clock = clock
        self._hour: Hour | None = None
        self._not_before = 0.0
        self._is_failing = False

    def step(self, position: Position) -> tuple[Position, list[Encoded]]:
        """Verifies the next hour, if one is due. Returns the position, and what is to be sent again. Raises QueryError."""
        now = self._clock.monotonic()
        if now < self._not_before or position.backfilled is not None:
            return position, []
        hour = self._hour or self._next(position)
        if hour is None or hour.from_ms + HOUR_MS + QUIET_MS > position.until_ms:
            self._not_before = now + RETRY_SECONDS
            return position, []
        try:
            missing = self._missing(position, hour.from_ms)
        except Unanswered as error:
            if not self._is_failing:
                logs.get().warning("sink.not_verified", why=str(error))
            self._is_failing, self._not_before = True, now + RETRY_SECONDS
            return position, []
        self._is_failing = False
        if missing and hour.tries < MOST_TRIES:
            self._hour, self._not_before = Hour(hour.from_ms, hour.tries + 1), now + AGAIN_SECONDS
            logs.get().warning("sink.records_missing", events=len(missing), hour=iso(hour.from_ms))
            return position, missing
        self._hour = None
        if missing:
            logs.get().error("sink.records_not_kept", events=len(missing), hour=iso(hour.from_ms))
        verified_ms, number = hour.from_ms + HOUR_MS, position.missing + len(missing)
        return msgspec.structs.replace(position, verified_ms=verified_ms, missing=number), []

    def _next(self, position: Position) -> Hour | None:
        """The next hour with events."""
        database = self._database()
        first_ms = database.all(FIRST, (position.verified_ms, position.from_ms))[0][0]
        return None if first_ms is None else Hour(max(position.verified_ms, first_ms // HOUR_MS * HOUR_MS))

    def _missing(self, position: Position, from_ms: int) -> list[Encoded]:
        """The events of an hour whose newest record there is not what is here."""
        there = self._there(position.instance, from_ms)
        database = self._database()
        missing: list[Encoded] = []
        with database.snapshot():
            revision: int = database.all("SELECT coalesce(max(seq), 0) FROM changes")[0][0]
            numbers = [row[0] for row in database.all(EVENTS, (from_ms, from_ms + HOUR_MS, position.from_ms))]
            for at in range(0, len(numbers), AT_ONCE):
                for one in events.read(database, numbers[at : at + AT_ONCE]):
                    made = records.event(one, revision)
                    if there.get(one.number, (0, ""))[1] != made.checksum:
                        missing.append(made)
        return missing

    def _there(self, instance: str, from_ms: int) -> dict[int, tuple[int, str]]:
        """Of each event of an hour in the store, the greatest revision and its checksum."""
        found: dict[int, tuple[int, str]] = {}
        for line in self._ask(question(instance, from_ms)):
            try:
                row = _decode(line)
                number, newest = int(row.number), (int(row.revision), row.checksum)
            except (msgspec.MsgspecError, ValueError):
                raise Unanswered("its answer is not JSON lines with the fields of the records") from None
            if newest > found.get(number, (0, "")):
                found[number] = newest
        return found


def question(instance: str, from_ms: int) -> str:
    """The LogsQL query for the records of an hour."""
    span = f"_time:[{iso(from_ms)}, {iso(from_ms + HOUR_MS)})"
    fields = ", ".join(f'"{name}"' for name in FIELDS)
    return f'{{kube9.stream="events","service.instance.id"="{instance}"}} {span} "kube9.event.number":* | fields {fields}'


def body(query: str) -> bytes:
    """The body of a request with a query."""
    return urllib.parse.urlencode({"query": query}).encode()
