"""From the bytes of a watch line to what waits in the outbox: mean and 99.9th percentile, by what Kubernetes wrote."""

import json
import threading
import time
from pathlib import Path

from kube9_operator.watch import lines
from kube9_operator.watch.kinds.events import EVENTS
from kube9_operator.watch.outbox import Outbox

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"
ROUNDS = 300


def run(_large: Path) -> None:
    """All Events of the data, and those that are recorded, one line at a time."""
    every = [json.dumps({"type": "MODIFIED", "object": json.loads(line)}).encode() + b"\n" for line in DATA.open("rb")]
    worthy = [line for line in every if lines.Stream(EVENTS).feed(line).observations]
    for name, chosen in (("all Events of the data", every), ("those that are recorded", worthy)):
        took = _times_us(chosen)
        print(
            f"{name}, {len(took):,} lines: mean {sum(took) / len(took):.1f} us, 99th {took[len(took) * 99 // 100]:.0f} us, "
            f"99.9th {took[len(took) * 999 // 1000]:.0f} us, worst {took[-1] / 1000:.1f} ms"
        )


def _times_us(chosen: list[bytes]) -> list[float]:
    """Of each line how long it takes to decode, normalise and enqueue it, in ascending order; in time of the processor."""
    took = []
    for _ in range(ROUNDS):
        stop = threading.Event()
        outbox, stream = Outbox("events", Waiting(stop), stop, 1_000_000, 1.0), lines.Stream(EVENTS)
        for line in chosen:
            began = time.thread_time_ns()
            batch = stream.feed(line)
            outbox.put(batch)
            took.append((time.thread_time_ns() - began) / 1000)
        stop.set()
        outbox.close(10)
    return sorted(took)


class Waiting:
    """A queue that takes nothing while it is measured."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        self._stop.wait()
