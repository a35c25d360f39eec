"""Damaged databases: set aside, salvaged, recorded on, and said everywhere. KUBE9_DAMAGED_COPIES=20 KUBE9_DAMAGED_EVENTS=100000
make the long round.
"""

import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.write.recovery import salvage
from tests.bench import database as made
from tests.operator import Operator, until
from tests.standin import StandIn, warning

COPIES = int(os.environ.get("KUBE9_DAMAGED_COPIES", "2"))
EVENTS = int(os.environ.get("KUBE9_DAMAGED_EVENTS", "1500"))
LISTED = 40
DEADLINES = {"inspect": 2.0, "inspect_first": 0.2, "confirmation": 30.0}
SALVAGE_SECONDS = 240.0
MOST_EVENTS = 2 * 80
"""A piece may lie on two pages, of events, of their objects or of contributors."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of EVENTS events, all in the file."""
    folder = tmp_path_factory.mktemp("large")
    connection = made.create(str(folder))
    made.fill(connection, EVENTS)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return folder


def quick_check(path: Path) -> str:
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return str(reader.execute("PRAGMA quick_check(1)").get)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return str(error)
    finally:
        reader.close()


def damage(path: Path, chance: random.Random) -> int:
    """Overwrites pieces of the file at random until quick_check finds it; says how many."""
    size, pieces = path.stat().st_size, 0
    with path.open("r+b", buffering=0) as file:
        while quick_check(path) == "ok":
            file.seek(chance.randrange(size))
            file.write(chance.randbytes(chance.choice((8, 100, 4_096))))
            pieces += 1
    return pieces


def damage_accounting(path: Path) -> None:
    """Destroys what is looked at when the database is opened, and nothing else."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'books'").get
    connection.close()
    with path.open("r+b", buffering=0) as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)


def ids(path: Path) -> dict[str, tuple[int, int]]:
    """Of each object the id and the count of its event; twice is not allowed."""
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = reader.execute(
            "SELECT o.name, e.id, e.count FROM events e JOIN objects o ON o.id = e.object WHERE o.name != ''"
        ).fetchall()
    finally:
        reader.close()
    found = {name: (event, count) for name, event, count in rows}
    assert len(found) == len(rows)
    return found


def state(operator: Operator) -> dict[str, Any]:
    """The critical event."""
    found = operator.events("--type", "system", "--severity", "critical")
    own = [event for event in found if event["title"] == "Database damaged"]
    assert len(own) <= 1
    return own[0] if own else {}


@pytest.mark.parametrize("seed", range(COPIES))
def test_a_damaged_copy(large: Path, tmp_path: Path, standin: StandIn, seed: int) -> None:
    chance = random.Random(seed)
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    for one in large.iterdir():
        shutil.copy(one, operator.data)
    with operator:
        standin.write(*(warning(f"live-{number}", "SoakHappened", "it happened", count=2) for number in range(LISTED)))
        until(lambda: all(f"live-{number}" in ids(operator.data / "kube9.db") for number in range(LISTED)), "the list")
        assert operator.stop() == 0
    before = ids(operator.data / "kube9.db")
    # What is in the WAL would hide the damage from whoever looks.
    writer = apsw.Connection(str(operator.data / "kube9.db"))
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    writer.close()
    pieces = damage(operator.data / "kube9.db", chance)
    standin.write(warning("live-0", "SoakHappened", "it happened", count=5), warning("later", "SoakHappened", "and this"))
    began = time.monotonic()
    with operator:
        until(lambda: list(operator.data.glob("kube9.db.corrupt-*Z")), "the damaged file to be moved", SALVAGE_SECONDS)
        until(lambda: ids_now(operator).get("later"), "recording to go on", SALVAGE_SECONDS)
        recording = time.monotonic() - began
        until(lambda: [line for line in operator.log() if line["event"] == "salvage.done"], "the end", SALVAGE_SECONDS)
        (aside,) = operator.data.glob("kube9.db.corrupt-*Z")
        (done,) = [line for line in operator.log() if line["event"] == "salvage.done"]
        assert done["path"] == str(aside)
        told = state(operator)
        assert str(aside) in told["description"]
        assert f"{done['saved']} events of it were saved" in told["description"]
        code, health = operator.health()
        assert (code, health["status"]) == (503, "degraded")
        assert [reason for reason in health["reasons"] if str(aside) in reason]
        status = until(lambda: (said := operator.cli("status")["health"]).startswith("degraded") and said, "the status")
        assert str(aside) in status
        gaps = operator.cli("events", "list", "--since=8d", "--limit=1")["coverage"]["gaps"]
        assert [gap for gap in gaps if "the database was damaged" in gap["reason"]]
        assert done["saved"] + done["unreadable"] >= len(before) - LISTED
        assert done["saved"] >= len(before) - LISTED - pieces * MOST_EVENTS
        after = ids(operator.data / "kube9.db")
        assert after["live-0"][1] == 5
        assert {name: count for name, (_, count) in after.items() if name in before and name != "live-0"}.items() <= {
            name: count for name, (_, count) in before.items()
        }.items()
        assert all(f"live-{number}" in after for number in range(LISTED))
        moved = [name for name in after if name in before and after[name][0] != before[name][0]]
        assert not [name for name in moved if not name.startswith("live-")], "what is saved keeps its id"
        aside.rename(operator.data / "taken-away")
        until(lambda: operator.health()[0] == 200, "it to be healthy when somebody has seen to it")
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
    operator.accounting()
    print(
        f"seed {seed}: recording after {recording:.1f} s, {done['saved']:,} of {len(before):,} saved, {done['unreadable']} lost"
    )


def saved_of(operator: Operator) -> dict[str, Any]:
    """What the log says at the end."""
    return until(lambda: [line for line in operator.log() if line["event"] == "salvage.done"], "the end", SALVAGE_SECONDS)[-1]


def ids_now(operator: Operator) -> dict[str, tuple[int, int]]:
    try:
        return ids(operator.data / "kube9.db")
    except apsw.Error:
        return {}


def test_a_damaged_page_costs_no_more_than_itself(tmp_path: Path) -> None:
    """Also where damage makes a key too low, too high or negative, which ends a search or leaves out what is between."""
    connection = made.create(str(tmp_path))
    made.fill(connection, 1_000)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    leaves = connection.execute("SELECT pageno, ncell FROM dbstat WHERE name = 'events' AND pagetype = 'leaf'").fetchall()
    connection.close()
    path, chance = tmp_path / "copy.db", random.Random(9)
    for _ in range(20):
        shutil.copy(tmp_path / "kube9.db", path)
        page, cells = chance.choice(leaves)
        with path.open("r+b", buffering=0) as file:
            file.seek((page - 1) * 4_096 + chance.randrange(4_000))
            file.write(chance.randbytes(chance.choice((8, 90))))
        said: list[salvage.Message] = []
        salvage.salvage(str(path), said.append)
        *saved, last = (one for one in said if not isinstance(one, salvage.Found))
        assert isinstance(last, salvage.Read)
        assert len(saved) >= 1_000 - cells
        assert last.unreadable == 1_000 - len(saved)


def test_no_database_at_all(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    (operator.data / "kube9.db").write_bytes(b"something else entirely" * 1_000)
    standin.write(warning("one", "SoakHappened", "it happened"))
    with operator:
        until(lambda: "one" in ids_now(operator), "recording")
        until(lambda: state(operator), "the event")
        (aside,) = operator.data.glob("kube9.db.corrupt-*Z")
        assert aside.read_bytes().startswith(b"something else")


def test_states_are_not_salvaged(tmp_path: Path, standin: StandIn) -> None:
    """They are listed again: what changed since is not known, and not made up; then changes are recorded as ever."""

    def scale(replicas: int) -> None:
        standin.put(
            "deployments",
            {
                "metadata": {"namespace": "shop", "name": "web"},
                "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
            },
        )

    def scalings() -> list[str]:
        return [one["description"] for one in operator.events() if one["title"] == "Deployment scaled"]

    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    standin.write(*(warning(f"live-{number}", "SoakHappened", "it happened", count=2) for number in range(300)))
    scale(2)
    with operator:
        until(lambda: len(ids_now(operator)) == 300, "the list")
        until(lambda: "confirmed_until" in operator.cli("status")["watches"].get("deployments", {}), "the other")
        scale(3)
        until(lambda: scalings() == ["Deployment web scaled from 2 to 3 replicas"], "the change")
        assert operator.stop() == 0
    damage_accounting(operator.data / "kube9.db")
    scale(5)
    with operator:
        until(lambda: [line for line in operator.log() if line["event"] == "salvage.done"], "the end", SALVAGE_SECONDS)
        until(lambda: "confirmed_until" in operator.cli("status")["watches"].get("deployments", {}), "a list")
        scale(7)
        until(lambda: "Deployment web scaled from 5 to 7 replicas" in scalings(), "the change from what was listed")
        assert not [one for one in scalings() if "to 5" in one]
        gaps = operator.cli("events", "list", "--object-kind=Deployment")["coverage"]["gaps"]
        assert [gap for gap in gaps if "the database was damaged" in gap["reason"]], gaps
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def test_damage_while_it_runs(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    standin.write(*(warning(f"live-{number}", "SoakHappened", "it happened", count=2) for number in range(500)))
    with operator:
        until(lambda: len(ids_now(operator)) == 500, "the list")
        writer = apsw.Connection(str(operator.data / "kube9.db"))
        writer.set_busy_timeout(5_000)
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0] == 0
        writer.close()
        with (operator.data / "kube9.db").open("r+b", buffering=0) as file:
            for page in range(3, file.seek(0, 2) // 4_096, 2):
                file.seek(page * 4_096)
                file.write(b"\xff" * 200)
        standin.write(warning("later", "SoakHappened", "and this"))
        until(lambda: list(operator.data.glob("kube9.db.corrupt-*Z")), "the damage to be found", SALVAGE_SECONDS)
        until(lambda: len(ids_now(operator)) == 501, "all that the API lists", SALVAGE_SECONDS)
        assert all(count == 2 for name, (_, count) in ids(operator.data / "kube9.db").items() if name != "later")
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def test_a_file_that_is_removed_while_it_runs(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    standin.write(warning("one", "SoakHappened", "it happened", count=2))
    with operator:
        until(lambda: "one" in ids_now(operator), "the list")
        (operator.data / "kube9.db").unlink()
        standin.write(warning("two", "SoakHappened", "and this"))
        until(lambda: {"one", "two"} <= set(ids_now(operator)), "both in a new file", SALVAGE_SECONDS)
        assert "the file has been removed" in operator.log_text()
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def test_only_the_newest_two_are_kept(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    for number in range(3):
        with operator:
            until(lambda: ids_now(operator) is not None and operator.pid("watcher-events"), "a start")
            operator.stop()
        (operator.data / "kube9.db").write_bytes(f"damaged {number}".encode() * 1_000)
    with operator:
        until(lambda: operator.pid("watcher-events"), "a start")
        aside = [path for path in operator.data.glob("kube9.db.corrupt-*") if not path.name.endswith(("-wal", "-shm", ".json"))]
        contents = sorted(path.read_bytes()[:9] for path in aside)
        assert contents == [b"damaged 1", b"damaged 2"]


def test_a_move_that_was_interrupted_is_finished(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES)
    (operator.data / "kube9.db.corrupt-20251202T103045Z").write_bytes(b"x")
    (operator.data / "kube9.db-wal").write_bytes(b"of the old one")
    with operator:
        until(lambda: operator.pid("watcher-events"), "a start")
        assert (operator.data / "kube9.db.corrupt-20251202T103045Z-wal").read_bytes() == b"of the old one"
