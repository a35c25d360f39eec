"""What may happen while a damaged database is salvaged: nothing that could be read is lost, and what is said of it is true."""

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.bench import database as made
from tests.faults.test_damage import DEADLINES, SALVAGE_SECONDS, damage_accounting, ids_now, saved_of, state
from tests.operator import Operator, until
from tests.standin import StandIn, warning

EVENTS = 1_500
KEPT = 20
LONG = 7_300
"""Events with long texts: more than 12 MiB of them."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of EVENTS events, damaged where it is looked at when it is opened."""
    folder = tmp_path_factory.mktemp("damaged")
    fill(folder, EVENTS)
    damage_accounting(folder / "kube9.db")
    return folder / "kube9.db"


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn, damaged: Path) -> Operator:
    """With a copy of the damaged database."""
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    shutil.copy(damaged, operator.data)
    standin.write(warning("one", "SoakHappened", "it happened"))
    return operator


def fill(folder: Path, events: int, padding: int = 0) -> None:
    """Each event's description has so many characters more."""
    writer = made.create(str(folder))
    made.fill(writer, events)
    if padding:
        writer.execute("UPDATE texts SET description = description || ?", (padding * "x",))
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    writer.close()


def of_salvage(operator: Operator) -> int | None:
    """The id of the process that reads the old file."""
    for one in operator.children():
        line = Path(f"/proc/{one}/cmdline")
        if line.exists() and b"kube9_operator.write.recovery.salvage" in line.read_bytes():
            return one
    return None


def test_the_process_that_reads_is_killed(operator: Operator) -> None:
    with operator:
        os.kill(until(lambda: of_salvage(operator), "the process"), signal.SIGKILL)
        assert saved_of(operator)["saved"] == EVENTS
        assert operator.stop() == 0
    assert operator.log_text().count("salvage.failed") == 1


def test_the_process_that_reads_is_always_killed(operator: Operator) -> None:
    """Then it is given up, and that is said; the file may be looked at by somebody else."""
    with operator:
        while not operator.log("salvage.done"):
            if one := of_salvage(operator):
                os.kill(one, signal.SIGKILL)
            time.sleep(0.01)
        done = saved_of(operator)
        assert done["incomplete"] == "it could not be read to its end"
        assert done["saved"] < EVENTS
        told = until(lambda: "could not be read to its end" in state(operator).get("description", "") and state(operator), "it")
        assert f"{done['saved']} events of it were saved" in told["description"]
        assert operator.stop() == 0


def test_the_new_one_is_damaged_before_all_is_saved(operator: Operator) -> None:
    with operator:
        os.kill(until(lambda: of_salvage(operator), "the process"), signal.SIGSTOP)
        until(lambda: "one" in ids_now(operator), "recording")
        children = operator.children()
        operator.kill("supervisor")
        for one in children:
            until(lambda one=one: not os.path.exists(f"/proc/{one}") or os.kill(one, signal.SIGKILL), "its end")
    damage_accounting(operator.data / "kube9.db")
    with operator:
        done = saved_of(operator)
        assert done["saved"] == EVENTS + 1 + len(own_of_first(operator)), "of both"
        told = operator.events("--type", "system", "--severity", "critical")
        assert [one for one in told if " (earlier: " in one["description"]]
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def own_of_first(operator: Operator) -> list[Any]:
    """What the operator told of itself in the first new database, which is salvaged too."""
    newest = sorted(operator.data.glob("kube9.db.corrupt-*Z"))[-1]
    reader = apsw.Connection(str(newest), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return reader.execute("SELECT id FROM events WHERE type > 0").fetchall()
    finally:
        reader.close()


def test_a_file_is_removed_after_another_was_damaged(operator: Operator) -> None:
    with operator:
        saved_of(operator)
        (operator.data / "kube9.db").unlink()
        until(lambda: "the file has been removed" in state(operator).get("description", ""), "the event", SALVAGE_SECONDS)
        until(lambda: "one" in ids_now(operator), "the list")
        assert "the file is gone, and the events that only it had are lost" in state(operator)["description"]
        assert operator.stop() == 0
    assert operator.log_text().count("salvage.done") == 1, "what was saved once is not saved again"
    assert len(list(operator.data.glob("*.corrupt-*Z"))) == len(list(operator.data.glob("*.corrupt-*Z.json"))) == 1


def test_a_source_that_is_listed_later_has_its_gap_too(operator: Operator, standin: StandIn) -> None:
    standin.plan("HTTP 500", on="list", of="pods", times=5)
    reader = apsw.Connection(str(operator.data / "kube9.db"))
    with_pods = "INSERT OR REPLACE INTO sources (source, covered_from_ms) VALUES ('pods', ?)"
    began = time.time_ns() // 1_000_000 - 86_400_000
    reader.execute(with_pods, (began,))
    reader.close()
    with operator:
        saved_of(operator)

        def gaps() -> list[str]:
            coverage = operator.cli("events", "list", "--object-kind=Pod", "--since=2d", "--limit=1")["coverage"]
            return [gap["source"] for gap in coverage["gaps"] if "the database was damaged" in gap["reason"]]

        until(lambda: "pods" in gaps(), "the gap of pods", SALVAGE_SECONDS)
        assert operator.stop() == 0


def test_ids_of_a_clock_that_was_ahead(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    fill(operator.data, KEPT)
    writer = apsw.Connection(str(operator.data / "kube9.db"))
    for table, column in (("events", "id"), ("texts", "event"), ("contributors", "event")):
        writer.execute(f"UPDATE {table} SET {column} = {column} + ?", (30 * 86_400 * 36**6,))
    writer.close()
    damage_accounting(operator.data / "kube9.db")
    standin.write(warning("one", "SoakHappened", "it happened"))
    with operator:
        assert saved_of(operator)["saved"] == KEPT
        assert len(ids_now(operator)) == KEPT + 1
        assert operator.stop() == 0


@pytest.fixture
def small_volume(tmp_path: Path, standin: StandIn) -> Iterator[Operator]:
    """Of 24 MiB, of which the damaged database takes more than half."""
    if os.getuid():
        pytest.skip("a small file system takes root: run the tests as root")
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES, DATABASE_MAX_SIZE_MIB="19", LOG_LEVEL="info")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    fill(elsewhere, LONG, 1_100)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", operator.data], check=True)
    try:
        shutil.copy(elsewhere / "kube9.db", operator.data)
        damage_accounting(operator.data / "kube9.db")
        yield operator
    finally:
        subprocess.run(["umount", "--lazy", operator.data], check=True)


def test_a_volume_that_has_no_room_for_both(small_volume: Operator, standin: StandIn) -> None:
    """As many of the newest as there is room for are saved; then the old file goes, which is said, and recording goes on."""
    operator = small_volume
    assert (operator.data / "kube9.db").stat().st_size > 12 * 2**20
    with operator:
        for number in range(10):
            standin.write(*(warning(f"more-{number}-{one}", "SoakHappened", "and this") for one in range(200)))
            until(lambda number=number: f"more-{number}-199" in ids_now(operator), "recording to go on", SALVAGE_SECONDS)
        done = saved_of(operator)
        assert done["incomplete"] == "the rest was not read, because the volume was full"
        assert 0 < done["saved"] < LONG
        more = itertools.count()

        def gone() -> bool:
            """Recording goes on, so the volume fills up, however much the end of the salvage has freed."""
            standin.write(warning(f"last-{next(more)}", "SoakHappened", "x" * 900))
            return not list(operator.data.glob("kube9.db.corrupt-*Z"))

        until(gone, "the old file to go", SALVAGE_SECONDS)
        deleted = [line for line in operator.log() if line["event"] == "size_limit.deleted"]
        assert not deleted, "no event is deleted while a file that is worth less takes the room"
        until(lambda: "had to be deleted, because the volume was full" in state(operator).get("description", ""), "the event")
        until(lambda: operator.health()[0] == 200, "health", SALVAGE_SECONDS)
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
    assert operator.accounting()["dropped"] == 0
