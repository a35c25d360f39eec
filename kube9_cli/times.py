"""Times as people write them and as clients read them."""

import contextlib
import re
import time

UNITS_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
AGO_PART = r"([0-9]{1,12})([smhdw])"
LAST_SECONDS = (
    (r"(?<=[T ][0-9]{2}:[0-9]{2}:)60", "59"),  # a leap second
    (r"(?<=[T ])24:00(:00([.,]0+)?)?(?=$|[Z+-])", "23:59:59"),  # the end of a day
)
"""ISO 8601 has these seconds, but not every release of Python. They are read as the second before, plus one."""
MAX_MS = 2**53
"""The latest time: the largest whole number of JSON, the year 287,396."""


def duration(text: str) -> int:
    """A duration in ms, such as 15m or 1h30m. Raises ValueError."""
    if not re.fullmatch(f"(?:{AGO_PART})+", text):
        raise ValueError(text)
    return sum(int(number) * UNITS_SECONDS[unit] for number, unit in re.findall(AGO_PART, text)) * 1000


def parse(text: str, now_ms: int) -> int:
    """A time in ms since 1970, which may be negative: an ISO 8601 date or time, or how long ago. Raises ValueError."""
    if text == "now":
        return now_ms
    with contextlib.suppress(ValueError):
        return now_ms - duration(text.removesuffix(" ago"))
    from datetime import UTC, datetime, timedelta  # only where it is needed: 2 ms

    plain, more = text.upper(), 0
    for last, before in LAST_SECONDS:
        plain, found = re.subn(last, before, plain)
        more += found
    try:
        given = datetime.fromisoformat(plain)
        moment = (given if given.tzinfo else given.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
        return moment // timedelta(milliseconds=1) + more * 1000
    except OverflowError as error:
        raise ValueError(text) from error


def iso(ms: int) -> str:
    """A time in ms since 1970 in UTC, such as 2025-12-02T10:30:45.123Z."""
    seconds, rest = divmod(min(ms, MAX_MS), 1000)
    try:
        year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    except (OverflowError, OSError, ValueError):
        return f"+{ms}ms"
    # This takes a third of the time of strftime, and an event has five times.
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z"
