"""The status of the clusters of a store for people: which operators send, since when, and what is wrong. Pure."""

from __future__ import annotations

from kube9_cli.render.coverage import sentence
from kube9_cli.render.escape import plain
from kube9_cli.render.fields import field
from kube9_cli.render.grid import Grid
from kube9_cli.render.look import Look
from kube9_cli.render.status import BAD, GOOD, POOR

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

OF_STATUS = {"running": GOOD, "stopped": POOR, "not heard": BAD}
LABELS_WIDTH = 10
HEALTHY = "healthy"


def lines(status: dict[str, Any], look: Look, wide: bool) -> list[str]:
    """A row for each cluster, what is wrong with some of them, and for which time all are complete."""
    clusters, clock = status["clusters"], look.clock
    cells = {
        "CLUSTER": [plain(one["cluster"]) for one in clusters],
        "STATUS": [one["status"] for one in clusters],
        "HEALTH": [plain(one["health"].partition(":")[0]) for one in clusters],
        f"HEARD{clock.suffix}": clock.cells([(clock.read(one["last_heard"]),) for one in clusters]),
        f"SENT UNTIL{clock.suffix}": _times(clusters, "settled_until", look),
        "EVENTS": [str(one["events"]["total"]) for one in clusters],
        "VERSION": [plain(one["version"]) for one in clusters],
    }
    if wide:
        cells |= {
            f"VERIFIED UNTIL{clock.suffix}": _times(clusters, "verified_until", look),
            "REFUSED": [str(one["refused"]) for one in clusters],
            "UID": [plain(one["uid"]) for one in clusters],
        }
    found = Grid(cells, {} if look.headings else None).lines({"STATUS": OF_STATUS} if look.colour else None)
    wrong = [one for one in clusters if one["health"] != HEALTHY]
    said = [("Health", f"{one['cluster']}: {one['health']}") for one in wrong]
    for label, text in [*said, ("Record", sentence(status["coverage"], clock))]:
        found += field(label, text, LABELS_WIDTH, look.width)
    return found


def _times(clusters: list[dict[str, Any]], name: str, look: Look) -> list[str]:
    clock = look.clock
    return [one or "-" for one in clock.cells([(clock.read(one[name]),) if name in one else () for one in clusters])]
