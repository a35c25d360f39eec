"""Decodes lists: a page that is held in memory, or a list that is read piece by piece.

Each item is decoded by itself, so that one that cannot be decoded affects no other.
"""

import re

import msgspec

from kube9_operator.watch.batch import Batch
from kube9_operator.watch.decoding import MAX_OBJECT_BYTES, METADATA_LEVELS, NOT_DECODED, TEXT_BYTES, TOO_LONG, decode
from kube9_operator.watch.errors import ApiError, BrokenAnswer
from kube9_operator.watch.kind import Kind, take_unreadable
from kube9_operator.watch.outline import MOST_BYTES, Outline

ITEMS = b'"items":['
MAX_HEAD_BYTES = 64 * 1024
"""How much may stand before the items: kind, version and metadata of the list."""
BETWEEN = re.compile(rb"[,\s]*+")
END = ord("]")


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata of a list or of one of its pages."""

    resource_version: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class Page(msgspec.Struct, frozen=True):
    """A page of a list, with its items not decoded yet."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


_page = msgspec.json.Decoder(Page)


def list_meta(body: bytes | bytearray) -> ListMeta:
    """Returns the metadata of a list, or of its outline. Raises BrokenAnswer if the body is no list."""
    return _as_page(body).metadata


def page(body: bytes | bytearray, kind: Kind, server_ms: int = 0) -> tuple[ListMeta, Batch]:
    """Decodes a page of a list. `server_ms` is as in Batch. Raises BrokenAnswer if the body is no such page."""
    batch = Batch(server_ms=server_ms)
    try:
        decoded = _as_page(body)
    except ApiError:
        # The fault may be in one item, and must not affect the others.
        reader = ListReader(kind)
        reader.feed(bytes(body), batch=batch)
        return reader.end(), batch
    for raw in decoded.items or ():
        _take_item(raw, kind, batch)
    return decoded.metadata, batch


class ListReader:
    """Decodes a list piece by piece, one item at a time, so that no list is held in memory. `feed` it the pieces of the answer.

    The API server writes the metadata of a list before its items.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._head = bytearray()
        self._meta: ListMeta | None = None
        self._item = bytearray()
        self._outline: Outline | None = None
        """Of the current item: it finds where the item ends, and gives its name if the item is too large."""
        self._ended = False

    def feed(self, chunk: bytes, server_ms: int = 0, batch: Batch | None = None) -> Batch:
        """Returns the items that this piece completes, in `batch` if one is given. `server_ms` is as in Batch.

        Raises BrokenAnswer for what is no list.
        """
        batch = Batch(server_ms=server_ms) if batch is None else batch
        if self._meta is None:
            chunk = self._read_head(chunk)
        at = 0
        while not self._ended and at < len(chunk):
            if self._outline is None:
                between = BETWEEN.match(chunk, at)
                at = between.end() if between else at
                if at == len(chunk):
                    break
                if chunk[at] == END:
                    self._ended = True
                    break
                self._outline = Outline(METADATA_LEVELS, TEXT_BYTES, MOST_BYTES)
            at = self._read_item(self._outline, chunk, at, batch)
        return batch

    def end(self) -> ListMeta:
        """Returns the list's metadata after the last piece. Raises BrokenAnswer if the list is not complete."""
        if self._meta is None:
            return list_meta(self._head)  # an empty list: "items":null
        if not self._ended:
            raise BrokenAnswer("the list breaks off")
        return self._meta

    def _read_head(self, chunk: bytes) -> bytes:
        """Reads up to the items. Returns what follows, b"" if the items have not begun."""
        self._head += chunk
        at = self._head.find(ITEMS)
        if at < 0:
            if len(self._head) > MAX_HEAD_BYTES:
                raise BrokenAnswer(f"no items in the first {MAX_HEAD_BYTES // 1024} KiB of a list")
            return b""
        begin = at + len(ITEMS)
        self._meta = list_meta(self._head[:begin] + b"]}")
        rest, self._head = bytes(self._head[begin:]), bytearray()
        return rest

    def _read_item(self, outline: Outline, chunk: bytes, at: int, batch: Batch) -> int:
        """Reads more of an item, and takes the item when it ends. Returns where the rest of the chunk begins."""
        end = outline.feed(chunk, at)
        if len(self._item) <= MAX_OBJECT_BYTES:
            self._item += chunk[at:end]
        if outline.ended:
            too_long = len(self._item) > MAX_OBJECT_BYTES
            item = outline.json() if too_long else bytes(self._item)
            self._outline, self._item = None, bytearray()
            _take_item(msgspec.Raw(item), self._kind, batch, too_long)
        return end


def _as_page(body: bytes | bytearray) -> Page:
    """Returns the page that a body is. Raises BrokenAnswer if it is none."""
    try:
        return decode(_page, body)
    except NOT_DECODED as error:
        raise BrokenAnswer(f"the list is not the JSON that the API promises: {error}") from None


def _take_item(raw: msgspec.Raw, kind: Kind, batch: Batch, too_long: bool = False) -> None:
    """Takes an item of a list, or the outline of one that is `too_long`.

    Raises BrokenAnswer for an object without a name: a list without it would say that the object is gone.
    """
    states = len(batch.states)
    if too_long:
        take_unreadable(raw, batch, TOO_LONG, kind.of_states)
    else:
        kind.take(raw, batch)
    if kind.of_states and len(batch.states) == states:
        raise BrokenAnswer("an item of the list has no name, uid or resourceVersion")
