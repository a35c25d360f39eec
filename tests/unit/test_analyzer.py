"""Looks of the analyzer at a real database, with the writer's side beside it and rules that are made up."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kube9_cli.errors import QueryError
from kube9_operator.analyze import analyzer as analyzers
from kube9_operator.analyze.analyzer import ERRORS, MOST_FAILURES, Analyzer, frames
from kube9_operator.analyze.limits import Limits, parse
from kube9_operator.analyze.model import EFFECT, Evidence, Finding, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.model.findings import MAX_FINDING_BYTES, Numbered, encode
from kube9_operator.model.insight import Change, InsightFrame
from kube9_operator.model.tally import Tally
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite.session import Session
from tests.record import MINUTE, Record
from tests.unit.test_insights_stored import insight

DAY = 1_440


def crashes(window: Window, _: Thresholds) -> Iterator[Finding]:
    """Finds each owner with an event BackOff."""
    for owner in {one.owner for one in window.records}:
        of = sorted((one for one in window.records if one.owner == owner), key=lambda one: one.last_ms)
        yield Finding(
            rule="crashes",
            owner=owner,
            cause="crash",
            severity="error",
            title=f"{owner.name} crashes",
            text="It crashes.",
            recommendation="Look at its log.",
            object=of[-1].object,
            evidence=[Evidence(one.id, EFFECT) for one in of],
            figures={},
            first_ms=of[0].first_ms,
            last_ms=of[-1].last_ms,
        )


def fails(_: Window, __: Thresholds) -> Iterator[Finding]:
    raise ZeroDivisionError
    yield


class World:
    """A record, the writer of insights, and the analyzer."""

    def __init__(self, folder: Path) -> None:
        self.record = Record(folder)
        self.session = Session(self.record.connection)
        self.coverage = Coverage(self.session, Store(self.session, quiet_ms=3_600_000), event_ttl_ms=3_600_000)
        self.insights = Insights(self.record.connection, 2**30)
        self.frames: list[InsightFrame] = []
        self.link: Any = SimpleNamespace(stop=threading.Event(), tally=Tally(), beat=lambda *_, **__: None)
        with self.session.transaction(0):
            self.insights.begin(self.record.now_ms - DAY * MINUTE)
        self.confirm(0)
        self.analyzer = self.new()

    def new(self) -> Analyzer:
        return Analyzer(self.link, str(self.record.folder / "kube9.db"), self, Limits())

    def confirm(self, minute: float) -> None:
        """Everything is watched, up to this minute from now."""
        now_ms = self.record.now_ms
        self.record.connection.execute(
            "UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?",
            (now_ms - 2 * DAY * MINUTE, now_ms + int(minute * MINUTE)),
        )

    def send(self, frame: InsightFrame) -> bool:
        self.frames.append(frame)
        with self.session.transaction(frame.analyzed_ms):
            for observation in self.insights.apply(frame, frame.analyzed_ms):
                self.coverage.record_operator_event(observation)
        return True

    def flush(self) -> bool:
        return True

    def look(self, minute: float, analyzer: Analyzer | None = None) -> None:
        self.confirm(minute)
        (analyzer or self.analyzer).look(self.record.now_ms + int(minute * MINUTE))

    def rows(self) -> list[Any]:
        return self.record.connection.execute("SELECT name, status, first_ms, last_ms FROM insights ORDER BY name").fetchall()

    def events(self) -> list[str]:
        sql = "SELECT w.word FROM events e JOIN words w ON w.id = e.reason WHERE type = 2 ORDER BY e.id"
        return [row[0] for row in self.record.connection.execute(sql)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(analyzers, "RULES", {"crashes": crashes})
    made = World(tmp_path)
    made.record.watched("pods")
    yield made
    made.record.close()


def test_a_story(world: World) -> None:
    event = world.record.event("Pod/shop/web-5d-1", ago=0, severity="error", node="n1")
    world.record.owns("ReplicaSet/shop/web-5d", "Pod/shop/web-5d-1")
    world.record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d")
    for minute in range(1, 30):
        world.look(minute)
    assert world.events() == ["InsightFound", "InsightResolved"]
    ((name, status, *_),) = world.rows()
    assert (name, status) == ("web-5d-1", 3)
    ((details,),) = world.record.connection.execute("SELECT details FROM insights").fetchall()
    assert '"web-5d"' in details
    assert world.record.connection.execute("SELECT count(*) FROM insight_evidence").get == 1
    assert event


def test_a_new_process_goes_on(world: World) -> None:
    world.record.event("Pod/shop/web-1", ago=0)
    for minute in range(1, 30):
        world.look(minute, world.new())
    assert world.events() == ["InsightFound", "InsightResolved"]


def test_what_did_not_arrive_is_computed_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record.event("Pod/shop/web-1", ago=0)
    lost: list[InsightFrame] = []
    monkeypatch.setattr(world, "send", lambda frame: bool(lost.append(frame) or True))
    for minute in (1, 2):
        world.look(minute)
    monkeypatch.undo()
    monkeypatch.setattr(analyzers, "RULES", {"crashes": crashes})
    for minute in range(3, 30):
        world.look(minute)
        for frame in lost:  # late
            world.send(frame)
    assert world.events() == ["InsightFound", "InsightResolved"]


def test_every_look_is_noted(world: World) -> None:
    world.look(1)
    assert [frame.changes for frame in world.frames] == [[]]
    assert world.record.connection.execute("SELECT value FROM facts WHERE name = 'analyzed_ms'").get > world.record.now_ms
    assert world.analyzer.report().analyzed_ms > world.record.now_ms


def test_a_rule_that_fails_costs_only_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyzers, "RULES", {"fails": fails, "crashes": crashes})
    world.record.event("Pod/shop/web-1", ago=0)
    for minute in (1, 2):
        world.look(minute)
    assert world.events() == ["InsightFound"]
    assert world.link.tally.report().counts[ERRORS] == {("fails",): 2}
    assert world.analyzer.report().unresolved == {("issue", "error"): 1}


def test_a_database_that_cannot_be_read_is_tried_again(world: World, tmp_path: Path) -> None:
    other = Analyzer(world.link, str(tmp_path / "nowhere.db"), world, Limits())
    for _ in range(MOST_FAILURES - 1):
        other.look(world.record.now_ms)
    with pytest.raises(QueryError):
        other.look(world.record.now_ms)


def test_it_stops_in_the_middle_of_a_look(world: World) -> None:
    world.record.event("Pod/shop/web-1", ago=0)
    world.link.stop.set()
    world.look(1)
    assert world.frames == []


def test_frames_fit_into_the_pipe() -> None:
    many = [Change(insight(id=f"ins_{n:016x}", text="x" * 1_000), ["found"]) for n in range(500)]
    made = list(frames(many, 1))
    assert [change for frame in made for change in frame.changes] == many
    assert len(made) > 10
    assert all(len(encode(Numbered(1, frame))) <= MAX_FINDING_BYTES for frame in made)


def test_limits_are_set_by_name() -> None:
    found = parse('{"stuck_error_s": 7200, "resolve_s": 1}')
    assert (found.thresholds.stuck_error_s, found.life_cycle.resolve_s) == (7200, 1)
    assert found.thresholds.oom_kills == Thresholds().oom_kills
    assert parse("{}") == Limits()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('{"stuck_error_s": "1h"}', "must be a JSON object"),
        ('{"stuck": 1}', "stuck is not a threshold"),
        ('{"resolve_s": -1}', "from 0 to"),
        ('{"storm_count": 0}', "storm_count must be a whole number from 1 to"),
        ('{"cronjob_runs": 1}', "cronjob_runs must be a whole number from 2 to"),
        ('{"unsteady_changes": 1}', "unsteady_changes must be a whole number from 2 to"),
    ],
)
def test_wrong_limits_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)
