"""The view of docs/fleet.md in ClickHouse itself (chdb-core): the newest state of each event, and none that was merged."""

import json
import random
import re
from pathlib import Path

import pytest

from kube9_operator.sink import records
from kube9_operator.sink.records import Cluster, Encoded
from tests import otlp
from tests.unit.test_sink_records import EVENT

pytestmark = pytest.mark.long

PAGE = Path(__file__).parents[2] / "docs" / "fleet.md"
TABLE = """CREATE TABLE otel_logs (
    Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8, SeverityText LowCardinality(String),
    SeverityNumber UInt8, ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String), ScopeSchemaUrl LowCardinality(String), ScopeName String,
    ScopeVersion LowCardinality(String), ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String), EventName String
) ENGINE = MergeTree ORDER BY (ServiceName, Timestamp)"""
"""https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/clickhouseexporter"""
CLUSTERS = (Cluster("e" * 32, "uid-eu", "eu"), Cluster("a" * 32, "uid-us", "us"))


def rows(some: list[Encoded], cluster: Cluster) -> list[str]:
    """The rows that the collector's exporter makes."""
    return [
        json.dumps(
            {
                "Timestamp": f"{one.record.time_unix_nano // 10**9}.{one.record.time_unix_nano % 10**9:09}",
                "SeverityText": one.record.severity_text,
                "SeverityNumber": int(one.record.severity_number),
                "ServiceName": one.resource["service.name"],
                "Body": one.record.body.string_value,
                "ResourceAttributes": one.resource,
                "LogAttributes": one.attributes,
                "EventName": one.record.event_name,
            }
        )
        for one in otlp.read(records.request(some, cluster))
    ]


def test_the_view_has_the_newest_state_of_each_event(tmp_path: Path) -> None:
    chdb = pytest.importorskip("chdb.session", reason="needs chdb-core: pip install chdb-core")
    session = chdb.Session(str(tmp_path / "clickhouse"))
    chance, made, expected = random.Random(1), [], {}
    for cluster in CLUSTERS:
        sent = [records.coverage({"kube9.coverage.version": "1"}, EVENT.last_ms)]
        for number in range(1, 200):
            severity, times, revision = chance.randrange(4), chance.randrange(2, 99), 10**15 + 10 * number
            newest = EVENT._replace(number=number, name=f"web-{number}", times=times, severity=severity)
            last_ms = newest.last_ms + chance.choice((-5_000, 5_000))
            older = newest._replace(times=1, severity=0, title="Unknown", last_ms=last_ms)
            sent += [records.event(newest, revision + 9), records.event(older, revision + chance.randrange(8))]
            sent += [records.event(newest, revision + 9)] * chance.randrange(3)
            if number % 50:
                expected[cluster.name, newest.name] = (cluster.instance, newest, revision + 9)
            else:
                sent.append(records.merged(number, revision + 10, newest.last_ms))
        chance.shuffle(sent)
        made += rows(sent, cluster)
    view = re.search(r"^    (CREATE VIEW .*?;)$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert view is not None
    session.query("CREATE DATABASE kube9")
    session.query("USE kube9")
    for statement in (TABLE, view[1].rstrip(";"), "INSERT INTO otel_logs FORMAT JSONEachRow " + "\n".join(made)):
        session.query(statement)
    found = [json.loads(line) for line in str(session.query("SELECT * FROM kube9_events", "JSONEachRow")).splitlines()]
    assert {(one["cluster"], one["name"]) for one in found} == expected.keys()
    assert len(found) == len(expected)
    for one in found:
        instance, event, revision = expected[one["cluster"], one["name"]]
        assert (one["instance"], int(one["revision"]), int(one["count"])) == (instance, revision, event.times)
        assert one["severity"] == ("info", "warning", "error", "critical")[event.severity]
        assert (one["title"], one["message"], one["reason"]) == (event.title, event.description, event.reason)
        assert (one["namespace"], one["kind"]) == (event.namespace, event.kind)
        assert one["first_seen_at"] == "2026-01-02T02:58:11.000Z"
        assert one["last_seen_at"].startswith("2026-01-02 03:04:05.678")
