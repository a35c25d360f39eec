"""The accounts over many sources: gaps, their events, their reasons, and the books of the operator's own events."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kube9_operator.model import operator_event
from kube9_operator.model.frame import Control, ControlFrame, Counts, EventFrame, ListBegins, ListEnds, ListReason, Unavailable
from kube9_operator.model.observation import WARNING
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.gap_text import UNSENT, reason_of_changes, reason_of_events, text
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session
from kube9_schema.gaps import DELETED_FOR_SIZE, SINK

NOW = 1_795_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
NO_PROOF = (
    " If a query about this time finds nothing, that does not mean that nothing happened. For what the operator recorded about "
    "itself then: kube9-cli events list --type operator,system --around "
)
SHORTENED = " Of something that changed more than once, only the last state was recorded, and nothing if it changed back."
GONE = " When the operator could list them again, the API server had already deleted them, because they had expired."
MORE_ROOM = " To keep events longer, raise events.persistence.size of the chart (or DATABASE_MAX_SIZE_MIB)."


class Record:
    """A database in memory with its accounts, at a time that tests move."""

    def __init__(self) -> None:
        self.connection = database.Connection(":memory:")
        migrations.migrate(self.connection, migrations.known())
        self.session = Session(self.connection)
        self.coverage = Coverage(self.session, Store(self.session, HOUR), HOUR)
        self.now_ms = NOW

    def take(self, source: str, control: Control) -> None:
        with self.session.transaction(self.now_ms):
            self.coverage.update(ControlFrame(source, control), {}, self.now_ms)

    def watched(self, source: str, version: str, confirmed_ms: int) -> None:
        """What a watch delivers: a version, and until when it confirms the source."""
        with self.session.transaction(self.now_ms):
            self.coverage.update(EventFrame(source, Counts(), [], version, confirmed_ms), {}, self.now_ms)

    def relist(self, source: str, reason: ListReason = "", version: str = "7") -> None:
        """A list that begins and ends now."""
        self.take(source, ListBegins())
        self.take(source, ListEnds(version, self.now_ms, self.now_ms, reason))

    def gaps(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "SELECT source, from_ms - ?1, to_ms - ?1, reason FROM gaps ORDER BY source, from_ms", (NOW,)
        ).fetchall()

    def events(self) -> list[dict[str, Any]]:
        """The events that tell of gaps, the oldest first."""
        rows = self.connection.execute(
            "SELECT e.first_ms - ?1, e.last_ms - ?1, e.count, t.description, t.metadata FROM events e "
            "JOIN texts t ON t.event = e.id JOIN words w ON w.id = e.reason WHERE w.word = 'GapFound' ORDER BY e.id",
            (NOW,),
        )
        return [
            msgspec.json.decode(metadata) | {"from": first, "to": last, "count": count, "text": text}
            for first, last, count, text, metadata in rows
        ]

    def accounting(self) -> dict[str, int] | None:
        row = self.connection.execute("SELECT received, stored, updated FROM books WHERE source = 'operator'").fetchone()
        return row and dict(zip(("received", "stored", "updated"), row, strict=True))


@pytest.fixture
def record() -> Iterator[Record]:
    made = Record()
    yield made
    made.connection.close()


def test_a_list_of_a_resource_after_a_hole_leaves_a_gap_from_the_last_proof_to_the_list(record: Record) -> None:
    record.relist("pods")
    record.watched("pods", "8", NOW + 2 * MINUTE)
    record.now_ms = NOW + 5 * MINUTE
    record.relist("pods", "expired")
    assert record.gaps() == [("pods", 2 * MINUTE, 5 * MINUTE, "changes in between unknown; only net changes are recorded")]
    (event,) = record.events()
    assert (event["from"], event["to"], event["count"]) == (2 * MINUTE, 5 * MINUTE, 1)
    assert event["sources"] == ["pods"]
    assert record.accounting() == {"received": 1, "stored": 1, "updated": 0}


def test_a_list_of_events_after_a_hole_shows_what_they_live_for(record: Record) -> None:
    record.relist("events")
    record.now_ms = NOW + HOUR - MINUTE
    record.relist("events", "expired")
    assert record.gaps() == []
    record.now_ms += HOUR + MINUTE
    record.relist("events", "expired")
    reason = "not watched, and Events of that time had expired when they were listed again"
    assert record.gaps() == [("events", HOUR - MINUTE, HOUR, reason)]


def test_another_cluster_is_a_gap_up_to_the_list_for_every_source(record: Record) -> None:
    for source in ("events", "nodes"):
        record.relist(source)
    record.now_ms += MINUTE
    for source in ("events", "nodes"):
        record.relist(source, "another cluster")
    reason = "the API server belongs to another cluster from here on"
    assert record.gaps() == [("events", 0, MINUTE, reason), ("nodes", 0, MINUTE, reason)]
    (event,) = record.events()
    assert event["sources"] == ["events", "nodes"]
    assert event["text"] == (
        "What happened to Events and nodes from 2026-11-18 11:06:40 to 2026-11-18 11:07:40 UTC may be missing: "
        f"{reason}.{NO_PROOF}2026-11-18T11:06:40Z"
    )


@pytest.mark.parametrize(
    ("sources", "reason", "wanted"),
    [
        (
            ["pods"],
            reason_of_changes("not watched"),
            f"Some changes of pods {{}} may be missing: the operator was not watching.{SHORTENED}{NO_PROOF}",
        ),
        (
            ["jobs", "nodes", "pods"],
            reason_of_changes("not permitted"),
            f"Some changes of jobs, nodes and pods {{}} may be missing: not permitted.{SHORTENED}{NO_PROOF}",
        ),
        (
            ["events"],
            reason_of_events("the database could not be written"),
            f"Some Events {{}} may be missing: the database could not be written.{GONE}{NO_PROOF}",
        ),
        (
            ["events", "pods"],
            DELETED_FOR_SIZE,
            f"What was recorded about Events and pods {{}} is no longer complete: {DELETED_FOR_SIZE}.{MORE_ROOM}",
        ),
        ([SINK], UNSENT, f"Events {{}} are missing in the other store: {UNSENT}.{MORE_ROOM}"),
    ],
)
def test_a_gap_in_words(sources: list[str], reason: str, wanted: str) -> None:
    """The seconds never name less than the gap."""
    said = text(sources, NOW + 999, NOW + 60_001, reason)
    assert said.removesuffix("2026-11-18T11:06:40Z") == wanted.format("from 2026-11-18 11:06:40 to 2026-11-18 11:07:41 UTC")


def test_lists_of_two_clusters_arrive_in_any_order(record: Record) -> None:
    """Each watch notices by itself that the API server was replaced."""
    for source in ("events", "nodes"):
        record.take(source, ListEnds("1", NOW, NOW, cluster="old"))
    record.take("events", ListEnds("7", NOW + 2, NOW + 2, "another cluster", "new"))
    record.watched("nodes", "2", NOW + 3)
    record.take("services", ListEnds("3", NOW + 1, NOW + 1, cluster="old"))
    assert record.coverage.cluster() == "new"
    assert record.coverage.versions() == {"events": "7"}, "versions of the old cluster mean nothing in the new one"
    for source in ("nodes", "services"):
        record.take(source, ListEnds("8", NOW + 4, NOW + 4, "another cluster", "new"))
    assert record.coverage.versions() == {"events": "7", "nodes": "8", "services": "8"}
    record.watched("nodes", "9", NOW + 5)
    assert record.coverage.versions()["nodes"] == "9"


def test_one_outage_is_one_event_whatever_the_order_and_the_bounds(record: Record) -> None:
    for source, confirmed in (("a", 3), ("b", 1), ("c", 2)):
        record.relist(source)
        record.watched(source, "8", NOW + confirmed * MINUTE)
    for at, source in ((10, "a"), (9, "b"), (10, "c")):
        record.now_ms = NOW + at * MINUTE
        record.relist(source, "expired")
    (event,) = record.events()
    assert (event["from"], event["to"], event["count"], event["sources"]) == (MINUTE, 10 * MINUTE, 1, ["a", "b", "c"])
    assert record.accounting() == {"received": 3, "stored": 1, "updated": 2}
    record.now_ms = NOW + 20 * MINUTE
    record.watched("a", "9", record.now_ms)
    record.now_ms += MINUTE
    record.relist("a", "expired")
    assert len(record.events()) == 2, "another outage"


def test_gaps_that_touch_are_one_and_so_is_their_event_however_long_they_grow(record: Record) -> None:
    for began, ended in ((0, 1), (1, 5 * 60), (5 * 60, 5 * 60 + 1)):
        with record.session.transaction(NOW):
            record.coverage.add_gap("events", NOW + began * MINUTE, NOW + ended * MINUTE, "retention")
    assert record.gaps() == [("events", 0, 301 * MINUTE, "retention")]
    (event,) = record.events()
    assert (event["from"], event["to"], event["count"]) == (0, 301 * MINUTE, 1)
    assert event["to"] == record.connection.execute("SELECT max(last_ms) - ? FROM events", (NOW,)).get


def test_a_gap_whose_event_retention_took_tells_of_itself_again(record: Record) -> None:
    with record.session.transaction(NOW):
        record.coverage.add_gap("pods", NOW, NOW + MINUTE, "retention")
    for table, column in (("texts", "event"), ("events", "id")):
        record.connection.execute(f"DELETE FROM {table} WHERE {column} = (SELECT event FROM gaps)")
    with record.session.transaction(NOW):
        record.coverage.add_gap("pods", NOW + MINUTE, NOW + 2 * MINUTE, "retention")
    (event,) = record.events()
    assert (event["from"], event["to"]) == (0, 2 * MINUTE)


def test_what_was_missed_without_permission_is_missing_for_that(record: Record) -> None:
    record.relist("pods")
    record.now_ms += 3 * MINUTE
    record.take("pods", Unavailable("not permitted"))
    record.now_ms += MINUTE
    record.relist("pods", "expired")
    assert record.gaps() == [
        ("pods", 0, 4 * MINUTE, "changes in between unknown: not permitted; only net changes are recorded")
    ]
    record.now_ms += MINUTE
    record.take("pods", Unavailable("not permitted"))
    record.watched("pods", "9", record.now_ms)
    record.now_ms += MINUTE
    record.relist("pods", "expired")
    assert record.gaps()[1:] == [
        ("pods", 5 * MINUTE, 6 * MINUTE, "changes in between unknown; only net changes are recorded")
    ], "it went on in between"


def test_a_source_that_may_not_be_watched_from_the_first_start(record: Record) -> None:
    record.take("nodes", Unavailable("not permitted"))
    record.now_ms += HOUR
    record.take("nodes", Unavailable("not permitted"))
    record.relist("nodes")
    assert record.gaps() == [("nodes", 0, HOUR, "changes in between unknown: not permitted; only net changes are recorded")]
    assert record.connection.execute("SELECT covered_from_ms, unavailable FROM sources").fetchall() == [(NOW, None)]


def test_what_was_missed_while_the_database_could_not_be_written(record: Record) -> None:
    for source in ("events", "pods"):
        record.relist(source)
    record.now_ms += 2 * HOUR
    with record.session.transaction(record.now_ms):
        record.coverage.was_unwritable(NOW + MINUTE, record.now_ms)
    for source in ("events", "pods"):
        record.relist(source, "dropped")
    assert record.gaps() == [
        (
            "events",
            0,
            HOUR,
            "the database could not be written, and Events of that time had expired when they were listed again",
        ),
        ("pods", 0, 2 * HOUR, "changes in between unknown: the database could not be written; only net changes are recorded"),
    ]
    record.now_ms += MINUTE
    record.relist("pods", "dropped")
    assert record.gaps()[-1] == (
        "pods",
        2 * HOUR,
        2 * HOUR + MINUTE,
        "changes in between unknown: the writer did not keep up; only net changes are recorded",
    )


def test_own_events_of_one_key_are_one_and_counted(record: Record) -> None:
    for minute in (0, 1, 1, 2):
        seen = operator_event.observation("GenerationEnded", WARNING, "It ended", "again", NOW + minute * MINUTE, key="writer")
        with record.session.transaction(NOW):
            record.coverage.record_operator_event(seen)
    assert record.connection.execute("SELECT count, last_ms - first_ms FROM events").fetchall() == [(3, 2 * MINUTE)]
    assert record.connection.execute("SELECT received, stored, updated, unchanged FROM books").fetchall() == [(4, 1, 2, 1)]
