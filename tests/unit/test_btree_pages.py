"""What is read page by page is what SQLite reads; and of a damaged database all that the damage itself did not take."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery import salvage
from kube9_operator.write.recovery.btree_pages import Pages
from kube9_operator.write.recovery.btree_records import shape
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made

EVENTS = 1_200
PAGE = 4_096
LATE = 1_764_671_445_123
WORDS = ("kind", "namespace", "severity", "type", "object", "reason", "node", "title")
"""Columns with small numbers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a database in which every table has rows, some are long, and pages are free; a third of it is in the WAL alone."""
    folder = tmp_path_factory.mktemp("whole")
    writer = made.create(str(folder))
    made.fill(writer, EVENTS)
    writer.execute("UPDATE texts SET metadata = ? WHERE event % 10 = 4", ('{"a":"%s"}' % ("x" * 20_000),))
    oldest = [row[0] for row in writer.execute("SELECT id FROM events ORDER BY id LIMIT ?", (EVENTS // 3,)).fetchall()]
    session = Session(writer)
    store = Store(session, quiet_ms=1)
    with session.transaction(0):
        for event in oldest:  # as retention does, but for contributors
            store.filing.delete(event)
            writer.execute("DELETE FROM texts WHERE event = ?", (event,))
    writer.execute("PRAGMA incremental_vacuum(30)").fetchall()
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for (table,) in writer.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'books'").fetchall():
        columns = writer.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
        marks = ", ".join("?" * len(columns))
        for number in range(3):
            values = {"INTEGER": LATE + number, "TEXT": f"text {number}", "BLOB": b"blob", "ANY": number}
            row = [1 if name in WORDS and kind == "INTEGER" else values[kind] for name, kind in columns]
            writer.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
    writer.execute("UPDATE events SET title = 1 WHERE id % 2 = 0")
    # The last of its connections would write the WAL back.
    for one in list(folder.iterdir()):
        shutil.copy(one, folder / f"copy-{one.name}")
    writer.close()
    return folder


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> Path:
    for part in ("", "-wal"):
        shutil.copy(folder / f"copy-kube9.db{part}", tmp_path / f"kube9.db{part}")
    return tmp_path / "kube9.db"


@pytest.fixture
def whole(folder: Path, tmp_path: Path) -> Path:
    """The same without a WAL."""
    shutil.copy(folder / "kube9.db", tmp_path / "kube9.db")
    return tmp_path / "kube9.db"


def every(path: Path, table: str) -> list[tuple[Any, ...]]:
    reader = apsw.Connection(str(path))
    try:
        return sorted(reader.execute(f"SELECT * FROM {table}").fetchall())
    finally:
        reader.close()


def test_every_row_as_sqlite_reads_it(path: Path) -> None:
    assert path.with_name("kube9.db-wal").stat().st_size > 100 * PAGE, "some of it is in the WAL alone"
    pages = Pages(str(path))
    tables = pages.tables(salvage.SHAPES)
    found = {name: sorted(table) for name, table in tables.items()}
    for name, rows in found.items():
        expected = every(path, name)
        assert expected
        assert rows == expected, name
        for row in expected:
            assert row in tables[name].of(row[0])
            assert all(one[0] == row[0] for one in tables[name].of(row[0]))
    pages.close()


def test_shapes_are_those_of_the_schema(path: Path) -> None:
    """Each table's own, and no other's: no row of another was found above, though each table has some."""
    reader = apsw.Connection(str(path))
    counts = {
        name: reader.execute(f"SELECT count(*) FROM {name}").get
        for (name,) in reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    }
    reader.close()
    assert all(counts.values()), counts


VALUES = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=50) | st.binary(max_size=50) | st.floats(allow_nan=False)
)
LONG = st.integers(0, 12_000).map(lambda size: "é" * size)


@settings(max_examples=settings().max_examples // 3)
@given(
    st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.tuples(VALUES, LONG, VALUES), min_size=1, max_size=30), st.booleans()
)
def test_any_values(tmp_path_factory: pytest.TempPathFactory, rows: dict[int, tuple[Any, ...]], of_index: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "any.db"
    writer = apsw.Connection(str(path))
    writer.pragma("auto_vacuum", "INCREMENTAL")
    without = "WITHOUT ROWID" if of_index else ""
    writer.execute(f"CREATE TABLE one (id INTEGER PRIMARY KEY, a, b, c) {without}")
    writer.executemany("INSERT INTO one VALUES (?, ?, ?, ?)", [(key, *values) for key, values in rows.items()])
    writer.close()
    pages = Pages(str(path))
    table = pages.tables({"one": shape("[nil].t." if of_index else "n.t.", of_index)})["one"]
    assert sorted(table, key=lambda row: row[0]) == every(path, "one")
    assert all(table.of(key) == [(key, *values)] for key, values in rows.items())
    pages.close()


def salvaged(path: Path) -> tuple[list[salvage.Saved], int, salvage.Found]:
    said: list[salvage.Message] = []
    salvage.salvage(str(path), said.append)
    found, *saved, last = said
    assert isinstance(found, salvage.Found)
    assert isinstance(last, salvage.Read)
    return [one for one in saved if isinstance(one, salvage.Saved)], last.unreadable, found


def structure(path: Path) -> Iterator[tuple[str, str, int, int]]:
    """Table or index, kind of page, number of the page, how many cells."""
    reader = apsw.Connection(str(path))
    yield from reader.execute("SELECT name, pagetype, pageno, ncell FROM dbstat WHERE name <> 'sqlite_sequence'").fetchall()
    reader.close()


def test_what_a_page_costs(whole: Path, tmp_path: Path) -> None:
    """Any page of the file, made noise: no more than the events of its own rows; of the upper levels and of indexes nothing."""
    before, unreadable, found = salvaged(whole)
    every_id = {one.id for one in before}
    assert len(every_id) == len(before) > EVENTS // 2
    assert unreadable == 3, "those that the test put in make no sense"
    chance = random.Random(5)
    pages = list(structure(whole))
    of_objects = {one.id: len(one.about) for one in before}
    assert set(of_objects.values()) == {1}
    chosen = [one for one in pages if one[1] == "internal" or one[2] == 1]
    chosen += [page for name in ("events", "texts", "objects", "contributors", "words") for page in pick(pages, name, chance)]
    chosen += [page for name in ("events_by_time", "totals", "events_by_object") for page in pick(pages, name, chance)]
    assert {name for name, kind, _, _ in chosen if kind == "internal"} >= {"events", "texts", "objects", "contributors"}
    for name, kind, number, cells in chosen:
        path = tmp_path / "damaged.db"
        shutil.copy(whole, path)
        with path.open("r+b", buffering=0) as file:
            file.seek((number - 1) * PAGE)
            file.write(chance.randbytes(PAGE))
        after, lost, now = salvaged(path)
        costs = 0
        if name in ("events", "objects", "contributors") and (kind == "leaf" or name == "contributors"):
            costs = cells
        saved = {one.id for one in after}
        assert saved <= every_id, (name, kind)
        assert len(every_id - saved) <= costs, (name, kind, number)
        if cells and costs and name == "events":
            assert len(every_id - saved) > 0
        assert now == found or name == "sources"
        if name != "sqlite_schema":
            # The totals, which count if this index cannot, do not have the three that the test put in.
            assert lost == len(every_id - saved) + (0 if name == "events_by_object" else 3), (name, kind)


@pytest.mark.parametrize(
    "changed",
    [
        "object = (SELECT object FROM events WHERE kind <> one.kind LIMIT 1)",
        "object = (SELECT object FROM events WHERE kind = one.kind AND namespace <> one.namespace LIMIT 1)",
        "first_ms = first_ms - 3600000",
        "last_hour = last_hour + 1",
        "last_ms = last_ms + 3600000",
        "title = 1000000",
        "severity = 9",
    ],
)
def test_a_row_that_contradicts_itself(whole: Path, changed: str) -> None:
    """Damage inside a row need not break its form; what it then says of another object would be made up."""
    before, _, _ = salvaged(whole)
    writer = apsw.Connection(str(whole))
    event = writer.execute("SELECT max(id) FROM events WHERE kind = (SELECT id FROM words WHERE word = 'Pod')").get
    writer.execute(f"UPDATE events AS one SET {changed} WHERE id = ?", (event,))
    assert writer.changes() == 1
    writer.close()
    assert {one.id for one in before} - {one.id for one in salvaged(whole)[0]} == {event}


def pick(pages: list[tuple[str, str, int, int]], name: str, chance: random.Random) -> list[tuple[str, str, int, int]]:
    leaves = [page for page in pages if page[0] == name and page[1] == "leaf"]
    return chance.sample(leaves, min(2, len(leaves)))


def test_deleted_rows_stay_deleted(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are free still hold what was deleted."""
    there = {one.id for one in salvaged(whole)[0]}
    assert there == {row[0] for row in every(whole, "events") if row[0] not in range(LATE, LATE + 3)}
    monkeypatch.setattr(Pages, "_is_free", lambda _self, _number: False)
    assert {one.id for one in salvaged(whole)[0]} > there, "it is there to be found"
