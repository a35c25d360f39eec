"""The window that rules look at: what is in it, what is read again, and what is left out."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube9_cli.query.connection import Database
from kube9_operator.analyze import window as windows
from kube9_operator.analyze.model import WINDOW_MS, Record, Window
from kube9_operator.analyze.window import WindowReader
from kube9_operator.model.ref import Ref
from kube9_operator.model.resource_states import Owner, Pod, ReplicaSet, Slice, encode
from kube9_operator.settings import from_environment
from kube9_operator.write.events import lifecycle
from kube9_schema import ids
from tests import record as recorded

MINUTE = 60_000


class World:
    """A record, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        self.record = recorded.Record(folder)
        self.reader = self.new_reader()

    def new_reader(self) -> WindowReader:
        self.database = Database(str(self.record.folder / "kube9.db"), 30.0, lambda: 0.0)
        return WindowReader(self.database, lambda: None)

    def read(self, later: float = 0) -> Window:
        return self.reader.read(self.record.now_ms + int(later * MINUTE))

    def records(self, later: float = 0) -> dict[str, Record]:
        return {one.id: one for one in self.read(later).records}

    def covered(self) -> None:
        """Events were watched for a week, until now."""
        now_ms = self.record.now_ms
        self.execute("UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", now_ms - 7 * 86_400_000, now_ms)

    def execute(self, sql: str, *values: object) -> None:
        self.record.connection.execute(sql, values)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.record.connection.close()


def test_a_record_has_everything(world: World) -> None:
    event = world.record.event(
        "Pod/shop/web-1",
        "ContainerOOMKilled",
        ago=30,
        lasts=10,
        severity="critical",
        node="n1",
        title="Container OOM killed",
        description="Container app was killed at its memory limit of 64Mi",
        count=1,
        container="app",
    )
    (one,) = world.read().records
    assert one.id == event
    assert (one.type, one.severity, one.reason, one.source, one.node, one.container) == (
        *("cluster", "critical", "ContainerOOMKilled", "kubelet", "n1", "app"),
    )
    assert one.object == Ref("Pod", "", "shop", "web-1", "uid-web-1")
    assert one.owner == one.object
    assert one.controller == Ref()
    assert one.last_ms - one.first_ms == 10 * MINUTE
    assert one.metadata["container"] == "app"
    assert "source" not in one.metadata
    assert one.occurrences == ((one.last_ms, 1),)


@pytest.mark.parametrize(
    ("more", "is_in"),
    [
        ({"severity": "info"}, False),
        ({"severity": "info", "reason": "DeploymentScaled"}, True),
        ({"event_type": "operator"}, False),
        ({"event_type": "insight"}, False),
        ({"ago": 25 * 60}, False),
        ({"ago": 25 * 60, "lasts": 120}, True),
        ({"ago": 23 * 60}, True),
    ],
)
def test_what_is_in_the_window(world: World, more: dict[str, object], is_in: bool) -> None:
    world.record.event("Pod/shop/web-1", **more)  # type: ignore[arg-type]
    assert len(world.read().records) == is_in


def test_only_what_has_changed_is_read_again(world: World) -> None:
    events = [world.record.event(f"Pod/shop/web-{n}") for n in range(20)]
    assert len(world.records()) == 20
    assert world.reader.reads == 20
    for look in range(25):
        assert len(world.records(look / 100)) == 20
    assert world.reader.reads == 20
    world.record.again(events[3])
    assert world.records()[events[3]].count == 2
    assert world.reader.reads <= 22
    new = world.record.event("Pod/shop/new", ago=0)
    assert new in world.records()


def test_what_is_deleted_is_gone_after_a_full_look(world: World) -> None:
    event = world.record.event("Pod/shop/web-1")
    assert event in world.records()
    world.execute("DELETE FROM events")
    for _ in range(windows.FULL_LOOKS):
        found = world.records()
    assert found == {}


def test_a_change_of_something_old_is_found_by_a_full_look(world: World) -> None:
    event = world.record.event("Pod/shop/web-1", ago=300)
    assert world.records()[event].count == 1
    world.execute("UPDATE events SET severity = 3 WHERE last_ms < ?", world.record.now_ms - 200 * MINUTE)
    for _ in range(windows.FULL_LOOKS):
        found = world.records()
    assert found[event].severity == "critical"


def test_what_is_older_than_a_day_is_forgotten(world: World) -> None:
    world.record.event("Pod/shop/web-1", ago=23 * 60)
    assert len(world.records()) == 1
    assert world.records(later=61) == {}


def test_of_a_group_the_first_and_the_last_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [world.record.event("Pod/shop/web-1", ago=3 * 60 + 5) for _ in range(30)]
    monkeypatch.setattr(windows, "SLICE", 4)
    monkeypatch.setattr(windows, "BEFORE", f"{windows.BOUND} LIMIT 1 OFFSET 3")
    kept = sorted(world.records())
    assert kept == sorted([*events[:3], *events[-7:]])
    other = world.record.event("Pod/shop/web-2", ago=3 * 60 + 5)
    assert len(world.new_reader().read(world.record.now_ms).records) == 11
    assert other not in kept


def test_the_newest_are_kept_and_the_rest_is_a_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST", 10)
    world.covered()
    events = [world.record.event(f"Pod/shop/web-{n}", ago=300 - n) for n in range(30)]
    read = world.read()
    assert sorted(one.id for one in read.records) == sorted(events[-10:])
    left_until = read.gaps["events"][0]
    assert left_until[0] == read.now_ms - WINDOW_MS
    oldest = min(one.last_ms for one in read.records)
    assert oldest - 2 * MINUTE < left_until[1] <= oldest


def test_gaps_of_the_window(world: World) -> None:
    now = world.record.now_ms
    world.execute("UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", now - 30 * 3_600_000, now - 30_000)
    world.execute(
        "INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('events', ?, ?, '')", now - 50_000_000, now - 40_000_000
    )
    world.execute(
        "INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('events', ?, ?, '')", now - 45_000_000, now - 30_000_000
    )
    gaps = world.read().gaps
    assert gaps["events"] == [(now - 50_000_000, now - 30_000_000), (now - 30_000, now)]
    assert gaps["configmaps"] == [(now - WINDOW_MS, now)]


def test_history(world: World) -> None:
    now, record = world.record.now_ms, world.record
    world.covered()
    pod = record.event("Pod/shop/web-5d-1", "BackOff", ago=3 * 24 * 60)
    change = record.event("Deployment/shop/web", "DeploymentImageChanged", severity="info", ago=4 * 24 * 60)
    record.event("Deployment/shop/api", "DeploymentImageChanged", severity="info", ago=4 * 24 * 60)
    record.owns("ReplicaSet/shop/web-5d", "Pod/shop/web-5d-1")
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d")
    history = world.read().history
    web = Ref("Deployment", "", "shop", "web", "uid-web")
    assert [one.id for one in history.of_owner(web, 0, now, 10)] == [pod, change]
    assert [one.id for one in history.of_owner(web, 0, now, 1)] == [pod]
    assert history.of_owner(web, now - 2 * 86_400_000, now, 10) == []
    assert history.of_owner(web, 0, now, 10)[0].owner == web
    assert history.has_reason("shop", "BackOff", now - 5 * 86_400_000, now)
    assert not history.has_reason("shop", "BackOff", now - 2 * 86_400_000, now)
    assert not history.has_reason("other", "BackOff", 0, now)
    assert history.covers("events", now - 30 * MINUTE, now - 1)
    assert history.covers("events", now - 6 * 86_400_000, now - 1)
    assert not history.covers("events", now - 8 * 86_400_000, now - 1)
    assert not history.covers("pods", now - 30 * MINUTE, now)


def test_since_when_the_rules_are_as_they_are(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "rules.yaml"
    own.write_text("rules: [{id: mine, match: {reason: Slow}, severity: warning, title: Slow}]\n")
    chosen = {"DB_PATH": str(tmp_path)}
    starts: list[tuple[str, dict[str, str], int]] = [
        ("1.0", chosen, 1),
        ("1.0", chosen, 1),
        ("1.1", chosen, 3),
        ("1.1", chosen | {"EVENT_REASONS_EXCLUDE": "Pulled"}, 4),
        ("1.1", chosen | {"EVENT_REASONS_EXCLUDE": "Pulled", "EVENT_RULES_FILE": str(own)}, 5),
        ("1.1", chosen | {"EVENT_REASONS_EXCLUDE": "Pulled", "EVENT_RULES_FILE": str(own)}, 5),
    ]
    assert world.read().rules_since_ms == 0
    for now_ms, (version, variables, since_ms) in enumerate(starts, 1):
        monkeypatch.setattr(lifecycle, "__version__", version)
        world.record.lifecycle.rules(from_environment(variables), now_ms)
        assert world.read().rules_since_ms == since_ms


def test_states(world: World) -> None:
    def put(source: str, name: str, uid: str, state: bytes) -> None:
        world.execute("INSERT INTO states VALUES (?, 'shop', ?, ?, '1', ?, 0)", source, name, uid, state)

    owner = Owner("Deployment", "web", "uid-web")
    put("replicasets", "web-5d", "uid-rs", encode(ReplicaSet(owner, 1, 7)))
    put("replicasets", "web-4c", "uid-old", encode(ReplicaSet(owner, 1, 6)))
    put("replicasets", "web-api-1", "uid-other", encode(ReplicaSet(Owner("Deployment", "web-api", "uid-web-api"), 1, 1)))
    for n in range(5):
        put("pods", f"web-5d-{n}", f"uid-{n}", encode(Pod(owner=Owner("ReplicaSet", "web-5d", "uid-rs"))))
    put("pods", "web-api-1-x", "uid-x", encode(Pod(owner=Owner("ReplicaSet", "web-api-1", "uid-other"))))
    world.execute("INSERT INTO slices VALUES ('shop', 'web', 'web-a')")
    world.execute("INSERT INTO slices VALUES ('shop', 'web', 'web-b')")
    put("endpointslices", "web-a", "s1", encode(Slice("web", [1, 2], [("web-5d-0", "uid-0")])))
    put("endpointslices", "web-b", "s2", encode(Slice("web", [2, 3], [("web-5d-1", "uid-1")])))
    states = world.read().states
    web = Ref("Deployment", "", "shop", "web", "uid-web")
    assert [ref.name for ref, _ in states.pods_of(web)] == [f"web-5d-{n}" for n in range(5)]
    assert [ref.name for ref, _ in states.replicasets_of(web)] == ["web-4c", "web-5d"]
    assert [ref.uid for ref in states.pods_behind(Ref("Service", "", "shop", "web"))] == ["uid-0", "uid-1"]
    assert states.ready_endpoints(Ref("Service", "", "shop", "web")) == 3
    assert isinstance(states.of(Ref("Pod", "", "shop", "web-5d-0", "uid-0")), Pod)
    assert states.of(Ref("Pod", "", "shop", "web-5d-0", "another")) is None
    assert states.of(Ref("Pod", "longhorn.io", "shop", "web-5d-0", "uid-0")) is None
    gone = Ref("Pod", "", "shop", "web-5d-9", "uid-9")
    assert not states.is_gone(gone)  # pods are not watched
    world.record.watched("pods")
    world.execute("INSERT INTO baselines VALUES ('pods', '')")
    states = world.read().states
    assert states.is_gone(gone)
    assert states.is_gone(Ref("Pod", "", "shop", "web-5d-0", "another"))
    assert not states.is_gone(Ref("Pod", "", "shop", "web-5d-0", "uid-0"))


def test_what_goes_on_is_marked(world: World) -> None:
    event = world.record.event("Node//n1", "NodeNotReady", severity="critical", ago=100)
    world.record.event("Node//n2", "NodeNotReady", severity="critical", ago=100)
    (key,) = world.record.connection.execute("SELECT key_hash FROM events WHERE id = ?", (ids.decode(event),)).fetchone()
    world.execute("INSERT INTO lasting VALUES ('nodes', '', 'n1', ?, '', 0, 0)", key)
    world.record.watched("nodes")
    found = world.read().records
    (ongoing,) = [one for one in found if one.ongoing]
    assert ongoing.object.name == "n1"
    assert ongoing.last_ms > world.record.now_ms - 61 * MINUTE


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_same_however_often_it_began_again(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that was there all the time holds what a new one reads."""
    monkeypatch.setattr(windows, "MOST", 60)
    chance, events = random.Random(seed), list[str]()
    for look in range(30):
        for _ in range(chance.randrange(12)):
            name = f"web-{chance.randrange(3)}"
            events.append(world.record.event(f"Pod/shop/{name}", chance.choice(("A", "B")), ago=chance.randrange(0, 14)))
        if events and chance.random() < 0.5:
            world.record.again(chance.choice(events))
        world.read(look / 100)
    old = {one.id: one for one in world.reader.read(world.record.now_ms + MINUTE).records}
    new = {one.id: one for one in world.new_reader().read(world.record.now_ms + MINUTE).records}
    assert old == new
