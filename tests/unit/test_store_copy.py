"""`kube9-cli --store` on records in memory: the answers of two clusters, and for which time they are complete.

The store here gives all records to every question, so these tests show that each condition is tested again. With a real engine,
tests/cluster/test_store.py shows that a query finds enough.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest

from kube9_cli.central import copy
from kube9_cli.query import coverage
from kube9_cli.times import iso
from tests import fleet, sent
from tests.cli import run_cli

NOW_MS = 1_795_003_600_123
SENDERS = (sent.Sender("eu", "uid-eu", "e" * 32), sent.Sender("us", "uid-us", "a" * 32))


class Store:
    """In place of the client: it has records, and takes no notice of conditions."""

    records: ClassVar[list[dict[str, str]]] = []

    def __init__(self, *_: Any) -> None:
        self.url = "http://store"

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass

    def rows(self, query: str, limit: int = 0) -> Iterator[dict[str, str]]:
        stream = "coverage" if 'kube9.stream="coverage"' in query else "events"
        found = [one for one in self.records if one["kube9.stream"] == stream]
        if stream == "events":
            instances = re.findall(r'"([0-9a-f]{32})"', query.partition("}")[0])
            found = [one for one in found if one["service.instance.id"] in instances]
        if "count_uniq" in query:
            return iter([{"found": str(len({(one["service.instance.id"], one["kube9.event.number"]) for one in found}))}])
        if unique := re.search(r"uniq by \((.*?)\)", query):
            names = unique[1].split(", ")
            rows = {tuple((name, one[name]) for name in names if name in one): None for one in found if names[0] in one}
            return iter([dict(row) for row in rows])
        if "sort by (kube9.event.number desc)" in query:
            found = [max(found, key=lambda one: int(one["kube9.event.number"]))]
        elif "fields service.instance.id" in query:
            found = [one for one in found if "kube9.event.merged" in one]
        if limit:
            found = sorted(found, key=lambda one: one["_time"], reverse=True)[:limit]
        return iter(found)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[fleet.Case]:
    folder = tmp_path_factory.mktemp("store")
    return [fleet.case(folder / sender.name, seed, NOW_MS) for seed, sender in enumerate(SENDERS, 5)]


@pytest.fixture(scope="module")
def records(cases: list[fleet.Case]) -> list[dict[str, str]]:
    return [record for case, sender in zip(cases, SENDERS, strict=True) for record in fleet.records(case, sender)]


@pytest.fixture(autouse=True)
def store(records: list[dict[str, str]]) -> Iterator[type[Store]]:
    with mock.patch.object(copy, "Client", Store), mock.patch.object(Store, "records", records):
        yield Store


def ask(*arguments: str, now_ms: int = NOW_MS) -> Any:
    with mock.patch.object(time, "time_ns", return_value=now_ms * 1_000_000):
        done = run_cli(Path("/nowhere"), *arguments, "--store", "http://store")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("line", range(12))
def test_the_answer_for_a_cluster_is_that_of_its_database(cases: list[fleet.Case], line: int) -> None:
    case, sender = cases[line % 2], SENDERS[line % 2]
    arguments = fleet.command_line(case, line)
    assert not fleet.difference(case, "http://store", sender.name, arguments), arguments


def test_the_events_of_all_clusters_are_in_one_order(cases: list[fleet.Case]) -> None:
    with fleet.clock(NOW_MS):
        local = [
            (event["last_seen_at"], event["id"], sender.name)
            for case, sender in zip(cases, SENDERS, strict=True)
            for event in json.loads(run_cli(case.folder, "events", "list", "--limit", "1000", "-o", "json").stdout)["events"]
        ]
    found = ask("events", "list", "--limit", "1000", "-o", "json")
    events = [(event["last_seen_at"], event["id"], event["cluster"]) for event in found["events"]]
    assert [event[:2] for event in events] == sorted((one[:2] for one in local), reverse=True)
    assert sorted(events) == sorted(local)
    assert found["pagination"]["total"] == len(local)


def test_pages_of_all_clusters_have_each_event_once() -> None:
    every = [(one["cluster"], one["id"]) for one in ask("events", "list", "--limit", "1000", "-o", "json")["events"]]
    found, after = [], list[str]()
    while True:
        page = ask("events", "list", "--limit", "90", "-o", "json", *after)
        found += [(one["cluster"], one["id"]) for one in page["events"]]
        if "next" not in page["pagination"]:
            break
        after = ["--after", page["pagination"]["next"]]
    assert found == every


def test_a_summary_tells_clusters_apart() -> None:
    found = ask("events", "summary", "--since", "60d", "-o", "json")
    assert found["by"] == ["cluster", "cause", "owner"]
    totals = {
        one["group"]["cluster"]: one["events"]
        for one in ask("events", "summary", "--since", "60d", "--by", "cluster")["groups"]
    }
    assert sum(totals.values()) == found["events"]
    assert set(totals) == {"eu", "us"}


def test_an_id_that_two_clusters_have_needs_the_cluster(cases: list[fleet.Case], store: type[Store]) -> None:
    number = next(iter(cases[0].world.events))
    record = next(one for one in store.records if one.get("kube9.event.number") == str(number))
    twin = record | SENDERS[1].resource("events", record.get("k8s.namespace.name", ""))
    with mock.patch.object(Store, "records", [*store.records, twin]), fleet.clock(NOW_MS):
        given = "events", "get", record["kube9.event.id"], "--store", "http://store"
        done = run_cli(Path("/nowhere"), *given, "-o", "table")
        assert done.stderr.startswith("Several clusters have an event with this id: ")
        assert json.loads(run_cli(Path("/nowhere"), *given, "--cluster", "us").stdout)["cluster"] == "us"


def test_an_event_that_was_merged_is_gone(store: type[Store]) -> None:
    first = ask("events", "list", "--limit", "1", "-o", "json")
    number = next(one for one in store.records if one.get("kube9.event.id") == first["events"][0]["id"])["kube9.event.number"]
    gone = SENDERS[0].resource("events") | {
        "_time": iso(NOW_MS),
        "_msg": "merged into another event",
        "kube9.event.number": number,
        "kube9.event.revision": str(2**52),
        "kube9.event.id": first["events"][0]["id"],
        "kube9.event.merged": "true",
    }
    gone |= SENDERS[0 if first["events"][0]["cluster"] == "eu" else 1].resource("events")
    with mock.patch.object(Store, "records", [*store.records, gone]):
        found = ask("events", "list", "--limit", "1000", "-o", "json")
    assert (first["events"][0]["cluster"], first["events"][0]["id"]) not in [
        (one["cluster"], one["id"]) for one in found["events"]
    ]


# For which time an answer is complete


def covered(*records: dict[str, str], now_ms: int = NOW_MS, arguments: tuple[str, ...] = ("--since", "1h")) -> dict[str, Any]:
    with mock.patch.object(Store, "records", list(records)):
        found: dict[str, Any] = ask("events", "list", "-o", "json", *arguments, now_ms=now_ms)["coverage"]
    return found


def coverage_record(sender: sent.Sender, at_ms: int = NOW_MS, **more: str) -> dict[str, str]:
    sources = [{"source": "events", "from": iso(NOW_MS - 86_400_000), "until": iso(at_ms)}]
    said = {
        "version": "1.0.0",
        "sources": json.dumps(sources),
        "gaps": "[]",
        "first_start": iso(NOW_MS - 86_400_000),
        "last_commit": iso(at_ms),
        "settled_until": iso(at_ms),
        **more,
    }
    record = {"_time": iso(at_ms), "_msg": "coverage"} | {
        f"kube9.coverage.{key}": value for key, value in said.items() if value
    }
    return sender.resource("coverage") | record


def test_complete_where_every_cluster_sends() -> None:
    found = covered(*map(coverage_record, SENDERS), now_ms=NOW_MS + 60_000)
    assert found["complete"]
    assert (found["from"], found["until"]) == (iso(NOW_MS - 3_540_000), iso(NOW_MS))
    assert [one["cluster"] for one in found["clusters"]] == ["eu", "us"]


def test_a_cluster_that_sends_nothing_is_named_with_since_when() -> None:
    silent = coverage_record(SENDERS[1], NOW_MS - 1_200_000)
    found = covered(coverage_record(SENDERS[0]), silent)
    assert not found["complete"]
    (gap,) = found["gaps"]
    assert (gap["cluster"], gap["from"], gap["ongoing"]) == ("us", iso(NOW_MS - 1_200_000), True)
    assert gap["reason"] == f"nothing came from this cluster since {iso(NOW_MS - 1_200_000)}"
    assert [one["complete"] for one in found["clusters"]] == [True, False]


def test_a_cluster_without_a_record_in_the_asked_time_is_not_covered() -> None:
    found = covered(coverage_record(SENDERS[0]), coverage_record(SENDERS[1], NOW_MS - 7_200_000))
    assert "from" not in found
    assert [("from" in one) for one in found["clusters"]] == [True, False]


@pytest.mark.parametrize(("ago_ms", "why"), [(5_000, coverage.JUST_STARTED), (130_000, coverage.NOT_WATCHED)])
def test_a_cluster_whose_operator_does_not_watch(ago_ms: int, why: str) -> None:
    sources = [{"source": "events", "from": iso(NOW_MS - 86_400_000), "until": iso(NOW_MS - 600_000)}]
    (gap,) = covered(coverage_record(SENDERS[0], sources=json.dumps(sources), started=iso(NOW_MS - ago_ms)))["gaps"]
    assert gap["reason"] == why


def test_what_is_not_sent_yet_is_a_gap() -> None:
    late = coverage_record(SENDERS[0], settled_until=iso(NOW_MS - 600_000))
    found = covered(late)
    assert (found["complete"], found["until"]) == (False, iso(NOW_MS - 600_000))
    assert [(gap["source"], gap["from"], gap["reason"]) for gap in found["gaps"]] == [
        ("sink", iso(NOW_MS - 600_000), "not sent to the store yet")
    ]
    assert covered(coverage_record(SENDERS[0], settled_until=""))["gaps"][0]["reason"] == "its record is still being sent"


def test_what_is_never_sent_is_a_gap() -> None:
    found = covered(coverage_record(SENDERS[0], sent_from=iso(NOW_MS - 1_800_000)))
    assert [(gap["source"], gap["to"]) for gap in found["gaps"]] == [("sink", iso(NOW_MS - 1_800_000))]


def test_the_newest_record_counts_also_of_a_new_database() -> None:
    new = sent.Sender("eu", "uid-eu", "f" * 32)
    gap = {"id": 1, "source": "events", "from": iso(NOW_MS - 60_000), "to": iso(NOW_MS), "reason": "x"}
    found = covered(coverage_record(SENDERS[0], NOW_MS - 30_000, gaps=json.dumps([gap])), coverage_record(new))
    assert found["complete"]
    assert len(found["clusters"]) == 1


def test_the_status_of_each_cluster() -> None:
    silent = coverage_record(SENDERS[1], NOW_MS - 1_200_000)
    with mock.patch.object(Store, "records", [coverage_record(SENDERS[0], health="healthy"), silent]):
        found = ask("status", "-o", "json")
        with fleet.clock(NOW_MS):
            table = run_cli(Path("/nowhere"), "status", "-o", "table", "--store", "http://store").stdout
    assert [(one["cluster"], one["status"], one["health"].partition(":")[0]) for one in found["clusters"]] == [
        ("eu", "running", "healthy"),
        ("us", "not heard", "unknown"),
    ]
    assert "us: unknown: nothing came since" in " ".join(table.split())
