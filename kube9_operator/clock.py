"""The wall clock of the operator, and the format of its times. Waits and deadlines use `time.monotonic` instead."""

import time


def now_ms() -> int:
    """Returns the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def iso(ms: int) -> str:
    """Formats a time in ms since 1970 as 2025-12-02T10:30:45.123Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"
