"""An hour of flood on a volume of 64 MiB: as many Events as 250 a second are in an hour, at 1,000 a second. Takes root."""

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import apsw

from tests.bench.pressure import AS_IN_LIFE
from tests.operator import Operator, until
from tests.standin import StandIn

RATE = int(os.environ.get("KUBE9_FLOOD_RATE", "1000"))
EVENTS = int(os.environ.get("KUBE9_FLOOD_EVENTS", "900000"))
VOLUME_MIB, LIMIT_MIB = 64, 51
"""The chart gives the database 80 % of the volume."""
HELD = 60_000
"""So many Events the API server holds, and as much of what became of them: older ones expire."""
REASONS = ("BackOff", "Unhealthy", "FailedMount", "BackOff", "Unhealthy")
"""One of five seconds is of errors, four are of warnings."""


def run(_large: Path) -> None:
    """On a file system in memory."""
    with StandIn() as standin, tempfile.TemporaryDirectory(prefix="kube9-flood-") as folder:
        environment = {"DATABASE_MAX_SIZE_MIB": str(LIMIT_MIB), "LOG_LEVEL": "info"}
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), AS_IN_LIFE, **environment)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={VOLUME_MIB}m", "tmpfs", operator.data], check=True)
        try:
            _flood(operator, standin)
        finally:
            subprocess.run(["umount", "--lazy", operator.data], check=True)


def _flood(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: any("watch=1" in one for one in standin.control("requests")), "the watch")
        watching = _Watching(operator)
        began = time.monotonic()
        for second in range(EVENTS // RATE):
            reason = REASONS[second % len(REASONS)]
            coming = {"from": second * RATE, "count": RATE, "reason": reason, "times": 1, "when": time.time()}
            standin.control("prepare", coming)
            standin.control("release")
            standin.control("expire", HELD)
            if second % 30 == 29:
                print(f"{time.monotonic() - began:.0f} s: {watching.said()}", flush=True)
            time.sleep(max(0.0, began + second + 1 - time.monotonic()))
        until(
            lambda: operator.accounting()["received"] >= EVENTS + max(0, EVENTS - HELD), "the last and its expiry", seconds=120
        )
        seconds = time.monotonic() - began
        until(lambda: operator.health()[0] == 200, "health")
        accounting = operator.accounting()
        watching.stop()
        print(f"{EVENTS:,} Events in {seconds:.0f} s: {watching.said()}; books {accounting}")
        assert operator.stop() == 0
    for trouble in ("database.failed", "process.failed", "workers.restarting", "retention.failed", "checkpoint.failed"):
        print(f"{trouble}: {operator.log_text().count(trouble)}")
    _judge(operator)


def _judge(operator: Operator) -> None:
    with contextlib.closing(apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        assert reader.pragma("integrity_check") == "ok"
        left = dict(reader.execute("SELECT severity, count(*) FROM events WHERE type = 0 GROUP BY 1").fetchall())
        told = reader.execute(
            "SELECT sum(e.count) FROM events e JOIN words w ON w.id = e.title WHERE w.word = 'Size limit deleted events'"
        ).get
        rest = {
            name: reader.execute(f"SELECT count(*) FROM {name}").get
            for name in ("contributors", "leftovers", "objects", "words")
        }
        newest = reader.execute(
            "SELECT o.name FROM events e JOIN objects o ON o.id = e.object WHERE e.type = 0 ORDER BY e.id DESC LIMIT 1"
        ).get
    print(f"left by severity {left}, {told:,} deleted by size and said so; {rest}")
    assert newest.endswith(f"-{EVENTS - 1:07d}"), newest


class _Watching:
    """Notes twice a second how large it is, what is free and how health is."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._over = threading.Event()
        self.largest = 0
        self.least_free = VOLUME_MIB * 2**20
        self.health: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def said(self) -> str:
        mib = 2**20
        return (
            f"largest {self.largest / mib:.1f} MiB (limit {LIMIT_MIB}), least free {self.least_free / mib:.1f} MiB, "
            f"health {dict(self.health)}, received {self._operator.accounting()['received']:,}"
        )

    def _look(self) -> None:
        while not self._over.wait(0.5):
            self.largest = max(self.largest, sum(one.stat().st_size for one in self._operator.data.glob("kube9.db*")))
            found = os.statvfs(self._operator.data)
            self.least_free = min(self.least_free, found.f_bavail * found.f_frsize)
            self.health[self._operator.health()[1]["status"]] += 1
