"""The HTTP server: bounded in connections, bytes and time; malformed requests are answered, and logged once."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kube9_operator.http.prometheus import METRICS
from kube9_operator.http.server import MAX_CONNECTIONS, MAX_REQUEST_BYTES
from kube9_operator.model.sources import PROCESSES
from tests.operator import Operator, until
from tests.standin import StandIn, warning
from tests.tools import tool


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Iterator[Operator]:
    with Operator(tmp_path, standin.kubeconfig(tmp_path)) as running:
        until(lambda: running.health("/readyz")[0] == 200, "the database")
        yield running


def response(operator: Operator, request: bytes) -> bytes:
    """The whole answer to these bytes."""
    with socket.create_connection(("127.0.0.1", operator.port()), timeout=30) as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(65_536):
            answer += more
        return answer


def logged(operator: Operator) -> list[str]:
    return [line["reason"] for line in operator.log() if line["event"] == "http.bad_request"]


@pytest.mark.parametrize(
    ("request_bytes", "code", "reason"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", 400, "not an HTTP request"),
        (b"GET /livez\r\n\r\n", 400, "not an HTTP request"),
        (b"GET /livez HTTP/2\r\n\r\n", 505, "the protocol is not HTTP/1"),
        (b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405, "the method is neither GET nor HEAD"),
        (
            b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * MAX_REQUEST_BYTES,
            431,
            f"the request has more than {MAX_REQUEST_BYTES} bytes",
        ),
        (b"GET /livez HTTP/1.1\r\nHost", 408, "the request did not arrive in time"),
    ],
)
def test_a_bad_request_is_answered_and_logged_once(operator: Operator, request_bytes: bytes, code: int, reason: str) -> None:
    for _ in range(2):
        assert response(operator, request_bytes).startswith(f"HTTP/1.1 {code} ".encode())
    assert logged(operator) == [reason]
    assert operator.health("/livez") == (200, "ok\n")


def test_no_other_path(operator: Operator) -> None:
    for path in ("/", "/metrics/", "/healthz/x", "/../livez", "//livez", "/LIVEZ", "http://livez", "ftp://operator/livez"):
        assert response(operator, f"GET {path} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 404 "), path
    assert response(operator, b"GET /livez?verbose HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    for uri in ("http://operator:8080/livez", "HTTP://[::1]/livez?verbose", "https://10.0.0.1/livez"):
        assert response(operator, f"GET {uri} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 200 "), uri
    head = response(operator, b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    assert logged(operator) == []


def test_clients_that_dawdle_hold_up_nobody(operator: Operator) -> None:
    dawdlers = [socket.create_connection(("127.0.0.1", operator.port())) for _ in range(2 * MAX_CONNECTIONS)]
    try:
        for one in dawdlers[-5:]:
            one.sendall(b"GET /heal")
        assert operator.health("/livez")[0] == 200
        assert operator.health("/metrics")[0] == 200
    finally:
        for one in dawdlers:
            one.close()
    assert logged(operator).count("too many connections: the oldest was closed") == 1
    assert operator.health("/livez")[0] == 200


def samples(operator: Operator) -> dict[str, dict[tuple[str, ...], float]]:
    """By name of a sample its values, by the values of its labels in the table's order."""
    code, text = operator.health("/metrics")
    assert code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            metric: Any = METRICS.get(sample.name)
            names = metric.labels if metric else tuple(sorted(sample.labels))
            found.setdefault(sample.name, {})[tuple(sample.labels[name] for name in names)] = sample.value
    return found


def test_metrics_say_what_was_recorded_over_a_restart(operator: Operator, standin: StandIn) -> None:
    for number in range(5):
        standin.write(warning(f"one-{number}", "BackOff", "again"))
    until(lambda: len(operator.events()) == 5, "the events")
    found = until(lambda: _with_events(operator, 5), "the metrics")
    assert found["kube9_events_received_total"][("Warning",)] == 5
    assert found["kube9_observations_received_total"][("events",)] == 5
    assert found["kube9_observation_outcomes_total"][("events", "stored")] == 5
    assert ("events", "received") not in found["kube9_observation_outcomes_total"]
    assert found["kube9_events_lag_seconds_count"][()] >= 5
    assert found["kube9_events_recorded_duration_seconds_count"][()] >= 1
    assert found["kube9_events_processing_duration_seconds_count"][()] >= 1
    assert found["kube9_database_operations_total"][("insert",)] >= 5
    assert found["kube9_database_operations_total"][("commit",)] >= 1
    assert found["kube9_events_storage_size_bytes"][()] > 10_000
    health = {("starting",): 0, ("healthy",): 1, ("degraded",): 0, ("unhealthy",): 0}
    until(lambda: samples(operator)["kube9_health"] == health, "health")
    operator.kill("writer")
    standin.write(warning("two", "BackOff", "again"))
    found = until(lambda: _with_events(operator, 6), "the metrics to go on")
    restarts = found["kube9_process_restarts_total"]
    assert [restarts.pop((name,), 0) for name in ("analyzer", "assessor")] == [0, 0]  # neither lives and dies with the writer
    assert restarts == {(name,): 1 for name in ("writer", *PROCESSES)}
    assert found["kube9_observation_outcomes_total"][("events", "stored")] == 6


def _with_events(operator: Operator, number: int) -> dict[str, dict[tuple[str, ...], float]] | None:
    found = samples(operator)
    of_cluster = (count for (kind, _), count in found["kube9_events_total"].items() if kind == "cluster")
    return found if sum(of_cluster) == number else None


def test_a_watch_that_fails_is_counted(operator: Operator, standin: StandIn) -> None:
    standin.control("answer", [{"code": 500}] * 3)
    until(lambda: samples(operator).get("kube9_events_watch_errors_total", {}).get(("events",), 0) >= 3, "the count")


@pytest.mark.cluster
def test_prometheus_takes_them(operator: Operator) -> None:
    promtool = tool("promtool")
    text = operator.health("/metrics")[1]
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
