"""Decodes what the API server sends, of any depth: what is too deep for the decoder is decoded without its deepest parts."""

from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from kube9_operator.watch.outline import outline

NOT_DECODED = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What a decoder raises, or what using a value that it accepted raises."""
LEVELS = 12
"""Everything that is read of an object, line or list is nested less deeply. msgspec decodes a depth of 988 with Python 3.11,
1,491 with 3.12 and 9,992 with 3.13, less the present stack. The API server accepts 9,995 in managedFields.
"""
MAX_OBJECT_BYTES = 10 * 1024 * 1024
"""The longest line of a watch, or item of a list, that is held in memory. etcd takes requests of up to 1.5 MiB. A byte of a
text takes up to six in JSON, because Go writes `<` as \\u003c: that makes 9 MiB. The rest is for names of fields, which etcd
does not store. A longer line can only come from a cluster whose etcd limit was raised.
"""
TOO_LONG = f"it takes more than {MAX_OBJECT_BYTES // 2**20} MiB"
Of = TypeVar("Of")


def decode(decoder: msgspec.json.Decoder[Of], data: bytes | bytearray | msgspec.Raw) -> Of:
    """Decodes a JSON text of any depth. If it is too deep, null stands for containers below LEVELS.

    Raises one of NOT_DECODED for what the decoder refuses.
    """
    try:
        return decoder.decode(data)
    except RecursionError:
        return decoder.decode(outline(memoryview(data), LEVELS))


class Identity(NamedTuple):
    """What identifies an object; None for what is absent or not a text."""

    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.namespace or ''}/{self.name or '?'} at version {self.version or '?'}".removeprefix("/")


class Metadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What identifies an object, and whether it is being deleted. Raw, so that one value that is not a text spoils no other."""

    namespace: msgspec.Raw = msgspec.Raw(b"null")
    name: msgspec.Raw = msgspec.Raw(b"null")
    uid: msgspec.Raw = msgspec.Raw(b"null")
    resource_version: msgspec.Raw = msgspec.Raw(b"null")
    deletion_timestamp: msgspec.Raw = msgspec.Raw(b"null")


class Object(msgspec.Struct, frozen=True, gc=False):
    """An object of any kind, for its metadata only."""

    metadata: Metadata


_object = msgspec.json.Decoder(Object)
_text = msgspec.json.Decoder(str)
_time = msgspec.json.Decoder(datetime | None)
METADATA_LEVELS = 2
"""The levels of an object and of its metadata."""
TEXT_BYTES = 4096
"""The longest text that identifies: names have up to 253 characters, and JSON may take six bytes for each."""


def metadata(data: bytes | bytearray | msgspec.Raw) -> Metadata | None:
    """Returns the metadata of any object; None if it has none."""
    try:
        return _object.decode(data).metadata
    except NOT_DECODED:
        shallow = outline(memoryview(data), METADATA_LEVELS, TEXT_BYTES)
        try:
            return _object.decode(shallow.decode("utf-8", "replace")).metadata
        except NOT_DECODED:
            return None


def identity(data: bytes | bytearray | msgspec.Raw) -> Identity:
    """Returns what identifies an object, as far as it can be read, even if the object cannot be decoded otherwise."""
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
    """Returns a text of somebody else's choice for a log or a page: cut, and with ? in place of what cannot be printed."""
    return "".join(one if one.isprintable() else "?" for one in str(text)[:most])
