"""A real control plane with 1,000 nodes and 10,000 pods: what the operator takes, what is lost, whether Events are held up."""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw

from tests.bench.memory import shares
from tests.control_plane.plane import ControlPlane, assets
from tests.control_plane.recorder import warning
from tests.operator import Operator, until

NODES, PODS, EVERY = 1_000, 10_000, 10
"""Of so many pods one is killed for memory."""
WRITERS = 4
NAMESPACE = "bench"
LONG_SECONDS = 600.0


def run(_large: Path) -> None:
    """Objects are written as kwok writes them; there is no controller and no node."""
    binaries = assets()
    if binaries is None:
        print("left out: needs a control plane: make cluster-tools")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ControlPlane(folder, binaries) as plane:
            _measure(plane, folder)


def _measure(plane: ControlPlane, folder: Path) -> None:
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    plane.api("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    life = Operator(folder, plane.kubeconfig(folder), _deadlines_of_life(), LOG_LEVEL="debug", NO_PROXY="127.0.0.1")
    with life:
        until(lambda: _kept(life, "namespaces"), "the first lists")
        _print(life, "a small cluster")
        seconds = _do(plane, "POST", [("/api/v1/nodes", _node(number)) for number in range(NODES)])
        seconds += _do(plane, "POST", [(pods, _pod(number)) for number in range(PODS)])
        until(lambda: (_kept(life, "nodes"), _kept(life, "pods")) == (NODES, PODS), "every object", LONG_SECONDS)
        print(f"{NODES:,} nodes and {PODS:,} pods made, {(NODES + PODS) / seconds:,.0f} a second, and all kept")
        _print(life, "after they were watched")
    life.data = folder / "again"
    life.data.mkdir()
    life.environment["DB_PATH"] = str(life.data)
    with life:
        lags, listing = _lags_while(plane, life, lambda: _kept(life, "pods") == PODS)
        print(f"listed anew in {listing:.1f} s; Events written meanwhile were committed after {_stated(lags)}")
        _print(life, "after they were listed")
        before = _of(life, "Pod")
        patches = [(f"{pods}/pod-{number}/status", _status(number % EVERY == 0)) for number in range(PODS)]
        with contextlib.closing(_Lags(plane, life)) as watching:
            seconds = _do(plane, "PATCH", patches)
            until(lambda: _of(life, "Pod") - before >= PODS // EVERY, "every container that was killed", LONG_SECONDS)
        print(f"{PODS:,} statuses changed, {PODS / seconds:,.0f} a second; Events after {_stated(watching.seconds)}")
        _print(life, "after they were changed")
        _do(plane, "DELETE", [(f"{pods}/pod-{number}?gracePeriodSeconds=0", None) for number in range(PODS)])
        _do(plane, "DELETE", [(f"/api/v1/nodes/node-{number}", None) for number in range(NODES)])
        until(lambda: (_kept(life, "nodes"), _kept(life, "pods")) == (0, 0), "every object to be gone", LONG_SECONDS)
        _print(life, "after they were deleted")
        books = life.cli("status")["books"]
        assert books["pods"]["dropped"] == books["pods"]["undecodable"] == books["pods"]["refused"] == 0, books


def _deadlines_of_life() -> dict[str, Any]:
    from kube9_operator.deadlines import Deadlines

    times = Deadlines()
    return {name: getattr(times, name) for name in times.__struct_fields__}


def _do(plane: ControlPlane, method: str, requests: list[tuple[str, Any]]) -> float:
    """Makes all requests over some connections; returns how many seconds that took."""
    began = time.perf_counter()

    def work(part: list[tuple[str, Any]]) -> None:
        with contextlib.closing(plane.connection()) as connection:
            for path, body in part:
                plane.request(connection, method, path, body)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, [requests[at::WRITERS] for at in range(WRITERS)]))
    return time.perf_counter() - began


class _Lags:
    """Writes an Event every tenth of a second, and notes after how many seconds each is committed."""

    def __init__(self, plane: ControlPlane, life: Operator) -> None:
        self.seconds: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write, args=(plane, life))
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join()

    def _write(self, plane: ControlPlane, life: Operator) -> None:
        with contextlib.closing(plane.connection()) as connection:
            while not self._done.wait(0.1):
                name = f"lag-{time.monotonic_ns()}"
                path = f"/api/v1/namespaces/{NAMESPACE}/events"
                plane.request(connection, "POST", path, warning(NAMESPACE, name))
                written = time.perf_counter()
                until(lambda name=name: _rows(life, "SELECT 1 FROM objects WHERE name = ?", name), name, LONG_SECONDS)
                self.seconds.append(time.perf_counter() - written)


def _lags_while(plane: ControlPlane, life: Operator, done: Callable[[], bool]) -> tuple[list[float], float]:
    """What Events take while a condition does not hold yet, and how long that was; from when Events are listed."""
    began = time.perf_counter()
    until(lambda: [one for one in life.log() if one["event"] == "watch.listed" and one["source"] == "events"][1:], "Events")
    with contextlib.closing(_Lags(plane, life)) as watching:
        until(done, "every object", LONG_SECONDS)
    return watching.seconds, time.perf_counter() - began


def _stated(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    return f"{ordered[len(ordered) // 2]:.2f} s (median), {ordered[-1]:.2f} s (longest) of {len(seconds)}"


def _rows(life: Operator, query: str, *given: Any) -> list[tuple[Any, ...]]:
    with _reading(life) as connection:
        return connection.execute(query, given).fetchall()


def _kept(life: Operator, source: str) -> int:
    """How many states of a source the database has."""
    if not (life.data / "kube9.db-wal").exists():
        return 0
    try:
        found = _rows(life, "SELECT count(*) FROM states WHERE source = ?", source)
    except apsw.SQLError:  # no table yet
        return 0
    return int(found[0][0])


def _of(life: Operator, kind: str) -> int:
    """How many events there are of containers that were killed for memory, of objects of this kind."""
    events = life.cli("events", "list", f"--object-kind={kind}", "--severity=critical", "--limit=1")
    return int(events["pagination"]["total"])


@contextlib.contextmanager
def _reading(life: Operator) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(life.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5_000)
    with contextlib.closing(connection):
        yield connection


def _node(number: int) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": "2026-11-24T10:00:00Z"}
    return {
        "metadata": {"name": f"node-{number}", "labels": {"topology.kubernetes.io/zone": f"zone-{number % 3}"}},
        "status": {"capacity": {"cpu": "8", "memory": "32Gi"}, "conditions": [ready]},
    }


def _pod(number: int) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "registry.example/web:1.2.3",
        "resources": {"limits": {"memory": "256Mi"}},
        "env": [{"name": f"SETTING_{at}", "value": "of no interest " * 4} for at in range(20)],
    }
    return {
        "metadata": {"name": f"pod-{number}", "labels": {"app": f"app-{number % 50}"}, "annotations": {"note": "x" * 500}},
        "spec": {"nodeName": f"node-{number % NODES}", "automountServiceAccountToken": False, "containers": [container]},
    }


def _status(killed: bool) -> dict[str, Any]:
    """Of a pod that runs; its container was killed for memory before, or was not."""
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    status = {
        "name": "app",
        "image": "registry.example/web:1.2.3",
        "imageID": "",
        "ready": True,
        "restartCount": int(killed),
        "state": {"running": {"startedAt": ended["finishedAt"]}},
        "lastState": {"terminated": ended} if killed else {},
    }
    return {"status": {"phase": "Running", "containerStatuses": [status]}}


def _print(life: Operator, when: str) -> None:
    found = shares(life)
    print(f"{when}: {sum(found.values()):.0f} MiB PSS ({', '.join(f'{label} {mib:.0f}' for label, mib in found.items())})")
    sys.stdout.flush()
