"""A list decoded as it comes, one object at a time: for continue tokens that expire faster than pages can be read, and for a
page that is too large to be held.
"""

import re

import msgspec

from kube9_operator.watch.batch import Batch
from kube9_operator.watch.decoding import METADATA_LEVELS, TEXT_BYTES
from kube9_operator.watch.errors import BrokenAnswer
from kube9_operator.watch.items import MAX_LINE_BYTES, ListMeta, list_meta, take_item
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.outline import MOST_BYTES, Outline

ITEMS = b'"items":['
MAX_HEAD_BYTES = 64 * 1024
"""Of what stands before the items: kind, version and metadata."""
BETWEEN = re.compile(rb"[,\s]*+")
END = ord("]")


class WholeList:
    """Feed it the pieces of the answer. The API server writes a list's metadata before its items."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._head = bytearray()
        self._meta: ListMeta | None = None
        self._item = bytearray()
        self._outline: Outline | None = None
        """Of the item at hand: it says where the item ends, and what it is called where it is too large."""
        self._ended = False

    def feed(self, chunk: bytes, server_ms: int = 0, batch: Batch | None = None) -> Batch:
        """The items that this piece completes, put into the batch where one is given; `server_ms` is as for a Batch. Raises
        ApiError for what is no list.
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
        """The list's metadata, when all is fed. Raises ApiError where the list is not whole."""
        if self._meta is None:
            return list_meta(self._head)  # an empty list: "items":null
        if not self._ended:
            raise BrokenAnswer("the list breaks off")
        return self._meta

    def _read_head(self, chunk: bytes) -> bytes:
        """Reads on to the items. Returns what follows, b"" where they do not begin yet."""
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
        """Reads on an item, and takes it where it ends. Returns where the rest of the chunk begins."""
        end = outline.feed(chunk, at)
        if len(self._item) <= MAX_LINE_BYTES:
            self._item += chunk[at:end]
        if outline.ended:
            too_long = len(self._item) > MAX_LINE_BYTES
            item = outline.json() if too_long else bytes(self._item)
            self._outline, self._item = None, bytearray()
            take_item(msgspec.Raw(item), self._kind, batch, too_long)
        return end
