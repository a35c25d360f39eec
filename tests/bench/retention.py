"""How long retention holds the writer: a million events, of which a third is too old, while 1,000 a second come in."""

import shutil
import tempfile
import time
from pathlib import Path

from kube9_operator import settings
from kube9_operator.deadlines import Deadlines
from kube9_operator.tally import Tally
from kube9_operator.write import retention
from kube9_operator.write.database import bound, connect, prepare, transaction
from kube9_operator.write.ledger import Ledger
from kube9_operator.write.store import Store
from tests.bench.database import sightings

RATE, BATCH = 1_000, 100
DAY_MS = 86_400_000


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
    bound(connection, chosen.database_max_mib * 2**20)
    now_ms = time.time_ns() // 1_000_000
    # Everything was recorded when it happened, over the last seven days: now it is made two days and a third older.
    connection.execute("UPDATE events SET recorded_ms = created_ms - ?", (DAY_MS * 7 // 3,))
    connection.pragma("wal_checkpoint(TRUNCATE)")
    total = connection.execute("SELECT count(*) FROM events").get
    store = Store(connection, 3_600_000)
    tally = Tally()
    keeping = retention.Retention(connection, store, Ledger(connection, store, 3_600_000), chosen, Deadlines(), tally)
    keeping.server_says(now_ms)
    coming = sightings(10_000_000, seed=5)
    steps, commits, recorded = list[float](), list[float](), 0
    began = time.perf_counter()
    while not steps or keeping.busy():
        if time.perf_counter() - began > recorded / RATE:
            at = time.perf_counter()
            with transaction(connection):
                store.begin(time.time_ns() // 1_000_000)
                for _ in range(BATCH):
                    store.apply(next(coming))
                store.finish()
            commits.append(time.perf_counter() - at)
            recorded += BATCH
        at = time.perf_counter()
        keeping.step()
        steps.append(time.perf_counter() - at)
    seconds = time.perf_counter() - began
    steps.sort()
    deleted = sum(tally.report().counts[retention.DELETED].values())
    print(
        f"of {total:,} events {deleted:,} deleted in {seconds:.1f} s, while {recorded:,} were recorded; ",
        end="",
    )
    print(
        f"{len(steps):,} steps: median {_ms(steps[len(steps) // 2])}, 99th percentile {_ms(steps[len(steps) * 99 // 100])}, ",
        end="",
    )
    print(f"longest {_ms(steps[-1])}; longest commit of {BATCH}: {_ms(max(commits))}")
    left = connection.execute("SELECT count(*) FROM events WHERE recorded_ms < ?", (now_ms - 7 * DAY_MS,)).get
    severe = connection.execute(
        "SELECT count(*) FROM events WHERE severity >= 2 AND recorded_ms < ?", (now_ms - 7 * DAY_MS,)
    ).get
    assert left == severe > 0
    assert connection.pragma("quick_check") == "ok"
    connection.close()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
