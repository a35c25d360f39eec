"""A process that salvages a damaged database: it reads what can be read, and writes it to standard output.

Messages are msgpack, each after its length. A damaged file can crash SQLite, so the writer does not open it itself.
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
from kube9_schema import tables as schema
from kube9_schema.spans import span
from kube9_schema.steps import STEP_BYTES

LENGTH_BYTES = 4
NICE = 10
LONGEST_CHAIN = 8
DAY_MS = 86_400_000

SHAPES = {
    "events": shape("n[il]{22}(?:[iln][il]{3}[iln]{2})?"),
    "texts": shape("n[tn]tt[tn]"),
    "objects": shape("ntiit[iln](?:[il]{2})?"),
    "words": shape("nt"),
    "contributors": shape("[il]{8}b", of_index=True),
    "sources": shape("t[tn][iln]{3}[tn][iln]?", of_index=True),
}
"""How records of these tables look, because a damaged file is read without its schema."""
COUNTS = (
    "SELECT count(*) FROM events INDEXED BY events_by_object",
    "SELECT sum(count) FROM totals WHERE of_first = 0 AND series = 0",
)
UNREADABLE = (*DAMAGE, *TROUBLE)
"""Damage can also look like a value that is too big, or too much for the memory."""


class Named(msgspec.Struct, frozen=True, array_like=True):
    """An object, with words instead of numbers."""

    kind: str
    namespace: str
    name: str
    uid: str
    api_version: str = ""


class Saved(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An event with everything that belongs to it."""

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
    """The object that it is about, then the owners."""
    reason: str
    node: str
    title: str
    description: str | None
    metadata: str
    contributor: str
    stamps: str | None
    contributors: list[schema.Contributor]


class Found(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The first message: since when each source is covered, as far as that can be read."""

    covered_from_ms: dict[str, int]


class Read(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The last message: everything that can be read was sent."""

    unreadable: int
    """Events that could not be read completely."""


# Fields of Saved that are columns have the names of the columns.
FIGURES = ("id", "type", *Saved.__struct_fields__[2 : Saved.__struct_fields__.index("about")])
"""The columns of an event that are sent as they are."""
Message = Found | Saved | Read
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_metadata = msgspec.json.Decoder(dict[str, Any])
_stamps = msgspec.json.Decoder(dict[str, tuple[int, int, str]])


def decode(data: bytes) -> Message:
    """A message of this process."""
    return _decoder.decode(data)


def salvage(path: str, send: Callable[[Message], None]) -> None:
    """Sends what can be read, roughly the newest events first."""
    pages = Pages(path)
    tables = pages.tables(SHAPES)
    send(Found({row[0]: row[2] for row in tables["sources"] if row[2]}))
    old = _Old(tables, _words(path, tables["words"]))
    sent = unreadable = 0
    for row in tables["events"]:
        saved = old.whole(row)
        if saved is None:
            unreadable += 1
        else:
            sent += 1
            send(saved)
    # A page that cannot be read may have held hundreds of events or none.
    counted = _counted(path)
    send(Read(unreadable if counted is None else max(0, counted - sent)))


def _words(path: str, table: Table) -> dict[int, str]:
    """Words by their number. A page has hundreds of them, so the index of the table is read too."""
    words = {0: ""}
    with contextlib.suppress(*UNREADABLE, UnicodeDecodeError):
        words |= rows(open_readonly(path), "SELECT id, word FROM words INDEXED BY sqlite_autoindex_words_1")
    return words | {row[0]: row[1] for row in table}


def _counted(path: str) -> int | None:
    """How many events there were, from an index or the totals; None if neither can be read."""
    for sql in COUNTS:
        with contextlib.suppress(*UNREADABLE, ValueError, TypeError):
            row = one(open_readonly(path), sql)
            return int(row[0]) if row else 0
    return None


class _Old:
    """The damaged database: finds what belongs to an event."""

    def __init__(self, tables: dict[str, Table], words: dict[int, str]) -> None:
        self._tables = tables
        self._words = words

    def whole(self, row: Row) -> Saved | None:
        """The event of a row with everything that belongs to it; None if a part cannot be read or makes no sense."""
        event = dict(zip(schema.Event._fields, row, strict=False))  # of an earlier release, it has fewer columns
        words = self._words
        try:
            contributors = list(self._tables["contributors"].of(event["id"]))
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
        """Whether values that are stored twice agree. If not, damage has led to another object or time."""
        return (self._words[event["kind"]], self._words[event["namespace"]]) == (about.kind, about.namespace) and _times_agree(
            event
        )

    def _texts(self, event: int) -> Row:
        """Description, metadata, contributor and stamps; empty if they cannot be read, because the rest is worth having."""
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


def _times_agree(event: dict[str, int]) -> bool:
    """Whether the times of an event agree with what is stored of them: how long it lasts, or the hours of earlier releases."""
    if event.get("series") is not None:
        return (event["first_hour"], event["last_hour"], event["span"]) == (0, 0, span(event["last_ms"] - event["first_ms"]))
    return (event["first_hour"], event["last_hour"]) == (event["first_ms"] // MS_IN_HOUR, event["last_ms"] // MS_IN_HOUR)


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
    """Salvages the database whose path is the argument, until everything is sent or nobody reads any more."""
    os.nice(NICE)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    end_with_parent()
    encoder, out = msgspec.msgpack.Encoder(), sys.stdout.buffer

    def send(message: Message) -> None:
        data = encoder.encode(message)
        out.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)

    salvage(sys.argv[1], send)
    out.flush()


def end_with_parent() -> None:
    """Has the kernel end this process when the one that started it has ended (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    main()
