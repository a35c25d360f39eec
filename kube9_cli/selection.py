"""The options that select events. Each is declared once, with its help, its check and its column.

To add a filter, add it to FILTERS: the parser, the search and the man page follow. CONTRIBUTING.md says what else to do.
"""

from __future__ import annotations

import time
from types import MappingProxyType

from kube9_cli import times
from kube9_cli.arguments import UsageError
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any, Literal, NamedTuple

    Values = tuple[Any, ...]
    Check = Callable[[list[str], str], Values]
    """Takes what was typed and the name of the option, returns the wanted values. Raises UsageError."""
else:
    from kube9_cli.named_tuple import NamedTuple


class Filter:
    """An option that selects events by a column of the table `events`, or by the name of their object.

    - `about` is its help.
    - `check` makes the wanted values from what was typed.
    - `column` is a column of `events`, or the `name` of `objects`.
    - `stored` says what the column holds: a number of `kube9_schema.codes`, the id of a word, or the name of an object.
    - `repeated` options may be given several times.
    - With `any_case`, a word that was never recorded as typed is looked up in any case.
    - A `tallied` column is in the table `tallies` and in the indexes, so a total does not need a walk over all events.
    """

    def __init__(
        self,
        *flags: str,
        metavar: str,
        about: str,
        check: Check,
        column: str,
        stored: Literal["code", "word", "name"],
        repeated: bool = False,
        any_case: bool = False,
        tallied: bool = True,
    ) -> None:
        self.flags, self.metavar, self.about = flags, metavar, about
        self.check, self.column, self.stored = check, column, stored
        self.repeated, self.any_case, self.tallied = repeated, any_case, tallied


class Selection(NamedTuple):
    """Which events are wanted. Times are in ms since 1970; None is no limit."""

    wanted: Mapping[str, Values] = MappingProxyType({})
    """For each column, the values that an event may have. A column that is absent may have any value."""
    since_ms: int | None = None
    until_ms: int | None = None


def some_of(names: tuple[str, ...]) -> Check:
    """Accepts one or more of these names, separated by commas. The values are the places of the names in the tuple."""

    def check(texts: list[str], option: str) -> Values:
        given = [name.strip().lower() for text in texts for name in text.split(",")]
        if not set(given) <= set(names):
            raise UsageError(f"Invalid {option} {','.join(texts)}", f"it must be one or more of: {', '.join(names)}")
        return tuple(sorted({names.index(name) for name in given}))

    return check


def text(texts: list[str], option: str) -> Values:
    """Accepts any printable text."""
    (given,) = texts
    if given == "":
        raise UsageError(f"Invalid {option}: it is empty", "it must be printable text")
    if not given.isprintable():
        raise UsageError(f"Invalid {option} {given!r}", "it must be printable text")
    return (given,)


def kind(texts: list[str], option: str) -> Values:
    """Accepts a kind in any spelling of kubectl, such as pods or po."""
    from kube9_cli.kinds import as_written  # only where it is needed

    return tuple(map(as_written, text(texts, option)))


FILTERS = (
    Filter(
        "--type",
        metavar="TYPE[,...]",
        about=f"only these types: {', '.join(EVENT_TYPES)}",
        check=some_of(EVENT_TYPES),
        column="type",
        stored="code",
        repeated=True,
    ),
    Filter(
        "--severity",
        metavar="SEVERITY[,...]",
        about=f"only these severities: {', '.join(SEVERITIES)}",
        check=some_of(SEVERITIES),
        column="severity",
        stored="code",
        repeated=True,
    ),
    Filter(
        "--object-kind",
        metavar="KIND",
        about="only events about this kind of object, such as Pod, pods or deploy",
        check=kind,
        column="kind",
        stored="word",
        any_case=True,
    ),
    Filter(
        "-n",
        "--object-namespace",
        metavar="NAMESPACE",
        about="only events about objects in this namespace",
        check=text,
        column="namespace",
        stored="word",
    ),
    Filter(
        "--object-name",
        metavar="NAME",
        about="only events about objects with this name",
        check=text,
        column="name",
        stored="name",
        tallied=False,
    ),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options to the parser of a command."""
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only events that were seen at or after TIME: an ISO 8601 date or time (UTC without a zone), or how long ago: "
        "30s, 15m, 1h30m, 7d",
    )
    parser.add_argument("--until", metavar="TIME", help="only events that were seen before TIME, in the same forms")
    for one in FILTERS:
        place = parser.add_mutually_exclusive_group() if one.column == "namespace" else parser
        place.add_argument(*one.flags, metavar=one.metavar, dest=one.column, action="append", help=one.about)
        if one.column == "namespace":
            place.add_argument("-A", "--all-namespaces", action="store_true", help="events about all namespaces (the default)")


def check(given: argparse.Namespace) -> Selection:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    wanted = {}
    for one in FILTERS:
        texts = getattr(given, one.column)
        if texts is not None:
            wanted[one.column] = one.check(texts if one.repeated else texts[-1:], one.flags[-1])
    now_ms = time.time_ns() // 1_000_000
    since_ms, until_ms = _time(given.since, "--since", now_ms), _time(given.until, "--until", now_ms)
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise UsageError(f"Invalid range --since {given.since} --until {given.until}", "--since must be before --until")
    return Selection(wanted, _bounded(since_ms), _bounded(until_ms))


def _time(given: str | None, option: str, now_ms: int) -> int | None:
    if given is None:
        return None
    try:
        return times.parse(given, now_ms)
    except ValueError:
        raise UsageError(
            f"Invalid {option} {given}",
            "it must be an ISO 8601 date or time, such as 2025-12-02T10:30:00Z, or how long ago, such as 15m, 24h or 7d",
        ) from None


def _bounded(ms: int | None) -> int | None:
    """The time within what can be recorded: nothing is from before 1970."""
    return None if ms is None else min(max(0, ms), times.MAX_MS)
