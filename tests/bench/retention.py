"""How long retention holds the writer: a million events, of which a third is too old, while 1,000 a second come in."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import apsw

from kube9_operator import settings
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.write.events import deletion, retention
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.checkpoints import Checkpoints
from kube9_operator.write.sqlite.database import bound, connect, prepare
from kube9_operator.write.sqlite.session import Session
from tests.bench.database import observations

RATE, BATCH = 1_000, 100
DAY_MS = 86_400_000
HELD_SECONDS = 0.05
MARGIN_MS = 600_000


def run(large: Path) -> None:
    """On a copy of the large database."""
    with tempfile.TemporaryDirectory() as folder:
        for one in large.glob("kube9.db*"):
            shutil.copy(one, folder)
        _measure(folder)


def _measure(folder: str) -> None:
    connection = connect(folder, 5.0)
    prepare(connection)
    chosen = settings.from_environment({"DB_PATH": folder, "DATABASE_MAX_SIZE_MIB": "4096"})
    checkpoints = Checkpoints(connection, bound(connection, chosen.database_max_mib * 2**20), Deadlines().write_back)
    now_ms = time.time_ns() // 1_000_000
    expected, total = _age(connection, now_ms)
    session = Session(connection)
    store = Store(session, 3_600_000)
    tally = Tally()
    keeping = retention.Retention(session, store, Coverage(session, store, 3_600_000), chosen, Deadlines(), tally)
    keeping.server_says(now_ms)
    coming = observations(10_000_000, seed=5)
    steps, commits = list[tuple[float, float]](), list[tuple[float, float]]()
    began = time.perf_counter()
    while not steps or keeping.busy():
        if time.perf_counter() - began > len(commits) * BATCH / RATE:
            batch = [next(coming) for _ in range(BATCH)]
            with _timed(commits), session.transaction(time.time_ns() // 1_000_000):
                for one in batch:
                    store.apply(one)
        if checkpoints.behind() and keeping.can_wait():
            time.sleep(0.01)  # as the writer waits for a frame
            continue
        with _timed(steps):
            keeping.step()
    seconds = time.perf_counter() - began
    checkpoints.close()
    deleted = sum(tally.report().counts[deletion.DELETED].values())
    recorded = len(commits) * BATCH
    print(f"of {total:,} events {deleted:,} deleted in {seconds:.1f} s, while {recorded:,} were recorded;")
    print(f"{len(steps):,} steps: {_spread(steps)}")
    print(f"{len(commits):,} commits of {BATCH} Events, beside: {_spread(commits)}")
    old = [row[0] for row in connection.execute("SELECT id FROM events WHERE recorded_ms < ? ORDER BY id", (now_ms,))]
    assert old == expected, "the right rows, and only those"
    assert len(old) + deleted == total
    new = connection.execute("SELECT count(*) FROM events WHERE recorded_ms >= ?", (now_ms,)).get
    assert new == recorded + 1, "what came meanwhile, and what retention tells of itself"
    assert connection.pragma("quick_check") == "ok"
    connection.close()


def _age(connection: apsw.Connection, now_ms: int) -> tuple[list[int], int]:
    """Has the events be two and a third days older than they are, every tenth a month older still; none is just at a limit.

    Returns the ids of those that are to stay, and how many there are in all.
    """
    connection.execute(
        "UPDATE events SET recorded_ms = created_ms - ? - CASE WHEN abs(key_hash % 10) = 0 THEN ? ELSE 0 END",
        (DAY_MS * 7 // 3, DAY_MS * 25),
    )
    limits = [now_ms - age * DAY_MS for age in (7, 30)]
    for limit in limits:
        near = (MARGIN_MS, limit - MARGIN_MS // 2, limit + MARGIN_MS // 2)
        connection.execute("UPDATE events SET recorded_ms = recorded_ms - ? WHERE recorded_ms BETWEEN ? AND ?", near)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    stay = "SELECT id FROM events WHERE recorded_ms >= CASE WHEN severity < 2 THEN ? ELSE ? END ORDER BY id"
    ids = [row[0] for row in connection.execute(stay, limits)]
    return ids, connection.execute("SELECT count(*) FROM events").get


@contextlib.contextmanager
def _timed(took: list[tuple[float, float]]) -> Iterator[None]:
    """Notes seconds by the clock, and of this thread on the processor: the rest it waited, for the disk or for a processor."""
    at, on_processor = time.perf_counter(), time.thread_time()
    yield
    took.append((time.perf_counter() - at, time.thread_time() - on_processor))


def _spread(took: list[tuple[float, float]]) -> str:
    took.sort()
    longest, on_processor = took[-1]
    median, late = _ms(took[len(took) // 2][0]), _ms(took[len(took) * 99 // 100][0])
    return (
        f"median {median}, 99th percentile {late}, longest {_ms(longest)}, {_ms(on_processor)} of it on the processor; "
        f"{sum(each[0] > HELD_SECONDS for each in took)} over 50 ms; most there {_ms(max(each[1] for each in took))}"
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
