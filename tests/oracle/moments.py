"""Random times, as people and programs type them."""

import random
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.oracle.times import EPOCH, iso

SECOND_MS, HOUR_MS, DAY_MS = 1_000, 3_600_000, 86_400_000
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
ZONES = {
    "UTC": UTC,
    "+05:30": timezone(timedelta(hours=5, minutes=30)),
    "-0930": timezone(-timedelta(hours=9, minutes=30)),
    "Europe/Berlin": ZoneInfo("Europe/Berlin"),
}
ZONE = "Europe/Berlin"
"""All times of one command line are in one zone."""


class Moment(NamedTuple):
    """A time as it is typed, and what it is in ms since 1970."""

    text: str
    ms: int
    zoned: bool = False
    more: tuple[str, ...] = ()
    """--tz, where it is needed."""
    is_clock: bool = False
    """It is a time of the clock without a day."""


def random_moment(chance: random.Random, borders: tuple[int, ...], now_ms: int) -> Moment:
    """A time at the border of an event, or beside it."""
    ms = chance.choice((*borders, now_ms)) + chance.choice((-1, 0, 0, 0, 1, HOUR_MS, -DAY_MS))
    ms = max(0, ms)
    return chance.choice((_ago, _iso, _iso, _in_zone, _by_clock))(chance, ms, now_ms)


def duration_ms(text: str) -> int:
    """A duration of one unit or of several."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall("([0-9]+)([a-z])", text)) * SECOND_MS


def _iso(chance: random.Random, ms: int, _: int) -> Moment:
    """UTC, also without a zone."""
    return Moment(chance.choice((iso(ms), iso(ms).removesuffix("Z"), iso(ms).replace("T", " "))), ms)


def _in_zone(chance: random.Random, ms: int, _: int) -> Moment:
    zone = timezone(timedelta(minutes=chance.choice((-570, 60, 330))))
    return Moment((EPOCH + timedelta(milliseconds=ms)).astimezone(zone).isoformat(timespec="milliseconds"), ms)


def _ago(chance: random.Random, ms: int, now_ms: int) -> Moment:
    """How long ago, in one unit or in several."""
    if ms >= now_ms:
        return Moment("now", now_ms)
    rest = seconds = (now_ms - ms) // SECOND_MS
    parts = []
    for unit in chance.choice(("s", "ms", "hs", "dhms", "wdhms")):
        number, rest = divmod(rest, UNITS[unit])
        parts.append(f"{number}{unit}")
    return Moment("".join(parts) + chance.choice(("", " ago")), now_ms - seconds * SECOND_MS)


def _by_clock(chance: random.Random, ms: int, now_ms: int) -> Moment:
    """The last time at which clocks showed it, or a day and a time."""
    zone = ZONES[ZONE]
    now = (EPOCH + timedelta(milliseconds=now_ms)).astimezone(zone)
    clock = (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).time().replace(microsecond=0, tzinfo=None)
    day = chance.choice(("", "today", "yesterday"))
    if day:
        clock = clock if chance.random() < 0.7 else clock.replace(hour=0, minute=0, second=0)
        at = datetime.combine(now.date() - timedelta(days=day == "yesterday"), clock, zone)
        text = day if not (clock.hour or clock.minute or clock.second) else f"{day} {clock:%H:%M:%S}"
    else:
        at = datetime.combine(now.date(), clock, zone)
        at = at if at <= now else datetime.combine(now.date() - timedelta(days=1), clock, zone)
        text = f"{clock:%H:%M:%S}"
    return Moment(text, (at - EPOCH) // timedelta(milliseconds=1), True, (f"--tz={ZONE}",), not day)


def first_after(ms: int, after_ms: int) -> int:
    """When clocks first show the same as at `ms`, after another time."""
    zone = ZONES[ZONE]
    clock, begun = ((EPOCH + timedelta(milliseconds=one)).astimezone(zone) for one in (ms, after_ms))
    days = (datetime.combine(begun.date() + timedelta(days=ahead), clock.time(), zone) for ahead in range(3))
    return next(at for day in days if (at := (day - EPOCH) // timedelta(milliseconds=1)) > after_ms)
