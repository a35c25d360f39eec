"""An assessment of 10,000 pods and 2,000 Deployments on a real API server, by a whole operator that records Events meanwhile.

How long it takes, the memory (PSS) of all processes above idle, and how late the latest Event was recorded. kwok is the kubelet
of all nodes. No controller runs, so that the objects stay as they are made. Needs `make cluster-tools`.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.assessed import Manifest, container, running, workload
from tests.bench.assessments import BARS
from tests.bench.large_lists import DEPLOYMENTS, NAMESPACES, NODES, PODS
from tests.bench.memory import AS_INSTALLED
from tests.bench.resources import LIKE_LIFE, LONG_SECONDS, PROBE_SECONDS, all_of, kwok, node, quiet, recorded
from tests.cluster.plane import ControlPlane, assets
from tests.cluster.recorder import warning
from tests.operator import Operator, until

ROUNDS = 3
SAMPLE_SECONDS = 0.1
BAR_LATE_MS = 1_000


def run() -> None:
    """All of it, in some four minutes."""
    binaries = assets()
    assert binaries, "make cluster-tools"
    with tempfile.TemporaryDirectory() as name, ControlPlane(Path(name), binaries) as plane:
        folder = Path(name)
        with kwok(folder, binaries, plane.kubeconfig(folder)):
            _fill(plane)
            _measure(plane, folder)


def _fill(plane: ControlPlane) -> None:
    """Makes all objects, and waits until the pods run."""
    for number in range(NAMESPACES):
        own = {"metadata": {"name": f"team-{number}"}}
        plane.api("POST", "/api/v1/namespaces", own)
        plane.api("POST", f"/api/v1/namespaces/team-{number}/serviceaccounts", {"metadata": {"name": "default"}})
    all_of(plane, (("POST", "/api/v1/nodes", node(f"node-{number}")) for number in range(NODES)))
    all_of(plane, _deployments())
    all_of(plane, _pods())
    not_running = "/api/v1/pods?limit=1&fieldSelector=status.phase%21%3DRunning"
    until(lambda: not plane.api("GET", not_running)["items"], "kwok to run all pods", LONG_SECONDS)


def _deployments() -> Iterator[tuple[str, str, Manifest]]:
    for number in range(DEPLOYMENTS):
        made = _new(workload(name=f"service-{number}", namespace=f"team-{number % NAMESPACES}", replicas=PODS // DEPLOYMENTS))
        yield "POST", f"/apis/apps/v1/namespaces/team-{number % NAMESPACES}/deployments", made


def _pods() -> Iterator[tuple[str, str, Manifest]]:
    variables = [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(10)]
    for number in range(PODS):
        service = number % DEPLOYMENTS
        namespace = f"team-{service % NAMESPACES}"
        owner = f"Deployment/service-{service}"
        made = _new(running(f"service-{service}-{number}", namespace, owner, containers=[container(env=variables)]))
        made["spec"] |= {"nodeName": f"node-{number % NODES}", "automountServiceAccountToken": False}
        made.pop("status", None)
        yield "POST", f"/api/v1/namespaces/{namespace}/pods", made


def _new(made: Manifest) -> Manifest:
    """A manifest as somebody sends it."""
    for key in ("uid", "resourceVersion"):
        made["metadata"].pop(key, None)
    return made


def _measure(plane: ControlPlane, folder: Path) -> None:
    environment = {"NO_PROXY": "127.0.0.1", "LOG_LEVEL": "debug", "PYTHONPATH": AS_INSTALLED}
    with Operator(folder, plane.kubeconfig(folder), LIKE_LIFE, **environment) as operator:
        until(lambda: operator.health()[1]["status"] == "healthy", "the first lists", LONG_SECONDS)
        until(lambda: operator.cli("assessments", "checks")["checks"], "the assessor to have told its checks", LONG_SECONDS)
        # The writer has stored 10,000 pods and gives memory back only by and by.
        quiet(operator, 30)
        print(f"{PODS:,} pods, {DEPLOYMENTS:,} Deployments, {NODES} nodes", flush=True)
        for number in range(1, ROUNDS + 1):
            _round(plane, operator, number)


def _round(plane: ControlPlane, operator: Operator, number: int) -> None:
    """One assessment while Events come."""
    written: dict[str, float] = {}
    sums: list[float] = []
    done = threading.Event()

    def write() -> None:
        with contextlib.closing(plane.connection()) as connection:
            while not done.wait(PROBE_SECONDS):
                name = f"probe-{number}-{len(written)}"
                written[name] = time.time()
                plane.request(connection, "POST", "/api/v1/namespaces/team-0/events", warning("team-0", name))

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            sums.append(_pss(operator))

    idle = _pss(operator)
    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(write), pool.submit(sample)]
        try:
            until(lambda: len(written) > 20, "Events to come")
            began = time.monotonic()
            made: dict[str, Any] = operator.command("assessments", "run")
            seconds = time.monotonic() - began
        finally:
            done.set()
        for one in working:
            one.result()
    until(lambda: len(recorded(operator, f"probe-{number}-")) == len(written), "the Events", LONG_SECONDS)
    at = recorded(operator, f"probe-{number}-")
    late = sorted(at[name] - 1000 * when for name, when in written.items())
    print(
        f"round {number}: {made['state']} in {seconds:.1f} s (bar {BARS['seconds']:.0f}), "
        f"{max(sums) - idle:.1f} MiB above idle at most (bar {BARS['MiB']:.0f}), idle {idle:.0f} MiB PSS; "
        f"{len(late)} Events meanwhile, recorded after {late[len(late) // 2]:.0f} ms in the median and "
        f"{late[-1]:.0f} ms at most (bar {BAR_LATE_MS})",
        flush=True,
    )


def _pss(operator: Operator) -> float:
    """The proportional memory of all processes of the operator, in MiB."""
    assert operator.process
    found = 0
    for pid in (operator.process.pid, *operator.children()):
        with contextlib.suppress(OSError):  # one may just have ended
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
            found += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return found / 1024
