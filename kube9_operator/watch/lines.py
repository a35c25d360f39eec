"""Decodes the lines of a watch. A line that cannot be decoded is counted and skipped."""

import msgspec

from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import READ_BYTES, status_of
from kube9_operator.watch.decoding import MAX_OBJECT_BYTES, NOT_DECODED, TEXT_BYTES, TOO_LONG, decode, identity
from kube9_operator.watch.errors import ApiError, BrokenAnswer, http_error
from kube9_operator.watch.kind import Kind, take_unreadable
from kube9_operator.watch.outline import MOST_BYTES, Outline, outline

LINE_LEVELS = 3
"""The levels that are read of a line that is too long: the line, its object, and the object's metadata."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of a watch. What `object` is depends on `type`."""

    type: str
    object: msgspec.Raw


_line = msgspec.json.Decoder(Line)


class Stream:
    """Decodes the lines of a watch from chunks that end anywhere. Of a line that is too long, only the outline is held."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._tail = bytearray()
        self._outline: Outline | None = None

    def feed(self, chunk: bytes, server_ms: int = 0) -> Batch:
        """Returns what the lines give that this chunk completes. `server_ms` is as in Batch.

        Raises ErrorLine for a line of type ERROR, with what the lines before it gave.
        """
        batch = Batch(server_ms=server_ms)
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            self._read(chunk[begin:end])
            begin = end + 1
            line, outline = self._tail, self._outline
            self._tail, self._outline = bytearray(), None
            if outline is not None:
                _take_line(outline.json(), self._kind, batch, too_long=True)
            elif line.strip():
                _take_line(line, self._kind, batch)
        self._read(chunk[begin:])
        return batch

    def _read(self, piece: bytes) -> None:
        """Takes a piece of the current line."""
        if self._outline is not None:
            self._outline.feed(piece)
            return
        self._tail += piece
        if len(self._tail) > MAX_OBJECT_BYTES:
            self._outline = Outline(LINE_LEVELS, TEXT_BYTES, MOST_BYTES)
            for at in range(0, len(self._tail), READ_BYTES):
                self._outline.feed(self._tail[at : at + READ_BYTES])
            self._tail = bytearray()


class ErrorLine(Exception):
    """A line of type ERROR. `batch` is what the lines before it gave, `error` is what the server says."""

    def __init__(self, batch: Batch, error: ApiError) -> None:
        super().__init__(str(error))
        self.batch = batch
        self.error = error


def _take_line(text: bytes | bytearray, kind: Kind, batch: Batch, too_long: bool = False) -> None:
    why = TOO_LONG if too_long else ""
    try:
        try:
            line = decode(_line, text)
        except NOT_DECODED as error:
            why = f"it is not the JSON that the API promises: {error}"
            line = _line.decode(outline(text, LINE_LEVELS, TEXT_BYTES).decode("utf-8", "replace"))
    except NOT_DECODED:
        batch.lines += 1
        take_unreadable(msgspec.Raw(b"{}"), batch, why, of_states=False)
        return
    if line.type == "ERROR":
        raise ErrorLine(batch, _as_error(line.object))
    batch.lines += 1
    if why and line.type in ("ADDED", "MODIFIED"):
        version = take_unreadable(line.object, batch, why, kind.of_states)
    elif line.type in ("ADDED", "MODIFIED"):
        version = kind.take(line.object, batch)
    elif line.type == "DELETED":
        version = kind.take_deleted(line.object, batch)
    else:
        version = identity(line.object).version or ""
        if line.type == "BOOKMARK":
            batch.bookmarks += bool(version)
        else:  # a type that Kubernetes does not have yet
            batch.counts.received += 1
            batch.counts.filtered += 1
    batch.version = version or batch.version


def _as_error(raw: msgspec.Raw) -> ApiError:
    status = status_of(raw)
    return BrokenAnswer("an ERROR line without a status") if status is None else http_error(status.code, status.message)
