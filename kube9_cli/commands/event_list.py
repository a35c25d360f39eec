"""What `events list` answers: a page, everything, what happened around a moment, or what is new from now on."""

from __future__ import annotations

import sys
import time

from kube9_cli.errors import QueryError
from kube9_cli.options import Options
from kube9_cli.query import coverage, events, notes, paging
from kube9_cli.query.connection import Database
from kube9_cli.query.paging import Cursor, Paged
from kube9_cli.query.search import Request
from kube9_cli.render import listing
from kube9_cli.selection import Selection

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from kube9_cli.query.around import Around

ROWS_AT_ONCE = 1_000
"""Events that are read in one snapshot of the database."""
IDS_AT_ONCE = 5_000
"""Ids that are in memory at once. The cursor behind them takes some 300 bytes for each."""
LOOK_SECONDS = 1.0
"""Between two looks for what is new."""


def print_page(chosen: Options, selected: Selection, request: Request, cursor: Cursor | None, database: Database) -> None:
    """Prints events, number and coverage of one snapshot. It is over before anything is printed: a reader may be slow."""
    with database.snapshot():
        paged, rest, sentences = _begun(chosen, selected, request, cursor, database)
        page = events.Page(database, paged.ids)
    listing.print_list(chosen, page.events(), _pagination(request, paged), rest, sentences)


def print_all(chosen: Options, selected: Selection, request: Request, cursor: Cursor | None, database: Database) -> None:
    """Prints everything that was there at the start. Each thousand events are one snapshot, with a time limit of its own."""
    request = request._replace(limit=IDS_AT_ONCE)
    with database.snapshot():
        paged, rest, sentences = _begun(chosen, selected, request, cursor, database)
        page = events.Page(database, paged.ids[:ROWS_AT_ONCE])
    pagination = _pagination(request._replace(limit=0), paged._replace(following=None))
    everything = _everything(selected, request, database, paged, page)
    listing.print_list(chosen, everything, pagination, rest, sentences)


def _everything(
    selected: Selection, request: Request, database: Database, paged: Paged, page: events.Page
) -> Iterator[dict[str, Any]]:
    while True:
        yield from page.events()
        for at in range(ROWS_AT_ONCE, len(paged.ids), ROWS_AT_ONCE):
            database.renew()
            with database.snapshot():
                page = events.Page(database, paged.ids[at : at + ROWS_AT_ONCE])
            yield from page.events()
        if paged.following is None:
            return
        database.renew()
        with database.snapshot():
            paged = paging.page(database, selected, request._replace(counted=False), paged.following)
            page = events.Page(database, paged.ids[:ROWS_AT_ONCE])


def print_around(chosen: Options, selected: Selection, request: Request, around: Around, database: Database) -> None:
    """Prints what happened on both sides of a moment, the earliest first. Of an event that is the moment, the row is marked."""
    from kube9_cli.query.around import both_sides  # only where it is needed

    with database.snapshot():
        at = around.at(database)
        selected = around.narrowed(selected, at)
        database.load(selected)
        total, ids = both_sides(database, selected, request, at)
        rest, sentences = _said(chosen, selected, not ids, database)
        page = events.Page(database, ids)
    rest |= {"asked": rest.get("asked", {}) | around.described(at)}
    pagination = _pagination(request, Paged(total, ids, None))
    mark = " (marked with >)" if at.event in ids else ", which does not match"
    said = [*sentences, around.sentence(at, chosen.zone, mark)]
    listing.print_list(chosen, _marked(page.events(), around.given), pagination, rest, said)


def _marked(found: Iterator[dict[str, Any]], given: str) -> Iterator[dict[str, Any]]:
    for event in found:
        yield event | {"marked": True} if event["id"] == given else event


def watch(chosen: Options, selected: Selection, request: Request, database: Database) -> None:
    """Prints the newest events, the oldest of them first, and then what is new or changed, until the reader goes away.

    Raises QueryError if the database cannot be read for longer than --timeout.
    """
    from kube9_cli.query.changes import Changes  # only where it is needed
    from kube9_cli.streams import reader_is_gone

    changes = Changes(selected)
    with database.snapshot():
        paged, rest, sentences = _begun(chosen, selected, request, None, database)
        page = events.Page(database, paged.ids[::-1])
        changes.begin(database)
    following = chosen.following()
    listing.print_list(following, page.events(), _pagination(request, paged), rest, sentences)
    following.headings = following.headings and not paged.ids
    looked = time.monotonic()
    while not reader_is_gone():
        sys.stdout.flush()
        time.sleep(LOOK_SECONDS)
        try:
            database.reopen()
            with database.snapshot():
                ids = changes.since_last(database)
        except QueryError:  # an operator that starts again may import the database, or migrate it
            if time.monotonic() - looked > chosen.timeout_seconds:
                raise
            continue
        looked = time.monotonic()
        for at in range(0, len(ids), ROWS_AT_ONCE):
            database.renew()
            with database.snapshot():
                page = events.Page(database, ids[at : at + ROWS_AT_ONCE])
            listing.print_events(following, page.events())
            following.headings = False


def _begun(
    chosen: Options, selected: Selection, request: Request, cursor: Cursor | None, database: Database
) -> tuple[Paged, dict[str, Any], Sequence[str]]:
    """A page, what a document has besides the events, and notes for people."""
    is_first = cursor is None and request.sort == "last" and not request.reverse and request.limit <= ROWS_AT_ONCE
    database.load(selected, request.offset + request.limit + 1 if is_first else None, request.counted)
    paged = paging.page(database, selected, request, cursor)
    rest, sentences = _said(chosen, selected, not (paged.ids or request.offset or cursor), database)
    return paged, rest, sentences


def _said(chosen: Options, selected: Selection, empty: bool, database: Database) -> tuple[dict[str, Any], list[str]]:
    noted = notes.of(database, selected, empty)
    return {"coverage": coverage.covered(database, selected, chosen.path)} | noted.fields, noted.sentences


def _pagination(request: Request, paged: Paged) -> dict[str, Any]:
    counted = {} if paged.total is None else {"total": paged.total}
    following = {} if paged.following is None else {"next": paging.encode(paged.following)}
    return counted | {"limit": request.limit, "offset": request.offset} | following
