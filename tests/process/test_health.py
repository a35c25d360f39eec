"""Health is red when, and only when, a source is not confirmed."""

import json
import socket
from pathlib import Path

import pytest

from kube9_operator.clock import iso, now_ms
from kube9_operator.model.sources import CUSTOM, PROCESSES, SOURCES
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, warning

DAY_SECONDS = 86_400


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def test_a_quiet_cluster_is_healthy(operator: Operator) -> None:
    with operator:
        until(lambda: operator.health()[1]["watches"]["events"]["confirmed_until"], "the list")
        first = operator.health()[1]["watches"]["events"]["confirmed_until"]
        until(lambda: operator.health()[1]["watches"]["events"]["confirmed_until"] > first, "the clean end of a watch")
        until(lambda: operator.health()[0] == 200, "every list")
        code, found = operator.health()
        assert (code, found["status"], found["reasons"]) == (200, "healthy", [])
        assert found["processes"].pop("analyzer") in ("starting", "looking", "waiting", "waiting for the writer")
        assert found["processes"] == dict.fromkeys(("writer", *PROCESSES), "running")
        assert found["database"]["readable"]
        assert found["database"]["writable"]
        assert found["database"]["size_bytes"] > 0
        assert found["queue"] == dict.fromkeys((*SOURCES, *CUSTOM), 0)
        assert operator.health("/livez") == (200, "ok\n")
        assert operator.health("/readyz") == (200, "ok\n")
        assert operator.health("/other") == (404, "not found\n")


def test_it_is_red_when_nothing_is_confirmed_and_heals(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: operator.events(), "the first")
        standin.stop()
        code, found = until(lambda: _red(operator), "red")
        assert code == 503
        assert found["status"] == "unhealthy"
        assert _names_events(found["reasons"][0])
        assert operator.health("/livez")[0] == operator.health("/readyz")[0] == 200, "history stays readable"
        with StandIn(port=int(standin.address.rpartition(":")[2])):
            until(lambda: operator.health()[0] == 200, "it to heal")


def test_a_start_that_reaches_no_server_says_so(operator: Operator, standin: StandIn) -> None:
    operator.deadlines["confirmation"] = 60.0
    standin.stop()
    reasons = [f"not listed yet: {', '.join((*SOURCES, *CUSTOM))} (the API server cannot be reached)"]
    with operator:
        code, found = until(lambda: (asked := operator.health())[1]["reasons"] == reasons and asked, "the reason")
        assert (code, found["status"]) == (503, "starting")
        assert operator.health("/livez")[0] == 200, "it is not the pod's fault"
        until(lambda: operator.health("/readyz")[0] == 200, "the database, which this does not concern")
        until(lambda: operator.cli("status")["health"] == f"starting: {reasons[0]}", "the CLI to say so")


def test_it_is_not_healthy_before_every_source_is_listed(operator: Operator, standin: StandIn) -> None:
    operator.environment["POD_NAMESPACE"] = "kube9-system"
    operator.deadlines["confirmation"] = 60.0
    standin.control("refuse", {"pods": 500})

    def published() -> str:
        applied = list(standin.control("applied").values())
        return str(json.loads(applied[0]["data"]["status"])["health"]) if applied else ""

    reasons = ["not listed yet: pods (the API server reports an internal error)"]
    for _ in ("a new database", "one that has the other lists"):
        operator.log_path.unlink(missing_ok=True)  # it names the port of the operator before
        with operator:
            code, found = until(lambda: (asked := operator.health())[1]["reasons"] == reasons and asked, "the reason")
            assert (code, found["status"]) == (503, "starting")
            assert operator.counter("kube9_health", status="starting") == 1
            until(lambda: published() == "degraded", "the ConfigMap, whose words are fixed")
            until(lambda: operator.cli("status")["health"] == f"starting: {reasons[0]}", "the CLI to say so")
    operator.log_path.unlink()
    with operator:
        until(lambda: operator.health()[1]["reasons"] == reasons, "the reason")
        standin.control("refuse", {"pods": 0})
        until(lambda: operator.health()[0] == 200, "the list")
        until(lambda: published() == "healthy", "the ConfigMap")


def _names_events(reason: str) -> bool:
    """Whether the reason says that the watch of Events, alone or with others, is not confirmed."""
    return reason.startswith(("the Events watch has not been confirmed", "the watches of Events, "))


def _red(operator: Operator) -> tuple[int, dict[str, list[str]]] | None:
    code, found = operator.health()
    return (code, found) if code == 503 and _names_events(found["reasons"][0]) else None


def test_a_permission_that_is_missing_shows_at_once(operator: Operator, standin: StandIn) -> None:
    operator.deadlines["confirmation"] = 60.0
    standin.control("refuse", {"events": 403})
    with operator:
        until(lambda: operator.health()[1]["reasons"] == ["events: not permitted"], "the reason")
        until(lambda: _unavailable(operator) == ["events"], "the record to say so")
        assert operator.cli("status")["watches"]["events"]["state"] == "not permitted"
        standin.control("refuse", {"events": 0})
        until(lambda: operator.health()[0] == 200, "it to heal")
        covered = until(lambda: _covered(operator), "coverage")
        assert covered["unavailable"] == []


def _unavailable(operator: Operator) -> object:
    return operator.cli("events", "list", OF_EVENTS)["coverage"]["unavailable"]


def _covered(operator: Operator) -> dict[str, object] | None:
    covered = operator.cli("events", "list", OF_EVENTS)["coverage"]
    return covered if covered["complete"] else None


def test_a_port_that_is_taken_is_named(operator: Operator) -> None:
    with socket.create_server(("", 0)) as taken:
        operator.environment["HEALTH_PORT"] = str(taken.getsockname()[1])
        operator.start()
        assert operator.wait() == 78
    assert (
        f"HEALTH_PORT={operator.environment['HEALTH_PORT']}: cannot listen on this port: Address already in use"
        in operator.log_text()
    )


def test_our_own_clock_jumps(operator: Operator, standin: StandIn, tmp_path: Path) -> None:
    """A clock a day ahead loses no confirmation. After it is set back, nothing is confirmed for the day to come."""
    operator.deadlines |= {"hang": 15.0}
    clock = tmp_path / "clock"
    clock.write_text("0", encoding="ascii")
    operator.environment |= {"PYTHONPATH": str(Path(__file__).parent.parent / "clock"), "KUBE9_TEST_CLOCK": str(clock)}

    def confirmed() -> str:
        """Until when Events are confirmed; health is healthy at every check."""
        code, found = operator.health()
        assert (code, found["reasons"]) == (200, [])
        return str(found["watches"]["events"]["confirmed_until"] or "")

    tomorrow = iso(now_ms() + DAY_SECONDS * 1000 - 3_600_000)
    with operator:
        standin.write(warning("before", "BackOff", "again"))
        until(lambda: operator.health()[0] == 200, "every list")
        until(confirmed, "the list")
        clock.write_text(str(DAY_SECONDS), encoding="ascii")
        until(lambda: confirmed() > tomorrow, "a confirmation by the clock that is ahead")
        standin.write(warning("ahead", "BackOff", "again"))
        until(lambda: len(operator.events()) == 2, "an Event meanwhile")
        clock.write_text("0", encoding="ascii")
        until(lambda: confirmed() < tomorrow, "a confirmation by the clock that is right again")
        standin.write(warning("after", "BackOff", "again"))
        until(lambda: len(operator.events()) == 3, "an Event afterwards")
        standin.stop()
        until(lambda: _red(operator), "red, though it was once confirmed until tomorrow")
