"""What must not be lost: 500 Events a second for five minutes; 100,000 at once while the database is locked for two."""

import tempfile
import time
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.model.deadlines import Deadlines
from tests.operator import Operator, until
from tests.standin import StandIn, warning

RATE, STEADY_SECONDS = 500, 300
FLOOD, LOCKED_SECONDS = 100_000, 120
AS_IN_LIFE = {
    name: getattr(Deadlines(), name)
    for name in ("patience", "confirmation", "hang", "compare", "compare_patience", "page", "flush")
}


def run(_large: Path) -> None:
    """Both, with the deadlines of life where they matter."""
    _steady()
    _locked()


def _steady() -> None:
    with StandIn() as standin, tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), AS_IN_LIFE)
        with operator:
            until(lambda: any("watch=1" in one for one in standin.control("requests")), "the watch")
            began = time.monotonic()
            for second in range(STEADY_SECONDS):
                standin.control("prepare", {"from": second * RATE, "count": RATE, "reason": "BackOff", "times": 1})
                standin.control("release")
                time.sleep(max(0.0, began + second + 1 - time.monotonic()))
            total = RATE * STEADY_SECONDS
            until(lambda: operator.accounting()["received"] >= total, "the last", seconds=60)
            accounting = operator.accounting()
            assert accounting["dropped"] == 0
            assert operator.cli("events", "list", "--limit=1", "--type=cluster")["pagination"]["total"] == total
            assert operator.cli("events", "list", "--limit=1")["coverage"]["complete"]
            print(f"{RATE} Events/s for {STEADY_SECONDS} s: {total:,} recorded, none dropped, coverage complete")
            print(_peaks(operator), flush=True)


def _locked() -> None:
    with StandIn() as standin, tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), AS_IN_LIFE)
        with operator:
            until(lambda: any("watch=1" in one for one in standin.control("requests")), "the watch")
            holder = apsw.Connection(str(operator.data / "kube9.db"))
            holder.execute("BEGIN IMMEDIATE")
            standin.control("prepare", {"from": 0, "count": FLOOD, "reason": "BackOff", "times": 1})
            standin.control("release")
            standin.write(out_of_memory())
            began = time.monotonic()
            until(lambda: time.monotonic() > began + LOCKED_SECONDS, "the end of the lock", seconds=LOCKED_SECONDS + 10)
            reasons = operator.health()[1]["reasons"]
            holder.execute("COMMIT")
            holder.close()
            released = time.monotonic()
            until(lambda: operator.events("--object-name=node-last"), "the newest, which is critical", seconds=300)
            newest = time.monotonic() - released

            def all_there() -> bool:
                return bool(operator.cli("events", "list", "--limit=1", "--type=cluster")["pagination"]["total"] == FLOOD + 1)

            until(all_there, "all of them", seconds=300)
            took = time.monotonic() - released
            dropped = operator.accounting()["dropped"]
            covered = operator.cli("events", "list", "--limit=1")["coverage"]["complete"]
            print(f"{FLOOD:,} at once, database locked for {LOCKED_SECONDS} s: health said {reasons}")
            (critical,) = operator.events("--object-name=node-last")
            print(f"the newest, {critical['severity']}, was there {newest:.1f} s after the lock")
            print(f"{dropped:,} dropped and counted; all recorded {took:.0f} s after the lock, coverage complete: {covered}")
            print(_peaks(operator), flush=True)


def out_of_memory() -> dict[str, Any]:
    """What a kubelet writes of a node that is out of memory."""
    event = warning("node-last", "SystemOOM", "System OOM encountered, victim process: app, pid: 4711")
    event["metadata"]["namespace"] = "default"
    return event | {"involvedObject": {"kind": "Node", "name": "node-last", "uid": "node-last"}}


def _peaks(operator: Operator) -> str:
    """The most resident memory of each process so far."""
    assert operator.process
    found = {}
    for pid in (operator.process.pid, *operator.children()):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        mib = int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) // 1024
        name = next((one for one in ("writer", "watcher-events") if operator.pid(one) == pid), "other")
        found[name] = max(mib, found.get(name, 0))
    return "peak resident MiB: " + ", ".join(f"{name} {mib}" for name, mib in found.items())
