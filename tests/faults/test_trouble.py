"""The database in trouble while Events go on: health is red as long as it lasts, and afterwards nothing is missing that can be
had; what cannot is a gap.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, warning

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
MINUTE_SECONDS = 6.0
"""With the deadlines of these tests: as many of the writer's tries as a minute has in life, and longer than a proof lasts."""
MIB = 2**20


def recorded(operator: Operator) -> dict[str, int]:
    """Of each object what its event counts; none has two."""
    reader = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        reader.set_busy_timeout(5_000)
        rows = reader.execute(
            "SELECT o.name, e.count FROM events e JOIN objects o ON o.id = e.object WHERE e.type = 0"
        ).fetchall()
    finally:
        reader.close()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def all_held(operator: Operator, standin: StandIn) -> bool:
    """Whether all that the API server still has is recorded with its latest count."""
    found = recorded(operator)
    return all(found.get(name) == count for name, count in standin.control("held").items())


def reasons(operator: Operator) -> str:
    """What health says is wrong; '' where it is not red."""
    code, document = operator.health()
    return " ".join(document["reasons"]) if code == 503 else ""


def test_locked_by_another_process_for_a_minute(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(
        tmp_path, standin.kubeconfig(tmp_path), {"busy": 0.2, "confirmation": 3.0, "database_retry_most": 0.5, "hang": 10.0}
    )
    standin.write(*(warning(f"pod-{number}", "BackOff", "again") for number in range(20)))
    with operator:
        until(lambda: len(operator.events()) == 20, "the list")
        command = [sys.executable, "-c", HOLD, str(operator.data / "kube9.db")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            assert holder.stdin
            assert holder.stdout.readline() == b"held\n"
            began, rounds = time.monotonic(), 1
            while time.monotonic() - began < MINUTE_SECONDS:
                rounds += 1
                standin.write(*(warning(f"pod-{number}", "BackOff", "again", count=rounds) for number in range(0, 20, 2)))
                standin.write(warning(f"late-{rounds}", "BackOff", "and this"))
                until(lambda: "database is locked" in reasons(operator), "red")
                time.sleep(0.2)
            assert len(operator.events()) == 20, "it can be read all the while"
            holder.stdin.close()
        until(lambda: all_held(operator, standin), "all of it")
        until(lambda: operator.health()[0] == 200, "health")
        assert operator.accounting()["refused"] == 0
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]

        def changed() -> list[str]:
            """What its own events say of health: they are recorded after health has changed."""
            changes = [one for one in operator.events("--type=operator") if one["metadata"].get("reason") == "HealthChanged"]
            return [one["id"] for one in changes if one["severity"] == "critical" and "locked" in json.dumps(one)]

        until(changed, "the event of its health")
        assert operator.stop() == 0
    troubles = [line for line in operator.log() if line["event"] == "database.failed"]
    assert 1 <= len(troubles) <= 2, "one line when it begins, not one for each try"
    assert operator.log_text().count("database.restored") == len(troubles)
    assert operator.integrity() == "ok"


@pytest.mark.skipif(not Path("/usr/bin/mount").exists() or os.getuid() != 0, reason="needs root and mount: sudo make test")
def test_a_full_disk_while_events_expire(tmp_path: Path, standin: StandIn) -> None:
    """More comes than waits anywhere, and half of that expires: it is a gap, and what the API server still has is recorded."""
    many = 8_000
    lives = {"KUBERNETES_EVENT_TTL_SECONDS": "1", "EVENT_QUEUE_SIZE": "500"}
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), {"confirmation": 3.0, "hang": 15.0}, **lives)
    operator.frames = 2
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", operator.data], check=True)
    try:
        standin.write(warning("before", "BackOff", "again"))
        with operator:
            until(lambda: recorded_or_none(operator), "the list")
            ballast = operator.data / "ballast"
            fill(ballast)
            standin.control("prepare", {"from": 0, "count": many, "reason": "BackOff", "times": 2})
            standin.control("release")

            def is_red() -> bool:
                """The operator may have shortened its WAL since, which gives it room."""
                fill(ballast)
                return "is full" in reasons(operator)

            until(is_red, "red")
            until(lambda: "drops.began" in operator.log_text(), "more than waits", seconds=120)
            standin.control("expire", many // 2)
            began = time.monotonic()
            while time.monotonic() - began < MINUTE_SECONDS:  # longer than Events live here
                assert "is full" in reasons(operator), "red as long as it lasts"
                time.sleep(0.1)
            assert operator.process
            assert operator.process.poll() is None
            ballast.unlink()
            until(lambda: all_held(operator, standin), "what the API server still has", seconds=120)
            until(lambda: operator.health()[0] == 200, "health")
            found = recorded(operator)
            assert len(standin.control("held")) == many // 2 < len(found) < many, "some of what expired was never recorded"

            def stated() -> list[str]:
                gaps = operator.cli("events", "list", OF_EVENTS)["coverage"]["gaps"]
                return [gap["reason"] for gap in gaps if "expired" in gap["reason"]]

            until(stated, "the gap")
            operator.accounting()
            assert operator.stop() == 0
        assert operator.integrity() == "ok"
    finally:
        subprocess.run(["umount", "--lazy", operator.data], check=True)


def recorded_or_none(operator: Operator) -> Any:
    try:
        return recorded(operator)
    except apsw.Error:
        return None


def fill(path: Path) -> None:
    """Takes all the room there is, beside what the file has."""
    with path.open("ab", buffering=0) as file:
        for size in (MIB, 4_096):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def test_a_long_reader(tmp_path: Path, standin: StandIn) -> None:
    """It reads what there was. Recording goes on to the limit of size, then waits, and health says for whom; in the end all is
    recorded, and the WAL is cut.
    """
    limits = {"DATABASE_MAX_SIZE_MIB": "16"}
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), {"confirmation": 60.0, "patience": 60.0}, **limits)
    files = [operator.data / "kube9.db", operator.data / "kube9.db-wal"]
    standin.write(warning("before", "BackOff", "again"))
    with operator:
        until(lambda: recorded_or_none(operator) == {"before": 1}, "the list")
        reader = apsw.Connection(str(files[0]), flags=apsw.SQLITE_OPEN_READONLY)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events WHERE type = 0").get == 1
        standin.control("prepare", {"from": 0, "count": 8_000, "reason": "BackOff", "times": 2})
        standin.control("release")
        sizes: list[int] = []

        def waits() -> bool:
            sizes.append(sum(one.stat().st_size for one in files))
            return "have reached DATABASE_MAX_SIZE_MIB=16" in reasons(operator)

        until(waits, "it to wait", seconds=120)
        assert f"until process {os.getpid()} (" in reasons(operator)
        assert max(sizes) <= 16 * MIB
        assert 1 < len(recorded(operator)) < 8_001, "otherwise this shows nothing"
        assert reader.execute("SELECT count(*) FROM events WHERE type = 0").get == 1
        assert operator.log_text().count("workers.restarting") == 0
        reader.execute("COMMIT")
        reader.close()
        until(lambda: all_held(operator, standin), "all of them", seconds=120)

        def cut() -> bool:
            standin.write(warning("after", "BackOff", "again", count=int(time.monotonic() * 1000)))
            return files[1].stat().st_size <= MIB

        until(cut, "the WAL to be cut", seconds=60)
        until(lambda: operator.health()[0] == 200, "health")
        assert operator.stop() == 0
    assert "database.failed" not in operator.log_text()
    assert operator.integrity() == "ok"
