"""From the words of the command line to a checked request. Nothing here touches the database."""

import argparse
import os
import re
import sys
import time
from typing import NamedTuple

from kube9_cli.parser import EVENT_TYPES, FORMATS, MAX_LIMIT, ORDERS, SEVERITIES, UsageError
from kube9_cli.query.kinds import as_written

FILE_NAME = "kube9.db"
ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
SUFFIXES = len(ID_CHARACTERS) ** 6
UNITS_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
AGO_PART = re.compile(r"([0-9]{1,12})([smhdw])")
AGO = re.compile(r"(?:[0-9]{1,12}[smhdw])+")
LAST_SECONDS = (
    (r"(?<=[T ][0-9]{2}:[0-9]{2}:)60", "59"),  # a leap second
    (r"(?<=[T ])24:00(:00([.,]0+)?)?(?=$|[Z+-])", "23:59:59"),  # the end of a day
)
"""ISO 8601 has them, and not each release of Python: the second before, and one more."""
MAX_ID = 2**63 - 1
NO_ID = -1
MAX_MS = 2**53
"""The latest time that can be asked for: JSON's largest whole number, the year 287,396."""


class Filters(NamedTuple):
    """What an event must be; None asks for nothing. Times in ms since 1970."""

    types: tuple[int, ...] | None = None
    severities: tuple[int, ...] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


class Request(NamedTuple):
    """A checked command line."""

    command: str
    format: str
    path: str
    timeout_seconds: float
    filters: Filters = Filters()
    order: str = "seen"
    limit: int = 50
    offset: int = 0
    event_id: int = 0
    event: str = ""
    """The id as it was given."""


def check(given: argparse.Namespace) -> Request:
    """The request that the arguments make. Raises UsageError for the first that cannot be."""
    output = chosen_format(given.format)
    if given.db == "":
        raise UsageError("Invalid value. Must not be empty", "--db")
    if given.db is not None and not given.db.isprintable():
        raise UsageError("Invalid path. Must be: printable text", f"--db {given.db!r}")
    path = given.db or os.environ.get("DB_PATH") or "/data"
    if os.path.isdir(path) or not (path.endswith(".db") or os.path.exists(path)):
        path = os.path.join(path, FILE_NAME)
    timeout = _number(given.timeout, "--timeout", "timeout", "seconds above 0, at most 3600")
    request = Request(given.command, output, path, timeout)
    if given.command == "status":
        return request
    if given.action == "get":
        return request._replace(command="get", event_id=parse_id(given.id), event=given.id)
    now_ms = time.time_ns() // 1_000_000
    filters = Filters(
        _some_of(given.type, EVENT_TYPES, "--type", "event type"),
        _some_of(given.severity, SEVERITIES, "--severity", "severity level"),
        _time(given.since, "--since", now_ms),
        _time(given.until, "--until", now_ms),
        _kind(given.object_kind),
        _word(given.object_namespace, "--object-namespace"),
        _word(given.object_name, "--object-name"),
    )
    if filters.since_ms is not None and filters.until_ms is not None and filters.since_ms >= filters.until_ms:
        raise UsageError("Invalid time range. --since must be before --until", f"--since {given.since} --until {given.until}")
    filters = filters._replace(since_ms=_kept(filters.since_ms), until_ms=_kept(filters.until_ms))
    if given.sort not in ORDERS:
        raise UsageError(f"Invalid sort order. Must be: {', '.join(ORDERS)}", f"--sort {given.sort}")
    return request._replace(
        command="list",
        filters=filters,
        order=given.sort,
        limit=_whole(given.limit, "--limit", "limit", 1, MAX_LIMIT),
        offset=_whole(given.offset, "--offset", "offset", 0, None),
    )


def chosen_format(asked: str | None) -> str:
    """The format asked for, or what suits stdout. Raises UsageError."""
    if asked is None:
        return "table" if sys.stdout.isatty() else "json"
    if asked not in FORMATS:
        raise UsageError(f"Invalid format. Must be: {', '.join(FORMATS)}", f"--format {asked}")
    return asked


def parse_id(text: str) -> int:
    """The number of an id `evt_YYYYMMDD_HHMMSS_xxxxxx`, NO_ID of a second that never was. Raises UsageError."""
    import calendar  # only where it is needed

    if not re.fullmatch("evt_[0-9]{8}_[0-9]{6}_[0-9a-z]{6}", text):
        raise UsageError("Invalid event id. Must be of the form evt_YYYYMMDD_HHMMSS_xxxxxx", text)
    prefix, _, suffix = text.rpartition("_")
    try:
        second = calendar.timegm(time.strptime(prefix, "evt_%Y%m%d_%H%M%S"))
        if not text.startswith(time.strftime("evt_%Y%m%d_%H%M%S_", time.gmtime(second))):  # a leap second
            return NO_ID
    except (ValueError, OverflowError):
        return NO_ID
    return min(second * SUFFIXES + int(suffix, 36), MAX_ID)


def _some_of(texts: list[str] | None, allowed: tuple[str, ...], option: str, what: str) -> tuple[int, ...] | None:
    if texts is None:
        return None
    names = [name.strip().lower() for text in texts for name in text.split(",")]
    if not set(names) <= set(allowed):
        raise UsageError(f"Invalid {what}. Must be: {', '.join(allowed)}", f"{option} {','.join(texts)}")
    return tuple(sorted({allowed.index(name) for name in names}))


def _time(text: str | None, option: str, now_ms: int) -> int | None:
    """The time in ms since 1970, before 1970 too."""
    if text is None:
        return None
    if AGO.fullmatch(text):
        ago = sum(int(number) * UNITS_SECONDS[unit] for number, unit in AGO_PART.findall(text))
        return now_ms - ago * 1000
    from datetime import UTC, datetime, timedelta  # only where it is needed: 2 ms

    plain, more = text.upper(), 0
    for last, before in LAST_SECONDS:
        plain, found = re.subn(last, before, plain)
        more += found
    try:
        given = datetime.fromisoformat(plain)
        moment = (given if given.tzinfo else given.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
        return moment // timedelta(milliseconds=1) + more * 1000
    except (ValueError, OverflowError):
        raise UsageError(
            "Invalid time. Must be: an ISO 8601 date or time, like 2025-12-02T10:30:00Z, or how long ago, like 15m, 24h, 7d",
            f"{option} {text}",
        ) from None


def _kept(ms: int | None) -> int | None:
    """Within what is kept: nothing is from before 1970."""
    return None if ms is None else min(max(0, ms), MAX_MS)


def _word(text: str | None, option: str) -> str | None:
    if text == "":
        raise UsageError("Invalid value. Must not be empty", option)
    if text is not None and not text.isprintable():
        raise UsageError("Invalid value. Must be: printable text", f"{option} {text!r}")
    return text


def _kind(text: str | None) -> str | None:
    return None if text is None else as_written(_word(text, "--object-kind") or "")


def _whole(text: str, option: str, what: str, least: int, most: int | None) -> int:
    allowed = f"{least} or more" if most is None else f"{least} to {most}"
    if not (text.isascii() and text.isdigit() and len(text) < 16 and least <= int(text) <= (most or MAX_MS)):
        raise UsageError(f"Invalid {what}. Must be: a whole number, {allowed}", f"{option} {text}")
    return int(text)


def _number(text: str, option: str, what: str, allowed: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 3600:
        raise UsageError(f"Invalid {what}. Must be: {allowed}", f"{option} {text}")
    return number
