"""Rows a second: bare executemany into the same tables, the store alone, and the whole way from the stand-in API server."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
from msgspec import structs

from kube9_operator.model.observation import Observation
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from tests.bench import database
from tests.operator import Operator, until
from tests.standin import StandIn

LINES = 60_000
BATCH = 2_000


def run(large: Path) -> None:
    """Each figure into an empty database and into the large one, turn by turn."""
    new, raised = _processor_us()
    print(f"processor time of the store, empty database: a new event {new:.1f} us, a count that rises {raised:.1f} us")
    for name, source in (("empty", None), ("large", large)):
        bare = _bare(source)
        store = _store(source)
        print(f"{name}: bare executemany {bare:,.0f} rows/s; the store alone {store:,.0f} ({store / bare:.0%})")
        distinct = _whole_way(source, times=1)
        print(f"{name}: stand-in to committed rows, distinct events {distinct:,.0f} lines/s ({distinct / bare:.0%} of bare)")
        mixed = _whole_way(source, times=4)
        print(f"{name}: stand-in to committed rows, three of four lines raise a count {mixed:,.0f} lines/s", flush=True)


def _copy(source: Path | None, folder: str) -> None:
    if source is not None:
        shutil.copy(source / "kube9.db", folder)


def _bare(source: Path | None) -> float:
    """The same rows into the same tables and indexes, without a question asked."""
    with database.folder() as folder:
        _copy(source, folder)
        connection = database.create(folder)
        rows = _rows(connection, list(database.observations(LINES, seed=2)))
        session = Session(connection)
        began = time.perf_counter()
        for at in range(0, LINES, BATCH):
            with session.transaction(0):
                for table, values in rows.items():
                    marks = ", ".join("?" * len(values[0]))
                    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values[at : at + BATCH])
        seconds = time.perf_counter() - began
        connection.close()
    return LINES / seconds


def _rows(connection: apsw.Connection, observations: list[Observation]) -> dict[str, list[tuple[Any, ...]]]:
    """What the store makes of the observations, as rows with numbers that are free in the database."""
    scratch = apsw.Connection(":memory:")
    from kube9_operator.write.sqlite import migrations

    migrations.migrate(scratch, migrations.known())
    session = Session(scratch)
    store = Store(session, quiet_ms=3_600_000)
    with session.transaction(time.time_ns() // 1_000_000):
        for one in observations:
            store.apply(one)
    connection.executemany(
        "INSERT OR IGNORE INTO words (word) VALUES (?)", scratch.execute("SELECT word FROM words").fetchall()
    )
    objects = connection.execute("SELECT coalesce(max(id), 0) FROM objects").get
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for table in ("objects", "events", "texts", "contributors"):
        names = [one[1] for one in scratch.execute(f"PRAGMA table_info({table})")]
        moved = {"objects": ("id", "owner"), "events": ("object",)}.get(table, ())
        chosen = ", ".join(f"{name} + {objects}" if name in moved else name for name in names)
        rows[table] = scratch.execute(f"SELECT {chosen} FROM {table}").fetchall()
    scratch.close()
    return rows


def _store(source: Path | None) -> float:
    """The store with its questions, in one process, without decoding."""
    with database.folder() as folder:
        _copy(source, folder)
        connection = database.create(folder)
        observations = list(database.observations(LINES, seed=2))
        session = Session(connection)
        store = Store(session, quiet_ms=3_600_000)
        began = time.perf_counter()
        for at in range(0, LINES, BATCH):
            with session.transaction(time.time_ns() // 1_000_000):
                for one in observations[at : at + BATCH]:
                    store.apply(one)
        seconds = time.perf_counter() - began
        connection.close()
    return LINES / seconds


def _processor_us() -> tuple[float, float]:
    """The store's processor time of an observation, in us: one that begins an event, and one that raises its count."""
    with database.folder() as folder:
        connection = database.create(folder)
        observations = list(database.observations(LINES, seed=2))
        again = [structs.replace(one, count=one.count + 1, last_ms=one.last_ms + 60_000) for one in observations]
        session = Session(connection)
        store = Store(session, quiet_ms=3_600_000)
        spent = []
        for each in (observations, again):
            began = time.process_time()
            for at in range(0, LINES, BATCH):
                with session.transaction(time.time_ns() // 1_000_000):
                    for one in each[at : at + BATCH]:
                        store.apply(one)
            spent.append((time.process_time() - began) / LINES * 1e6)
        connection.close()
    return spent[0], spent[1]


def _whole_way(source: Path | None, times: int) -> float:
    """LINES watch lines at once from the stand-in: until the last is committed."""
    with StandIn() as standin, tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), {"compare": 300.0}, LOG_LEVEL="warning")
        _copy(source, str(operator.data))
        if source is not None:
            _forget_version(operator.data)
        for time_of in range(1, times + 1):
            prepared = {"from": 0, "count": LINES // times, "reason": "BackOff", "times": time_of}
            standin.control("prepare", prepared)
        with operator:
            until(lambda: [one for one in standin.control("requests") if "watch=1" in one], "the watch")
            reader = apsw.Connection(
                f"file:{operator.data / 'kube9.db'}?mode=ro", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            )
            sql = "SELECT received, stored, updated FROM books WHERE source = 'events'"
            before = reader.execute(sql).fetchone() or (0, 0, 0)
            began = time.perf_counter()
            standin.control("release")
            until(lambda: (reader.execute(sql).fetchone() or before)[0] - before[0] == LINES, "the last line", seconds=60)
            seconds = time.perf_counter() - began
            after = reader.execute(sql).fetchone()
            reader.close()
            assert after[1] - before[1] == LINES // times
            assert after[2] - before[2] == LINES - LINES // times
    return LINES / seconds


def _forget_version(folder: Path) -> None:
    """The large database was not made from the stand-in: it is listed first."""
    connection = apsw.Connection(str(folder / "kube9.db"))
    connection.execute("UPDATE sources SET version = NULL")
    connection.close()
