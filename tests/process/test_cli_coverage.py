"""The coverage of an answer: over many sources, with each filter, and why a time is not confirmed."""

import json
import re
import time
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.clock import iso
from kube9_operator.model.resource_states import OF_SOURCE
from kube9_operator.write.sqlite import lock
from kube9_schema.sources import EVENTS_ABOUT
from tests.cli import run_cli
from tests.cli_database import build


def listed(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_cli(folder, "events", "list", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_coverage_of_many_sources(tmp_path: Path) -> None:
    """Each filter asks for the sources whose events it can match, and for no other."""
    build(tmp_path, 10)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    now = time.time_ns() // 1_000_000
    start = now - 3_600_000
    connection.execute("UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", (start, now))
    rows = [
        ("pods", start, now - 5_000, None, None),
        ("nodes", start, now - 600_000, "not permitted", now - 500_000),
        ("services", start, now - 600_000, None, None),
        ("jobs", start, start, "not permitted", start),
        ("deployments", None, None, None, None),
    ]
    columns = "source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms"
    connection.executemany(f"INSERT INTO sources ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('pods', ?, ?, 'why')", (start, start + 1_000))
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('last_commit_ms', ?), ('started_ms', ?)", (now, start))
    connection.close()

    def reasons(*arguments: str) -> dict[str, str]:
        covered = listed(tmp_path, *arguments)["coverage"]
        assert covered["complete"] is not bool(covered["gaps"])
        assert covered["unavailable"] == [gap["source"] for gap in covered["gaps"] if gap["reason"] == "not permitted"]
        return {gap["source"]: gap["reason"] for gap in covered["gaps"]}

    pods, nodes = {"pods": "why"}, {"nodes": "not permitted"}
    services = {"services": "the operator is running, but it could not watch; its log says why"}
    deployments = {"deployments": "not listed yet"}
    assert reasons() == pods | nodes | services | deployments, "jobs only add their owners"
    assert reasons("-n", "shop") == pods | services | deployments, "a node is in no namespace"
    assert reasons("--object-kind=pod") == pods
    assert reasons("--object-kind=Node") == nodes
    assert reasons("--object-kind=Service") == services
    assert reasons("--object-kind=Job") == {"pods": "why"}
    assert reasons("--type=operator") == {}
    assert reasons("--object-kind=Pod", "--since=10m") == {}
    covered = listed(tmp_path, "--object-kind=Pod")["coverage"]
    assert (covered["from"], covered["until"]) == (iso(start), iso(now - 5_000)), "until all are confirmed"
    (gap,) = listed(tmp_path, "--object-kind=Node", "--since=5m")["coverage"]["gaps"]
    assert gap["from"] > iso(now - 310_000), "cut to the asked time"


def test_coverage_of_what_retention_keeps(tmp_path: Path) -> None:
    """Times of which retention keeps nothing are gaps where they are asked for; without --since nobody asks for them."""
    build(tmp_path, 10)
    day = 86_400_000
    now = time.time_ns() // 1_000_000
    begun, hole = now - 40 * day, now - 20 * day
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    connection.execute("UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", (begun, now))
    facts = [("first_start_ms", begun), ("last_commit_ms", now)]
    facts += [("retention_info_warning_ms", 7 * day), ("retention_error_critical_ms", 30 * day)]
    connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
    connection.execute("INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('events', ?, ?, 'why')", (hole, hole + day))
    connection.close()
    few = "events of severity info and warning are kept for 7 days"
    many = "events of severity error and critical are kept for 30 days"

    def reasons(*arguments: str) -> list[str]:
        return [gap["reason"] for gap in listed(tmp_path, *arguments)["coverage"]["gaps"]]

    assert reasons("--severity=warning") == [], "the hole lies before what is kept"
    assert reasons("--severity=error") == reasons() == ["why"]
    assert reasons("--severity=warning", "--since=6d") == []
    assert reasons("--severity=warning", "--since=8d") == [few]
    assert reasons("--severity=critical", "--since=8d") == []
    assert reasons("--severity=critical", "--since=35d") == ["why", many], "the newest first"
    assert reasons("--since=35d") == [few, "why", many]
    assert reasons("--severity=info", "--until=10d") == [few]
    assert reasons("--type=operator", "--severity=info", "--since=8d") == [few]
    assert reasons("--type=operator") == []
    covered = listed(tmp_path, "--since=35d")["coverage"]
    assert covered["from"] > iso(now - 7 * day - 1), "complete is what is kept of all severities"
    assert covered["gaps"][0]["from"] < iso(now - 34 * day)
    assert covered["gaps"][0]["to"] == covered["from"]


def test_coverage_says_why_a_time_is_not_confirmed(tmp_path: Path) -> None:
    build(tmp_path, 10)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    long_ago = time.time_ns() // 1_000_000 - 600_000
    connection.execute("UPDATE sources SET covered_from_ms = ?1 - 1, proved_until_ms = ?1", (long_ago,))
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('last_commit_ms', ?)", (long_ago,))
    connection.close()

    def reason() -> str:
        (gap,) = listed(tmp_path)["coverage"]["gaps"]
        return str(gap["reason"])

    assert reason() == "the operator was not running, or this is a copy of its database"
    lock.hold(str(tmp_path), 1.0, lambda: None)
    assert reason() == "the operator is running, but it could not write its database"
    lock.release(str(tmp_path))
    assert reason() == "the operator was not running, or this is a copy of its database"


def test_coverage_says_what_is_wrong_with_a_watch(tmp_path: Path) -> None:
    build(tmp_path, 10)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    now = time.time_ns() // 1_000_000
    connection.execute("UPDATE sources SET covered_from_ms = ?1 - 1, proved_until_ms = ?1", (now - 600_000,))
    connection.execute(
        "INSERT INTO sources (source, covered_from_ms, proved_until_ms) VALUES ('pods', ?1 - 1, ?1)", (now - 600_000,)
    )

    def gaps(health: str) -> dict[str, str]:
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('last_commit_ms', ?), ('health', ?)", (now, health))
        return {gap["source"]: gap["reason"] for gap in listed(tmp_path)["coverage"]["gaps"]}

    tls, unknown = "the TLS connection failed", "the operator is running, but it could not watch; its log says why"
    unhealthy = json.dumps({"status": "unhealthy", "reasons": [], "troubles": {"events": tls}})
    new = "the operator has just started, and is not watching yet"
    assert gaps(unhealthy) == {"events": tls, "pods": new}
    said = run_cli(tmp_path, "events", "list", "-o", "table").stderr
    assert re.search(rf"; pods since [^;]+ UTC \({new}\)\.", said)
    connection.execute("UPDATE facts SET value = ? WHERE name = 'started_ms'", (now - 130_000,))
    assert gaps(unhealthy) == {"events": tls, "pods": unknown}
    said = run_cli(tmp_path, "events", "list", "-o", "table").stderr
    assert re.search(rf"Not watching now: events since [^;]+ UTC \({tls}\); pods since ", said)
    for odd in ("", "[]", "{", '{"troubles": []}', '{"troubles": {"events": {"a": 1}}}'):
        assert gaps(odd).keys() == {"events", "pods"}
    connection.close()


def test_a_gap_concerns_every_kind_that_its_source_makes_events_about(tmp_path: Path) -> None:
    build(tmp_path, 10)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    ((begun, now),) = connection.execute("SELECT covered_from_ms, proved_until_ms FROM sources WHERE source = 'events'")
    for source in ("pods", "persistentvolumeclaims", "endpointslices"):
        connection.execute(
            "INSERT INTO sources (source, covered_from_ms, proved_until_ms) VALUES (?, ?, ?)", (source, begun, now)
        )
        connection.execute(
            "INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES (?1, ?2 - 2000, ?2 - 1000, ?1)", (source, now)
        )
    connection.close()

    def reasons(kind: str) -> list[str]:
        return [gap["reason"] for gap in listed(tmp_path, f"--object-kind={kind}")["coverage"]["gaps"]]

    assert reasons("Pod") == reasons("Job") == ["pods"]
    assert reasons("pvc") == ["persistentvolumeclaims"]
    assert reasons("Service") == ["endpointslices"]
    assert reasons("Node") == []


def test_of_many_gaps_the_newest_are_named_and_the_others_counted(tmp_path: Path) -> None:
    build(tmp_path, 10)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    ((now,),) = connection.execute("SELECT proved_until_ms FROM sources WHERE source = 'events'")
    connection.execute("UPDATE sources SET covered_from_ms = 0")
    gaps = [(now - number * 10_000, now - number * 10_000 + 1_000, f"gap {number}") for number in range(1, 131)]
    connection.executemany("INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('events', ?, ?, ?)", gaps)
    connection.close()
    covered = listed(tmp_path)["coverage"]
    assert [gap["reason"] for gap in covered["gaps"]] == [f"gap {number}" for number in range(1, 101)]
    assert covered["gaps_left_out"] == 30
    said = run_cli(tmp_path, "events", "list", "-o", "table").stderr
    assert said.index("(gap 1)") < said.index("(gap 2)")
    assert "; 128 more gaps (see -o json)" in said
    assert "gaps_left_out" not in listed(tmp_path, "--since=5m")["coverage"]


def test_coverage_knows_the_kinds_of_all_sources() -> None:
    assert set(EVENTS_ABOUT) <= set(OF_SOURCE)
    assert set(OF_SOURCE) - set(EVENTS_ABOUT) == {"replicasets", "jobs", "horizontalpodautoscalers"}
