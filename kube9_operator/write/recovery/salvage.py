"""A process that reads what can be read of a damaged database, and says it on standard output: messages of msgpack, each after
its length. SQLite may be led astray by such a file, so whoever has the good one open does not open this one.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.clock import now_ms
from kube9_operator.model.observation import EVENT_TYPES, MS_IN_HOUR, SEVERITIES
from kube9_operator.write.recovery.btree_pages import Pages, Table
from kube9_operator.write.recovery.btree_records import Row, shape
from kube9_operator.write.sqlite.database import DAMAGE, TROUBLE, one, open_readonly, rows
from kube9_schema.steps import STEP_BYTES

LENGTH_BYTES = 4
NICE = 10
LONGEST_CHAIN = 8
DAY_MS = 86_400_000

EVENT_COLUMNS = [
    "id",
    "last_hour",
    "first_hour",
    "namespace",
    "kind",
    "severity",
    "type",
    "object",
    "key_hash",
    "first_ms",
    "last_ms",
    "created_ms",
    "recorded_ms",
    "count",
    "lead_events",
    "lead_statuses",
    "stand_in",
    "reason",
    "node",
    "title",
    "text_ms",
    "text_count",
    "text_hash",
]
"""As in schema/."""
SHAPES = {
    "events": shape(f"n[il]{{{len(EVENT_COLUMNS) - 1}}}"),
    "texts": shape("n[tn]tt[tn]"),
    "objects": shape("ntiit[iln](?:[il]{2})?"),
    "words": shape("nt"),
    "contributors": shape("[il]{8}b", of_index=True),
    "sources": shape("t[tn][iln]{3}[tn][iln]?", of_index=True),
}
COUNTS = (
    "SELECT count(*) FROM events INDEXED BY events_by_object",
    "SELECT sum(count) FROM tallies WHERE of_first = 0",
)
UNREADABLE = (*DAMAGE, *TROUBLE)
"""Damage shows as what is too big, or too much for the memory, too."""


class Named(msgspec.Struct, frozen=True, array_like=True):
    """An object, in words."""

    kind: str
    namespace: str
    name: str
    uid: str
    api_version: str = ""


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
    """An event with all that belongs to it."""

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
    """Comes first: of each source from when on the database covers it, as far as that can be read."""

    covered_from_ms: dict[str, int]


class Read(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Comes last: all that can be read was sent."""

    unreadable: int
    """Events that are there, or were, and could not be read as a whole."""


# Fields of Saved that are columns have the names of the columns.
FIGURES = ("id", "type", *Saved.__struct_fields__[2 : Saved.__struct_fields__.index("about")])
"""The columns of an event that are kept as they are."""
Message = Found | Saved | Read
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_metadata = msgspec.json.Decoder(dict[str, Any])
_stamps = msgspec.json.Decoder(dict[str, tuple[int, int, str]])


def decode(data: bytes) -> Message:
    """A message of this process."""
    return _decoder.decode(data)


def salvage(path: str, say: Callable[[Message], None]) -> None:
    """Says what can be read, about the newest events first."""
    pages = Pages(path)
    tables = pages.tables(SHAPES)
    say(Found({row[0]: row[2] for row in tables["sources"] if row[2]}))
    old = _Old(tables, _words(path, tables["words"]))
    said = unreadable = 0
    for row in tables["events"]:
        saved = old.whole(row)
        if saved is None:
            unreadable += 1
        else:
            said += 1
            say(saved)
    # A page that cannot be read may have held hundreds of events or none.
    counted = _counted(path)
    say(Read(unreadable if counted is None else max(0, counted - said)))


def _words(path: str, table: Table) -> dict[int, str]:
    """By their number. A page of them has hundreds, so the index of the table is asked too."""
    words = {0: ""}
    with contextlib.suppress(*UNREADABLE, UnicodeDecodeError):
        words |= rows(open_readonly(path), "SELECT id, word FROM words INDEXED BY sqlite_autoindex_words_1")
    return words | {row[0]: row[1] for row in table}


def _counted(path: str) -> int | None:
    """How many events there were, by an index, or by the tallies; None where neither can be read."""
    for sql in COUNTS:
        with contextlib.suppress(*UNREADABLE, ValueError, TypeError):
            row = one(open_readonly(path), sql)
            return int(row[0]) if row else 0
    return None


class _Old:
    """What belongs to an event, in the damaged database."""

    def __init__(self, tables: dict[str, Table], words: dict[int, str]) -> None:
        self._tables = tables
        self._words = words

    def whole(self, row: Row) -> Saved | None:
        """The event of a row with all that belongs to it; None where something of it cannot be read, or makes no sense."""
        event = dict(zip(EVENT_COLUMNS, row, strict=True))
        words = self._words
        try:
            contributors = [each[1:] for each in self._tables["contributors"].of(event["id"])]
            chain = self._chain(event["object"])
            if not chain or not contributors or not self._agrees(event, chain[0]):
                return None
            figures = [event[name] for name in FIGURES]
            named = [words[event[name]] for name in ("reason", "node", "title")]
            plain = (Saved.__name__, *figures, chain, *named, *self._texts(event["id"]), contributors)
            saved = msgspec.convert(plain, Saved)
            return saved if _makes_sense(saved) else None
        except (KeyError, msgspec.MsgspecError):
            return None

    def _agrees(self, event: dict[str, int], about: Named) -> bool:
        """Whether what the row says twice is the same: it tells damage that leads to another object, or to another time."""
        return (
            (self._words[event["kind"]], self._words[event["namespace"]]) == (about.kind, about.namespace)
            and event["first_hour"] == event["first_ms"] // MS_IN_HOUR
            and event["last_hour"] == event["last_ms"] // MS_IN_HOUR
        )

    def _texts(self, event: int) -> Row:
        """Description, metadata, contributor and stamps; empty where they cannot be read: the rest is worth having."""
        for _, *found in self._tables["texts"].of(event):
            with contextlib.suppress(msgspec.MsgspecError):
                _metadata.decode(found[1])
                _stamps.decode(found[3] or "{}")
                return tuple(found)
        return None, "{}", "", None

    def _chain(self, about: int | None) -> list[Named]:
        chain: list[Named] = []
        while about is not None and len(chain) < LONGEST_CHAIN and (found := self._tables["objects"].of(about)):
            _, name, kind, namespace, uid, about, *api = found[0]
            version = self._words[api[1]] if api else ""  # an older release has not stored it
            chain.append(Named(self._words[kind], self._words[namespace], name, uid, version))
        return chain


def _makes_sense(saved: Saved) -> bool:
    latest = now_ms() + DAY_MS
    figures = (saved.lead_events, saved.lead_statuses, saved.stand_in)
    times = (saved.first_ms, saved.last_ms, saved.created_ms, saved.recorded_ms)
    return (
        0 < saved.id < 2**62
        and 0 <= saved.event_type < len(EVENT_TYPES)
        and 0 <= saved.severity < len(SEVERITIES)
        and all(0 <= one <= latest for one in times)
        and saved.first_ms <= saved.last_ms
        and 1 <= saved.count < 2**53
        and all(0 <= one <= saved.count for one in figures)
        and all(len(one.steps) % STEP_BYTES == 0 and 0 <= one.base <= one.count < 2**53 for one in saved.contributors)
    )


def main() -> None:
    """Salvages the database whose path is the argument, until all is said or nobody listens any more."""
    os.nice(NICE)
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
