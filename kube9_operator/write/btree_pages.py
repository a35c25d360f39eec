"""Rows of a damaged database, read out of its pages and those of its WAL without SQLite. What a page holds is told by its own
rows: no other page is needed, neither the upper levels of a table nor the schema. The format is that of
https://sqlite.org/fileformat2.html, of a database with auto_vacuum.
"""

import contextlib
import os
import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from kube9_operator.write.database import PAGE_BYTES

LEAF_TABLE, LEAF_INDEX, INTERIOR_INDEX = 0x0D, 0x0A, 0x02
KINDS = {LEAF_TABLE: 8, LEAF_INDEX: 8, INTERIOR_INDEX: 12}
"""Pages with rows, and how long what comes before the list of their cells is."""
FILE_HEADER = 100
LINK = 4
"""Bytes of a page's number."""
MAP_ENTRY = 5
MAPPED = PAGE_BYTES // MAP_ENTRY + 1
"""A page of the pointer map, and those after it that it tells of."""
FREE = 2
LOCK_PAGE = 2**30 // PAGE_BYTES + 1
"""Is never used."""
WAL_HEADER, FRAME_HEADER = 32, 24
SHORT = 128
"""Serial types below this are written as one byte."""
SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0, *((one - 12) // 2 for one in range(12, SHORT)))
LETTERS = b"niiiillfii__" + b"bt" * ((256 - 12) // 2)
"""Of the serial types: how many bytes a value has, and what they are called in a Shape."""
TRIED = 3
CACHED = 512
NEAR = 2
"""So many pages to each side of the place of a key are looked at: damage may have put one where it does not belong."""

BROKEN = (ValueError, IndexError, OSError)
"""What a page or a cell raises that cannot be read."""

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


class Pages:
    """The pages of a database that nobody writes to any more, as last committed."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._wal = -1
        self._frames: dict[int, int] = {}
        self._number = os.fstat(self._file).st_size // PAGE_BYTES
        with contextlib.suppress(*BROKEN):
            self._wal = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            self._read_wal()
        self._map: tuple[int, bytes] = (0, b"")

    def close(self) -> None:
        """Closes the files."""
        for one in (self._file, self._wal):
            if one >= 0:
                os.close(one)

    def page(self, number: int) -> bytes:
        """A page, the first being 1. Raises one of BROKEN."""
        if number in self._frames:
            found = os.pread(self._wal, PAGE_BYTES, self._frames[number])
        else:
            found = os.pread(self._file, PAGE_BYTES, (number - 1) * PAGE_BYTES)
        if len(found) < PAGE_BYTES or number < 1:
            raise ValueError("no such page")
        return found

    def tables(self, shapes: Mapping[str, Shape]) -> dict[str, "Table"]:
        """The rows of each, wherever they are."""
        found: dict[str, list[int]] = {name: [] for name in shapes}
        for number in range(1, self._number + 1):
            with contextlib.suppress(*BROKEN):
                page = self.page(number)
                if page[0] in KINDS and not self._is_free(number) and (name := self._owner(page, shapes)):
                    found[name].append(number)
        return {name: Table(self, shapes[name], numbers) for name, numbers in found.items()}

    def record(self, page: bytes, at: int) -> "Record":
        """What the cell at this place has. Raises one of BROKEN."""
        payload, rowid = self._payload(page, at)
        size, at = _varint(payload, 0)
        header = payload[at:size]
        types: Sequence[int] = header
        if not header.isascii():
            types, at = [], 0
            while at < len(header):
                one, at = _varint(header, at)
                types.append(one)
        if size + sum(map(_bytes, types)) != len(payload):
            raise ValueError("not a record")
        return Record(types, payload, size, rowid)

    def _read_wal(self) -> None:
        """Where each page's last committed frame is. Frames of before the WAL began anew have other salts; checksums are not
        looked at, since the rest of a damaged frame is worth having.
        """
        size = os.fstat(self._wal).st_size
        salts = os.pread(self._wal, 8, 16)
        coming: dict[int, int] = {}
        for at in range(WAL_HEADER, size - FRAME_HEADER - PAGE_BYTES + 1, FRAME_HEADER + PAGE_BYTES):
            header = os.pread(self._wal, FRAME_HEADER, at)
            if header[8:16] != salts:
                continue
            coming[_number(header, 0)] = at + FRAME_HEADER
            if pages := _number(header, 4):
                self._frames |= coming
                self._number = pages
                coming.clear()

    def _is_free(self, number: int) -> bool:
        """Whether the page is one that nothing is in any more: what it says is old. The pointer map knows."""
        map_page = (number - 2) // MAPPED * MAPPED + 2
        map_page += map_page == LOCK_PAGE
        if number in (1, map_page):
            return number == map_page
        if self._map[0] != map_page:
            self._map = (map_page, self.page(map_page))
        return self._map[1][MAP_ENTRY * (number - map_page - 1)] == FREE

    def _owner(self, page: bytes, shapes: Mapping[str, Shape]) -> str | None:
        """Whose rows these are: what one of the first says that make sense."""
        makes_sense = 0
        for at in cells(page):
            with contextlib.suppress(*BROKEN):
                record = self.record(page, at)
                for name, one in shapes.items():
                    if one.of_index == (page[0] != LEAF_TABLE) and record.has(one):
                        return name
                makes_sense += 1
                if makes_sense == TRIED:
                    break
        return None

    def _payload(self, page: bytes, at: int) -> tuple[bytes, int]:
        """The record of a cell, what does not fit into the page included, and its rowid, 0 where it has none."""
        if page[0] == INTERIOR_INDEX:
            at += LINK
        size, at = _varint(page, at)
        rowid, most = 0, (PAGE_BYTES - 12) * 64 // 255 - 23
        if page[0] == LEAF_TABLE:
            rowid, at = _varint(page, at)
            most = PAGE_BYTES - 35
        if size <= most:
            return page[at : at + size], rowid
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        here = least + (size - least) % (PAGE_BYTES - LINK)
        here = here if here <= most else least
        parts, left = [page[at : at + here]], size - here
        following = _number(page, at + here)
        if left > self._number * PAGE_BYTES:
            raise ValueError("longer than the file")
        while left > 0:
            overflow = self.page(following)
            following = _number(overflow, 0)
            parts.append(overflow[LINK : LINK + left])
            left -= len(parts[-1])
        return b"".join(parts), rowid


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

    def row(self, of_index: bool) -> Row:
        """Its values. Raises ValueError where one makes no sense."""
        values, at = list[Any](), self.at
        for one in self.types:
            end = at + _bytes(one)
            values.append(_value(one, self.payload[at:end]))
            at = end
        return tuple(values) if of_index else (self.rowid, *values[1:])


class Table:
    """The rows of one table, by their first column."""

    def __init__(self, pages: Pages, its: Shape, numbers: list[int]) -> None:
        self._pages = pages
        self._its = its
        self._cells = lru_cache(CACHED)(self._cells_of)
        self._upper: list[int] = []
        self._spread: dict[Any, list[Row]] = {}
        """Rows of the upper levels of an index, by their key."""
        placed = []
        for number in numbers:
            with contextlib.suppress(*BROKEN):
                page = pages.page(number)
                if page[0] == INTERIOR_INDEX:
                    self._upper.append(number)
                    for row in self._rows(page, cells(page)):
                        self._spread.setdefault(row[0], []).append(row)
                else:
                    placed.append((self._middle(page), number))
        placed.sort()
        self._keys = [key for key, _ in placed]
        self._numbers = [number for _, number in placed]

    def __iter__(self) -> Iterator[Row]:
        """Every row that can be read; of a table with rowids the greatest first, page for page."""
        for number in (*reversed(self._numbers), *self._upper):
            with contextlib.suppress(*BROKEN):
                page = self._pages.page(number)
                yield from self._rows(page, reversed(cells(page)))

    def of(self, key: Any) -> list[Row]:
        """The rows with this key that can be read."""
        found = list(self._spread.get(key, ()))
        first = max(0, bisect_left(self._keys, key) - NEAR)
        for number in self._numbers[first : bisect_right(self._keys, key) + NEAR]:
            with contextlib.suppress(*BROKEN):
                page, places = self._cells(number)
                found += [row for row in self._rows(page, places.get(key, ())) if row not in found]
        return found

    def _rows(self, page: bytes, places: Iterable[int]) -> Iterator[Row]:
        """The rows of these cells, as far as they make sense."""
        for at in places:
            with contextlib.suppress(*BROKEN):
                record = self._pages.record(page, at)
                if record.has(self._its):
                    yield record.row(self._its.of_index)

    def _middle(self, page: bytes) -> Any:
        """The key in the middle of a page, for its place among others: one that damage has changed is rarely that one."""
        places = cells(page)
        for at in places[len(places) // 2 :] + places[: len(places) // 2]:
            with contextlib.suppress(*BROKEN):
                return self._key(page, at)
        raise ValueError("no key")

    def _key(self, page: bytes, at: int) -> Any:
        if not self._its.of_index:
            return _varint(page, _varint(page, at)[1])[0]
        record = self._pages.record(page, at)
        return _value(record.types[0], record.payload[record.at : record.at + _bytes(record.types[0])])

    def _cells_of(self, number: int) -> tuple[bytes, dict[Any, list[int]]]:
        """A page, and where in it the cells of each key are."""
        found: dict[Any, list[int]] = {}
        page = self._pages.page(number)
        for at in cells(page):
            with contextlib.suppress(*BROKEN):
                found.setdefault(self._key(page, at), []).append(at)
        return page, found


def cells(page: bytes) -> list[int]:
    """Where the cells of a page are, as far as it can be true."""
    header = KINDS[page[0]]
    number = min(_number(page, 3, 2), (PAGE_BYTES - header) // 2)
    return [at for at in struct.unpack_from(f">{number}H", page, header) if header < at < PAGE_BYTES]


def _number(data: bytes, at: int, size: int = LINK) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _varint(data: bytes, at: int) -> tuple[int, int]:
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
