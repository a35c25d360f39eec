"""Times as a clock on the wall shows them (14:05, yesterday 22:00), in a time zone. It is only imported for such a time."""

import os
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

DAYS = {"today": 0, "yesterday": 1}
"""How many days ago a day was."""
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])")
_POSIX = re.compile(r"(<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[+-]?[0-9]")
"""A TZ that is not a name but a rule, such as CET-1CEST: the C library reads it."""


class Zone:
    """A time zone, with the name by which it was asked for."""

    def __init__(self, name: str, info: tzinfo | None) -> None:
        """Without `info` it is the zone of the C library."""
        self.name, self._info = name, info

    def at(self, ms: int) -> datetime:
        """What clocks in this zone show at a time in ms since 1970."""
        return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)).astimezone(self._info)

    def ms(self, day: date, seconds: int) -> int:
        """When a clock shows this day and this second of it, in ms since 1970. Of two such times it is the first."""
        shown = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)
        aware = shown.replace(tzinfo=self._info) if self._info else shown.astimezone()
        return (aware - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def zone(asked: str | None) -> Zone:
    """The time zone of --tz; without it that of TZ, or of this machine. Raises ValueError for an unknown one."""
    text = os.environ.get("TZ") if asked is None else asked
    if text is None:
        return Zone(datetime.now().astimezone().tzname() or "local", None)
    name = text.removeprefix(":") if asked is None else text
    if name in ("", "UTC", "utc", "Z"):
        return Zone("UTC", UTC)
    if name == "local" and asked is not None:
        return zone(None)
    offset = _OFFSET.fullmatch(name)
    if offset:
        sign, hours, minutes = offset.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes))
        return Zone(f"UTC{sign}{hours}:{minutes}", timezone(-away if sign == "-" else away))
    from zoneinfo import ZoneInfo  # only where it is needed

    try:
        return Zone(name, ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        if asked is None and _POSIX.match(name):
            return Zone(name, None)
        raise ValueError(name) from None


def names() -> set[str]:
    """The names of the time zones that this machine knows."""
    from zoneinfo import available_timezones  # only where it is needed

    return available_timezones()


def parse(text: str, now_ms: int, where: Zone, after_ms: int | None = None) -> int:
    """The time in ms since 1970 of `14:05`, `today`, `yesterday 22:00` or `22:00 yesterday`. Raises ValueError.

    A time without a day is the last one: at 09:00, 14:05 is that of yesterday. If the last one is not after `after_ms`, it is
    the first one that is. A day without a time is its beginning.
    """
    words = text.lower().split()
    days = [DAYS[word] for word in words if word in DAYS]
    clocks = [match.groups() for word in words if (match := _CLOCK.fullmatch(word))]
    if len(days) + len(clocks) != len(words) or len(days) > 1 or len(clocks) > 1 or not words:
        raise ValueError(text)
    hours, minutes, seconds = (int(number or 0) for number in (clocks[0] if clocks else (0, 0, 0)))
    shown = hours * 3600 + minutes * 60 + seconds
    today = where.at(now_ms).date()
    found = where.ms(today - timedelta(days=days[0] if days else 0), shown)
    if not days and found > now_ms:
        found = where.ms(today - timedelta(days=1), shown)
    if not days and after_ms is not None and found <= after_ms:
        begun = where.at(after_ms).date()
        found = next(ms for ahead in range(3) if (ms := where.ms(begun + timedelta(days=ahead), shown)) > after_ms)
    return found
