"""What the reports of the children mean, by clocks that tests set."""

import json

import pytest

from kube9_operator.supervise import health as module
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.messages import Problem, WatcherReport, WriterReport

NOW_MS = 1_795_000_000_000
DAY = 86_400


class Clocks:
    """One that nobody sets, and the wall clock."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.ahead_seconds = 0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return NOW_MS + int((self.seconds - 1_000 + self.ahead_seconds) * 1000)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "now_ms", made.now_ms)
    return made


SOURCES = ("events", "nodes", "pods")
NONE_WRONG: dict[str, Problem | None] = dict.fromkeys(SOURCES)


@pytest.fixture
def new(clocks: Clocks) -> Health:
    """As at a start."""
    return Health(SOURCES, confirmation_seconds=120.0, hang_seconds=1_000.0)


@pytest.fixture
def health(new: Health) -> Health:
    """After every watch has been accepted."""
    new.receive("watcher", WatcherReport({}, problems=NONE_WRONG))
    return new


def confirm(health: Health, confirmed_ms: int, *sources: str) -> None:
    before = health.confirmed_ms()
    health.receive("writer", WriterReport(before | dict.fromkeys(sources or SOURCES, confirmed_ms), "", 0))


def test_sources_of_one_trouble_are_one_reason(health: Health, clocks: Clocks) -> None:
    confirm(health, clocks.now_ms())
    clocks.pass_by(100)
    confirm(health, clocks.now_ms(), "events")
    health.receive("watcher", WatcherReport({"nodes": "no answer", "pods": "no answer"}))
    assert health.document()["status"] == "healthy"
    clocks.pass_by(21)
    found = health.document()
    assert found["status"] == "unhealthy"
    assert found["reasons"] == [f"the watches of nodes, pods have not been confirmed since {module.iso(NOW_MS)}: no answer"]


def test_a_namespace_that_has_reached_a_bound_is_named(health: Health, clocks: Clocks) -> None:
    confirmed = dict.fromkeys(("events", "nodes", "pods"), clocks.now_ms())
    health.receive("writer", WriterReport(confirmed, "", 0, limited=["namespace flood: too much"]))
    found = health.document()
    assert (found["status"], found["reasons"]) == ("degraded", ["namespace flood: too much"])
    health.receive("writer", WriterReport(confirmed, "", 0, notes=["namespace chatty: fewer log lines"]))
    found = health.document()
    assert (found["status"], found["notes"]) == ("healthy", ["namespace chatty: fewer log lines"])


def test_a_resource_that_is_refused_leaves_the_rest_as_it_is(health: Health, clocks: Clocks) -> None:
    confirm(health, clocks.now_ms())
    health.receive("watcher", WatcherReport({"nodes": "not permitted", "pods": "not served"}))
    for _ in range(3):
        found = health.document()
        assert (found["status"], found["reasons"]) == ("degraded", ["nodes: not permitted", "pods: not served"])
        clocks.pass_by(100)
        confirm(health, clocks.now_ms(), "events")
    health.receive("watcher", WatcherReport({"events": "not permitted"}))
    assert health.document()["reasons"][0] == "events, nodes: not permitted"
    clocks.pass_by(121)
    assert health.document()["status"] == "unhealthy", "without Events it is not what it is for"


def test_it_is_starting_until_every_source_is_listed_or_found_to_be_unavailable(new: Health, clocks: Clocks) -> None:
    assert new.document()["status"] == "starting", "before any report"
    for number, source in enumerate(SOURCES):
        left = ", ".join(SOURCES[number:])
        assert (new.document()["status"], new.document()["reasons"][0]) == ("starting", f"not listed yet: {left}")
        clocks.pass_by(1)
        if source == "nodes":
            new.receive("watcher", WatcherReport({source: "not permitted"}))
            continue
        new.receive("watcher", WatcherReport({}, problems={source: None}))
        assert new.document()["status"] == "starting", "listed, and not stored yet"
        confirm(new, clocks.now_ms(), source)
    assert (new.document()["status"], new.document()["reasons"]) == ("degraded", ["nodes: not permitted"])
    new.receive("watcher", WatcherReport({"nodes": ""}, problems={"nodes": None}))
    confirm(new, clocks.now_ms())
    assert new.document()["status"] == "healthy"
    new.receive("watcher", WatcherReport({}, problems={"pods": Problem("no answer", "", True)}))
    assert new.document()["status"] == "healthy", "it has started once"


@pytest.mark.parametrize("confirmed_ms", [0, NOW_MS - DAY * 1000])
def test_a_start_at_which_nothing_can_be_watched_is_starting_and_then_unhealthy(
    new: Health, clocks: Clocks, confirmed_ms: int
) -> None:
    def later(seconds: float) -> tuple[str, list[str]]:
        clocks.pass_by(seconds)
        confirm(new, confirmed_ms)
        return new.document()["status"], new.document()["reasons"]

    names, watches = ", ".join(SOURCES), ", ".join(("Events", *SOURCES[1:]))
    assert later(1) == ("starting", [f"not listed yet: {names}"])
    new.receive("watcher", WatcherReport(dict.fromkeys(SOURCES, "cannot be reached")))
    assert later(8) == ("starting", [f"not listed yet: {names} (cannot be reached)"])
    since = f"since {module.iso(confirmed_ms)}" if confirmed_ms else "yet"
    assert later(112) == (
        "unhealthy",
        [f"the watches of {watches} have not been confirmed {since}: cannot be reached"],
    )
    new.receive("watcher", WatcherReport(dict.fromkeys(SOURCES, ""), problems=NONE_WRONG))
    confirm(new, clocks.now_ms())
    assert new.document()["status"] == "healthy"


def test_a_start_after_a_long_time_has_as_long_as_a_confirmation_lasts(health: Health, clocks: Clocks) -> None:
    confirm(health, NOW_MS - DAY * 1000)
    assert health.document()["status"] == "healthy"
    clocks.pass_by(121)
    assert health.document()["status"] == "unhealthy"


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_is_set_neither_confirms_nor_takes_confirmations_back(health: Health, clocks: Clocks, jump: int) -> None:
    confirm(health, clocks.now_ms())
    clocks.ahead_seconds = jump
    clocks.pass_by(119)
    assert health.document()["status"] == "healthy"
    clocks.pass_by(2)
    assert health.document()["status"] == "unhealthy"
    confirm(health, clocks.now_ms())
    assert health.document()["status"] == "healthy"


def test_health_names_what_could_not_be_decoded(health: Health, clocks: Clocks) -> None:
    confirm(health, clocks.now_ms())
    health.receive("watcher-pods", WatcherReport({"pods": ""}, undecodable={"pods": ["shop/web at version 7"], "jobs": []}))
    health.receive("watcher-events", WatcherReport({"events": ""}, undecodable={"events": ["shop/web.17a at version 8"]}))
    health.receive("watcher-pods", WatcherReport({"pods": ""}, undecodable={"pods": []}))
    found = health.document()
    assert found["undecodable"] == {"pods": ["shop/web at version 7"], "events": ["shop/web.17a at version 8"]}
    assert found["status"] == "healthy", "who may write one object in one namespace raises no alarm for all"


def test_the_record_has_what_is_wrong_with_each_watch(health: Health, clocks: Clocks) -> None:
    confirm(health, clocks.now_ms())
    assert json.loads(Health.for_record(health.document())) == {"status": "healthy", "reasons": []}
    health.receive("watcher", WatcherReport({"events": "the TLS connection failed", "pods": ""}))
    assert json.loads(Health.for_record(health.document()))["troubles"] == {"events": "the TLS connection failed"}
