"""The options --around and --window: both sides of a moment."""

from __future__ import annotations

from kube9_cli import options, selection, times
from kube9_cli.arguments import UsageError, invalid
from kube9_schema import ids

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from kube9_cli.zones import Zone

    Given = tuple[str, int | None, int | None, int, str]
    """The fields of `kube9_cli.query.around.Around`."""

WINDOW = "15m"


def add(parser: Any, order: str = "") -> None:
    """Declares the options. `order` says in which order what happened is shown."""
    parser.add_argument(
        "--around",
        metavar="TIME",
        help=f"what happened on both sides of TIME{order and ', '}{order}. TIME may also be the id of an event: then from "
        "before it began until after it was last seen",
    )
    parser.add_argument(
        "--window", metavar="DURATION", help=f"with --around: how much time on each side, such as 15m (default: {WINDOW})"
    )


def check(
    given: argparse.Namespace, chosen: options.Options, selected: selection.Selection
) -> tuple[Given | None, selection.Selection]:
    """The moment as `kube9_cli.query.around.Around` takes it, None if none is asked for; and the selection with its zone.

    A question with a moment, or with times of the clock, is answered with times of the clock. Raises UsageError.
    """
    moment, zone = _moment(given) if given.around is not None else (None, None)
    zone = zone or selected.zone
    if given.window is not None and moment is None:
        raise UsageError("Argument --window: not allowed without --around", "it says how much time on each side of --around")
    if zone is not None or moment is not None:
        chosen.show_clock(zone)
    return moment, selected._replace(zone=zone)


def _moment(given: argparse.Namespace) -> tuple[Given, Zone | None]:
    """The moment of --around, or the id of an event, and how much time around it; and the zone of a time of the clock."""
    window = WINDOW if given.window is None else given.window
    try:
        window_ms = times.duration(window)
    except ValueError:
        raise invalid("--window", given.window, "it must be a duration, such as 15m or 1h30m") from None
    if given.around.startswith("evt_"):
        return (given.around, None, event_id(given.around), window_ms, window), None
    clock = selection.Clock(given.tz)
    at_ms = clock.time(given.around, "--around")
    assert at_ms is not None
    return (given.around, max(0, at_ms), None, window_ms, window), clock.zone


def event_id(text: str, otherwise: str = "") -> int | None:
    """The number of the id of an event; None for an id that cannot exist. Raises UsageError, with what else is allowed."""
    try:
        return ids.decode(text)
    except ValueError:
        raise invalid("event id", text, f"it must look like {ids.FORMAT}{otherwise}") from None
