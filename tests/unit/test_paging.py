"""Pages put together while events are updated, recorded and deleted: what was there at the start comes exactly once."""

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_cli.query import paging
from kube9_cli.query.connection import Database
from kube9_cli.query.order import Key
from kube9_cli.query.paging import Cursor
from kube9_cli.query.search import Request
from kube9_cli.selection import Selection
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made

COUNT = 600
HOUR = 3_600_000


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record that no test changes."""
    folder = tmp_path_factory.mktemp("paging")
    connection = made.create(str(folder))
    made.fill(connection, COUNT, seed=3)
    connection.close()
    return folder


@pytest.fixture
def folder(resting: Path, tmp_path: Path) -> Path:
    shutil.copytree(resting, tmp_path, dirs_exist_ok=True)
    return tmp_path


class Writer:
    """Changes the record between two pages, as the operator does."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.connection = apsw.Connection(str(folder / "kube9.db"))
        self._session = Session(self.connection)
        self._filing = Store(self._session, quiet_ms=3_600_000).filing
        self.chance = random.Random(seed)
        self.now_ms = time.time_ns() // 1_000_000
        self.deleted: set[int] = set()

    def ids(self) -> list[int]:
        return [row[0] for row in self.connection.execute("SELECT id FROM events")]

    def change(self, events: int) -> None:
        """Updates some events, old and new; records and deletes some."""
        self.now_ms += 1_000
        with self._session.transaction(self.now_ms):
            self._change(events)

    def _change(self, events: int) -> None:
        known = self.ids()
        for event in self.chance.sample(known, events):
            last = self.chance.choice((self.now_ms, self.now_ms - self.chance.randrange(7 * 24 * HOUR)))
            self.connection.execute(
                """UPDATE events SET last_ms = max(last_ms, ?1), count = count + ?2,
                severity = max(severity, ?3), recorded_ms = ?4 WHERE id = ?5""",
                (last, self.chance.randrange(3), self.chance.choice((0, 0, 2, 3)), self.now_ms, event),
            )
            self._filing.file((event,))
        for event in self.chance.sample(known, 2):
            self._filing.delete(event)
            self.deleted.add(event)
        newest = max(known)
        columns = [row[1] for row in self.connection.execute("PRAGMA table_info(events)")]
        rest = ", ".join({"id": "?1", "last_ms": "?2", "recorded_ms": "?2", "series": "NULL"}.get(one, one) for one in columns)
        self.connection.execute(
            f"INSERT INTO events SELECT {rest} FROM events WHERE id = ?3", (newest + 1, self.now_ms, newest)
        )
        self.connection.execute("INSERT INTO texts VALUES (?, NULL, '{}', '', NULL)", (newest + 1,))
        self._filing.file((newest + 1,))
        self.connection.execute("INSERT OR REPLACE INTO facts VALUES ('last_commit_ms', ?)", (self.now_ms,))

    def close(self) -> None:
        self.connection.close()


def pages(folder: Path, request: Request, between: Any = lambda: None) -> Iterator[list[int]]:
    """The ids of one page after the other; each cursor goes through its text."""
    cursor: Cursor | None = None
    while True:
        database = Database(str(folder / "kube9.db"), 30.0, lambda: 0.0)
        with database.snapshot():
            found = paging.page(database, Selection(), request, cursor)
        database.close()
        yield found.ids
        if found.following is None:
            return
        cursor = paging.decode(paging.encode(found.following))
        between()


ORDERS = [(sort, reverse) for sort in ("last", "first", "created", "count", "severity") for reverse in (False, True)]


@pytest.mark.parametrize(("sort", "reverse"), ORDERS)
@pytest.mark.parametrize("counted", [True, False])
def test_pages_of_a_list_that_rests_are_the_list(resting: Path, sort: str, reverse: bool, counted: bool) -> None:
    (whole,) = pages(resting, Request(sort, reverse, limit=1_000))
    found = list(pages(resting, Request(sort, reverse, limit=37, counted=counted)))
    assert [one for page in found for one in page] == list(whole)
    assert {len(page) for page in found[:-1]} == {37}


@pytest.mark.parametrize(("sort", "reverse"), ORDERS)
@pytest.mark.parametrize("seed", range(3))
def test_each_event_comes_once_while_events_change(folder: Path, sort: str, reverse: bool, seed: int) -> None:
    writer = Writer(folder, seed)
    there = writer.ids()
    found = [one for page in pages(folder, Request(sort, reverse, limit=29), lambda: writer.change(25)) for one in page]
    assert len(found) == len(set(found)), "none comes twice"
    assert set(there) - writer.deleted <= set(found) <= set(there)
    writer.close()


def test_a_cursor_of_many_ids_is_short_text() -> None:
    chance = random.Random(1)
    begin = 1_795_000_000 * 36**6
    shown = sorted(begin + chance.randrange(7 * 86_400) * 36**6 + chance.randrange(20) for _ in range(paging.MOST_SHOWN))
    cursor = Cursor(7, None, 1_795_000_000_000, 5, begin, Key(3, begin), tuple(shown))
    text = paging.encode(cursor)
    assert paging.decode(text) == cursor
    assert len(text) < 50_000
    assert text.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("text", ["", "x", "eJw", "é", "eJyLNtQBAAFsALM", "!" * 100])
def test_another_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        paging.decode(text)


def test_a_text_that_unpacks_to_very_much_is_refused() -> None:
    import binascii
    import zlib

    bomb = binascii.b2a_base64(zlib.compress(b"[" + b"1," * 20_000_000 + b"1]", 9), newline=False).decode()
    with pytest.raises(ValueError, match=r"^"):
        paging.decode(bomb.replace("+", "-").replace("/", "_").rstrip("="))
