"""The status for people: what is wrong, and what is watched since when and until when. Pure."""

from __future__ import annotations

from kube9_cli.render.clock import ago
from kube9_cli.render.coverage import sentence
from kube9_cli.render.details import sheet
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import field
from kube9_cli.render.grid import Grid
from kube9_cli.render.look import Look
from kube9_schema.sources import EVENTS

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

GOOD, POOR, BAD = "32", "33", "31"
OF_HEALTH = {"healthy": GOOD, "starting": POOR, "degraded": POOR}
OF_STATE = {"current": GOOD, "listing": POOR, "behind": BAD, "stopped": BAD, "not permitted": BAD}
QUIET = ("current", "not served")
"""States that come last in the table. Health says so if something should be served and is not."""
LABELS_WIDTH = 10
LOST = ("dropped", "refused", "undecodable")
"""What became of observations that are not recorded, although they should be."""
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def lines(status: dict[str, Any], look: Look, wide: bool) -> list[str]:
    """The status in the width of the terminal. `wide` has every watch, and the accounting."""
    health = status["health"]
    colour = OF_HEALTH.get(health.partition(":")[0], BAD) if look.colour else ""
    written = (
        f", last wrote {ago(look.clock.passed(look.clock.read(status['last_update'])))}" if "last_update" in status else ""
    )
    fields = [
        ("Operator", f"{status['status']}, version {status['version']}{written}", ""),
        ("Health", health, colour),
        ("Record", sentence(status["coverage"], look.clock), ""),
        ("Events", _events(status["events"]), ""),
        ("Lost", _lost(status["accounting"]), ""),
        ("Database", f"{_size(status['database']['size_bytes'])}, schema version {status['database']['schema_version']}", ""),
    ]
    found = [line for label, text, painting in fields for line in field(label, text, LABELS_WIDTH, look.width, painting)]
    if status["watches"]:
        found += ["", *_watches(status["watches"], look, wide)]
    if wide:
        found += ["", *sheet({"accounting": status["accounting"]})]
    return found


def _events(events: dict[str, Any]) -> str:
    by_severity = [f"{count} {name}" for name, count in reversed(events["by_severity"].items()) if count]
    return f"{events['total']}" + (f": {', '.join(by_severity)}" if by_severity else "")


def _lost(accounting: dict[str, dict[str, int]]) -> str:
    """How many observations are not recorded, although they should be."""
    lost = {name: sum(row[name] for row in accounting.values()) for name in LOST}
    return ", ".join(f"{number} observations {name}" for name, number in lost.items() if number) or "nothing"


def _size(number: int) -> str:
    size, unit = float(number), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.{1 if unit else 0}f} {UNITS[unit]}"


def _watches(watches: dict[str, dict[str, str]], look: Look, wide: bool) -> list[str]:
    """A row for each watch. Unless it is `wide`, many in the same state are one row, except for the watch of Events."""
    rows: list[tuple[str, dict[str, str]]] = []
    states = {one["state"] for one in watches.values()}
    for state in (*sorted(states - set(QUIET)), *(one for one in QUIET if one in states)):
        names = sorted(
            (name for name, one in watches.items() if one["state"] == state), key=lambda name: (name != EVENTS, name)
        )
        alone = names if wide or len(names) <= NAMED else [name for name in names if name == EVENTS]
        rows += [(name, watches[name]) for name in alone]
        if together := [watches[name] for name in names if name not in alone]:
            bounds = {key: choose(one.get(key, "") for one in together) for key, choose in BOUNDS.items()}
            if bounds["covered_from"] > bounds["confirmed_until"]:  # just after a start: there is no time that all cover
                bounds = {}
            named = f"{len(together)} {'others' if alone else 'watches'}"
            rows.append((named, {"state": state} | {key: at for key, at in bounds.items() if at}))
    cells = {"WATCH": [plain(name) for name, _ in rows], "STATE": [plain(one["state"]) for _, one in rows]}
    for heading, key in (("COMPLETE SINCE", "covered_from"), ("UNTIL", "confirmed_until")):
        times = [(look.clock.read(one[key]),) if key in one else () for _, one in rows]
        cells[heading + look.clock.suffix] = [one or "-" for one in look.clock.cells(times)]
    grid = Grid(cells, {} if look.headings else None)
    return grid.lines({"STATE": OF_STATE} if look.colour else None)


NAMED = 3
"""So many watches in the same state have a row each."""
BOUNDS = {"covered_from": max, "confirmed_until": min}
"""The time in which all of some watches are complete."""
