"""Heartbeats of a side process while it waits for something outside."""

import contextlib
import threading
import time
from collections.abc import Iterator

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link


@contextlib.contextmanager
def beating(link: Link, deadlines: Deadlines, most_seconds: float) -> Iterator[None]:
    """Sends heartbeats from another thread during the block, which may wait for a server, but no longer than this."""
    over, ends_at = threading.Event(), time.monotonic() + most_seconds

    def beat() -> None:
        while not over.wait(deadlines.beat) and time.monotonic() < ends_at:
            link.beat_from_thread()

    threading.Thread(target=beat, name="beats", daemon=True).start()
    try:
        yield
    finally:
        over.set()
