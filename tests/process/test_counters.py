"""Each counter that is 0 in a cluster without trouble moves, by as much as there was, when there is some."""

import itertools
from pathlib import Path

import apsw
import pytest

from tests.operator import Operator, until
from tests.standin import StandIn, warning

REFUSE = "CREATE TRIGGER refuse BEFORE INSERT ON objects WHEN NEW.name = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
DAY_MS = 86_400_000


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def moves(operator: Operator, metric: str, number: float, **labels: str) -> None:
    """Returns when the metric is `number`; it never was more."""
    until(lambda: operator.counter(metric, **labels) >= number, f"{metric} {labels}")
    assert operator.counter(metric, **labels) == number


def test_what_is_redacted(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: operator.pid("watcher-events"), "the watcher")
        moves(operator, "kube9_secrets_redacted_total", 0)
        standin.write(warning("one", "Odd", "Authorization: Bearer abc.def-ghi123 refused"))
        until(lambda: operator.events("--object-name=one"), "the Event")
        (line,) = until(
            lambda: [line for line in operator.log() if line["event"] == "event.redacted"], "its line, once committed"
        )
        moves(operator, "kube9_secrets_redacted_total", line["secrets"])
        assert line["secrets"] >= 1
        operator.kill("writer")
        standin.write(warning("two", "Odd", "nothing to hide"))
        until(lambda: operator.events("--object-name=two"), "the next")
        moves(operator, "kube9_secrets_redacted_total", line["secrets"])


def test_what_cannot_be_decoded(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("broken", "Odd", "its count is no number") | {"count": "many"})
        moves(operator, "kube9_events_errors_total", 1, reason="undecodable")
        assert operator.counter("kube9_observation_outcomes_total", source="events", outcome="undecodable") == 1


def test_what_the_database_refuses(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("good", "Odd", "again"))
        until(operator.events, "an Event")
        with apsw.Connection(str(operator.data / "kube9.db")) as other:
            other.set_busy_timeout(10_000)
            other.execute(REFUSE)
        standin.write(warning("bad", "Odd", "again"))
        moves(operator, "kube9_events_errors_total", 1, reason="refused")
        assert operator.cli("status")["database"]["dead_letters"] == 1
        assert [event["object_name"] for event in operator.events()] == ["good"]


def test_a_transaction_that_fails(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"hang": 15.0, "busy": 0.1}
    with operator:
        standin.write(warning("one", "Odd", "again"))
        until(operator.events, "an Event")
        moves(operator, "kube9_events_errors_total", 0, reason="database")
        holder = apsw.Connection(str(operator.data / "kube9.db"))
        holder.set_busy_timeout(10_000)
        holder.execute("BEGIN IMMEDIATE")
        standin.write(warning("two", "Odd", "again"))
        until(lambda: operator.counter("kube9_events_errors_total", reason="database") >= 1, "a failure")
        holder.execute("COMMIT")
        holder.close()
        until(lambda: len(operator.events()) == 2, "both")
        failed = operator.counter("kube9_database_operations_total", operation="rollback")
        moves(operator, "kube9_events_errors_total", failed, reason="database")


def test_what_a_watch_misses(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"compare": 1.0, "compare_patience": 0.5}
    with operator:
        standin.write(warning("one", "Odd", "again"))
        until(operator.events, "an Event")
        standin.plan("left out", on="watch")
        until(lambda: not standin.control("plans"), "the watch")
        standin.write(warning("missed", "Odd", "again"))
        standin.write(warning("late", "Odd", "again"))

        def found() -> bool:
            """More comes all the time, as in a large cluster: the writer never waits for nothing."""
            standin.write(warning("busy", "Odd", "again", count=next(counts)))
            return len(operator.events()) == 4

        counts = itertools.count(1)
        until(found, "all of them")
        moves(operator, "kube9_events_errors_total", 1, reason="missed")


def test_what_retention_deletes(operator: Operator, standin: StandIn) -> None:
    standin.write(*(warning(f"info-{number}", "Odd", "again") for number in range(3)), warning("error", "Failed", "Error: x"))
    with operator:
        until(lambda: len(operator.events()) == 4, "the Events")
    with apsw.Connection(str(operator.data / "kube9.db")) as other:
        # Not the operator's own: a slow machine may have added some.
        other.execute("UPDATE events SET recorded_ms = recorded_ms - ? WHERE type = 0", (31 * DAY_MS,))
    operator.log_path.unlink()
    with operator:
        moves(operator, "kube9_events_deleted_total", 3, severity="warning")
        moves(operator, "kube9_events_deleted_total", 1, severity="error")
        of_own = operator.counter("kube9_events_deleted_total", severity="info")
        moves(operator, "kube9_database_operations_total", 4 + of_own, operation="delete")
        assert not operator.events()
