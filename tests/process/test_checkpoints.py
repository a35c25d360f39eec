"""The WAL is written back beside the writer: nothing is lost, it begins anew, and is cut when a long reader let it grow."""

import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from kube9_operator.write import checkpoints, database
from tests.bench import database as made
from tests.operator import until

PAGES = 50
MIB = 2**20


class Writing:
    """A writer of a table of its own that notes how many pages the WAL has after each commit."""

    def __init__(self, folder: Path) -> None:
        self.connection = made.create(str(folder))
        self.connection.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, data)")
        self.checkpoints = checkpoints.Checkpoints(self.connection, PAGES)
        self.wal = Path(f"{self.connection.filename}-wal")
        self.rows = 0

    def write(self, rows: int = 1) -> None:
        for _ in range(rows):
            with database.transaction(self.connection):
                self.connection.execute("INSERT INTO ballast (data) VALUES (randomblob(10000))")
            self.rows += 1

    def whole(self) -> bool:
        """Whether another finds all of it, and no damage."""
        reader = apsw.Connection(self.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
        with reader:
            found = reader.execute("SELECT count(*) FROM ballast").get
            checked = reader.pragma("quick_check")
        reader.close()
        return bool((found, checked) == (self.rows, "ok"))


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    one = Writing(tmp_path)
    yield one
    one.checkpoints.close()
    one.connection.close()


def test_the_wal_begins_anew_without_the_writer(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    by_whom: set[int] = set()
    real = database.checkpoint

    def noted(connection: apsw.Connection) -> bool:
        by_whom.add(id(connection))
        return real(connection)

    monkeypatch.setattr(database, "checkpoint", noted)
    for _ in range(20):
        while not writing.checkpoints.behind():
            writing.write()
        until(lambda: not writing.checkpoints.behind(), "it to be written back")
    assert id(writing.connection) not in by_whom
    assert writing.wal.stat().st_size < 2 * PAGES * database.PAGE_BYTES, "it did begin anew each time"
    assert writing.whole()


def test_a_writer_that_never_pauses_helps_itself(writing: Writing) -> None:
    writing.write(3_000)
    assert writing.wal.stat().st_size < 40 * PAGES * database.PAGE_BYTES
    assert writing.whole()


def test_a_long_reader_lets_it_grow_and_it_is_cut_afterwards(writing: Writing) -> None:
    writing.connection.pragma("journal_size_limit", MIB)
    writing.write()
    reader = apsw.Connection(writing.connection.filename, flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM ballast").get == 1
    writing.write(1_000)
    assert writing.wal.stat().st_size > 9 * MIB
    assert reader.execute("SELECT count(*) FROM ballast").get == 1
    reader.execute("COMMIT")
    reader.close()

    def cut() -> bool:
        writing.write()
        return writing.wal.stat().st_size <= MIB

    until(cut, "it to be cut")
    assert writing.whole()


def test_after_the_end_all_is_in_the_file_and_the_wal_stays_for_readers(tmp_path: Path) -> None:
    writing = Writing(tmp_path)
    writing.write(PAGES)
    before = set(os.listdir("/proc/self/fd"))
    writing.checkpoints.close()
    writing.connection.close()
    assert len(before) - len(os.listdir("/proc/self/fd")) >= 3, "both connections are closed"
    assert writing.wal.stat().st_size == 0
    assert Path(f"{tmp_path}/kube9.db-shm").exists()
    alone = apsw.Connection(f"file:{tmp_path}/kube9.db?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    assert alone.execute("SELECT count(*) FROM ballast").get == writing.rows
    alone.close()


def test_trouble_is_said_once_and_the_writer_goes_on(
    writing: Writing, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real, fails = database.checkpoint, True

    def failing(connection: apsw.Connection) -> bool:
        if fails:
            raise apsw.IOError("disk I/O error")
        return real(connection)

    monkeypatch.setattr(database, "checkpoint", failing)
    for pages in (PAGES, 3 * PAGES):  # the thread finds it, and the writer, that helps itself
        writing.write(pages)
        until(lambda: writing.checkpoints._trouble, "the trouble")
    assert capfd.readouterr().out.count("checkpoint.failed") == 1
    fails = False

    def restored() -> bool:
        writing.write()
        return not writing.checkpoints.behind()

    until(restored, "it to be written back")
    assert capfd.readouterr().out.count("checkpoint.restored") == 1
    assert writing.whole()
