"""Times as people write them and as clients read them."""

import time

UNITS_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LONGEST_NUMBER = 12
"""Digits of a number in a duration."""
LAST_SECONDS = (
    (r"(?<=[T ][0-9]{2}:[0-9]{2}:)60", "59"),  # a leap second
    (r"(?<=[T ])24:00(:00([.,]0+)?)?(?=$|[Z+-])", "23:59:59"),  # the end of a day
)
"""ISO 8601 has these seconds, but not every release of Python. They are read as the second before, plus one."""
MAX_MS = 2**53
"""The latest time: the largest whole number of JSON, the year 287,396."""


def duration(text: str) -> int:
    """A duration in ms, such as 15m or 1h30m. Raises ValueError."""
    seconds, digits = 0, ""
    for character in text:
        if character in "0123456789" and len(digits) < LONGEST_NUMBER:
            digits += character
        elif character in UNITS_SECONDS and digits:
            seconds += int(digits) * UNITS_SECONDS[character]
            digits = ""
        else:
            raise ValueError(text)
    if digits or not text:
        raise ValueError(text)
    return seconds * 1000


def parse(text: str, now_ms: int) -> int:
    """A time in ms since 1970, which may be negative: an ISO 8601 date or time, or how long ago. Raises ValueError."""
    if text == "now":
        return now_ms
    try:
        return now_ms - duration(text.removesuffix(" ago"))
    except ValueError:
        pass
    from datetime import UTC, datetime, timedelta  # only where it is needed: 3 ms

    plain, more = text.upper(), 0
    if ":60" in plain or "24:00" in plain:
        import re  # the same: 5 ms

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
    minutes, rest = divmod(ms if ms < MAX_MS else MAX_MS, 60_000)
    minute = _minutes.get(minutes) or _minute(minutes)
    # With 100,000 the digits are there. Formatting two numbers takes half as long again.
    digits = str(100_000 + rest)
    return f"{minute}{digits[1:3]}.{digits[3:]}Z" if minute else f"+{ms}ms"


MOST_MINUTES = 4_096
_minutes: dict[int, str] = {}
"""Minutes that were shown, as they begin a time: an event has five times, and its neighbours have nearly the same."""


def _minute(minutes: int) -> str:
    """The beginning of the times of a minute since 1970; '' for one that a clock cannot show."""
    try:
        year, month, day, hour, minute, *_ = time.gmtime(minutes * 60)
    except (OverflowError, OSError, ValueError):
        return ""
    if len(_minutes) >= MOST_MINUTES:
        _minutes.clear()
    # This takes a third of the time of strftime.
    shown = _minutes[minutes] = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:"
    return shown
