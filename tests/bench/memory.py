"""The proportional memory (PSS) of all processes of the operator, idle and after a burst."""

import tempfile
from pathlib import Path

from tests.operator import Operator, until
from tests.standin import StandIn, warning

EVENTS = 50_000
AS_INSTALLED = str(Path(__file__).parent / "installed")
"""On PYTHONPATH: without what developers have."""


def run(_large: Path) -> None:
    """With nothing to do, after a list of 50,000 Events, and after as many updates of them."""
    with StandIn() as standin, tempfile.TemporaryDirectory() as folder:
        operator = Operator(
            Path(folder), standin.kubeconfig(Path(folder)), {"compare": 300.0}, LOG_LEVEL="debug", PYTHONPATH=AS_INSTALLED
        )
        with operator:
            until(lambda: [one for one in standin.control("requests") if "watch=1" in one], "the watch")
            _print(operator, "idle")
            for time_of in (1, 2):
                standin.control("prepare", {"from": 0, "count": EVENTS, "reason": "BackOff", "times": time_of})
                standin.control("release")
                received = EVENTS * time_of
                until(lambda expected=received: operator.accounting()["received"] == expected, "all", 300)
                _print(operator, f"after {received:,} lines")
            standin.control("cut")
            standin.write(warning("last", "BackOff", "again"))  # a version that is newer than the watch's
            standin.control("compact")
            standin.control("cut")
            lists = "watch.listed"
            until(lambda: operator.log_text().count(lists) >= 2, "another list", 60)
            received = 3 * EVENTS
            until(lambda: operator.accounting()["received"] >= received, "all", 300)
            _print(operator, f"after a list of {EVENTS:,}")


def _print(operator: Operator, when: str) -> None:
    print(f"{when}: {pss(operator)}", flush=True)


def pss(operator: Operator) -> str:
    """The proportional memory of all processes of an operator, and of each."""
    each = shares(operator)
    parts = ", ".join(f"{label} {mib:.0f}" for label, mib in each.items())
    return f"{sum(each.values()):.0f} MiB PSS ({parts})"


def shares(operator: Operator) -> dict[str, float]:
    """The proportional memory of each process of an operator, in MiB."""
    assert operator.process
    found: dict[str, float] = {}
    names = ["writer", "watcher-events", "watcher-pods", "watcher-rest", "analyzer"]
    names += ["sink"] if operator.environment.get("SINK_URL") else []
    known = {operator.pid(name): name for name in names} | {operator.process.pid: "supervisor"}
    for pid in (operator.process.pid, *operator.children()):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        label = known.get(pid, "resource tracker" if b"resource_tracker" in command else "fork server")
        assert label not in found, f"two of {label}"
        found[label] = int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024
    assert found.keys() >= set(names), f"no {set(names) - found.keys()}"
    return found
