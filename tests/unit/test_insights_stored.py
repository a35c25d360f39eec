"""The writer's side of insights: changes become rows, once, and events that tell of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_operator.model.insight import LEAST_ROWS, Change, Details, Insight, InsightFrame, Said, most_rows
from kube9_operator.model.ref import Ref
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite.session import Session
from kube9_schema import facts, ids
from kube9_schema.codes import ACTIVE, INSIGHT, RESOLVED
from tests.bench import database

NOW = 1_764_500_000_000
EVENT = ids.first_of(NOW)


def insight(revision: int = 1, **more: Any) -> Insight:
    usual: dict[str, Any] = {
        "id": "ins_00000000000000aa",
        "subject": 1,
        "episode": 1,
        "rule": "stuck",
        "category": 0,
        "severity": 2,
        "status": ACTIVE,
        "object": Ref("Pod", "", "shop", "web-1", "uid-1"),
        "first_ms": NOW - 600_000,
        "last_ms": NOW,
        "created_ms": NOW,
        "changed_ms": NOW,
        "title": "web crashes",
        "text": "It exits with code 3. password=hunter2hunter2",
        "details": Details(owner=Ref("Deployment", "", "shop", "web", "uid-web"), recommendation="Look.", nodes=["n1"]),
        "evidence": {EVENT: 1},
    }
    return Insight(revision=revision, **(usual | more))


class Writer:
    """What the writer does with a frame."""

    def __init__(self, folder: Path, max_bytes: int = 2**30) -> None:
        self.connection = database.create(str(folder))
        self.session = Session(self.connection)
        self.coverage = Coverage(self.session, Store(self.session, quiet_ms=3_600_000), event_ttl_ms=3_600_000)
        self.insights = Insights(self.connection, max_bytes)

    def take(self, *changes: Change) -> None:
        with self.session.transaction(NOW):
            for observation in self.insights.apply(InsightFrame([*changes], NOW), NOW):
                self.coverage.record_operator_event(observation)

    def rows(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()

    def events(self) -> list[tuple[str, int, int]]:
        return self.rows(
            "SELECT w.word, e.severity, e.count FROM events e JOIN words w ON w.id = e.reason WHERE type = 2 ORDER BY e.id"
        )


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path)
    yield made
    made.connection.close()


def test_a_change_is_a_row_with_evidence_and_an_event(writer: Writer) -> None:
    writer.take(Change(insight(), ["found"]))
    assert writer.rows("SELECT id, status, severity, name, uid FROM insights") == [
        ("ins_00000000000000aa", ACTIVE, 2, "web-1", "uid-1")
    ]
    assert writer.rows("SELECT insight, event, role FROM insight_evidence") == [("ins_00000000000000aa", EVENT, 1)]
    assert writer.events() == [("InsightFound", 2, 1)]
    ((kind, about, uid, description, metadata, event_type),) = writer.rows(
        """SELECT k.word, o.name, o.uid, t.description, t.metadata, e.type FROM events e JOIN objects o ON o.id = e.object
        JOIN words k ON k.id = o.kind JOIN texts t ON t.event = e.id"""
    )
    assert (kind, about, uid, event_type) == ("Pod", "web-1", "uid-1", INSIGHT)
    assert "hunter2" not in description
    said = msgspec.json.decode(metadata)
    assert said["insight_id"] == "ins_00000000000000aa"
    assert said["category"] == "issue"
    assert said["evidence"] == [ids.encode(EVENT)]


def test_a_change_applies_once(writer: Writer) -> None:
    found = Change(insight(), ["found"])
    worse = Change(insight(2, severity=3), ["escalated"])
    over = Change(insight(3, severity=3, status=RESOLVED), ["resolved"])
    for change in (found, found, worse, found, worse, over, found, worse, over):
        writer.take(change)
    assert writer.events() == [("InsightFound", 2, 1), ("InsightEscalated", 3, 1), ("InsightResolved", 0, 1)]
    assert writer.rows("SELECT revision, status, severity FROM insights") == [(3, RESOLVED, 3)]


@pytest.mark.parametrize("revision", [2, 3, 0])
def test_a_change_of_another_revision_does_nothing(writer: Writer, revision: int) -> None:
    writer.take(Change(insight(revision), ["found"]))
    assert writer.rows("SELECT count(*) FROM insights") == [(0,)]
    assert writer.events() == []


def test_a_dropped_insight_leaves_nothing(writer: Writer) -> None:
    writer.take(Change(insight()))
    writer.take(Change(insight(2), [], dropped=True))
    assert writer.rows("SELECT count(*) FROM insights") == [(0,)]
    assert writer.rows("SELECT count(*) FROM insight_evidence") == [(0,)]
    assert writer.events() == []


def test_new_evidence_replaces_the_old(writer: Writer) -> None:
    writer.take(Change(insight(), ["found"]))
    writer.take(Change(insight(2, evidence={EVENT: 1, EVENT + 1: 0})))
    assert writer.rows("SELECT event, role FROM insight_evidence ORDER BY event") == [(EVENT, 1), (EVENT + 1, 0)]


@pytest.mark.parametrize("said", ["found", "escalated", "resolved"])
def test_each_event_says_what_happened(writer: Writer, said: Said) -> None:
    writer.take(Change(insight(), [said]))
    ((title, description),) = writer.rows(
        "SELECT w.word, t.description FROM events e JOIN words w ON w.id = e.title JOIN texts t ON t.event = e.id"
    )
    assert "web crashes" in title
    assert "It exits with code 3." in description
    assert ("Resolved" in title) == (said == "resolved")


def test_the_events_are_accounted_for(writer: Writer) -> None:
    writer.take(Change(insight(), ["found"]))
    assert writer.rows("SELECT received, stored FROM books WHERE source = 'operator'") == [(1, 1)]


def test_the_time_of_the_last_look_is_stored(writer: Writer) -> None:
    writer.take()
    assert writer.rows(f"SELECT value FROM facts WHERE name = '{facts.ANALYZED}'") == [(NOW,)]


def test_the_time_since_when_insights_are_made_is_kept(writer: Writer) -> None:
    for now_ms in (NOW, NOW + 1):
        with writer.session.transaction(now_ms):
            writer.insights.begin(now_ms)
    assert writer.rows(f"SELECT value FROM facts WHERE name = '{facts.INSIGHTS_FROM}'") == [(NOW,)]


def test_old_insights_are_deleted_when_they_are_resolved(writer: Writer) -> None:
    writer.take(Change(insight(id="ins_1")), Change(insight(id="ins_2", status=RESOLVED)))
    with writer.session.transaction(NOW):
        assert not writer.insights.delete_expired(NOW)
        assert writer.insights.delete_expired(NOW + 1)
        assert not writer.insights.delete_expired(NOW + 1)
    assert writer.rows("SELECT id FROM insights") == [("ins_1",)]
    assert writer.rows("SELECT insight FROM insight_evidence") == [("ins_1",)]


def test_there_is_a_bound(tmp_path: Path) -> None:
    writer = Writer(tmp_path, max_bytes=16 * 2**20)
    assert writer.insights.most == LEAST_ROWS == most_rows(16 * 2**20)
    for number in range(LEAST_ROWS + 10):
        resolved = number in (3, 50)
        writer.take(Change(insight(id=f"ins_{number:03}", last_ms=NOW + number, status=RESOLVED if resolved else ACTIVE)))
    left = {row[0] for row in writer.rows("SELECT id FROM insights")}
    assert len(left) == LEAST_ROWS
    assert not left & {"ins_003", "ins_050"}
    assert {row[0] for row in writer.rows("SELECT insight FROM insight_evidence")} == left
    writer.connection.close()
