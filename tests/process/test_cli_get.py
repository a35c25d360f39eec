"""`events get`: related events, and what a person reads."""

import json
import re
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from kube9_cli.query import related
from kube9_cli.render import event as rendered
from kube9_cli.render.clock import Clock
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import buckets, sparkline
from kube9_cli.render.width import columns
from kube9_operator.model.observation import hash64
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_schema import ids
from tests.bench import database as made
from tests.cli import run_cli

MINUTE = 60_000
NOW = time.time_ns() // 1_000_000 - 60 * MINUTE
OWNERS = {"web-a": "web-1", "web-b": "web-1", "web-c": "web-2", "web-1": "web", "web-2": "web"}
KINDS = {"web": "Deployment", "web-1": "ReplicaSet", "web-2": "ReplicaSet"}


class Record:
    """A database of events about objects that own each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = made.create(str(folder))
        self.session = Session(self.connection)
        self.store = Store(self.session, quiet_ms=MINUTE)
        (self.pattern,) = made.observations(1)
        self.names: dict[int, str] = {}

    def add(self, name: str, reason: str, first_minute: float, last_minute: float | None = None) -> str:
        """Records an event; returns its id."""
        first = NOW + int(first_minute * MINUTE)
        last = first if last_minute is None else NOW + int(last_minute * MINUTE)
        about = replace(
            self.pattern, kind=KINDS.get(name, "Pod"), namespace="shop", name=name, uid=f"uid-{name}", reason=reason
        )
        hashed = hash64(name, reason, str(first))
        with self.session.transaction(NOW):
            applied = self.store.apply(
                replace(about, reason=reason, key=hashed, contributor=hashed, first_ms=first, last_ms=last)
            )
        assert applied.event_id
        self.names[applied.event_id] = f"{name} {reason}"
        return ids.encode(applied.event_id)

    def own(self) -> None:
        """Records the owners."""
        for name, owner in OWNERS.items():
            self.connection.execute(
                "UPDATE objects SET owner = (SELECT id FROM objects WHERE name = ?) WHERE name = ?", (owner, name)
            )

    def related(self, event: str) -> list[tuple[str, str]]:
        found = json.loads(run_cli(self.folder, "events", "get", event).stdout).get("related", [])
        return [(one["relation"], self.names[ids.decode(one["id"])]) for one in found]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path)


def test_what_happened_before_to_the_same_object_its_owners_and_their_others(record: Record) -> None:
    record.add("web-c", "TooEarly", -20)
    record.add("other", "Unrelated", -1)
    record.add("web", "ImageChanged", -5)
    record.add("web-2", "Ongoing", -60, 3)
    record.add("web-b", "Crashed", -1)
    record.add("web-a", "Before", -14)
    crashed = record.add("web-a", "Crashed", 0, 2)
    record.add("web-a", "Meanwhile", 1)
    record.add("web-b", "Meanwhile", 1)
    record.add("web-a", "After", 3)
    record.add("web-1", "After", 3)
    assert record.related(crashed) == [
        ("same object", "web-a Before"),
        ("same object", "web-a Meanwhile"),
    ], "nothing is known of owners yet"
    record.own()
    assert record.related(crashed) == [
        ("same owner", "web-2 Ongoing"),
        ("same object", "web-a Before"),
        ("owner", "web ImageChanged"),
        ("same owner", "web-b Crashed"),
        ("same object", "web-a Meanwhile"),
    ]
    assert record.related(record.add("alone", "Crashed", 0)) == []


def test_of_many_related_events_those_that_began_last_are_shown(record: Record) -> None:
    for number in range(related.MOST + 9):
        record.add("web-a", f"Reason{number}", -10 + number / 10)
    shown = record.related(record.add("web-a", "Crashed", 0))
    assert [name for _, name in shown] == [f"web-a Reason{number}" for number in range(9, related.MOST + 9)]


def test_a_family_without_end_is_bounded(record: Record) -> None:
    """Owners in a circle, as only a crafted database has them."""
    crashed = record.add("web-a", "Crashed", 0)
    record.add("web-1", "Before", -1)
    for name, owner in (("web-a", "web-1"), ("web-1", "web-a")):
        record.connection.execute(
            "UPDATE objects SET owner = (SELECT id FROM objects WHERE name = ?) WHERE name = ?", (owner, name)
        )
    assert record.related(crashed) == [("owner", "web-1 Before")]


def shown(event: dict[str, Any], width: int = 80, **look: Any) -> list[str]:
    return rendered.lines(event, Look(Clock(NOW / 1000, ages=look.pop("ages", True)), width, **look))


def test_what_a_person_reads(record: Record) -> None:
    record.add("web", "ImageChanged", -5)
    crashed = record.add("web-a", "Crashed", 0, 2)
    for name in OWNERS:
        record.add(name, "Elsewhere", 30)
    record.own()
    said = run_cli(record.folder, "events", "get", crashed, "-o", "table").stdout
    assert said.splitlines()[0].endswith(": Pod Crashed") or ": " in said.splitlines()[0]
    for part in (
        "Object     Pod/shop/web-a\n",
        "Reason     Crashed\n",
        f"Id         {crashed}\n",
        "Owners     ReplicaSet/web-1, Dep",
    ):
        assert part in said
    assert "Related events" in said
    assert "ImageChanged" in said
    assert "\nMetadata:\n  reason: Crashed\n" in said
    before = json.loads(run_cli(record.folder, "events", "get", crashed).stdout)["related"][0]["id"]
    assert before not in said
    assert before in run_cli(record.folder, "events", "get", crashed, "-o", "wide").stdout, "to ask on"


EVENT: dict[str, Any] = {
    "id": "evt_20260102_030405_000000",
    "severity": "error",
    "title": "Container crashed" + " again" * 20,
    "description": "exit code 3: FATAL: cannot reach postgres 日本語 " * 9,
    "object_kind": "Pod",
    "object_namespace": "shop",
    "object_name": "web-" + "x" * 90,
    "metadata": {"reason": "Crashed", "node": "node-1", "container": "app"},
    "first_seen_at": "2026-01-01T00:00:00Z",
    "last_seen_at": "2026-01-01T01:00:00Z",
    "count": 12,
    "occurrences": [
        {"at": "2026-01-01T00:00:00Z", "count": 5},
        {"at": "2026-01-01T00:59:00Z", "count": 11},
        {"at": "2026-01-01T01:00:00Z", "count": 12},
    ],
}


@pytest.mark.parametrize("width", [40, 80, 132])
def test_nothing_of_it_is_cut_and_it_fits(width: int) -> None:
    lines = shown(EVENT, width)
    assert max(map(columns, lines)) <= width
    said = "".join(line[11:] if line[:1] == " " else line for line in lines)
    assert "…" not in said
    assert said.replace(" ", "").count("FATAL:cannotreachpostgres") == 9
    assert "x" * 90 in "".join(line.strip() for line in lines)


def test_when_it_happened() -> None:
    (when,) = [line for line in shown(EVENT, 132) if line.startswith("When ")]
    assert when.startswith("When       12 times in 60m, 2026-01-01 00:00 to 01:00 UTC (")
    once = EVENT | {"count": 1, "last_seen_at": EVENT["first_seen_at"], "occurrences": EVENT["occurrences"][:1]}
    assert any(line.startswith("When       once, 2026-01-01 00:00 UTC (") for line in shown(once, 132))
    between = once | {"last_seen_at": "2026-01-01T00:05:00Z", "metadata": EVENT["metadata"] | {"noticed_at": "x"}}
    assert any("When       between 2026-01-01 00:00 and 00:05 UTC" in line for line in shown(between, 132))


def test_the_timeline() -> None:
    lines = shown(EVENT)
    (bars,) = [line for line in lines if "|" in line]
    assert bars.strip().startswith("00:00:00 |")
    assert bars.count("█") == 1
    assert [line.split()[-1] for line in lines[lines.index(bars) + 1 :][:3]] == ["5", "11", "12"]


def test_bars() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([1, 10_000]) == "▁█", "what there is is never a blank"
    assert sparkline([]) == ""
    assert buckets([(0.0, 1), (5.0, 2), (10.0, 4)], 0.0, 10.0, 4) == [1, 0, 2, 4]
    assert buckets([(3.0, 1)], 3.0, 3.0, 2) == [1, 0]


def test_colours_only_where_they_are_wanted() -> None:
    assert not any("\x1b" in line for line in shown(EVENT))
    assert re.fullmatch("\x1b\\[31mERROR: Container crashed( again)+\x1b\\[0m", shown(EVENT, colour=True)[0])


def test_related_events_do_not_slow_it_down(record: Record) -> None:
    """An object with many events, and an owner of many objects."""
    crashed = record.add("web-a", "Crashed", 0)
    statement = "INSERT INTO objects (name, kind, namespace, uid, owner) VALUES (?, 1, 1, ?, ?)"
    (owner,) = record.connection.execute("SELECT id FROM objects WHERE name = 'web-a'").fetchone()
    record.connection.executemany(statement, ((f"p{number}", f"u{number}", owner) for number in range(20_000)))
    began = time.process_time()
    assert record.related(crashed) == []
    assert time.process_time() - began < 1.0
    assert isinstance(record.connection, apsw.Connection)
