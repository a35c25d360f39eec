"""A process that reads what can be read of a damaged database, and says it on standard output: messages of msgpack, each after
its length. SQLite may be led astray by such a file, so whoever has the good one open does not open this one.
"""

import contextlib
import ctypes
import heapq
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from kube9_operator.clock import now_ms
from kube9_operator.frame import EVENT_TYPES, SEVERITIES
from kube9_operator.write.database import DAMAGE, TROUBLE, Connection, one, open_readonly, rows
from kube9_operator.write.merge import STEP_BYTES

ROWS_AT_ONCE = 200
MAX_FAILURES = 20_000
"""Reads of a range that fail, in all, before what is left of it is given up: a second's work."""
LENGTH_BYTES = 4
DAY_MS = 86_400_000

COUNTS = (
    "SELECT count(*) FROM events INDEXED BY events_by_object",
    "SELECT sum(count) FROM tallies WHERE of_first = 0",
)
UNREADABLE = (*DAMAGE, *TROUBLE)
"""Damage shows as what is too big, or too much for the memory, too."""
EVENT = """SELECT e.id, e.type, e.severity, e.key_hash, e.first_ms, e.last_ms, e.created_ms, e.recorded_ms, e.count,
    e.lead_events, e.lead_statuses, e.stand_in, e.text_ms, e.text_count, e.text_hash, e.object, e.reason, e.node, e.title
    FROM events e NOT INDEXED WHERE e.id BETWEEN ? AND ? ORDER BY e.id DESC LIMIT ?"""


class Named(msgspec.Struct, frozen=True, array_like=True):
    """An object, in words."""

    kind: str
    namespace: str
    name: str
    uid: str


class Contributed(msgspec.Struct, frozen=True, array_like=True):
    """A row of contributors."""

    hash: int
    part: int
    hour: int
    flags: int
    count: int
    base: int
    last_ms: int
    steps: bytes


class Saved(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An event with all that belongs to it: figures in the order of EVENT, as far as they are figures."""

    id: int
    event_type: int
    severity: int
    key_hash: int
    first_ms: int
    last_ms: int
    created_ms: int
    recorded_ms: int
    count: int
    lead_events: int
    lead_statuses: int
    stand_in: int
    text_ms: int
    text_count: int
    text_hash: int
    about: list[Named]
    """What it is about, then its owners."""
    reason: str
    node: str
    title: str
    description: str | None
    metadata: str
    contributor: str
    stamps: str | None
    contributors: list[Contributed]


class Found(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Comes first: what the old database says of itself; 0 and {} for what cannot be read."""

    first_start_ms: int
    covered_from_ms: dict[str, int]


class Read(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Comes last: all that can be read was sent."""

    unreadable: int
    """Events that are there, or were, and could not be read as a whole."""


Message = Found | Saved | Read
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_json = msgspec.json.Decoder(dict[str, Any])


def decode(data: bytes) -> Message:
    """A message of this process."""
    return _decoder.decode(data)


def salvage(path: str, say: Callable[[Message], None]) -> None:
    """Says what can be read, the newest events first."""
    connection = open_readonly(path)
    connection.pragma("cell_size_check", True)
    words = {0: ""} | {
        row[0]: str(row[1])
        for row in _readable(connection, "SELECT id, word FROM words WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?")
        if row is not None
    }
    say(_found(connection))
    unreadable = whole = 0
    for row in _readable(connection, EVENT):
        saved = None if row is None else _whole(connection, row, words)
        if saved is None:
            unreadable += 1
        else:
            whole += 1
            say(saved)
    # A place that cannot be read may have held thousands of events or none, and damage may hide some without a trace.
    counted = _counted(connection)
    say(Read(unreadable if counted is None else max(0, counted - whole)))


def _readable(connection: Connection, sql: str) -> Iterator[tuple[Any, ...] | None]:
    """The rows that can be read, the greatest key first; None for each place where there may have been more.

    A range that cannot be read is halved: what is in whole pages is found, what is in damaged ones is given up.
    """
    failures = 0
    ranges = [(0, 0, 2**62)]  # the depth of halving, and how far from the end: the widest and newest first
    while ranges:
        depth, from_end, low_to = heapq.heappop(ranges)
        high, low = 2**62 - from_end, 2**62 - low_to
        try:
            found = rows(connection, sql, (low, high, ROWS_AT_ONCE))
            readable = _in_order(found, low, high) and (
                len(found) == ROWS_AT_ONCE or _is_all(connection, sql, found, low, high)
            )
        except (*UNREADABLE, UnicodeDecodeError):
            readable = False
        if not readable:
            failures += 1
            if low == high or failures > MAX_FAILURES:
                yield None
                continue
            middle = (low + high) // 2
            heapq.heappush(ranges, (depth + 1, from_end, 2**62 - middle - 1))
            heapq.heappush(ranges, (depth + 1, 2**62 - middle, low_to))
            continue
        if len(found) == ROWS_AT_ONCE and found[-1][0] > low:
            # The last one is read again with those after it, which show whether its key can be right: one that is too low
            # would have all between left out.
            found.pop()
            heapq.heappush(ranges, (depth, 2**62 - found[-1][0] + 1, low_to))
        yield from found


def _is_all(connection: Connection, sql: str, found: list[tuple[Any, ...]], low: int, high: int) -> bool:
    """Whether the last row is the first from the other end too: a key that damage has made too low ends a search."""
    first = rows(connection, sql.replace(" DESC ", " ASC "), (low, high, 1))
    return [row[0] for row in first] == [row[0] for row in found[-1:]]


def _in_order(found: list[tuple[Any, ...]], low: int, high: int) -> bool:
    """Whether the keys are in the range, each less than the one before: damage may change a key and nothing else."""
    before = high + 1
    for row in found:
        if not low <= row[0] < before:
            return False
        before = row[0]
    return True


def _counted(connection: Connection) -> int | None:
    """How many events there were, by an index, or by the tallies; None where neither can be read."""
    for sql in COUNTS:
        with contextlib.suppress(*UNREADABLE, ValueError, TypeError):
            row = one(connection, sql)
            return int(row[0]) if row else 0
    return None


def _found(connection: Connection) -> Found:
    started, covered = 0, dict[str, int]()
    try:
        row = one(connection, "SELECT value FROM facts WHERE name = 'first_start_ms'")
        started = row[0] if row and isinstance(row[0], int) else 0
        covered = {
            str(row[0]): int(row[1]) for row in rows(connection, "SELECT source, covered_from_ms FROM sources") if row[1]
        }
    except (*DAMAGE, ValueError, TypeError):
        pass
    return Found(started, covered)


def _whole(connection: Connection, row: tuple[Any, ...], words: dict[int, str]) -> Saved | None:
    """The event of a row with all that belongs to it; None where something of it cannot be read, or makes no sense."""
    event, about, reason, node, title = row[0], *row[15:]
    try:
        texts = _texts(connection, event)
        contributors = rows(
            connection,
            "SELECT hash, part, hour, flags, count, base, last_ms, steps FROM contributors WHERE event = ?",
            (event,),
        )
        chain = _chain(connection, about, words)
        if not chain or not contributors:
            return None
        plain = (Saved.__name__, *row[:15], chain, words[reason], words[node], words[title], *texts, contributors)
        saved = msgspec.convert(plain, Saved)
        return saved if _makes_sense(saved) else None
    except (*UNREADABLE, UnicodeDecodeError, KeyError, msgspec.MsgspecError):
        return None


def _texts(connection: Connection, event: int) -> tuple[Any, ...]:
    """Description, metadata, contributor and stamps; empty where they cannot be read: the rest is worth having."""
    with contextlib.suppress(*UNREADABLE, UnicodeDecodeError):
        found = one(connection, "SELECT description, metadata, contributor, stamps FROM texts WHERE event = ?", (event,))
        if found is not None:
            return found
    return None, "{}", "", None


def _chain(connection: Connection, about: int | None, words: dict[int, str]) -> list[Named]:
    chain: list[Named] = []
    while about is not None and len(chain) < 8:
        row = one(connection, "SELECT kind, namespace, name, uid, owner FROM objects WHERE id = ?", (about,))
        if row is None:
            break
        chain.append(Named(words[row[0]], words[row[1]], row[2], row[3]))
        about = row[4]
    return chain


def _makes_sense(saved: Saved) -> bool:
    latest = now_ms() + DAY_MS
    figures = (saved.lead_events, saved.lead_statuses, saved.stand_in)
    times = (saved.first_ms, saved.last_ms, saved.created_ms, saved.recorded_ms)
    _json.decode(saved.metadata)
    return (
        0 < saved.id < 2**62
        and 0 <= saved.event_type < len(EVENT_TYPES)
        and 0 <= saved.severity < len(SEVERITIES)
        and all(0 <= one <= latest for one in times)
        and saved.first_ms <= saved.last_ms
        and 1 <= saved.count < 2**53
        and all(0 <= one <= saved.count for one in figures)
        and all(len(one.steps) % STEP_BYTES == 0 and 0 <= one.base <= one.count for one in saved.contributors)
    )


def main() -> None:
    """Salvages the database whose path is the argument, until all is said or nobody listens any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    end_with_parent()
    encoder, out = msgspec.msgpack.Encoder(), sys.stdout.buffer

    def say(message: Message) -> None:
        data = encoder.encode(message)
        out.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)

    salvage(sys.argv[1], say)
    out.flush()


def end_with_parent() -> None:
    """Has the kernel end this process when the one that started it has ended (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    main()
