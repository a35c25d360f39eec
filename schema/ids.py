"""Ids of events: a number in the database (seconds since 1970 * SUFFIXES + suffix), and its text evt_YYYYMMDD_HHMMSS_xxxxxx."""

import re
import time

SUFFIXES = 36**6
"""How many ids one second has."""
MAX_ID = 2**63 - 1
FORMAT = "evt_YYYYMMDD_HHMMSS_xxxxxx"
_SECOND = "evt_%Y%m%d_%H%M%S"
_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def first_of(ms: int) -> int:
    """The smallest id of a second, which a time in ms since 1970 is in."""
    return ms // 1000 * SUFFIXES


def encode(number: int) -> str:
    """The text of an id."""
    second, suffix = divmod(number, SUFFIXES)
    characters = ""
    for _ in range(6):
        suffix, digit = divmod(suffix, len(_CHARACTERS))
        characters = _CHARACTERS[digit] + characters
    return f"{time.strftime(_SECOND, time.gmtime(second))}_{characters}"


def decode(text: str) -> int | None:
    """The number of an id; None for an id of a time that does not exist. Raises ValueError for any other text."""
    import calendar  # only where it is needed

    if not re.fullmatch("evt_[0-9]{8}_[0-9]{6}_[0-9a-z]{6}", text):
        raise ValueError(text)
    second_text, _, suffix = text.rpartition("_")
    try:
        second = calendar.timegm(time.strptime(second_text, _SECOND))
        if time.strftime(_SECOND, time.gmtime(second)) != second_text:  # a leap second
            return None
    except (ValueError, OverflowError):
        return None
    return min(second * SUFFIXES + int(suffix, 36), MAX_ID)
