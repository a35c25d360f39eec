"""Operator events: start, stop, changes of health, lost watches, dead processes. Each is recorded once."""

import json
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.write.sqlite import database, migrations
from tests.operator import Operator, until
from tests.standin import StandIn, warning


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path), POD_NAMESPACE="kube9-test")


def own(operator: Operator, reason: str = "") -> list[dict[str, Any]]:
    """The operator's own events, the oldest first, without those of gaps."""
    events = reversed(operator.events("--type=operator,system", "--sort=created"))
    return [one for one in events if one["metadata"]["reason"] == reason or (not reason and reason != "GapFound")]


def reasons(operator: Operator) -> list[str]:
    """Of all of its own events but those of health and watches, which a busy machine can bring."""
    brought = ("HealthChanged", "WatchLost", "WatchRestored")
    return [reason for one in own(operator) if (reason := one["metadata"]["reason"]) not in brought]


def of_events(operator: Operator, reason: str) -> dict[str, Any] | None:
    """The newest event of this reason that names the watch of Events."""
    return next((one for one in reversed(own(operator, reason)) if "events" in one["metadata"]["sources"]), None)


def health_fact(operator: Operator) -> Any:
    """The health as the writer stored it last."""
    connection = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = connection.execute("SELECT value FROM facts WHERE name = 'health'").fetchone()
        return json.loads(found[0]) if found else None
    finally:
        connection.close()


def balanced(operator: Operator) -> dict[str, int]:
    accounting: dict[str, int] = operator.cli("status")["accounting"]["operator"]
    assert accounting["received"] == sum(count for name, count in accounting.items() if name != "received"), accounting
    return accounting


def test_it_starts_once_whatever_dies_and_says_how_long_it_was_down(operator: Operator) -> None:
    with operator:
        (first,) = until(lambda: own(operator, "OperatorStarted"), "the start")
        assert first["event_type"] == "operator"
        assert first["metadata"]["namespace"] == "kube9-test"
        assert "down_seconds" not in first["metadata"]
        for times in (1, 2):
            operator.kill("writer")
            failed = until(
                lambda times=times: [one for one in own(operator, "ProcessFailed") if one["count"] == times], "the death"
            )
        assert [(one["event_type"], one["severity"]) for one in failed] == [("system", "error")]
        assert failed[0]["metadata"]["why"] == "writer was killed by signal 9"
        assert len(own(operator, "OperatorStarted")) == 1, "a worker generation is no start"
        until(lambda: health_fact(operator) == {"status": "healthy", "reasons": []}, "the health to be stored")
        assert operator.stop() == 0
        assert reasons(operator) == ["OperatorStarted", "ProcessFailed", "OperatorStopping"]
        operator.start()
        second = until(lambda: own(operator, "OperatorStarted")[1:], "another start")[0]
        assert second["metadata"]["down_seconds"] >= 0
        assert second["metadata"]["down_since"] >= first["created_at"]
        balanced(operator)


def test_a_newer_release_says_that_it_migrated_the_database(operator: Operator) -> None:
    connection = apsw.Connection(str(operator.data / "kube9.db"))
    database.prepare(connection)
    migrations.migrate(connection, migrations.known()[:3])  # as a release of then left it
    connection.execute("INSERT INTO facts VALUES ('last_commit_ms', ?)", ((int(time.time()) - 60) * 1000,))
    connection.execute("UPDATE schema_version SET applied_at = '2026-01-01T00:00:00.000Z'")
    connection.close()
    with operator:
        (migrated,) = until(lambda: own(operator, "DatabaseMigrated"), "the migration")
        assert (migrated["event_type"], migrated["severity"], migrated["title"]) == ("system", "info", "Database migrated")
        newest = operator.cli("status")["database"]["schema_version"]
        assert (migrated["metadata"]["previous"], migrated["metadata"]["current"]) == (3, newest)
        until(lambda: own(operator, "OperatorStarted"), "the start")
        operator.kill("writer")
        until(lambda: own(operator, "ProcessFailed"), "another writer")
        assert len(own(operator, "DatabaseMigrated")) == 1, "once"
        balanced(operator)


def test_an_api_server_that_is_away_for_long(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: operator.events(), "the first")
        until(lambda: operator.health()[0] == 200, "every list")
        standin.stop()
        lost = until(lambda: of_events(operator, "WatchLost"), "the loss", seconds=60)
        assert lost["severity"] == "error"

        def became(status: str) -> list[Any]:
            """Why; on a slow machine it is degraded in between."""
            found = [one["metadata"] for one in own(operator, "HealthChanged")]
            return [said["why"] for said in found if said["current"] == status]

        why, *_ = until(lambda: became("unhealthy"), "the change")
        assert "not been confirmed since" in why[0]
        until(lambda: health_fact(operator)["status"] == "unhealthy", "the health to be stored")
        with StandIn(port=int(standin.address.rpartition(":")[2])):
            until(lambda: own(operator, "WatchRestored"), "the watch to be back")  # it names those that were back last
            until(lambda: health_fact(operator)["status"] == "healthy", "health to be back")
            until(lambda: became("healthy"), "the change back")
            balanced(operator)


def test_a_source_that_may_not_be_watched(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"confirmation": 60.0}
    standin.control("answer", [{"code": 403}] * 4)
    with operator:
        (denied,) = until(lambda: own(operator, "SourceUnavailable"), "the denial")
        assert denied["metadata"]["sources"] == ["events"]
        assert denied["metadata"]["why"] == "not permitted"
        until(lambda: own(operator, "SourceAvailable"), "the permission")
        assert denied["count"] == 1, "not for each try"
        balanced(operator)


def test_a_database_that_cannot_be_written_is_recorded_once_it_can_be(operator: Operator) -> None:
    operator.deadlines |= {"confirmation": 60.0, "hang": 15.0}
    with operator:
        until(lambda: own(operator, "OperatorStarted"), "the start")
        until(lambda: operator.health()[0] == 200, "every list")
        holder = apsw.Connection(str(operator.data / "kube9.db"))
        holder.execute("BEGIN IMMEDIATE")
        until(lambda: operator.health()[1]["reasons"], "the trouble to show", seconds=60)
        holder.execute("COMMIT")
        holder.close()
        until(lambda: len(own(operator, "HealthChanged")) == 2, "both changes")
        away, back = own(operator, "HealthChanged")
        assert (away["title"], away["severity"]) == ("Database unavailable", "critical")
        assert "database is locked" in away["metadata"]["why"][0]
        assert (back["title"], back["severity"]) == ("Database available again", "info")
        assert away["first_seen_at"] < away["created_at"], "with the time at which it happened"
        balanced(operator)
