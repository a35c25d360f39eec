"""Our own wall clock. Waits and deadlines go by `time.monotonic` instead."""

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
