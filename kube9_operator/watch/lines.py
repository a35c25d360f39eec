"""From the bytes of an answer to items and lines: split, decode, count. What does not decode is counted and passed over."""

import msgspec

from kube9_operator.frame import Counts, Sighting
from kube9_operator.watch import events
from kube9_operator.watch.client import ApiError

MAX_LINE_BYTES = 8 * 1024 * 1024
"""etcd keeps objects of up to 1.5 MiB; a line beyond this is no object."""

TYPES = ("Normal", "Warning", "other")
"""Of Events, as they are counted: any text may be their type."""


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


class Batch(msgspec.Struct):
    """What a page or some lines gave. `version` is that of the last line, '' where no line has one."""

    sightings: list[Sighting]
    counts: Counts
    types: dict[str, int] = msgspec.field(default_factory=dict)
    """How many Events of each type were received: one of TYPES."""
    version: str = ""
    lines: int = 0
    gone: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """Of Events that were deleted their namespace, and when they were last written, in ms since 1970."""


_page = msgspec.json.Decoder(Page)
_line = msgspec.json.Decoder(Line)
_status = msgspec.json.Decoder(Status)
_version = msgspec.json.Decoder(VersionOnly)
_event = msgspec.json.Decoder(events.Event)


def page(body: bytes) -> tuple[ListMeta, Batch]:
    """A page of a list of Events. Raises ApiError where the body is no such page."""
    try:
        decoded = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(0, f"the list is not the JSON that the API promises: {error}") from None
    batch = Batch([], Counts())
    for raw in decoded.items or ():
        take(raw, batch)
    return decoded.metadata, batch


class Stream:
    """The lines of a watch, from chunks that end anywhere."""

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, chunk: bytes) -> Batch:
        """What the lines that this chunk completes give. Raises ErrorLine for one of type ERROR, with those before it."""
        *whole, self._tail = (self._tail + chunk).split(b"\n")
        if len(self._tail) > MAX_LINE_BYTES:
            raise ApiError(0, f"a line of more than {MAX_LINE_BYTES} bytes")
        batch = Batch([], Counts())
        for text in whole:
            if text.strip():
                _take_line(text, batch)
        return batch


class ErrorLine(Exception):
    """An ERROR line: `batch` is what the lines before it gave, `error` what the server says."""

    def __init__(self, batch: Batch, error: ApiError) -> None:
        super().__init__(str(error))
        self.batch = batch
        self.error = error


def uid(body: bytes) -> str:
    """The uid of an object. Raises ApiError where the body is no object."""
    return _object(body).uid or ""


def stays(body: bytes) -> bool:
    """Whether an object is not being deleted. Raises ApiError where the body is no object."""
    return _object(body).deletion_timestamp is None


def _object(body: bytes) -> events.ObjectMeta:
    try:
        return _version.decode(body).metadata
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(0, f"the object is not the JSON that the API promises: {error}") from None


def _take_line(text: bytes, batch: Batch) -> None:
    try:
        line = _line.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        batch.lines += 1
        batch.counts.received += 1
        batch.counts.undecodable += 1
        return
    if line.type == "ERROR":
        raise ErrorLine(batch, _as_error(line.object))
    batch.lines += 1
    if line.type in ("ADDED", "MODIFIED"):
        batch.version = take(line.object, batch) or batch.version
        return
    if line.type != "BOOKMARK":
        # DELETED: an Event that expires, or goes with its namespace; it says nothing of the happening. Types unknown today too.
        batch.counts.received += 1
        batch.counts.filtered += 1
    if line.type == "DELETED":
        _take_gone(line.object, batch)
    batch.version = _version_of(line.object) or batch.version


def take(raw: msgspec.Raw, batch: Batch) -> str:
    """Counts and normalises one Event; returns its resourceVersion."""
    batch.counts.received += 1
    try:
        event = _event.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        batch.counts.undecodable += 1
        return _version_of(raw)
    counted_as = event.type if event.type in TYPES else "other"
    batch.types[counted_as] = batch.types.get(counted_as, 0) + 1
    sighting = events.normalise(event)
    if sighting is None:
        batch.counts.filtered += 1
    else:
        batch.sightings.append(sighting)
    return event.metadata.resource_version or ""


def _take_gone(raw: msgspec.Raw, batch: Batch) -> None:
    try:
        event = _event.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    batch.gone.append((event.metadata.namespace or "", events.written_ms(event)))


def _version_of(raw: msgspec.Raw) -> str:
    try:
        return _version.decode(raw).metadata.resource_version or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _as_error(raw: msgspec.Raw) -> ApiError:
    try:
        status = _status.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ApiError(0, "an ERROR line without a status")
    return ApiError(status.code, status.message)
