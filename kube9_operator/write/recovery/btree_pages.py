"""Reads rows from the pages of a damaged database and its WAL, without SQLite.

A page is assigned to a table by its own rows. No other page is needed, neither the upper levels of a table nor the schema. The
format is described in https://sqlite.org/fileformat2.html; the database has auto_vacuum.
"""

import contextlib
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from kube9_operator.write.recovery.btree_records import Record, Row, Shape, record, varint
from kube9_operator.write.sqlite.database import PAGE_BYTES
from kube9_schema.files import open_file

LEAF_TABLE, LEAF_INDEX, INTERIOR_INDEX = 0x0D, 0x0A, 0x02
KINDS = {LEAF_TABLE: 8, LEAF_INDEX: 8, INTERIOR_INDEX: 12}
"""Types of pages with rows, and the size of the header before the list of their cells."""
FILE_HEADER = 100
LINK = 4
"""Bytes of a page number."""
MAP_ENTRY = 5
MAPPED = PAGE_BYTES // MAP_ENTRY + 1
"""A page of the pointer map, and the pages after it that it describes."""
FREE = 2
LOCK_PAGE = 2**30 // PAGE_BYTES + 1
"""SQLite never uses this page."""
WAL_HEADER, FRAME_HEADER = 32, 24
TRIED = 3
CACHED = 512
NEAR = 2
"""How many pages on each side of a key's place are read, because damage may have moved a page in the order."""

BROKEN = (ValueError, IndexError, OSError)
"""Raised for a page or a cell that cannot be read."""


class Pages:
    """The pages of a database as last committed. Nothing may write to it."""

    def __init__(self, path: str) -> None:
        self._file = open_file(path)
        self._wal = -1
        self._frames: dict[int, int] = {}
        self._number = os.fstat(self._file).st_size // PAGE_BYTES
        with contextlib.suppress(*BROKEN):
            self._wal = open_file(f"{path}-wal")
            self._read_wal()
        self._map: tuple[int, bytes] = (0, b"")

    def close(self) -> None:
        """Closes the files."""
        for one in (self._file, self._wal):
            if one >= 0:
                os.close(one)

    def page(self, number: int) -> bytes:
        """A page by its number, from 1. Raises one of BROKEN."""
        if number in self._frames:
            found = os.pread(self._wal, PAGE_BYTES, self._frames[number])
        else:
            found = os.pread(self._file, PAGE_BYTES, (number - 1) * PAGE_BYTES)
        if len(found) < PAGE_BYTES or number < 1:
            raise ValueError("no such page")
        return found

    def tables(self, shapes: Mapping[str, Shape]) -> dict[str, "Table"]:
        """The rows of each table, on whatever page they are."""
        found: dict[str, list[int]] = {name: [] for name in shapes}
        for number in range(1, self._number + 1):
            with contextlib.suppress(*BROKEN):
                page = self.page(number)
                if page[0] in KINDS and not self._is_free(number) and (name := self._owner(page, shapes)):
                    found[name].append(number)
        return {name: Table(self, shapes[name], numbers) for name, numbers in found.items()}

    def record(self, page: bytes, at: int) -> Record:
        """The record of the cell at this offset. Raises one of BROKEN."""
        return record(*self._payload(page, at))

    def _read_wal(self) -> None:
        """Finds each page's last committed frame.

        Frames from before the WAL started over have other salts. Checksums are not compared, because the rest of a damaged
        frame is worth having.
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
        """Whether a page is free according to the pointer map, so that its rows are old."""
        map_page = (number - 2) // MAPPED * MAPPED + 2
        map_page += map_page == LOCK_PAGE
        if number in (1, map_page):
            return number == map_page
        if self._map[0] != map_page:
            self._map = (map_page, self.page(map_page))
        return self._map[1][MAP_ENTRY * (number - map_page - 1)] == FREE

    def _owner(self, page: bytes, shapes: Mapping[str, Shape]) -> str | None:
        """The table that a page belongs to, by one of its first rows that make sense."""
        makes_sense = 0
        for at in cells(page):
            with contextlib.suppress(*BROKEN):
                found = self.record(page, at)
                for name, one in shapes.items():
                    if one.of_index == (page[0] != LEAF_TABLE) and found.has(one):
                        return name
                makes_sense += 1
                if makes_sense == TRIED:
                    break
        return None

    def _payload(self, page: bytes, at: int) -> tuple[bytes, int]:
        """The record of a cell, with its overflow pages, and the rowid; 0 if it has none."""
        if page[0] == INTERIOR_INDEX:
            at += LINK
        size, at = varint(page, at)
        rowid, most = 0, (PAGE_BYTES - 12) * 64 // 255 - 23
        if page[0] == LEAF_TABLE:
            rowid, at = varint(page, at)
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


class Table:
    """The rows of one table, by their first column."""

    def __init__(self, pages: Pages, its: Shape, numbers: list[int]) -> None:
        self._pages = pages
        self._its = its
        self._cells = lru_cache(CACHED)(self._cells_of)
        self._upper: list[int] = []
        self._spread: dict[Any, list[Row]] = {}
        """Rows of the upper levels of an index, by key."""
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
        """Every row that can be read. If the table has rowids, page by page, the greatest first."""
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
        """The rows of these cells that make sense."""
        for at in places:
            with contextlib.suppress(*BROKEN):
                found = self._pages.record(page, at)
                if found.has(self._its):
                    yield found.row(self._its.of_index)

    def _middle(self, page: bytes) -> Any:
        """The key in the middle of a page, which gives its place among others. Damage rarely hits just this one."""
        places = cells(page)
        for at in places[len(places) // 2 :] + places[: len(places) // 2]:
            with contextlib.suppress(*BROKEN):
                return self._key(page, at)
        raise ValueError("no key")

    def _key(self, page: bytes, at: int) -> Any:
        if not self._its.of_index:
            return varint(page, varint(page, at)[1])[0]
        return self._pages.record(page, at).first()

    def _cells_of(self, number: int) -> tuple[bytes, dict[Any, list[int]]]:
        """A page, and the offsets of its cells by key."""
        found: dict[Any, list[int]] = {}
        page = self._pages.page(number)
        for at in cells(page):
            with contextlib.suppress(*BROKEN):
                found.setdefault(self._key(page, at), []).append(at)
        return page, found


def cells(page: bytes) -> list[int]:
    """The offsets of the cells of a page. Impossible ones are left out."""
    header = KINDS[page[0]]
    number = min(_number(page, 3, 2), (PAGE_BYTES - header) // 2)
    return [at for at in struct.unpack_from(f">{number}H", page, header) if header < at < PAGE_BYTES]


def _number(data: bytes, at: int, size: int = LINK) -> int:
    return int.from_bytes(data[at : at + size], "big")
