"""Pages of a list while it changes: what is there when the first page is read comes exactly once.

An event that is updated may move past the place that the pages have reached, in either direction. So a cursor has this
place, the time and the newest id of the first page, and the ids of events that were shown and may move. The next page has

- the events that come after the place, except those that were shown before they moved there;
- the events that were updated since the first page and now come before the place, except those that were shown.
"""

from __future__ import annotations

import binascii
from array import array

from kube9_cli import json_text
from kube9_cli.query import search
from kube9_cli.query.connection import Database, number
from kube9_cli.query.order import VALUES, Key, Window
from kube9_cli.query.search import Request
from kube9_cli.selection import Selection
from kube9_schema import facts
from kube9_schema.ids import SUFFIXES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_SHOWN = 10_000
"""The ids that a cursor has: those of the events that were updated last, if there are more."""
MOST_BYTES = 1_000_000
"""Of a cursor. With so many ids it has some 30 KB."""
AT_ONCE = 500
VERSION = 1


class Cursor(NamedTuple):
    """Where a page ends."""

    question: int
    """Stands for the selection and the order. A cursor fits to no other question."""
    since_ms: int | None
    until_ms: int | None
    """The times that were asked for, which may have been relative to the time of the first page."""
    began_ms: int
    """The last commit before the first page."""
    newest_id: int
    place: Key
    shown: tuple[int, ...] = ()
    """Events that were shown and may come again."""


class Paged(NamedTuple):
    """A page, and the cursor of the next one."""

    total: int | None
    ids: Sequence[int]
    following: Cursor | None
    """None if this is the last page."""


def page(database: Database, selection: Selection, request: Request, cursor: Cursor | None) -> Paged:
    """The page after a cursor, or the first one. The caller has begun a snapshot. Raises QueryError.

    After a cursor, the times of the selection have to be those of the cursor.
    """
    if cursor is not None:
        return _following(database, selection, request, cursor)
    matches = search.find(database, selection, request if request.counted else request._replace(limit=request.limit + 1))
    ids = matches.ids[: request.limit]
    more = len(matches.ids) > request.limit if matches.total is None else matches.total > request.offset + len(ids)
    if not (more and ids) or request.offset:  # what an offset skips may move, too
        return Paged(matches.total, ids, None)
    began = number(dict(database.all("SELECT name, value FROM facts WHERE name = ?", (facts.LAST_COMMIT,))), facts.LAST_COMMIT)
    newest = database.newest_id()
    start = Cursor(question(selection, request), selection.since_ms, selection.until_ms, began or 0, newest, Key(0, 0))
    return Paged(matches.total, ids, _moved_on(database, request, start, ids, ids[-1]))


def question(selection: Selection, request: Request) -> int:
    """A number that stands for the selection and the order. Times are not part of it: they may be relative to now."""
    said = (sorted(selection.wanted.items()), sorted(selection.excluded.items()), request.sort, request.reverse)
    return binascii.crc32(repr(said).encode())


def _following(database: Database, selection: Selection, request: Request, cursor: Cursor) -> Paged:
    shown = set(cursor.shown)
    ahead = sum(_is_after(key, cursor.place, request.reverse) for key in _keys(database, request.sort, cursor.shown).values())
    back = array("q")
    if request.sort != "created":
        back = _moved_back(database, selection, request, cursor, shown)
    limit = request.limit + 1
    window = Window(after=cursor.place, newest_id=cursor.newest_id)
    rest = search.find(database, selection, request._replace(limit=limit + ahead, offset=0, window=window))
    forth = array("q", (one for one in rest.ids if one not in shown))
    ids = (back + forth)[: request.limit]
    if len(back) + len(forth) <= request.limit:
        return Paged(rest.total, ids, None)
    last = next((one for one in reversed(ids[len(back) :])), None)
    return Paged(rest.total, ids, _moved_on(database, request, cursor, ids, last))


def _moved_back(database: Database, selection: Selection, request: Request, cursor: Cursor, shown: set[int]) -> array[int]:
    """Events that were updated since the first page, come before the place by now, and were not shown."""
    if request.sort == "last" and not request.reverse:
        # One that came after the place was last seen before it, and so first seen before it. Few events last that long.
        bound = cursor.place.value + 1
        selection = selection._replace(until_ms=bound if selection.until_ms is None else min(bound, selection.until_ms))
    window = Window(upto=cursor.place, newest_id=cursor.newest_id, changed_since_ms=cursor.began_ms)
    limit = request.limit + 1 + len(shown)
    found = search.find(database, selection, request._replace(limit=limit, offset=0, counted=False, window=window))
    return array("q", (one for one in found.ids if one not in shown))[: request.limit + 1]


def _moved_on(database: Database, request: Request, cursor: Cursor, ids: Sequence[int], last: int | None) -> Cursor:
    """The cursor after a page with these ids. `last` is the one at its end, if it moves the place."""
    place = cursor.place if last is None else _keys(database, request.sort, (last,))[last]
    if request.sort == "created":
        return cursor._replace(place=place)
    rows = _rows(database, "id, first_ms, recorded_ms", (*cursor.shown, *ids))
    # An event that began after the place comes again only if it turns out to have begun earlier, which is rare: it goes last.
    falls = request.sort == "last" and not request.reverse
    rows = sorted(rows, key=lambda row: (falls and row[1] > place.value, -row[2], row[0]))[:MOST_SHOWN]
    return cursor._replace(place=place, shown=tuple(sorted(row[0] for row in rows)))


def _is_after(key: Key, place: Key, reverse: bool) -> bool:
    return key > place if reverse else key < place


def _keys(database: Database, sort: str, ids: Iterable[int]) -> dict[int, Key]:
    return {number: Key(value, number) for number, value in _rows(database, f"id, {VALUES[sort]}", tuple(ids))}


def _rows(database: Database, columns: str, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Columns of these events. Events that are gone are left out."""
    found = []
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        found += database.all(f"SELECT {columns} FROM events WHERE id IN ({', '.join('?' * len(some))})", tuple(some))
    return found


def encode(cursor: Cursor) -> str:
    """The cursor as text. Ids are given by the second, so the seconds between two ids and the rest are small numbers."""
    import zlib  # only where it is needed

    shown, before = [], 0
    for one in cursor.shown:
        second, suffix = divmod(one, SUFFIXES)
        shown += [second - before, suffix]
        before = second
    said = [VERSION, *cursor[:5], *cursor.place, *shown]
    packed = zlib.compress(json_text.encode(said).replace(" ", "").encode(), level=9)
    return binascii.b2a_base64(packed, newline=False).decode().translate(str.maketrans("+/", "-_", "="))


def decode(text: str) -> Cursor:
    """The cursor of a text. Raises ValueError for a text that is none."""
    import zlib

    try:
        packed = binascii.a2b_base64(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4))
        unpacker = zlib.decompressobj()
        said = json_text.decode(unpacker.decompress(packed, MOST_BYTES).decode())
    except (ValueError, zlib.error, RecursionError) as error:
        raise ValueError(text) from error
    whole = isinstance(said, list) and all(type(one) is int or (at in (2, 3) and one is None) for at, one in enumerate(said))
    if not whole or len(said) < 8 or len(said) % 2 or said[0] != VERSION or len(said) > 2 * MOST_SHOWN + 8:
        raise ValueError(text)
    shown, second = [], 0
    for gap, suffix in zip(said[8::2], said[9::2], strict=True):
        second += gap
        shown.append(second * SUFFIXES + suffix)
    if any(not -(2**63) <= one < 2**63 for one in (*shown, *(one for one in said if one is not None))):
        raise ValueError(text)
    return Cursor(said[1], said[2], said[3], said[4], said[5], Key(said[6], said[7]), tuple(shown))
