"""An answer is of one snapshot of the database, and the snapshot is over before anybody has to read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_cli.query import coverage, events, search
from tests.bench import database as made
from tests.cli import run_cli


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[apsw.Connection]:
    made.fill(made.create(str(tmp_path)), 60)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    yield connection
    connection.close()


def test_rows_total_and_coverage_are_of_the_snapshot_that_chose_the_ids(
    tmp_path: Path, writer: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _listed(tmp_path)
    find = search.find

    def found_and_changed(*arguments: Any) -> Any:
        found = find(*arguments)
        writer.execute("UPDATE events SET severity = 3, count = 99; DELETE FROM texts WHERE event % 2; DELETE FROM sources")
        return found

    monkeypatch.setattr(search, "find", found_and_changed)
    after = _listed(tmp_path)
    assert after["events"] == before["events"]
    assert after["pagination"] == before["pagination"]
    assert after["pagination"] | {"next": ""} == {"total": 60, "limit": 50, "offset": 0, "returned": 50, "next": ""}
    assert [gap["source"] for gap in after["coverage"]["gaps"]] == [gap["source"] for gap in before["coverage"]["gaps"]]


def test_the_snapshot_is_over_before_the_first_event_is_printed(
    tmp_path: Path, writer: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, wal = events.Page.events, []

    def checkpointed(page: events.Page) -> Iterator[dict[str, Any]]:
        writer.execute("UPDATE events SET count = count + 1")
        wal.append(writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE))  # raises BusyError while anybody reads
        return shown(page)

    monkeypatch.setattr(events.Page, "events", checkpointed)
    assert len(_listed(tmp_path)["events"]) == 50
    assert wal == [(0, 0)]


def test_large_texts_are_packed_in_memory_and_come_out_as_they_were(
    tmp_path: Path, writer: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.execute("UPDATE texts SET description = ?", ("kühl \U0001f600 " * 100,))
    before = _listed(tmp_path)
    monkeypatch.setattr(events, "UNPACKED_BYTES", 5_000)
    assert _listed(tmp_path)["events"] == before["events"]


def test_the_parts_of_one_event_are_of_one_snapshot(
    tmp_path: Path, writer: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = _listed(tmp_path)["events"][0]["id"]
    before = run_cli(tmp_path, "events", "get", event).stdout
    owners = events.owners

    def deleted(*arguments: Any) -> Any:
        writer.execute("DELETE FROM contributors; UPDATE events SET count = 7")
        return owners(*arguments)

    monkeypatch.setattr(events, "owners", deleted)
    assert run_cli(tmp_path, "events", "get", event).stdout == before


def test_coverage_is_asked_for_inside_the_snapshot(
    tmp_path: Path, writer: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered, inside = coverage.covered, []

    def noted(database: Any, *arguments: Any) -> Any:
        inside.append(database._connection.in_transaction)
        return covered(database, *arguments)

    monkeypatch.setattr(coverage, "covered", noted)
    _listed(tmp_path)
    assert inside == [True]


def _listed(folder: Path) -> dict[str, Any]:
    answered = run_cli(folder, "events", "list", "--limit", "50")
    assert answered.returncode == 0, answered.stderr
    found: dict[str, Any] = json.loads(answered.stdout)
    return found
