"""Nothing grows: over starts and stops, over generations, under load. KUBE9_STARTS=50, KUBE9_GENERATIONS and KUBE9_LOAD_SECONDS
make it long.
"""

import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.operator import Operator, until
from tests.standin import StandIn, warning

STARTS = int(os.environ.get("KUBE9_STARTS", "5"))
GENERATIONS = int(os.environ.get("KUBE9_GENERATIONS", "12"))
LOAD_SECONDS = int(os.environ.get("KUBE9_LOAD_SECONDS", "12"))
RATE, HELD = 200, 5_000
MIB = 2**20
SPREAD_FILES = 2
"""A look of the volume, a connection that is being opened: what may be open just then, or not."""
GROWTH_MIB = 12


class Found(NamedTuple):
    """What one process, or all of an operator, have at a moment."""

    files: int
    resident_mib: float


def of_process(pid: int) -> Found:
    resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGESIZE")
    return Found(len(os.listdir(f"/proc/{pid}/fd")), resident / MIB)


def named(operator: Operator) -> dict[str, int]:
    """The ids of the supervisor and of what it names."""
    assert operator.process
    names = ("writer", "watcher-events", "watcher-pods", "watcher-rest", "analyzer")
    return {"supervisor": operator.process.pid} | {name: until(lambda name=name: operator.pid(name), name) for name in names}


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    made = Operator(tmp_path, standin.kubeconfig(tmp_path), TMPDIR=str(scratch), LOG_LEVEL="info")
    made.prepared = False
    return made


def scratch(operator: Operator) -> list[str]:
    """What it has left in its folder for temporary files."""
    return sorted(os.listdir(operator.folder / "scratch"))


def test_starts_and_stops(operator: Operator, standin: StandIn) -> None:
    lines, sizes, files = [], [], []
    for number in range(STARTS):
        before = len(operator.log()) if number else 0
        standin.write(warning("again", "BackOff", "again", count=number + 1))
        with operator:
            counts = lambda number=number: [one["count"] for one in operator.events()] == [number + 1]  # noqa: E731
            until(counts, "the Event")
            until(lambda: operator.health()[0] == 200, "health")
            assert operator.stop() == 0
        lines.append(len(operator.log()) - before)
        sizes.append(sum(one.stat().st_size for one in operator.data.iterdir()))
        files.append(sorted(os.listdir(operator.data)))
        assert scratch(operator) == []
    assert files[-1] == files[0] == ["kube9.db", "kube9.db-shm", "kube9.db-wal", "kube9.db.lock"]
    assert (operator.data / "kube9.db-wal").stat().st_size == 0
    assert max(lines[1:]) <= 2 * min(lines[1:]), "the log is as long each time"
    assert sizes[-1] - sizes[0] < STARTS * 16 * 1024, "some events of its own"
    print(f"{STARTS} starts: lines of log {lines[1]} to {max(lines[1:])}, on disk {sizes[0]:,} to {sizes[-1]:,} bytes")


def test_generations(operator: Operator, standin: StandIn) -> None:
    standin.write(warning("again", "BackOff", "again"))
    operator.deadlines |= {"restart_most": 0.1}
    operator.environment["LOG_LEVEL"] = "debug"
    with operator:
        found: list[Found] = []
        for number in range(GENERATIONS):
            until(lambda: operator.health()[0] == 200, "health")
            pids = named(operator)
            children = len(operator.children())
            found.append(of_process(pids["supervisor"]))
            operator.kill(("writer", "watcher-events", "watcher-rest")[number % 3])
            ended = number + 1
            until(lambda ended=ended: operator.log_text().count("workers.restarting") >= ended, "its end")
        until(lambda: operator.health()[0] == 200, "health")
        named(operator)
        until(lambda: len(operator.children()) == children, "as many processes as before")
        print(f"supervisor over {GENERATIONS} generations: {found[1]} to {found[-1]}")
        assert abs(found[-1].files - found[1].files) <= SPREAD_FILES
        assert found[-1].resident_mib - found[1].resident_mib < GROWTH_MIB
        assert operator.stop() == 0
    assert scratch(operator) == []


def test_load(operator: Operator, standin: StandIn) -> None:
    operator.environment["LOG_LEVEL"] = "debug"
    with operator:
        until(lambda: any("watch=1" in one for one in standin.control("requests")), "the watch")
        pids = named(operator)
        looks: list[dict[str, Found]] = []
        began, lines = time.monotonic(), 0
        for second in range(LOAD_SECONDS):
            coming = {"from": second * RATE, "count": RATE, "reason": "BackOff", "times": 1, "when": time.time()}
            standin.control("prepare", coming)
            standin.control("release")
            standin.control("expire", HELD)
            time.sleep(max(0.0, began + second + 1 - time.monotonic()))
            if (second >= LOAD_SECONDS // 3 and second % max(1, LOAD_SECONDS // 6) == 0) or second == LOAD_SECONDS - 1:
                looks.append({name: of_process(pid) for name, pid in pids.items()})
                lines = lines or len(operator.log())
        stored = RATE * LOAD_SECONDS
        until(lambda: operator.accounting()["stored"] == stored, "all of them")
        assert named(operator) == pids, "nothing was started again"
        wal = (operator.data / "kube9.db-wal").stat().st_size
        print(f"{stored:,} Events in {LOAD_SECONDS} s; WAL {wal / MIB:.1f} MiB; lines of log {lines} to {len(operator.log())}")
        for name in pids:
            first, last = looks[0][name], looks[-1][name]
            print(f"{name}: {first.files} to {last.files} files, {first.resident_mib:.1f} to {last.resident_mib:.1f} MiB")
            assert abs(last.files - first.files) <= SPREAD_FILES, name
            assert last.resident_mib - first.resident_mib < GROWTH_MIB, name
        assert wal <= 64 * MIB
        assert len(operator.log()) - lines < LOAD_SECONDS, "less than a line a second"
        assert operator.stop() == 0
    assert scratch(operator) == []
