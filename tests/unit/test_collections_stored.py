"""What the writer makes of what the collector says, and what the commands answer of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.model.collection import Collected, CollectionFrame, NotCollected, Request
from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.write.collections import LEAST_ROWS, Collections, delete_expired
from kube9_operator.write.sqlite.session import Session
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS, RETENTION_DAYS, TYPES
from tests.bench import database as made
from tests.cli import run_cli
from tests.unit.test_assessments_stored import DAY_MS, NOW_MS, Link

CLUSTER = "cls_" + "0" * 32


class Stored:
    """The writer's end of it."""

    def __init__(self, connection: apsw.Connection, max_bytes: int = 0) -> None:
        self.connection = connection
        self.link = Link()
        self.session = Session(connection)
        self.collections = Collections(self.session, max_bytes, self.link)  # type: ignore[arg-type]

    def put(self, number: int, kind: str = METADATA, missing: tuple[str, ...] = (), at_ms: int = 0) -> list[Observation]:
        request, at_ms = Request(f"coll_{number:032x}", kind, NOW_MS), at_ms or NOW_MS + number
        text = json.dumps({"type": kind, "data": {"nodeCount": number}})
        return self._apply(Collected(request, CLUSTER, at_ms, 0.5, list(missing), text))

    def fail(self, number: int, kind: str = METADATA, reason: str = "pods could not be listed") -> list[Observation]:
        return self._apply(NotCollected(Request(f"coll_{number:032x}", kind, NOW_MS), NOW_MS + number, reason))

    def _apply(self, collection: Collected | NotCollected) -> list[Observation]:
        with self.session.transaction(NOW_MS):
            return self.collections.apply(CollectionFrame(collection), NOW_MS)

    def stats(self) -> dict[str, Any]:
        return dict(json.loads(self.collections.report().stats))

    def ids(self) -> list[int]:
        return [int(row[0][5:], 16) for row in self.connection.execute("SELECT id FROM collections ORDER BY id")]


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    connection = made.create(str(tmp_path))
    yield Stored(connection)
    connection.close()


def said(events: list[Observation]) -> list[tuple[str, str, str]]:
    return [(one.reason, SEVERITIES[one.severity], one.title) for one in events]


def test_a_collection_is_stored_counted_and_told(stored: Stored) -> None:
    assert stored.stats() == {
        "totalSuccessCount": 0,
        "totalFailureCount": 0,
        "collectionsStoredCount": 0,
        "lastSuccessTime": None,
    }
    assert said(stored.put(1)) == [("CollectionCompleted", "info", "Collection completed: cluster-metadata")]
    missing = ("the operator lacks the permission to list pods",)
    (partial,) = stored.put(2, INVENTORY, missing)
    assert said([partial]) == [("CollectionPartial", "warning", "Collection partial: resource-inventory")]
    assert missing[0] in partial.description
    (failed,) = stored.fail(3, INVENTORY)
    assert said([failed]) == [("CollectionFailed", "error", "Collection failed: resource-inventory")]
    assert "pods could not be listed" in failed.description
    assert stored.stats() == {
        "totalSuccessCount": 2,
        "totalFailureCount": 1,
        "collectionsStoredCount": 2,
        "lastSuccessTime": "2026-11-18T11:06:40.002Z",
    }
    assert stored.collections.collected_ms() == {METADATA: NOW_MS + 1, INVENTORY: NOW_MS + 2, PATTERNS: 0}
    counts = stored.link.tally.report()
    assert counts.counts["kube9_collections_total"] == {
        (METADATA, "complete"): 1,
        (INVENTORY, "partial"): 1,
        (INVENTORY, "failed"): 1,
    }
    assert sum(counts.histograms["kube9_collection_duration_seconds"].buckets) == 2
    assert len(stored.link.sent) == 3, "a report after each"


def test_what_comes_twice_does_nothing(stored: Stored) -> None:
    stored.put(1)
    before = stored.stats()
    assert stored.put(1) == []
    assert stored.stats() == before
    stored.fail(2)
    before = stored.stats()
    assert stored.fail(2) == []
    assert stored.stats() == before


def test_a_failure_repeated_is_one_event(stored: Stored) -> None:
    (first,), (second,) = stored.fail(1), stored.fail(2)
    assert first.key == second.key
    assert first.contributor != second.contributor


def test_a_secret_in_an_error_is_hidden(stored: Stored) -> None:
    (failed,) = stored.fail(1, reason="GET https://user:hunter2@proxy failed")
    assert "hunter2" not in failed.description + failed.metadata
    ((kept,),) = stored.connection.execute("SELECT last_failure FROM collection_types")
    assert "hunter2" not in kept


def test_nothing_of_a_rolled_back_savepoint_counts(stored: Stored) -> None:
    with stored.session.transaction(NOW_MS):
        try:
            with stored.session.savepoint():
                frame = CollectionFrame(NotCollected(Request("coll_1", METADATA, NOW_MS), NOW_MS, "why"))
                stored.collections.apply(frame, NOW_MS)
                raise ValueError
        except ValueError:
            pass
    assert stored.link.sent == []
    assert stored.stats()["totalFailureCount"] == 0


def test_the_oldest_make_room_but_the_newest_of_each_type_stays(stored: Stored) -> None:
    stored.put(1, METADATA)
    stored.put(2, PATTERNS)
    for number in range(3, 3 + 2 * LEAST_ROWS):
        stored.put(number, INVENTORY)
    assert len(stored.ids()) == LEAST_ROWS
    assert stored.ids()[:2] == [1, 2]
    assert stored.ids()[-1] == 2 + 2 * LEAST_ROWS
    assert stored.stats()["totalSuccessCount"] == 2 + 2 * LEAST_ROWS


def test_they_are_kept_for_their_time(stored: Stored) -> None:
    for number in range(1, 4):
        stored.put(number, at_ms=NOW_MS + number * DAY_MS)
    now_ms = NOW_MS + (RETENTION_DAYS + 3) * DAY_MS
    while delete_expired(stored.connection, now_ms):
        pass
    assert stored.ids() == [3]
    assert stored.stats()["totalSuccessCount"] == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with a collection of each type, and a failure."""
    connection = made.create(str(tmp_path))
    stored = Stored(connection)
    for number, kind in enumerate(TYPES, 1):
        stored.put(number, kind, ("the operator lacks the permission to list pods",) if kind == INVENTORY else ())
    stored.fail(4, PATTERNS)
    connection.close()
    return tmp_path


def answer(folder: Path, *arguments: str) -> Any:
    done = run_cli(folder, "collections", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_list_has_the_newest_first_and_what_became_of_each_type(folder: Path) -> None:
    found = answer(folder, "list")
    assert [one["type"] for one in found["collections"]] == [PATTERNS, INVENTORY, METADATA]
    assert found["collections"][1] == {
        "collection_id": f"coll_{2:032x}",
        "cluster_id": CLUSTER,
        "type": INVENTORY,
        "state": "partial",
        "collected_at": "2026-11-18T11:06:40.002Z",
    }
    patterns = next(one for one in found["types"] if one["type"] == PATTERNS)
    assert (patterns["succeeded"], patterns["failed"]) == (1, 1)
    assert patterns["last_failure"] == "pods could not be listed"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--type", INVENTORY), [INVENTORY]),
        (("--state", "complete"), [PATTERNS, METADATA]),
        (("--cluster-id", CLUSTER, "--limit", "1"), [PATTERNS]),
        (("--cluster-id", "cls_other"), []),
        (("--offset", "2"), [METADATA]),
        (("--since", "2026-11-18T11:06:40.002Z"), [PATTERNS, INVENTORY]),
        (("--until", "2026-11-18T11:06:40.002Z"), [INVENTORY, METADATA]),
    ],
)
def test_a_list_can_be_narrowed(folder: Path, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert [one["type"] for one in answer(folder, "list", *arguments)["collections"]] == expected


def test_one_is_its_payload(folder: Path) -> None:
    assert answer(folder, "get", f"coll_{1:032x}") == {"type": METADATA, "data": {"nodeCount": 1}}
    for form in ("yaml", "table"):
        done = run_cli(folder, "collections", "get", f"coll_{1:032x}", "-o", form)
        assert "nodeCount: 1" in done.stdout


def test_a_table_says_what_has_failed_since(folder: Path) -> None:
    lines = run_cli(folder, "collections", "list", "-o", "table").stdout.splitlines()
    assert lines[0].split() == ["COLLECTION_ID", "TYPE", "STATE", "COLLECTED"]
    assert len(lines) == 6
    assert lines[-1] == f"{PATTERNS} failed at 2026-11-18T11:06:40.004Z: pods could not be listed"
    wide = run_cli(folder, "collections", "list", "-o", "wide", "--no-headers").stdout.splitlines()
    assert wide[0].split()[-1] == CLUSTER
    assert run_cli(folder, "collections", "list", "--type", METADATA, "--state", "partial", "-o", "table").stdout == (
        "No collections.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("get", "coll_../x"), "INVALID_ARGUMENT", "Invalid collection id coll_../x"),
        (("list", "--type", "inventory"), "INVALID_ARGUMENT", "Invalid --type inventory"),
        (("list", "--state", "failed"), "INVALID_ARGUMENT", "Invalid --state failed"),
        (("list", "--limit", "0"), "INVALID_ARGUMENT", "Invalid --limit 0"),
        ((), "INVALID_ARGUMENT", "kube9-cli collections needs an action"),
    ],
)
def test_errors_say_what_is_wrong(folder: Path, arguments: tuple[str, ...], code: str, error: str) -> None:
    done = run_cli(folder, "collections", *arguments)
    found = json.loads(done.stderr)
    assert (found["code"], found["error"]) == (code, error)
    assert done.returncode == 1


def test_an_unknown_id_is_not_found(folder: Path) -> None:
    done = run_cli(folder, "collections", "get", f"coll_{9:032x}")
    assert json.loads(done.stderr) == {"error": "Collection not found", "collection_id": f"coll_{9:032x}"}
    assert done.returncode == 1
