"""Ids of events: a number in the database (seconds since 1970 * SUFFIXES + suffix), and its text evt_YYYYMMDD_HHMMSS_xxxxxx."""

import time

SUFFIXES = 36**6
"""How many ids one second has."""
MAX_ID = 2**63 - 1
FORMAT = "evt_YYYYMMDD_HHMMSS_xxxxxx"
_THOUSANDS = 36**3
_SECOND = "evt_%Y%m%d_%H%M%S"
_DIGITS = "0123456789"
_CHARACTERS = f"{_DIGITS}abcdefghijklmnopqrstuvwxyz"

MOST_BEGINNINGS = 1_000
_beginnings: dict[int, str] = {}
"""All of an id but its last three digits, by number: many events are recorded in one second."""


def first_of(ms: int) -> int:
    """The smallest id of a second, which a time in ms since 1970 is in."""
    return ms // 1000 * SUFFIXES


def encode(number: int) -> str:
    """The text of an id."""
    beginning, rest = divmod(number, _THOUSANDS)
    shown = _beginnings.get(beginning)
    if shown is None:
        if len(_beginnings) >= MOST_BEGINNINGS:
            _beginnings.clear()
        second, first = divmod(beginning, _THOUSANDS)
        shown = _beginnings[beginning] = f"{time.strftime(_SECOND, time.gmtime(second))}_{_three(first)}"
    return shown + _three(rest)


def _three(number: int) -> str:
    """Three digits of a suffix."""
    first, rest = divmod(number, 36 * 36)
    return _CHARACTERS[first] + _CHARACTERS[rest // 36] + _CHARACTERS[rest % 36]


def decode(text: str) -> int | None:
    """The number of an id; None for an id of a time that does not exist. Raises ValueError for any other text."""
    day, time_of_day, suffix = text[4:12], text[13:19], text[20:]
    if f"evt_{day}_{time_of_day}_{suffix}" != text or len(suffix) != 6 or not set(suffix) <= set(_CHARACTERS):
        raise ValueError(text)
    if not set(day + time_of_day) <= set(_DIGITS):
        raise ValueError(text)
    hours, minutes, seconds = int(time_of_day[:2]), int(time_of_day[2:4]), int(time_of_day[4:])
    second = _days(int(day[:4]), int(day[4:6]), int(day[6:])) * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if time.strftime(_SECOND, time.gmtime(second)) != text[:19]:  # a 30th of February, a leap second
        return None
    return min(second * SUFFIXES + int(suffix, 36), MAX_ID)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date. The modules calendar and datetime, and time.strptime, take several ms to import.

    A year is counted from March, so that the day that leap years have more is its last.
    """
    year -= month < 3
    before = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + before - 719_468
