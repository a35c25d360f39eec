"""Decodes what the API server sends, whatever its depth: what is too deep for the decoder is decoded without its depths."""

from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from kube9_operator.watch.outline import outline

NOT_DECODED = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What a decoder raises, and what becomes of values that it lets through."""
LEVELS = 12
"""What is read of any object, line or list is nested less deep. The depth that msgspec decodes is 988 with Python 3.11, 1,491
with 3.12 and 9,992 with 3.13, less the stack at hand; the API server takes 9,995 in managedFields.
"""
Of = TypeVar("Of")


def decode(decoder: msgspec.json.Decoder[Of], data: bytes | bytearray | msgspec.Raw) -> Of:
    """What the decoder makes of a JSON text of any depth: in what is too deep, null stands for containers below LEVELS.

    Raises one of NOT_DECODED for what the decoder refuses.
    """
    try:
        return decoder.decode(data)
    except RecursionError:
        return decoder.decode(outline(memoryview(data), LEVELS))


class Identity(NamedTuple):
    """What an object is called, as far as it says so; None for what is absent or no text."""

    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.namespace or ''}/{self.name or '?'} at version {self.version or '?'}".removeprefix("/")


class Metadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of an object's metadata what identifies it, and whether it is being deleted. Raw, so that one that is no text leaves the
    others.
    """

    namespace: msgspec.Raw = msgspec.Raw(b"null")
    name: msgspec.Raw = msgspec.Raw(b"null")
    uid: msgspec.Raw = msgspec.Raw(b"null")
    resource_version: msgspec.Raw = msgspec.Raw(b"null")
    deletion_timestamp: msgspec.Raw = msgspec.Raw(b"null")


class Object(msgspec.Struct, frozen=True, gc=False):
    """Any object, for its metadata alone."""

    metadata: Metadata


_object = msgspec.json.Decoder(Object)
_text = msgspec.json.Decoder(str)
_time = msgspec.json.Decoder(datetime | None)
METADATA_LEVELS = 2
"""The object, and its metadata."""
TEXT_BYTES = 4096
"""Of a text that identifies: names have up to 253 characters, and each may be written with six."""


def metadata(data: bytes | bytearray | msgspec.Raw) -> Metadata | None:
    """The metadata of any object; None where it has none."""
    try:
        return _object.decode(data).metadata
    except NOT_DECODED:
        shallow = outline(memoryview(data), METADATA_LEVELS, TEXT_BYTES)
        try:
            return _object.decode(shallow.decode("utf-8", "replace")).metadata
        except NOT_DECODED:
            return None


def identity(data: bytes | bytearray | msgspec.Raw) -> Identity:
    """Whatever can be known of an object that does not decode otherwise."""
    own = metadata(data) or Metadata()
    return Identity(*map(_as_text, (own.namespace, own.name, own.uid, own.resource_version)))


def deleted_at(data: bytes | bytearray | msgspec.Raw) -> datetime | None:
    """The deletionTimestamp of any object; None if it has none, or one that cannot be read."""
    own = metadata(data)
    try:
        return _time.decode(own.deletion_timestamp) if own is not None else None
    except NOT_DECODED:
        return None


def _as_text(raw: msgspec.Raw) -> str | None:
    try:
        return _text.decode(raw)
    except NOT_DECODED:
        return None


def printable(text: Any, most: int) -> str:
    """A text that somebody else chose, as it may stand in a log or in a page."""
    return "".join(one if one.isprintable() else "?" for one in str(text)[:most])
