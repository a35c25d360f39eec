"""Says back which time was asked for, where it was given as clocks show it. Pure."""

from typing import Any

from kube9_cli.selection import Selection
from kube9_cli.times import iso


def described(selection: Selection) -> dict[str, Any]:
    """The time zone and the range in UTC, for programs; {} if no time zone matters."""
    if selection.zone is None:
        return {}
    times = {"since": selection.since_ms, "until": selection.until_ms}
    return {"asked": {"time_zone": selection.zone.name} | {key: iso(ms) for key, ms in times.items() if ms is not None}}


def sentences(selection: Selection) -> list[str]:
    """The same for people, as clocks in this zone show it."""
    zone = selection.zone
    if zone is None:
        return []
    times = (("since", selection.since_ms), ("until", selection.until_ms))
    shown = [f"{word} {zone.at(ms):%Y-%m-%d %H:%M:%S}" for word, ms in times if ms is not None]
    return [f"Asked for: {', '.join(shown)} ({zone.name})."] if shown else []
