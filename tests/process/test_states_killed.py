"""The writer killed with -9 in the midst of changes of resources: each is recorded once, whatever it was doing."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import apsw
import msgspec

from kube9_operator.model.frame import Counts, StateFrame
from kube9_operator.model.resource_states import (
    Container,
    Disruption,
    End,
    Namespace,
    Node,
    NodeCondition,
    Owner,
    Pod,
    Service,
    Slice,
    State,
    Workload,
)
from kube9_operator.write.sqlite import database
from tests.bench import database as made
from tests.kept import Kept, state
from tests.operator import until

LINES = 800
LINES_IN_FRAME = 5
KILLS = int(os.environ.get("KUBE9_WRITER_KILLS", "6"))
SOURCES = ("deployments", "endpointslices", "namespaces", "nodes", "pods", "services")


def history(seed: int, start_ms: int) -> Iterator[tuple[str, State]]:
    """Changes of a small cluster: of each its source, and the object at a version that ascends."""
    chance = random.Random(seed)
    deleted: dict[str, int] = {}
    restarts = dict.fromkeys("abc", 0)
    for version in range(1, LINES + 1):
        source, name = chance.choice(SOURCES), chance.choice("abc")
        uid = f"{source}-{name}-{deleted.get(source + name, 0)}"
        namespace = "" if source in ("nodes", "namespaces") else "shop"
        if source == "namespaces" and chance.random() < 0.2:
            deleted[source + name] = version
            yield source, state(name, None, version, uid, namespace)
            continue
        since = start_ms + version * 1_000
        ready, restarts[name] = chance.choice(("True", "Unknown")), restarts[name] + (source == "pods")
        reduced = {
            "deployments": Workload(chance.randint(1, 3), {"app": f"web:{chance.randint(1, 2)}"}),
            "endpointslices": Slice("api", list(range(chance.randint(0, 9))), [("p", str(chance.randint(0, 9)))]),
            "namespaces": Namespace(start_ms),
            "nodes": Node(1, ready=ready, ready_since_ms=since, conditions=[NodeCondition("Odd", ready, since)]),
            "pods": pods(chance, restarts[name], since),
            "services": Service(),
        }[source]
        yield source, state(name, reduced, version, uid, namespace)


def pods(chance: random.Random, restarts: int, since: int) -> Pod:
    """A pod whose container was killed or crashed; some have failed, and some were evicted."""
    end = End("OOMKilled", 137, since) if chance.random() < 0.5 else End("Error", chance.randint(1, 3), since, "no database")
    made_ = Pod("n", None, containers=[Container("app", "", restarts, "", "", [end])], phase="Running")
    what = chance.random()
    if what < 0.2:
        return msgspec.structs.replace(made_, phase="Failed", owner=Owner("Job", "nightly", "j"))
    return msgspec.structs.replace(made_, phase="Failed", disruption=Disruption("Any", "", since)) if what < 0.3 else made_


def live(folder: str, seed: int, start_ms: int) -> None:
    """One life of the writer: goes on where the record ends."""
    keeper = Kept()
    keeper.connection = database.connect(folder, 5.0)
    keeper.restart()
    versions = keeper.writer.coverage.versions()
    for source in SOURCES:
        if source not in versions:
            keeper.lists(source)  # of version 1 to 3, with nothing in it
    waiting: dict[str, list[State]] = {source: [] for source in SOURCES}
    lines = list(history(seed, start_ms))
    for at, (source, line) in enumerate(lines, 1):
        if int(line.version) + 100 > int(versions.get(source, 0)):
            waiting[source].append(line)
        if len(waiting[source]) >= LINES_IN_FRAME or at == len(lines):
            for one, seen in waiting.items():
                if seen and (one == source or at == len(lines)):
                    keeper.now_ms = time.time_ns() // 1_000_000
                    version = str(int(seen[-1].version) + 100)
                    frame = StateFrame(one, Counts(received=len(seen)), list(seen), version, keeper.now_ms)
                    keeper.take(frame)
                    seen.clear()
    print("done", flush=True)


def told(folder: Path) -> list[tuple[object, ...]]:
    """What is recorded, without the times of our own clock."""
    with contextlib.closing(apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        assert connection.pragma("integrity_check") == "ok"
        events = connection.execute(
            """SELECT ti.word, o.name, e.severity, e.count, t.description, t.metadata
            FROM events e JOIN words ti ON ti.id = e.title JOIN objects o ON o.id = e.object JOIN texts t ON t.event = e.id
            WHERE ti.word NOT LIKE 'Service%' ORDER BY 1, 2, 3, 4, 5, 6"""
        ).fetchall()
        accounting = connection.execute("SELECT * FROM books ORDER BY source").fetchall()
        states = connection.execute("SELECT source, name, uid, resource_version, state FROM states ORDER BY 1, 2").fetchall()
        slices = connection.execute("SELECT service, name FROM slices ORDER BY 1, 2").fetchall()
    return [*events, *accounting, *states, *slices]


def start(folder: Path, seed: int, start_ms: int) -> "subprocess.Popen[bytes]":
    code = f"from tests.process.test_states_killed import live; live({str(folder)!r}, {seed}, {start_ms})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent.parent)


def test_a_writer_that_is_killed_again_and_again_records_each_change_once(tmp_path: Path) -> None:
    seed, begin = random.randrange(10**9), time.time_ns() // 1_000_000
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    for folder in (killed, straight):
        folder.mkdir()
        made.create(str(folder)).close()
    chance = random.Random(seed)
    for _ in range(KILLS):
        reached = version_of(killed)
        with start(killed, seed, begin) as process:
            until(partial(gets_on, killed, reached, process), "the writer to get on")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
    for folder in (killed, straight):
        with start(folder, seed, begin) as process:
            out, _ = process.communicate()
            assert out == b"done\n"
    assert told(killed) == told(straight), f"seed {seed}"
    assert len(told(straight)) > 200


def gets_on(folder: Path, reached: int, process: "subprocess.Popen[bytes]") -> bool:
    return version_of(folder) > reached or process.poll() is not None


def version_of(folder: Path) -> int:
    """How far the record is."""
    with contextlib.closing(apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(5_000)
        return sum(int(row[0]) for row in connection.execute("SELECT version FROM sources WHERE version IS NOT NULL"))
