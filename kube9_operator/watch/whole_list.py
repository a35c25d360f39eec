"""A list in one answer, decoded as it comes: for when continue tokens expire faster than pages can be read."""

import codecs
import json

import msgspec

from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import ApiError
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.lines import MAX_LINE_BYTES, ListMeta, Page, take_item

ITEMS = '"items":['
_json = json.JSONDecoder()
_page = msgspec.json.Decoder(Page)


class WholeList:
    """Feed it the pieces of the answer. The API server writes a list's metadata before its items."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._meta: ListMeta | None = None
        self._ended = False

    def feed(self, chunk: bytes) -> Batch:
        """The items that this piece completes. Raises ApiError for what is no list."""
        self._text += self._utf8.decode(chunk)
        batch = Batch()
        if self._meta is None:
            head, found, rest = self._text.partition(ITEMS)
            if not found:
                return batch
            self._meta = _metadata(head + ITEMS + "]}")
            self._text = rest
        at = 0
        while not self._ended:
            at = _skip(self._text, at)
            if self._text[at : at + 1] == "]":
                self._ended = True
                break
            try:
                _, end = _json.raw_decode(self._text, at)
            except ValueError:
                break  # not all of it is here yet
            take_item(msgspec.Raw(self._text[at:end].encode()), self._kind, batch)
            at = end
        self._text = self._text[at:]
        if len(self._text) > MAX_LINE_BYTES:
            raise ApiError(0, f"an item of a list of more than {MAX_LINE_BYTES} bytes")
        return batch

    def end(self) -> ListMeta:
        """The list's metadata, when all is fed. Raises ApiError where the list is not whole."""
        if self._meta is None:
            return _metadata(self._text)  # an empty list: "items":null
        if not self._ended:
            raise ApiError(0, "the list breaks off")
        return self._meta


def _metadata(text: str) -> ListMeta:
    try:
        return _page.decode(text).metadata
    except msgspec.DecodeError as error:
        raise ApiError(0, f"the list is not the JSON that the API promises: {error}") from None


def _skip(text: str, at: int) -> int:
    """Where the next item begins."""
    while text[at : at + 1] in (",", " ", "\n", "\r", "\t") and at < len(text):
        at += 1
    return at
