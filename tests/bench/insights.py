"""What the analyzer takes: processor time of a look, memory, and the longest time that it holds a snapshot.

It runs as in the operator: forked from a process that has imported everything. The database has events of 1,000 nodes, and the
states of the nodes and of 10,000 pods. Between two looks, which are a minute apart, new events are recorded.
"""

import statistics
import threading
import time
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from kube9_operator.model.insight import InsightFrame
from kube9_operator.model.resource_states import Container, End, Node, Owner, Pod, ReplicaSet, Workload, encode
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite import database as databases
from kube9_operator.write.sqlite.session import Session
from kube9_schema import DATABASE_NAME, facts
from tests.bench import database

NODES, WORKLOADS, PODS_EACH = 1_000, 1_000, 10
LOOKS, NEW_EVENTS = 15, 200
OTHERS = 4
"""The writer and the watchers: processes that share the memory of what was imported."""
MINUTE_MS = 60_000
SOURCES = ("events", "nodes", "pods", "replicasets", "deployments")


def run(large: Path) -> None:
    """Prints the figures of LOOKS looks."""
    connection = databases.connect(str(large), busy_seconds=5.0)
    databases.prepare(connection)
    world = World(connection)
    world.prepare()
    context = get_context("forkserver")
    context.set_forkserver_preload(["kube9_operator.preload"])
    others = [context.Process(target=time.sleep, args=(3_600,)) for _ in range(OTHERS)]
    for one in others:
        one.start()
    ours, theirs = context.Pipe()
    process = context.Process(target=look_often, args=(theirs, str(large / DATABASE_NAME)))
    process.start()
    theirs.close()
    looks: list[dict[str, Any]] = []
    now_ms = time.time_ns() // 1_000_000
    for number in range(LOOKS):
        at_ms = now_ms + number * MINUTE_MS
        world.record_some(at_ms, number)
        ours.send(at_ms)
        while isinstance(answer := ours.recv(), bytes):
            world.apply(msgspec.msgpack.decode(answer, type=InsightFrame))
            ours.send(True)
        looks.append(answer)
    ours.send(None)
    process.join()
    for one in others:
        one.terminate()
        one.join()
    _print(looks)
    rows = connection.execute("SELECT status, count(*) FROM insights GROUP BY status").fetchall()
    print(f"insights by status: {dict(rows)}")
    connection.close()


def _print(looks: list[dict[str, Any]]) -> None:
    seconds = [one["seconds"] for one in looks]
    rest = seconds[1:]
    print(
        f"processor time: first look {seconds[0]:.2f} s, then {statistics.median(rest) * 1000:.0f} ms "
        f"({min(rest) * 1000:.0f} to {max(rest) * 1000:.0f}); each minute {sum(rest) / len(rest) / 60:.2%} of a core"
    )
    print(f"memory: {looks[-1]['pss']:.1f} MiB PSS, at most {max(one['pss'] for one in looks):.1f}")
    print(f"longest query: {max(one['longest'] for one in looks) * 1000:.0f} ms; records in the window: {looks[-1]['records']}")


class World:
    """The record, and what the writer does with it."""

    def __init__(self, connection: databases.Connection) -> None:
        self._connection = connection
        self._session = Session(connection)
        self._store = Store(self._session, quiet_ms=3_600_000)
        self._coverage = Coverage(self._session, self._store, event_ttl_ms=3_600_000)
        self._insights = Insights(connection, 2**30)

    def prepare(self) -> None:
        """States of nodes, workloads and pods; events about these pods, and of all nodes."""
        execute = self._connection.execute
        put = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, '1', ?, 0)"
        with self._session.transaction(0):
            self._insights.begin(0)
            execute("UPDATE facts SET value = value - 691200000 WHERE name = ?", (facts.FIRST_START,))
            for source in SOURCES:
                execute("INSERT INTO sources (source) VALUES (?) ON CONFLICT DO NOTHING", (source,))
                execute("INSERT OR REPLACE INTO baselines VALUES (?, '')", (source,))
            for number in range(NODES):
                execute(put, ("nodes", "", f"node-{number}", f"uid-node-{number}", encode(Node(ready="True"))))
            for number in range(WORKLOADS):
                name, space = f"app-{number}", f"team-{number % 50}"
                deployment = Owner("Deployment", name, f"uid-{name}")
                execute(put, ("deployments", space, name, f"uid-{name}", encode(Workload(replicas=PODS_EACH))))
                state = encode(ReplicaSet(deployment, 1, 1))
                execute(put, ("replicasets", space, f"{name}-5d9c", f"uid-{name}-5d9c", state))
                for each in range(PODS_EACH):
                    pod = f"{name}-5d9c-{each:05}"
                    box = Container("app", restart_count=each, ends=[End("Error", 3, 1, "cannot reach the database")])
                    owner = Owner("ReplicaSet", f"{name}-5d9c", f"uid-{name}-5d9c")
                    execute(put, ("pods", space, pod, f"uid-{pod}", encode(Pod(f"node-{each}", owner, containers=[box]))))

    def record_some(self, at_ms: int, look: int) -> None:
        """New events of a minute, about pods with owners; everything is confirmed until now."""
        some = list(database.observations(NEW_EVENTS, seed=look + 2))
        with self._session.transaction(at_ms):
            for number, one in enumerate(some):
                workload = (look * 7 + number) % WORKLOADS
                pod = f"app-{workload}-5d9c-{number % PODS_EACH:05}"
                about = {"kind": "Pod", "namespace": f"team-{workload % 50}", "name": pod, "uid": f"uid-{pod}"}
                times = {"first_ms": at_ms - 1_000, "last_ms": at_ms - 500, "node": f"node-{number * look % NODES}"}
                made = msgspec.structs.replace(one, event_type=0, contributor_hour=at_ms // 3_600_000, **about, **times)
                self._store.apply(made)
            self._connection.execute("UPDATE sources SET covered_from_ms = 1, proved_until_ms = ?", (at_ms,))
            self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (facts.LAST_COMMIT, at_ms))

    def apply(self, frame: InsightFrame) -> None:
        with self._session.transaction(frame.analyzed_ms):
            for observation in self._insights.apply(frame, frame.analyzed_ms):
                self._coverage.record_operator_event(observation)


class Sender:
    """Hands frames to the process that writes, and waits until they are stored."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def send(self, frame: InsightFrame) -> bool:
        self._pipe.send(msgspec.msgpack.encode(frame))
        return bool(self._pipe.recv())

    def flush(self) -> bool:
        return True


def look_often(pipe: Connection, path: str) -> None:
    """The process that is measured."""
    from kube9_cli.query.connection import Database
    from kube9_operator.analyze.analyzer import Analyzer
    from kube9_operator.analyze.limits import Limits
    from kube9_operator.model.tally import Tally

    longest = 0.0
    all_rows = Database.all

    def timed(self: Database, sql: str, values: tuple[Any, ...] = (), types: Any = ()) -> Iterable[Any]:
        nonlocal longest
        began = time.process_time()
        rows = all_rows(self, sql, values, types)
        longest = max(longest, time.process_time() - began)
        return rows

    Database.all = timed  # type: ignore[assignment, method-assign]
    link: Any = SimpleNamespace(stop=threading.Event(), tally=Tally(), beat=lambda *_, **__: None)
    analyzer = Analyzer(link, path, Sender(pipe), Limits())
    while (at_ms := pipe.recv()) is not None:
        longest, began = 0.0, time.process_time()
        analyzer.look(at_ms)
        seconds = time.process_time() - began
        reader: Any = analyzer._reader
        text = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
        pss = int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024
        pipe.send({"seconds": seconds, "pss": pss, "longest": longest, "records": len(reader._held)})
