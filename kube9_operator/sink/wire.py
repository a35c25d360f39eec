"""Messages of OTLP as bytes, as far as the sink sends and reads them. Pure.

The format is that of protobuf, and the numbers of the fields are those of opentelemetry/proto/logs/v1/logs.proto and its
imports: https://protobuf.dev/programming-guides/encoding/, https://github.com/open-telemetry/opentelemetry-proto.
The library of protobuf makes the same bytes in four times the processor time (docs/benchmarks.md). The tests compare both.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from struct import Struct

Encoder = Callable[[str], bytes]
"""Encodes a text as a field of a record. An empty one is absent: no bytes."""

_SMALL = tuple(bytes((number,)) for number in range(128))
_PAIR = 2**14
_LOW = _PAIR - 1
_PAIRS = tuple(bytes((number & 127 | 128, number >> 7 | 128)) for number in range(_PAIR))
_HIGH = tuple(bytes((number | 128,)) for number in range(128))
"""Parts of a whole number that more follows: 14 bits of it, and 7."""
_MASK = 2**64 - 1
_FIXED = Struct("<Q").pack
MAX_SIZES = 1_024
MAX_VARINT = 10
"""The bytes of a whole number of 64 bits."""

# The tags of fields: the number of the field * 8 + how its value is written.
KEY, VALUE = b"\x0a", b"\x12"
"""KeyValue.key, KeyValue.value"""
TEXT, BOOL, INT = b"\x0a", b"\x10", b"\x18"
"""AnyValue.string_value, .bool_value, .int_value"""
TIME, SEVERITY, SEVERITY_TEXT, RECORD_BODY, ATTRIBUTE = b"\x09", b"\x10", b"\x1a", b"\x2a", b"\x32"
OBSERVED, EVENT_NAME = b"\x59", b"\x62"
"""LogRecord.time_unix_nano, .severity_number, .severity_text, .body, .attributes, .observed_time_unix_nano, .event_name"""
RESOURCE_LOGS = b"\x0a"
"""ExportLogsServiceRequest.resource_logs"""
RESOURCE, SCOPE_LOGS = b"\x0a", b"\x12"
"""ResourceLogs.resource, .scope_logs"""
RESOURCE_ATTRIBUTE = b"\x0a"
"""Resource.attributes"""
SCOPE, LOG_RECORD = b"\x0a", b"\x12"
"""ScopeLogs.scope, .log_records"""
SCOPE_NAME, SCOPE_VERSION = b"\x0a", b"\x12"
"""InstrumentationScope.name, .version"""
PARTIAL_SUCCESS = 1
"""ExportLogsServiceResponse.partial_success"""
REJECTED, MESSAGE = 1, 2
"""ExportLogsPartialSuccess.rejected_log_records, .error_message"""


def varint(number: int) -> bytes:
    """A whole number, seven bits in a byte, the lowest first."""
    if 0 <= number < 128:
        return _SMALL[number]
    if 0 <= number < _PAIR:
        return bytes((number & 127 | 128, number >> 7))
    if 2**49 <= number < 2**63:  # a revision or the number of an event: by a table, which takes a third of the time
        low = _PAIRS[number & _LOW] + _PAIRS[number >> 14 & _LOW] + _PAIRS[number >> 28 & _LOW]
        if number < 2**56:
            return low + _HIGH[number >> 42 & 127] + _SMALL[number >> 49]
        return low + _PAIRS[number >> 42 & _LOW] + _SMALL[number >> 56]
    number &= _MASK
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def fixed(tag: bytes, number: int) -> bytes:
    """A field of 64 bits."""
    return tag + _FIXED(number)


def field(tag: bytes, data: bytes) -> bytes:
    """A text or a message as a field of another message."""
    return tag + varint(len(data)) + data


def text(key: str) -> Encoder:
    """Makes an encoder for an attribute of a record that is a text."""
    name = field(KEY, key.encode())

    def head(size: int) -> bytes:
        value = TEXT + varint(size)
        value = VALUE + varint(len(value) + size) + value
        return ATTRIBUTE + varint(len(name) + len(value) + size) + name + value

    return _behind(head)


def body() -> Encoder:
    """Makes an encoder for the body of a record."""

    def head(size: int) -> bytes:
        value = TEXT + varint(size)
        return RECORD_BODY + varint(len(value) + size) + value

    return _behind(head)


def _behind(head: Callable[[int], bytes]) -> Encoder:
    """Makes an encoder that puts a text behind bytes which depend only on its size."""
    head = functools.lru_cache(MAX_SIZES)(head)

    def encode(value: str) -> bytes:
        data = value.encode()
        return head(len(data)) + data if data else b""

    return encode


def whole(key: str) -> Callable[[int], bytes]:
    """Makes an encoder for an attribute of a record that is a whole number."""
    name = field(KEY, key.encode())
    heads = [
        b"".join((ATTRIBUTE, varint(len(name) + 3 + size), name, VALUE, varint(size + 1), INT))
        for size in range(MAX_VARINT + 1)
    ]

    def encode(value: int) -> bytes:
        data = varint(value)
        return heads[len(data)] + data

    return encode


def attribute(key: str, value: str | int | bool) -> bytes:
    """An attribute without its tag. An empty text is absent: no bytes."""
    if value == "":
        return b""
    if isinstance(value, bool):
        found = BOOL + varint(value)
    elif isinstance(value, int):
        found = INT + varint(value)
    else:
        found = field(TEXT, value.encode())
    return field(KEY, key.encode()) + field(VALUE, found)


def attributes(tag: bytes, values: Iterable[tuple[str, str | int | bool]]) -> bytes:
    """Attributes of a record or of a resource."""
    return b"".join(field(tag, data) for key, value in values if (data := attribute(key, value)))


class Malformed(ValueError):
    """Bytes that are no message."""


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: the number of each, and its value as a whole number or as bytes. Raises Malformed."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _number(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = _number(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Malformed(f"a field of the unknown kind {kind}")
        if at + size > len(data):
            raise Malformed("it is cut")
        yield tag >> 3, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A whole number, and where it ends."""
    found = shift = 0
    while at < len(data) and shift < 70:
        found |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return found & _MASK, at
    raise Malformed("it is cut")
