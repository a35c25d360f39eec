"""Time zones by their names."""

import os
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

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


def zone(asked: str | None) -> Zone:
    """The zone of --tz; without it, that of TZ; without both, that of this machine. Raises ValueError for an unknown one."""
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
