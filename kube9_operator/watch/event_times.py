"""When an Event happened: its emitter's times, held against the API server's own clock. Pure; all times in ms since 1970.

The API server stamps the creation (creationTimestamp) and each write (managedFields) with its own clock. The emitter's clock
may be wrong in both directions. A wrong clock never loses an Event: what cannot be is replaced by the server's time.
"""

from typing import NamedTuple

from kube9_schema.intervals import MS_IN_HOUR

MAX_AHEAD_MS = 5 * 60_000
"""A time that is further ahead of the server's clock than this is wrong."""
SKEW_MS = 60_000
"""Several API servers may differ by this much."""


class Clock(NamedTuple):
    """What the API server's own clock says about an Event; 0 for what it does not say."""

    created_ms: int
    """creationTimestamp."""
    writes_ms: tuple[int, ...] = ()
    """The times in managedFields."""
    now_ms: int = 0
    """The server's Date of the answer with the Event."""

    def written_ms(self) -> int:
        """When the Event was written last. Whoever writes it may write managedFields with any time, so a time ahead of the
        server's Date does not count. One that is ahead by less than SKEW_MS stands for that Date.
        """
        latest_ms, now_ms = self.created_ms, self.now_ms
        for time_ms in self.writes_ms:
            if now_ms and time_ms > now_ms:
                time_ms = now_ms if time_ms <= now_ms + SKEW_MS else 0
            if time_ms > latest_ms:
                latest_ms = time_ms
        return latest_ms


class Times(NamedTuple):
    """First and last time of an Event, and whether they replace what the emitter said."""

    first_ms: int
    last_ms: int
    first_replaced: bool = False
    last_replaced: bool = False


def judge(first_ms: int, last_ms: int, count: int, clock: Clock, event_ttl_ms: int = MS_IN_HOUR) -> Times:
    """The times that are recorded, for the emitter's first and last time and its count.

    - A last time more than five minutes after, or more than the Event TTL before, the server's time is replaced by it.
    - A first time may be older than the object: recorders write an expired Event anew with its old first time. It is replaced
      if it lies ahead, or if it is older and the last time was wrong: then the clock that gave both is wrong.
    """
    server_ms = clock.written_ms() or clock.now_ms
    if not server_ms:
        return Times(first_ms, max(first_ms, last_ms))
    # Without managedFields nobody knows when a count above 1 was written: at some time between the creation and now.
    latest_ms = server_ms if clock.writes_ms or count == 1 else clock.now_ms
    ahead = bool(latest_ms) and last_ms > latest_ms + MAX_AHEAD_MS
    last_wrong = ahead or last_ms < server_ms - event_ttl_ms
    last = server_ms if last_wrong else last_ms
    created_ms = clock.created_ms or server_ms
    older = first_ms < created_ms - SKEW_MS
    if first_ms > created_ms + MAX_AHEAD_MS or (last_wrong and (older or first_ms > last)):
        return Times(min(created_ms, last), last, True, last_wrong)
    return Times(first_ms, max(first_ms, last), False, last_wrong)
