"""The coverage of an answer in plain words. Pure."""

from datetime import UTC, datetime
from typing import Any

NAMED_SOURCES = 3
NOW_SECONDS = 5.0
"""A gap that ends this shortly before now, or later, still goes on."""


def sentence(coverage: dict[str, Any], now_seconds: float) -> str:
    """The coverage in one line, at a time in seconds since 1970."""
    if coverage["complete"]:
        if "from" not in coverage:
            return "No gap is known, but not every watch has been confirmed yet."
        begin, end = _moment(coverage["from"]), _moment(coverage["until"])
        return f"Complete from {_range(begin, end, now_seconds, ' to ')} ({ago(now_seconds - end.timestamp())})."
    gaps = coverage["gaps"]
    if not gaps:
        return f"Incomplete: {', '.join(coverage['unavailable'])} cannot be watched."
    first = gaps[0]
    # One outage affects many sources. It is one entry.
    same = [
        one for one in gaps if one["reason"] == first["reason"] and one["from"] <= first["to"] and first["from"] <= one["to"]
    ]
    begin, end = _moment(min(one["from"] for one in same)), _moment(max(one["to"] for one in same))
    line = f"Incomplete: {_named(same)} not fully recorded {_period(begin, end, now_seconds)} ({first['reason']})."
    more = len(gaps) - len(same)
    return f"{line} {more} more gap{'s' if more > 1 else ''}: see -o json." if more else line


def ago(seconds: float) -> str:
    """How long ago, in words: 5 s ago, 2 min ago, 3 h ago, 4 d ago."""
    passed = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if passed >= 2 * size:
            return f"{passed // size} {unit} ago"
    return f"{passed} s ago"


def _named(gaps: list[dict[str, str]]) -> str:
    names = sorted({one["source"] for one in gaps}, key=lambda name: (name != "events", name))
    rest = len(names) - NAMED_SOURCES
    return ", ".join(names[:NAMED_SOURCES]) + (f" and {rest} more" if rest > 0 else "")


def _period(begin: datetime, end: datetime, now_seconds: float) -> str:
    if begin.timestamp() == 0:  # since ever
        return f"until {_range(end, end, now_seconds, '')}"
    if now_seconds - end.timestamp() < NOW_SECONDS:
        return f"since {_range(begin, begin, now_seconds, '')}"
    return f"from {_range(begin, end, now_seconds, ' to ')}"


def _range(begin: datetime, end: datetime, now_seconds: float, between: str) -> str:
    """Two times in UTC, or one. A date that is today's, or the same as that of the first time, is left out."""
    today = datetime.fromtimestamp(now_seconds, UTC).date()
    first = f"{begin:%H:%M:%S}" if begin.date() == end.date() == today else f"{begin:%Y-%m-%d %H:%M:%S}"
    second = f"{end:%H:%M:%S}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{first}{between}{second} UTC" if between else f"{first} UTC"


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # a time that a crafted database holds, beyond the year 9999
        return datetime.max.replace(tzinfo=UTC)
