"""The contract with the extension: its exact calls, by `kubectl exec` and by the API's WebSocket."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.recorder import warning
from tests.node.exec import answered, connect, execute
from tests.node.node import Node
from tests.node.pod import NAMESPACE, POD, OperatorPod
from tests.operator import until

EVENTS = 1_000
AT_ONCE = 10
CALL = ("kube9-operator", "query", "events", "list")
FILTERS = (
    "--object-namespace=many",
    "--since=2020-01-02T03:04:05.678Z",
    "--object-kind=Pod",
)
HUGE = (*CALL, "--object-namespace=many", "--object-kind=Pod", "--limit=1000", "--format=json")
SMALL_BYTES = 8_192
READ = {"severity", "title", "event_type", "created_at", "object_kind", "object_namespace", "object_name", "metadata"}
READ_OF_METADATA = {"reason", "count", "first_timestamp", "last_timestamp"}

Ask = Callable[..., tuple[int, str, str]]
"""Runs a command in the operator's container: its exit code, stdout and stderr."""


@pytest.fixture(params=["kubectl", "websocket"])
def ask(request: pytest.FixtureRequest, node: Node, operator: OperatorPod) -> Ask:
    def by_kubectl(*command: str) -> tuple[int, str, str]:
        done = node.program("kubectl", "exec", "-n", NAMESPACE, POD, "-c", "operator", "--", *command, fail=True)
        return done.returncode, done.stdout, done.stderr

    def by_websocket(*command: str) -> tuple[int, str, str]:
        answer = execute(node, NAMESPACE, POD, *command)
        return answer.code, answer.stdout, answer.stderr

    return by_kubectl if request.param == "kubectl" else by_websocket


@pytest.fixture(scope="module")
def many(node: Node, operator: OperatorPod) -> str:
    """A namespace of which the operator has recorded EVENTS events, each with a long text."""
    node.make_namespaces("many")
    write(node, "pod", EVENTS)
    until(lambda: total(operator) == EVENTS, "all of them to be recorded", 120)
    return "many"


def write(node: Node, name: str, count: int) -> None:
    """Writes Events of as many pods to the API."""
    with contextlib.closing(node.plane.connection()) as connection:
        for number in range(count):
            event = warning("many", f"{name}-{number}") | {"message": f"{number} " + "wörd " * 190 + "end"}
            node.plane.request(connection, "POST", "/api/v1/namespaces/many/events", event)


def total(operator: OperatorPod) -> int:
    answer = operator.cli("events", "list", "--object-namespace", "many", "--object-kind", "Pod", "--limit", "1")
    return int(answer["pagination"]["total"])


@pytest.mark.parametrize("filters", [(), FILTERS[:1], FILTERS[1:], FILTERS], ids=len)
def test_its_call(ask: Ask, many: str, filters: tuple[str, ...]) -> None:
    code, said, complaint = ask(*CALL, *filters, "--limit=25", "--format=json")
    assert (code, complaint) == (0, "")
    events = json.loads(said)["events"]
    assert 0 < len(events) <= 25
    for event in events:
        if event["event_type"] == "cluster":
            assert set(event) >= READ - {"object_namespace"}
            assert set(event["metadata"]) >= READ_OF_METADATA


def test_a_huge_answer_arrives_whole(ask: Ask, many: str) -> None:
    code, said, complaint = ask(*CALL, "--object-namespace=many", "--object-kind=Pod", "--limit=1000", "--format=json")
    assert (code, complaint) == (0, "")
    assert len(said.encode()) > 1_000_000
    assert len({event["object_name"] for event in json.loads(said)["events"]}) == EVENTS


def test_an_error_is_for_programs(ask: Ask) -> None:
    code, said, complaint = ask(*CALL, "--severity=terrible", "--format=json")
    assert (code, said) == (1, "")
    # kubectl adds a line of its own.
    error = json.loads(complaint.partition("\ncommand terminated")[0])
    assert set(error) == {"error", "details", "code"}
    code, _, complaint = ask("kube9-operator", "query", "events", "get", "evt_20200101_000000_000000", "--format=json")
    assert code == 1
    assert json.loads(complaint.partition("\ncommand terminated")[0])["error"] == "Event not found"


def test_ten_at_once_while_events_come_in(node: Node, operator: OperatorPod, many: str) -> None:
    before = operator.restarts()
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        writing = pool.submit(write, node, "late", 200)
        asked = [pool.submit(execute, node, NAMESPACE, POD, *CALL, *FILTERS, "--limit=1000") for _ in range(AT_ONCE)]
        answers = [one.result() for one in asked]
        writing.result()
    assert [answer.code for answer in answers] == [0] * AT_ONCE, answers
    assert all(len(json.loads(answer.stdout)["events"]) == EVENTS for answer in answers)
    until(lambda: total(operator) == EVENTS + 200, "what came in to be recorded", 60)
    assert operator.restarts() == before


def test_a_slow_reader_gets_the_whole_answer(node: Node, operator: OperatorPod, many: str) -> None:
    with narrow(node):
        socket = connect(node, NAMESPACE, POD, *HUGE, buffer_bytes=SMALL_BYTES)
        first = socket.recv()
        assert isinstance(first, bytes)
        until(lambda: standing(node), "the query to wait for its reader", 60)
    answer = answered(socket, first)
    assert (answer.code, answer.stderr) == (0, "")
    assert len({event["object_name"] for event in json.loads(answer.stdout)["events"]}) == 1000
    until(lambda: not queries(node), "the query to end", 60)


@pytest.mark.parametrize("goes", ["quietly", "cut off"])
def test_a_client_that_goes_away_leaves_no_process(node: Node, operator: OperatorPod, many: str, goes: str) -> None:
    """containerd keeps the pipe open, and reads no more of it: the query ends by itself, after ten times its --timeout."""
    before = operator.restarts()
    with narrow(node):
        sockets = [connect(node, NAMESPACE, POD, *HUGE, "--timeout=3", buffer_bytes=SMALL_BYTES) for _ in range(3)]
        assert all(socket.recv() for socket in sockets)
        until(lambda: len(standing(node)) == len(sockets), "the queries to wait for their reader", 60)
        for socket in sockets:
            if goes == "quietly":
                socket.close(timeout=0)
            socket.shutdown()
        until(lambda: not queries(node), "the queries to end", 180)
    assert operator.restarts() == before


@contextlib.contextmanager
def narrow(node: Node) -> Iterator[None]:
    """Between the node's programs little of an answer is on its way, so that who says much waits for who reads it."""
    names = ("net.ipv4.tcp_wmem", "net.ipv4.tcp_rmem")
    before = [node.inside("cat", f"/proc/sys/{name.replace('.', '/')}").strip() for name in names]
    for name in names:
        node.inside("sh", "-c", f"echo {SMALL_BYTES} {SMALL_BYTES} {SMALL_BYTES} > /proc/sys/{name.replace('.', '/')}")
    try:
        yield
    finally:
        for name, was in zip(names, before, strict=True):
            node.inside("sh", "-c", f"echo {was} > /proc/sys/{name.replace('.', '/')}")


def queries(node: Node) -> list[str]:
    """The processes of the node that answer a query, as lines: id, state and CPU time."""
    each = 'if tr "\\0" " " < $one/cmdline | grep -q "query events"; then cat $one/stat; fi'
    said = node.inside("sh", "-c", f"for one in /proc/[0-9]*; do {each} 2>/dev/null; done; true")
    found = [
        (line.split()[0], line.rpartition(")")[2].split()) for line in said.splitlines() if "kube9" in line or "python" in line
    ]
    return [f"{pid} {fields[0]} {fields[11]} {fields[12]}" for pid, fields in found]


def standing(node: Node) -> list[str]:
    """Those that have not done anything since a moment ago, and have not ended."""
    before = queries(node)
    time.sleep(0.3)
    return [one for one in queries(node) if one in before and " S " in one]
