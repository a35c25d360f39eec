"""Our own wall clock, and how its times are written. Waits and deadlines go by `time.monotonic` instead."""

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def iso(ms: int) -> str:
    """A time in ms since 1970 as 2025-12-02T10:30:45.123Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"
