"""How long retention holds the writer: a million events, of which a third is too old, while 1,000 a second come in."""

import shutil
import tempfile
import time
from pathlib import Path

import apsw

from kube9_operator import settings
from kube9_operator.deadlines import Deadlines
from kube9_operator.tally import Tally
from kube9_operator.write import retention
from kube9_operator.write.checkpoints import Checkpoints
from kube9_operator.write.database import bound, connect, prepare, transaction
from kube9_operator.write.ledger import Ledger
from kube9_operator.write.store import Store
from tests.bench.database import sightings

RATE, BATCH = 1_000, 100
DAY_MS = 86_400_000
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
    store = Store(connection, 3_600_000)
    tally = Tally()
    keeping = retention.Retention(connection, store, Ledger(connection, store, 3_600_000), chosen, Deadlines(), tally)
    keeping.server_says(now_ms)
    coming = sightings(10_000_000, seed=5)
    steps, commits = list[float](), list[float]()
    began = time.perf_counter()
    while not steps or keeping.busy():
        if time.perf_counter() - began > len(commits) * BATCH / RATE:
            at = time.perf_counter()
            with transaction(connection):
                store.begin(time.time_ns() // 1_000_000)
                for _ in range(BATCH):
                    store.apply(next(coming))
                store.finish()
            commits.append(time.perf_counter() - at)
        if checkpoints.behind() and keeping.can_wait():
            time.sleep(0.01)  # as the writer waits for a frame
            continue
        at = time.perf_counter()
        keeping.step()
        steps.append(time.perf_counter() - at)
    seconds = time.perf_counter() - began
    checkpoints.close()
    deleted = sum(tally.report().counts[retention.DELETED].values())
    recorded = len(commits) * BATCH
    print(f"of {total:,} events {deleted:,} deleted in {seconds:.1f} s, while {recorded:,} were recorded;")
    steps.sort()
    print(f"{len(steps):,} steps: median {_ms(steps[len(steps) // 2])}, 99th percentile {_ms(steps[len(steps) * 99 // 100])},")
    print(f"longest {_ms(steps[-1])}, {sum(step > 0.05 for step in steps)} over 50 ms; longest commit {_ms(max(commits))}")
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
    connection.pragma("wal_checkpoint(TRUNCATE)")
    stay = "SELECT id FROM events WHERE recorded_ms >= CASE WHEN severity < 2 THEN ? ELSE ? END ORDER BY id"
    ids = [row[0] for row in connection.execute(stay, limits)]
    return ids, connection.execute("SELECT count(*) FROM events").get


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
