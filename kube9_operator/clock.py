"""The clock: the wall clock, whose times are recorded, and the monotonic clock, by which waits and deadlines go."""

import time
from typing import Protocol


def now_ms() -> int:
    """Returns the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def iso(ms: int) -> str:
    """Formats a time in ms since 1970 as 2025-12-02T10:30:45.123Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"


class Clock(Protocol):
    """A clock that can be passed in, so that tests need not wait."""

    def now_ms(self) -> int:
        """The wall clock, in ms since 1970."""

    def monotonic(self) -> float:
        """The monotonic clock, in seconds."""


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """The wall clock, in ms since 1970."""
        return now_ms()

    def monotonic(self) -> float:
        """The monotonic clock, in seconds."""
        return time.monotonic()


SYSTEM: Clock = SystemClock()
