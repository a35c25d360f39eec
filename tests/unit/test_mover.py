"""Events of an earlier release are moved while recording and queries go on, whenever the process is killed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import apsw
import pytest

from kube9_cli.query import order, search
from kube9_cli.query.connection import Database
from kube9_cli.selection import About, Selection
from kube9_operator.write.events import mover
from kube9_operator.write.events.mover import Mover
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session
from kube9_schema import facts, tables
from tests.bench import database as made
from tests.filed import assert_filed

BEFORE = 6
"""The schema version of the release before series and periods."""
COPIED = ("facts", "words", "objects", "texts", "contributors", "sources", "books")
EVENTS = 900


@pytest.fixture
def old(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A database of the release before, with its totals and indexes."""
    (tmp_path / "new").mkdir()
    connection = made.create(str(tmp_path / "new"))
    made.fill(connection, EVENTS)
    connection.close()
    connection = database.connect(str(tmp_path), 1.0)
    database.prepare(connection)
    migrations.migrate(connection, migrations.known()[:BEFORE])
    connection.execute("ATTACH ? AS new", (str(tmp_path / "new" / "kube9.db"),))
    for table in COPIED:
        connection.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM new.{table}")
    columns = ", ".join(tables.Event._fields[:23])
    hours = columns.replace("last_hour", "last_ms / 3600000").replace("first_hour", "first_ms / 3600000")
    connection.execute(f"INSERT INTO events ({columns}) SELECT {hours} FROM new.events; DETACH new")
    assert connection.execute("SELECT sum(count) FROM tallies").get == 2 * EVENTS
    yield connection
    connection.close()


def upgraded(connection: apsw.Connection) -> tuple[Session, Store, Mover]:
    """What a new writer has after its start."""
    migrations.migrate(connection, migrations.known())
    session = Session(connection)
    store = Store(session, quiet_ms=3_600_000)
    return session, store, Mover(session, store.filing)


def answers(folder: Path) -> list[Any]:
    """A few questions of each kind, with their totals."""
    asked = Database(str(folder / "kube9.db"), 60.0, lambda: 0.0)
    middle = asked.all("SELECT avg(last_ms) FROM events")[0][0]
    selections = (
        Selection(),
        Selection({"severity": (2, 3)}),
        Selection({"namespace": ("team-1",)}),
        Selection({"source": ("kubelet",)}, {"reason": ("BackOff",)}, since_ms=int(middle)),
        Selection({"kind": ("Pod",)}, until_ms=int(middle)),
        Selection({"object-kind": ("Job",)}),
        Selection({"object-kind": ("replicasets",), "object-namespace": ("team-0",)}),
        Selection({"for": (About("node", "node-3"), About("ns", "team-2"))}),
        Selection({"node": ("node-7",)}),
    )
    requests = [search.Request(sort, reverse, 40) for sort in order.VALUES for reverse in (False, True)]
    try:
        found = [search.find(asked, selection, request) for selection in selections for request in requests]
        return [(one.total, list(one.ids)) for one in found]
    finally:
        asked.close()


@mock.patch.multiple(mover, PERIOD_EVENTS=200, MOVED_AT_ONCE=40, READ_AT_ONCE=100, EVERY=2)
def test_every_answer_is_the_same_before_during_and_after_the_move_and_kills_do_not_matter(
    old: apsw.Connection, tmp_path: Path
) -> None:
    upgraded(old)
    before = answers(tmp_path)
    assert before[0][0] == EVENTS
    rounds = 0
    while old.execute("SELECT 1 FROM facts WHERE name = ?", (facts.MOVE_UNTIL,)).fetchone():
        rounds += 1
        _, _, moving = upgraded(old)  # another process: what was in memory is gone
        for _ in range(rounds % 12):  # 9 slices are read before the first is moved
            moving.move_some()
        if rounds % 12 in (3, 11):
            assert answers(tmp_path) == before
    assert rounds >= 12
    assert not moving.busy()
    assert answers(tmp_path) == before
    assert_filed(old)
    assert old.execute("SELECT count(*) FROM periods").get >= EVENTS // 200
    assert old.pragma("integrity_check") == "ok"


@mock.patch.multiple(mover, MOVED_AT_ONCE=40)
def test_a_slice_that_is_rolled_back_is_moved_again(old: apsw.Connection) -> None:
    _, _, moving = upgraded(old)

    def fail(_cursor: object, sql: str, _values: object) -> bool:
        if sql == "COMMIT":
            raise apsw.BusyError("database is locked")
        return True

    fails = 0
    while moving.busy():
        old.exec_trace = fail
        with contextlib.suppress(apsw.BusyError):
            moving.move_some()  # the first ones only read
            fails -= 1
        fails += 1
        old.exec_trace = None
        moving.move_some()
    assert fails >= EVENTS // 40
    assert_filed(old)


def test_events_that_come_during_the_move_and_old_ones_that_change_are_filed(old: apsw.Connection, tmp_path: Path) -> None:
    session, store, moving = upgraded(old)
    for number, one in enumerate(made.observations(EVENTS + 300, seed=2)):
        with session.transaction(one.first_ms):
            store.apply(one)
        if number % 20 == 0:
            moving.move_some()
    for one in list(made.observations(EVENTS))[::7]:
        with session.transaction(one.last_ms):
            store.apply(one)
    while moving.busy():
        moving.step()
    assert_filed(old)
    assert answers(tmp_path)[0][0] == 2 * EVENTS + 300


def test_a_new_database_has_nothing_to_move(tmp_path: Path) -> None:
    connection = made.create(str(tmp_path))
    session = Session(connection)
    assert not Mover(session, Store(session, quiet_ms=1).filing).busy()
    connection.close()
