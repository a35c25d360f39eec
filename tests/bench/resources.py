"""1,000 nodes and 10,000 pods made, changed and deleted on a real API server, with 50,000 Events; kwok is their kubelet.

What is lost, the memory (PSS) of all processes, and how long Events wait while all pods are listed. Needs `make cluster-tools`.
"""

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.model.deadlines import Deadlines
from tests.bench.memory import AS_INSTALLED, pss
from tests.cluster.plane import ControlPlane, assets
from tests.cluster.recorder import logged, warning
from tests.operator import Operator, until

NODES, PODS, EVENTS, RESTARTED = 1_000, 10_000, 50_000, 1_000
ROUNDS = 2
"""Memory that grows from round to round grows for ever."""
THREADS = 6
PROBE_SECONDS = 0.05
LONG_SECONDS = 600.0
NAMESPACE = "default"
READY = """conditions: [{type: Ready, status: "True", reason: KubeletReady, lastTransitionTime: {{ Now | Quote }}}]"""
RUNNING = """
phase: Running
conditions: [{type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}]
containerStatuses: [{name: app, image: "example.invalid/app:1", ready: true, restartCount: 0, state: {running: {}}}]
"""


def _stage(name: str, kind: str, at: dict[str, Any], template: str) -> dict[str, Any]:
    """What kwok does with an object that is so."""
    selector = {"matchExpressions": [at]}
    spec = {"resourceRef": {"apiGroup": "v1", "kind": kind}, "selector": selector, "next": {"statusTemplate": template}}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


AT_ONCE = {"nodePlayStageParallelism": 4, "podPlayStageParallelism": 16, "nodeLeaseParallelism": 4}
KWOK = (
    {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": AT_ONCE},
    _stage("ready", "Node", {"key": ".status.conditions", "operator": "DoesNotExist"}, READY),
    _stage("running", "Pod", {"key": ".status.phase", "operator": "In", "values": ["Pending"]}, RUNNING),
)
LIKE_LIFE = {name: getattr(Deadlines(), name) for name in Deadlines.__struct_fields__}


def run() -> None:
    """All of it, in some eight minutes."""
    binaries = assets()
    assert binaries, "make cluster-tools"
    with tempfile.TemporaryDirectory() as name, ControlPlane(Path(name), binaries) as plane:
        folder = Path(name)
        plane.api("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
        with kwok(folder, binaries, plane.kubeconfig(folder)):
            _run(plane, folder)


def _run(plane: ControlPlane, folder: Path) -> None:
    environment = {"NO_PROXY": "127.0.0.1", "LOG_LEVEL": "debug", "PYTHONPATH": AS_INSTALLED}
    operator = Operator(folder, plane.kubeconfig(folder), LIKE_LIFE, **environment)
    events = f"/api/v1/namespaces/{NAMESPACE}/events"
    with operator:
        until(lambda: len(logged(operator, "watch.listed")) == 14, "the first lists", LONG_SECONDS)
        _print(operator, "idle, an empty cluster")
        began = time.monotonic()
        all_of(plane, (("POST", events, warning(NAMESPACE, f"event-{number}")) for number in range(EVENTS)))
        until(lambda: _count(operator, "Pod Unhealthy") == EVENTS, "all Events", LONG_SECONDS)
        _print(operator, f"{EVENTS:,} Events written in {time.monotonic() - began:.0f} s, all recorded")
        for number in range(1, ROUNDS + 1):
            _round(plane, operator, number)
        until(lambda: not [one for one in _states(operator).values() if one], "nothing to be kept", LONG_SECONDS)
        quiet(operator, 120)
        _print(operator, "two minutes later")
        answer = operator.cli("events", "list", "--limit=1")["coverage"]
        reasons = sorted({f"{gap['reason']}" for gap in answer["gaps"]})
        sources = sorted({gap["source"] for gap in answer["gaps"]})
        print(f"gaps, all from when it was stopped: {', '.join(reasons)} ({', '.join(sources)})")
        assert "events" not in sources
        accounting = operator.cli("status")["accounting"]
        lost = {source: [one[what] for what in ("dropped", "refused", "undecodable")] for source, one in accounting.items()}
        print(f"dropped, refused, undecodable: {sum(map(sum, lost.values()))} of {_received(accounting):,}")
    assert "MemoryError" not in operator.log_text()


def _round(plane: ControlPlane, operator: Operator, number: int) -> None:
    """Makes, changes, lists and deletes all of them; whatever should be told of it is."""
    nodes, pods = "/api/v1/nodes", f"/api/v1/namespaces/{NAMESPACE}/pods"
    began = time.monotonic()
    all_of(plane, (("POST", nodes, node(f"node-{number}-{at}")) for at in range(NODES)))
    all_of(plane, (("POST", pods, _pod(f"pod-{number}-{at}", f"node-{number}-{at % NODES}")) for at in range(PODS)))
    until(lambda: _states(operator) == {"nodes": NODES, "pods": PODS}, "all to be kept", LONG_SECONDS)
    not_running = f"{pods}?limit=1&fieldSelector=status.phase%21%3DRunning"
    until(lambda: not plane.api("GET", not_running)["items"], "kwok to run all pods", LONG_SECONDS)
    _until_told(operator, "Node added to cluster", NODES * number)
    _print(operator, f"round {number}: made in {time.monotonic() - began:.0f} s")

    began = time.monotonic()
    all_of(plane, (("PATCH", f"{nodes}/node-{number}-{at}", {"spec": {"unschedulable": True}}) for at in range(NODES)))
    all_of(plane, (("PATCH", f"{pods}/pod-{number}-{at}", {"metadata": {"labels": {"n": "1"}}}) for at in range(PODS)))
    all_of(plane, (("PATCH", f"{pods}/pod-{number}-{at}/status", _restarted()) for at in range(RESTARTED)))
    _until_told(operator, "Node cordoned", NODES * number)
    _until_told(operator, "Container restarted", RESTARTED * number)
    _print(operator, f"round {number}: changed in {time.monotonic() - began:.0f} s")

    _listed_while_events_come(plane, operator, number)

    began = time.monotonic()
    now = {"gracePeriodSeconds": 0}
    all_of(plane, (("DELETE", f"{pods}/pod-{number}-{at}", now) for at in range(PODS)))
    all_of(plane, (("DELETE", f"{nodes}/node-{number}-{at}", now) for at in range(NODES)))
    until(lambda: not [one for one in _states(operator).values() if one], "nothing to be kept", LONG_SECONDS)
    _until_told(operator, "Node removed from cluster", NODES * number)
    _print(operator, f"round {number}: deleted in {time.monotonic() - began:.0f} s")


def _listed_while_events_come(plane: ControlPlane, operator: Operator, number: int) -> None:
    """Stops the operator until the API server has forgotten what it would go on from, resources only: it lists all of them,
    and of Events it watches on. Events come all the time; how late is the latest?
    """
    lists = len(logged(operator, "watch.listed", source="pods"))
    operator.stop()
    events = f"/api/v1/namespaces/{NAMESPACE}/events"
    plane.api("POST", events, warning(NAMESPACE, f"while-away-{number}"))  # so that the server is past what is known of pods
    plane.restart_api_server(kill=True)
    written: dict[str, float] = {}
    done = threading.Event()

    def write() -> None:
        with contextlib.closing(plane.connection()) as connection:
            while not done.wait(PROBE_SECONDS):
                name = f"probe-{number}-{len(written)}"
                written[name] = time.time()
                plane.request(connection, "POST", events, warning(NAMESPACE, name))

    operator.start()
    until(lambda: len(logged(operator, "watch.started", source="events")) > number, "the watch of Events")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            until(lambda: len(logged(operator, "watch.listed", source="pods")) > lists, "the list of pods", LONG_SECONDS)
        finally:
            done.set()
        writing.result()
    listed = logged(operator, "watch.listed", source="pods")[-1]
    until(lambda: len(recorded(operator, f"probe-{number}-")) == len(written), "the Events", LONG_SECONDS)
    created = recorded(operator, f"probe-{number}-")
    late = sorted(created[name] / 1000 - at for name, at in written.items())
    print(
        f"round {number}: {listed['objects']:,} pods listed; {len(late)} Events meanwhile, "
        f"median {late[len(late) // 2] * 1000:.0f} ms from written to recorded, at most {late[-1] * 1000:.0f} ms",
        flush=True,
    )


@contextlib.contextmanager
def kwok(folder: Path, binaries: Path, kubeconfig: Path) -> Iterator[None]:
    """Plays the kubelets of all nodes."""
    (folder / "kwok.yaml").write_text("\n---\n".join(map(json.dumps, KWOK)), encoding="utf-8")
    words = [binaries / "kwok", "--config", folder / "kwok.yaml", "--kubeconfig", kubeconfig]
    words += ["--manage-all-nodes", "--node-lease-duration-seconds", "0"]
    with (folder / "kwok.log").open("ab") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            yield
            assert process.poll() is None, (folder / "kwok.log").read_text(encoding="utf-8")[-1000:]
        finally:
            process.terminate()


def all_of(plane: ControlPlane, requests: Iterable[tuple[str, str, Any]]) -> None:
    """Makes all requests, some at once."""
    waiting, lock = iter(requests), threading.Lock()

    def work() -> None:
        with contextlib.closing(plane.connection()) as connection:
            while True:
                with lock:
                    one = next(waiting, None)
                if one is None:
                    return
                plane.request(connection, *one)

    with ThreadPoolExecutor(THREADS) as pool:
        for one in [pool.submit(work) for _ in range(THREADS)]:
            one.result()


def node(name: str) -> dict[str, Any]:
    capacity = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    return {"metadata": {"name": name}, "status": {"capacity": capacity, "allocatable": capacity}}


def _pod(name: str, its_node: str) -> dict[str, Any]:
    spec = {"nodeName": its_node, "containers": [{"name": "app", "image": "example.invalid/app:1"}]}
    # As a node is made it is tainted, and pods without a controller are not evicted from it here.
    return {"metadata": {"name": name}, "spec": spec | {"automountServiceAccountToken": False}}


def _restarted() -> dict[str, Any]:
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    state = {"name": "app", "image": "example.invalid/app:1", "imageID": "", "ready": True, "restartCount": 1}
    return {"status": {"containerStatuses": [state | {"state": {}, "lastState": {"terminated": ended}}]}}


def _ask(operator: Operator, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with contextlib.closing(apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(5_000)
        return connection.execute(sql, values).fetchall()


def _count(operator: Operator, title: str) -> int:
    """How many events have this title."""
    sql = "SELECT count(*) FROM events e JOIN words w ON w.id = e.title WHERE w.word = ?"
    return int(_ask(operator, sql, title)[0][0])


def _until_told(operator: Operator, title: str, count: int) -> None:
    until(lambda: _count(operator, title) >= count, title, LONG_SECONDS)
    assert _count(operator, title) == count, f"{_count(operator, title)} of {title}, {count} wanted"


def _states(operator: Operator) -> dict[str, int]:
    """How many nodes and pods are kept."""
    rows = _ask(operator, "SELECT source, count(*) FROM states WHERE source IN ('nodes', 'pods') GROUP BY source")
    return dict(rows)


def recorded(operator: Operator, prefix: str) -> dict[str, int]:
    """Of the objects with such a name when their event was recorded, in ms since 1970."""
    sql = "SELECT o.name, e.created_ms FROM objects o JOIN events e ON e.object = o.id WHERE o.name >= ? AND o.name < ?"
    return dict(_ask(operator, sql, prefix, prefix + "~"))


def _received(accounting: dict[str, dict[str, int]]) -> int:
    return sum(one["received"] for one in accounting.values())


def quiet(operator: Operator, seconds: float) -> None:
    began = time.monotonic()
    until(lambda: time.monotonic() > began + seconds, "quiet", seconds + 10)
    assert operator.process
    assert operator.process.poll() is None


def _print(operator: Operator, when: str) -> None:
    print(f"{when}: {pss(operator)}", flush=True)
