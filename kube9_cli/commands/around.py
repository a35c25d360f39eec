"""The options --around and --window: both sides of a moment."""

from __future__ import annotations

from kube9_cli import selection, times
from kube9_cli.arguments import UsageError
from kube9_schema import ids

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

WINDOW = "15m"


def add(parser: Any, order: str = "") -> None:
    """Declares the options. `order` says in which order what happened is shown."""
    parser.add_argument(
        "--around",
        metavar="TIME",
        help=f"what happened on both sides of TIME, which may also be the id of an event{order and ', '}{order}",
    )
    parser.add_argument(
        "--window", metavar="DURATION", help=f"with --around: how much time on each side, such as 15m (default: {WINDOW})"
    )


def check(given: argparse.Namespace) -> tuple[str, int | None, int | None, int] | None:
    """The moment as `kube9_cli.query.around.Around` takes it; None if none is asked for. Raises UsageError."""
    if given.around is None:
        if given.window is not None:
            raise UsageError("Argument --window: not allowed without --around", "it is the time around a moment")
        return None
    try:
        window_ms = times.duration(given.window or WINDOW)
    except ValueError:
        raise UsageError(f"Invalid --window {given.window}", "it must be a duration, such as 15m or 1h30m") from None
    if given.around.startswith("evt_"):
        return given.around, None, event_id(given.around), window_ms
    at_ms = selection.Clock(given.tz).time(given.around, "--around")
    assert at_ms is not None
    return given.around, max(0, at_ms), None, window_ms


def event_id(text: str) -> int | None:
    """The number of the id of an event; None for an id that cannot exist. Raises UsageError."""
    try:
        return ids.decode(text)
    except ValueError:
        raise UsageError(f"Invalid event id {text}", f"it must look like {ids.FORMAT}") from None
