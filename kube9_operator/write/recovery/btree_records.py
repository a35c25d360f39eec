"""Records of a SQLite file: how the rows of tables look in their cells.

https://sqlite.org/fileformat2.html#record_format
"""

import re
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

SHORT = 128
"""Serial types below this are written as one byte."""
SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0, *((one - 12) // 2 for one in range(12, SHORT)))
LETTERS = b"niiiillfii__" + b"bt" * ((256 - 12) // 2)
"""For each serial type how many bytes a value has, and its letter in a Shape."""
Row = tuple[Any, ...]


class Shape(NamedTuple):
    """How the rows of one table look. Rows of other tables look different."""

    pattern: re.Pattern[bytes]
    """One letter a column: n NULL, i integer of up to 32 bits, l longer integer, f real, t text, b blob."""
    of_index: bool
    """The table is WITHOUT ROWID, stored like an index. In other tables the first column is the rowid, stored as NULL."""


def shape(pattern: str, of_index: bool = False) -> Shape:
    """Makes a Shape of a regular expression."""
    return Shape(re.compile(pattern.encode(), re.DOTALL), of_index)


class Record(NamedTuple):
    """A row that is not decoded yet."""

    types: Sequence[int]
    """The serial type of each column."""
    payload: bytes
    at: int
    """The offset of the values."""
    rowid: int

    def has(self, its: Shape) -> bool:
        """Whether the record has this shape."""
        short = self.types if isinstance(self.types, bytes) else bytes(min(one, SHORT + one % 2) for one in self.types)
        return its.pattern.fullmatch(short.translate(LETTERS)) is not None

    def first(self) -> Any:
        """The first value. In a table with rowids it is NULL."""
        return _value(self.types[0], self.payload[self.at : self.at + _bytes(self.types[0])])

    def row(self, of_index: bool) -> Row:
        """The values. Raises ValueError if one makes no sense."""
        values, at = list[Any](), self.at
        for one in self.types:
            end = at + _bytes(one)
            values.append(_value(one, self.payload[at:end]))
            at = end
        return tuple(values) if of_index else (self.rowid, *values[1:])


def record(payload: bytes, rowid: int) -> Record:
    """Parses a payload. Raises ValueError or IndexError if it is not a record."""
    size, at = varint(payload, 0)
    header = payload[at:size]
    types: Sequence[int] = header
    if not header.isascii():
        types, at = [], 0
        while at < len(header):
            one, at = varint(header, at)
            types.append(one)
    if size + sum(map(_bytes, types)) != len(payload):
        raise ValueError("not a record")
    return Record(types, payload, size, rowid)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer of one to nine bytes, and the offset after it."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    value = value << 8 | data[at]
    return value - 2**64 if value >= 2**63 else value, at + 1


def _bytes(one: int) -> int:
    """How many bytes a value of this serial type has."""
    return SIZES[one] if one < SHORT else (one - 12) // 2


def _value(one: int, data: bytes) -> Any:
    if one < 7:
        return int.from_bytes(data, "big", signed=True) if one else None
    if one >= 12:
        return data.decode() if one % 2 else data
    return one - 8 if one >= 8 else struct.unpack(">d", data)[0]
