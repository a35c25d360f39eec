"""The operator as a pod of a real node, as the chart has it by default: memory as its control group counts it, and CPU.

The working set is what the kubelet takes for a container's memory: all that is charged, without file pages that are inactive.
"""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from tests.cluster.plane import assets
from tests.cluster.recorder import warning
from tests.node.conftest import missing
from tests.node.exec import execute
from tests.node.images import operator_image
from tests.node.node import Node
from tests.node.pod import NAMESPACE, POD, OperatorPod
from tests.node.space import hierarchies
from tests.operator import until

MIB = 1024 * 1024
RATE, STEADY_SECONDS, WRITERS = 500, 300, 4
IDLE_SECONDS = 600
SETTLE_SECONDS = 60
"""After the start, of which neither CPU nor memory is that of an idle operator."""
QUERIES, ROUNDS = 10, 5
SAMPLE_SECONDS = 0.05
LIST = ("kube9-operator", "query", "events", "list")


class Group:
    """The control group of a pod's container, of version 1 or 2."""

    def __init__(self, node: Node, container: str) -> None:
        self._folders = [found for one in hierarchies() for found in (one / node.control_group).rglob(container)]
        assert self._folders, container

    def cpu_seconds(self) -> float:
        """What its processes have used so far."""
        with contextlib.suppress(LookupError):
            return int(self._read("cpuacct.usage")) / 1e9
        return self._numbers("cpu.stat")["usage_usec"] / 1e6

    def working_set(self) -> int:
        """Bytes."""
        with contextlib.suppress(LookupError):
            return int(self._read("memory.usage_in_bytes")) - self._numbers("memory.stat")["total_inactive_file"]
        return int(self._read("memory.current")) - self._numbers("memory.stat")["inactive_file"]

    def limit(self) -> int:
        """Bytes."""
        with contextlib.suppress(LookupError):
            return int(self._read("memory.limit_in_bytes"))
        return int(self._read("memory.max"))

    def _numbers(self, name: str) -> dict[str, int]:
        return {line.split()[0]: int(line.split()[1]) for line in self._read(name).splitlines()}

    def _read(self, name: str) -> str:
        for folder in self._folders:
            if (folder / name).exists():
                return (folder / name).read_text(encoding="ascii")
        raise LookupError(name)


class Watched:
    """The working set as long as the `with` block lasts."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = 0

    def __enter__(self) -> "Watched":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.most = max(self.most, self._group.working_set())


def idle() -> None:
    """CPU and memory of an operator with nothing to do."""
    with installed() as (_, _, group), Watched(group) as watched:
        began, used = time.monotonic(), group.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        used, took = group.cpu_seconds() - used, time.monotonic() - began
        print(f"idle for {took:.0f} s: {100 * used / took:.2f} % of a core, working set {shown(group, watched)}", flush=True)


def run() -> None:
    """Memory: idle, while Events come in, while it is asked."""
    with installed() as (node, pod, group):
        print(f"idle: working set {shown(group)}", flush=True)
        total = RATE * STEADY_SECONDS
        with Watched(group) as watched:
            used, took = group.cpu_seconds(), write(node, total)
            until(lambda: recorded(pod) == total, "all of them to be recorded", STEADY_SECONDS)
            used = group.cpu_seconds() - used
        print(f"{total:,} Events through the API at {total / took:.0f} a second: working set {shown(group, watched)}, ", end="")
        print(f"{100 * used / took:.0f} % of a core; all are recorded", flush=True)
        dropped = pod.cli("status")["accounting"]["events"]["dropped"]
        ask(node, group, "ten lists and one of 1000", *[()] * QUERIES, ("--limit=1000",))
        ask(node, group, "ten lists of 1000", *[("--limit=1000",)] * QUERIES)
        assert (dropped, pod.restarts()) == (0, 0)


@contextlib.contextmanager
def installed() -> Iterator[tuple[Node, OperatorPod, Group]]:
    """A node, and on it the operator as the chart has it by default, long after its start."""
    binaries = assets()
    if (reason := missing()) or binaries is None:
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, Node(Path(folder), binaries) as node:
        node.load(operator_image("bench", node.folder))
        pod = OperatorPod(node)
        pod.make_volume()
        pod.install("bench")
        pod.until_ready()
        time.sleep(SETTLE_SECONDS)
        yield node, pod, Group(node, pod.container())


def write(node: Node, total: int) -> float:
    """Writes Events of as many pods, RATE a second or as many as the API server takes; returns the seconds it took."""
    node.make_namespaces("load")
    began = time.monotonic()

    def some(first: int) -> None:
        with contextlib.closing(node.plane.connection()) as connection:
            for number in range(first, total, WRITERS):
                time.sleep(max(0.0, began + number / RATE - time.monotonic()))
                node.plane.request(connection, "POST", "/api/v1/namespaces/load/events", warning("load", f"pod-{number:06}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(some, range(WRITERS)))
    return time.monotonic() - began


def recorded(pod: OperatorPod) -> int:
    return int(pod.cli("events", "list", "-n", "load", "--limit", "1")["pagination"]["total"])


def ask(node: Node, group: Group, what: str, *options: tuple[str, ...]) -> None:
    """Asks all of it at once, some times over."""

    def one(chosen: tuple[str, ...]) -> int:
        return execute(node, NAMESPACE, POD, *LIST, *chosen).code

    with Watched(group) as watched, ThreadPoolExecutor(len(options)) as pool:
        for _ in range(ROUNDS):
            codes = list(pool.map(one, options))
            assert not any(codes), codes
    print(f"{what} at once: working set {shown(group, watched)}", flush=True)


def shown(group: Group, watched: Watched | None = None) -> str:
    """The working set, the most of it, and how much of the limit that is."""
    now = group.working_set()
    most = max(now, watched.most if watched else 0)
    return f"{now / MIB:.0f} MiB, at most {most / MIB:.0f} MiB of {group.limit() / MIB:.0f}"
