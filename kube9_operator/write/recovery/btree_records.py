"""Records of a database file of SQLite: the rows of its tables as their cells have them.

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
"""Of the serial types: how many bytes a value has, and what they are called in a Shape."""
Row = tuple[Any, ...]


class Shape(NamedTuple):
    """What the rows of one table look like, which no others do."""

    pattern: re.Pattern[bytes]
    """Of one letter a column: n NULL, i integer of up to 32 bits, l longer, f real, t text, b blob."""
    of_index: bool
    """It is a table WITHOUT ROWID, which is kept as an index is. Of others the first column is the rowid, kept as NULL."""


def shape(pattern: str, of_index: bool = False) -> Shape:
    """See Shape."""
    return Shape(re.compile(pattern.encode(), re.DOTALL), of_index)


class Record(NamedTuple):
    """A row that is not decoded yet."""

    types: Sequence[int]
    """The serial type of each column."""
    payload: bytes
    at: int
    """Where the values begin."""
    rowid: int

    def has(self, its: Shape) -> bool:
        """Whether it looks like that."""
        short = self.types if isinstance(self.types, bytes) else bytes(min(one, SHORT + one % 2) for one in self.types)
        return its.pattern.fullmatch(short.translate(LETTERS)) is not None

    def first(self) -> Any:
        """Its first value; of a table with rowids it is NULL."""
        return _value(self.types[0], self.payload[self.at : self.at + _bytes(self.types[0])])

    def row(self, of_index: bool) -> Row:
        """Its values. Raises ValueError where one makes no sense."""
        values, at = list[Any](), self.at
        for one in self.types:
            end = at + _bytes(one)
            values.append(_value(one, self.payload[at:end]))
            at = end
        return tuple(values) if of_index else (self.rowid, *values[1:])


def record(payload: bytes, rowid: int) -> Record:
    """What a payload says. Raises ValueError or IndexError where it is none."""
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
    """An integer of one to nine bytes, and the place after it."""
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
    """How long a value of this serial type is."""
    return SIZES[one] if one < SHORT else (one - 12) // 2


def _value(one: int, data: bytes) -> Any:
    if one < 7:
        return int.from_bytes(data, "big", signed=True) if one else None
    if one >= 12:
        return data.decode() if one % 2 else data
    return one - 8 if one >= 8 else struct.unpack(">d", data)[0]
