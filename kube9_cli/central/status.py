"""The answer of `kube9-cli --store URL status`: what the operator of each cluster last said of itself."""

from __future__ import annotations

import time

from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema.codes import SEVERITIES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.central.fleet import Cluster, Fleet

RUNNING, STOPPED, SILENT = "running", "stopped", "not heard"
TIMES = ("first_start", "last_commit", "settled_until", "verified_until")


def read(fleet: Fleet) -> dict[str, Any]:
    """The clusters by name, and for which time all of them are complete."""
    now_ms = time.time_ns() // 1_000_000
    covered = fleet.covered(Selection())
    of = {one["cluster"]: {key: value for key, value in one.items() if key != "cluster"} for one in covered["clusters"]}
    for name, coverage in of.items():
        coverage["gaps"] = [
            {key: value for key, value in gap.items() if key != "cluster"} for gap in covered["gaps"] if gap["cluster"] == name
        ]
    clusters = [_cluster(one, now_ms) | {"coverage": of[one.name]} for one in fleet.clusters]
    return {"clusters": clusters, "coverage": covered}


def _cluster(cluster: Cluster, now_ms: int) -> dict[str, Any]:
    counts = cluster.values("events") or {}
    by_severity = {name: int(counts.get(name, 0)) for name in SEVERITIES}
    heard = cluster.is_heard(now_ms)
    reasons = "; ".join(map(str, cluster.values("health_reasons") or ()))
    health = cluster.said("health") or "unknown"
    if not heard and not cluster.said("stopped"):
        health, reasons = "unknown", f"nothing came since {iso(cluster.heard_ms)}"
    return {
        "cluster": cluster.name,
        "uid": cluster.uid,
        "status": STOPPED if cluster.said("stopped") else RUNNING if heard else SILENT,
        "version": cluster.said("version") or "unknown",
        "health": f"{health}: {reasons}" if reasons else health,
        "last_heard": iso(cluster.heard_ms),
        **{name: cluster.said(name) for name in TIMES if cluster.said(name)},
        "refused": int(cluster.said("refused") or 0),
        "events": {"total": sum(by_severity.values()), "by_severity": by_severity},
    }
