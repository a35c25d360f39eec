"""An assessment of 10,000 pods and 2,000 Deployments: how long it takes, and how much memory above an idle process."""

from collections import Counter
from pathlib import Path
from typing import Any

from kube9_operator.assess.listing import Listing
from kube9_operator.assess.readings import READINGS
from kube9_operator.assess.run import assess_run
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from tests.assessed import config_map, role
from tests.bench.large_lists import DEPLOYMENTS, NAMESPACE, NODES, PODS, Lists, deployment, machine, measure, pod

ROLES, CONFIG_MAPS = 1_000, 1_000
BARS = {"seconds": 60.0, "MiB": 48.0}


def run(_large: Path) -> None:
    """One run in a process that has done nothing before."""
    taken = measure(_lists(), assess)
    print(f"{PODS:,} pods, {DEPLOYMENTS:,} Deployments, {taken.given['pages']:,} pages")
    print(f"{taken.seconds:.1f} s (bar {BARS['seconds']:.0f}), {taken.processor:.1f} s of the processor")
    print(f"{taken.peak:.1f} MiB above idle at most (bar {BARS['MiB']:.0f}), idle {taken.idle:.1f} MiB resident")
    print(", ".join(f"{status} {number}" for status, number in sorted(taken.given["statuses"].items())))


def assess(client: Client, deadlines: Deadlines) -> dict[str, Any]:
    """Runs all checks."""
    pages = 0

    def count(_: Any) -> None:
        nonlocal pages
        pages += 1

    listing = Listing(client, deadlines, read_config_maps=True)
    statuses = Counter(one.status for one in assess_run(listing, progress=count))
    return {"pages": pages - statuses.total(), "statuses": dict(statuses)}


def _lists() -> Lists:
    settings = config_map("settings-@OBJECT@", NAMESPACE, data={f"key-{number}": "x" * 200 for number in range(50)})
    return {one.path: (0, {}) for one in READINGS.values()} | {
        READINGS["pods"].path: (PODS, pod()),
        READINGS["deployments"].path: (DEPLOYMENTS, deployment()),
        READINGS["nodes"].path: (NODES, machine()),
        READINGS["roles"].path: (ROLES, role("role-@OBJECT@", NAMESPACE, verbs=["get"], resources=["pods"])),
        READINGS["configmaps"].path: (CONFIG_MAPS, settings),
    }
