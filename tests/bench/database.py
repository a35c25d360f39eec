"""A database of any size with a made-up history of seven days, built by the writer's own store."""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from kube9_operator.model.frame import ControlFrame, Counts, EventFrame, ListEnds
from kube9_operator.model.observation import Observation, hash64
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session

SEVEN_DAYS_MS = 7 * 86_400_000
REASONS = ("BackOff", "Unhealthy", "FailedMount", "FailedScheduling", "Failed", "FailedCreate", "Evicted")
KINDS = ("Pod", "Pod", "Pod", "Pod", "Pod", "Pod", "ReplicaSet", "Job", "Node", "PersistentVolumeClaim")


def observations(count: int, seed: int = 1) -> Iterator[Observation]:
    """Distinct observations over the last seven days, oldest first, each of its own object."""
    chance = random.Random(seed)
    now_ms = time.time_ns() // 1_000_000
    for number in range(count):
        namespace = f"team-{min(int(chance.expovariate(0.1)), 59)}"
        kind, reason = chance.choice(KINDS), chance.choice(REASONS)
        name = f"{namespace}-web-{number % 997}-5d9c7b8f6d-{seed}-{number:07d}"
        first = now_ms - SEVEN_DAYS_MS + SEVEN_DAYS_MS * number // count
        last = min(now_ms, first + chance.choice((0, 0, 5_000, 600_000, 3_600_000)))
        contributor = f"{name}.18eab6b0{number:08x}"
        description = (
            f"Back-off restarting failed container app in pod {name}_{namespace}(909e1677-c7fe-4615-b618-045e08e53650)"
        )
        metadata = f'{{"source":{{"component":"kubelet","host":"node-{number % 100}"}}}}'
        severity = chance.choices((0, 1, 2, 3), (10, 80, 9, 1))[0]
        yield Observation(
            kind=kind,
            namespace="" if kind == "Node" else namespace,
            name=name,
            uid=f"909e1677-c7fe-4615-b618-{number:012x}",
            key=hash64("other", reason, "kubelet"),
            contributor=hash64("Event", namespace, contributor, str(first)),
            contributor_hour=first // 3_600_000,
            contributor_name=contributor.removeprefix(name),
            primary=True,
            from_status=False,
            count=1,
            first_ms=first,
            last_ms=last,
            event_type=chance.choices((0, 1, 5), (97, 2, 1))[0],
            severity=severity,
            title=f"{kind} {reason}",
            description=description,
            metadata=metadata,
            reason=reason,
            node=f"node-{number % 100}",
            text_hash=crc32(contributor.encode()),
        )


def create(folder: str) -> database.Connection:
    """An empty database with the schema."""
    connection = database.connect(folder, busy_seconds=5.0)
    database.prepare(connection)
    migrations.migrate(connection, migrations.known())
    return connection


def fill(connection: database.Connection, count: int, seed: int = 1) -> None:
    """Records `count` observations as the writer does, with ids of their own time."""
    session = Session(connection)
    store = Store(session, quiet_ms=3_600_000)
    coverage = Coverage(session, store, event_ttl_ms=3_600_000)
    lifecycle = Lifecycle(connection, coverage)
    batch: list[Observation] = []
    sequence = 0

    def commit() -> None:
        nonlocal sequence
        sequence += 1
        with session.transaction(batch[-1].first_ms):
            for one in batch:
                store.apply(one)
            counts, now_ms = Counts(received=len(batch)), time.time_ns() // 1_000_000
            if sequence == 1:
                coverage.update(ControlFrame("events", ListEnds("1", now_ms)), {}, now_ms)
            coverage.update(EventFrame("events", counts, [], "1", now_ms), {"stored": len(batch)}, now_ms)
            lifecycle.started(now_ms)
            lifecycle.alive(now_ms)
        batch.clear()

    for observation in observations(count, seed):
        batch.append(observation)
        if len(batch) == 1_000:
            commit()
    if batch:
        commit()


def folder() -> "tempfile.TemporaryDirectory[str]":
    """A temporary folder for a database."""
    return tempfile.TemporaryDirectory(prefix="kube9-bench-")


def bytes_of(path: str) -> int:
    """Of the database and its WAL."""
    return sum(one.stat().st_size for one in Path(path).glob("kube9.db*"))
