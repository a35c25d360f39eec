"""From the bytes of an answer to items and lines: split, decode, count. What does not decode is counted and passed over."""

import msgspec

from kube9_operator.watch import events
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import ApiError
from kube9_operator.watch.kind import NOT_DECODED, Kind

MAX_LINE_BYTES = 8 * 1024 * 1024
"""etcd keeps objects of up to 1.5 MiB; a line beyond this is no object."""


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """Of a page of a list."""

    resource_version: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class Page(msgspec.Struct, frozen=True):
    """A page of a list; `items` are decoded one by one, so that one that does not decode costs itself alone."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of a watch; what `object` is depends on `type`."""

    type: str
    object: msgspec.Raw


class Status(msgspec.Struct, frozen=True):
    """The object of an ERROR line."""

    code: int = 0
    message: str = ""


class VersionOnly(msgspec.Struct, frozen=True):
    """The object of a BOOKMARK line, and of any line whose object does not decode otherwise."""

    metadata: events.ObjectMeta


_page = msgspec.json.Decoder(Page)
_line = msgspec.json.Decoder(Line)
_status = msgspec.json.Decoder(Status)
_version = msgspec.json.Decoder(VersionOnly)


def page(body: bytes | bytearray, kind: Kind) -> tuple[ListMeta, Batch]:
    """A page of a list. Raises ApiError where the body is no such page."""
    try:
        decoded = _page.decode(body)
    except NOT_DECODED as error:
        raise ApiError(0, f"the list is not the JSON that the API promises: {error}") from None
    batch = Batch()
    for raw in decoded.items or ():
        take_item(raw, kind, batch)
    return decoded.metadata, batch


def take_item(raw: msgspec.Raw, kind: Kind, batch: Batch) -> None:
    """Takes an item of a list. Raises ApiError for one without a name, where a list that lacks it would say that it is gone."""
    states = len(batch.states)
    kind.take(raw, batch)
    if kind.of_states and len(batch.states) == states:
        raise ApiError(0, "an item of the list has no name, uid or resourceVersion")


class Stream:
    """The lines of a watch, from chunks that end anywhere."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._tail = b""

    def feed(self, chunk: bytes) -> Batch:
        """What the lines that this chunk completes give. Raises ErrorLine for one of type ERROR, with those before it."""
        *whole, self._tail = (self._tail + chunk).split(b"\n")
        if len(self._tail) > MAX_LINE_BYTES:
            raise ApiError(0, f"a line of more than {MAX_LINE_BYTES} bytes")
        batch = Batch()
        for text in whole:
            if text.strip():
                _take_line(text, self._kind, batch)
        return batch


class ErrorLine(Exception):
    """An ERROR line: `batch` is what the lines before it gave, `error` what the server says."""

    def __init__(self, batch: Batch, error: ApiError) -> None:
        super().__init__(str(error))
        self.batch = batch
        self.error = error


def uid(body: bytes | bytearray) -> str:
    """The uid of an object. Raises ApiError where the body is no object."""
    return _object(body).uid or ""


def stays(body: bytes | bytearray) -> bool:
    """Whether an object is not being deleted. Raises ApiError where the body is no object."""
    return _object(body).deletion_timestamp is None


def version_of(raw: msgspec.Raw) -> str:
    """The resourceVersion of any object, '' where it has none."""
    try:
        return _version.decode(raw).metadata.resource_version or ""
    except NOT_DECODED:
        return ""


def _object(body: bytes | bytearray) -> events.ObjectMeta:
    try:
        return _version.decode(body).metadata
    except NOT_DECODED as error:
        raise ApiError(0, f"the object is not the JSON that the API promises: {error}") from None


def _take_line(text: bytes, kind: Kind, batch: Batch) -> None:
    try:
        line = _line.decode(text)
    except NOT_DECODED:
        batch.lines += 1
        batch.counts.received += 1
        batch.counts.undecodable += 1
        return
    if line.type == "ERROR":
        raise ErrorLine(batch, _as_error(line.object))
    batch.lines += 1
    if line.type in ("ADDED", "MODIFIED"):
        version = kind.take(line.object, batch)
    elif line.type == "DELETED":
        version = kind.take_deleted(line.object, batch)
    else:
        version = version_of(line.object)
        if line.type == "BOOKMARK":
            batch.bookmarks += bool(version)
        else:  # a type that is unknown today
            batch.counts.received += 1
            batch.counts.filtered += 1
    batch.version = version or batch.version


def _as_error(raw: msgspec.Raw) -> ApiError:
    try:
        status = _status.decode(raw)
    except NOT_DECODED:
        return ApiError(0, "an ERROR line without a status")
    return ApiError(status.code, status.message)
