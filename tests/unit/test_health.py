"""What the reports of the children mean, by clocks that tests set."""

import pytest

from kube9_operator.child import Recording, Watching
from kube9_operator.serve import health as module
from kube9_operator.serve.health import Health

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


@pytest.fixture
def health(clocks: Clocks) -> Health:
    return Health(("events", "nodes", "pods"), proof_seconds=120.0, hang_seconds=1_000.0)


def prove(health: Health, proved_ms: int, *sources: str) -> None:
    before = health.proved_ms()
    health.heard("writer", Recording(before | dict.fromkeys(sources or ("events", "nodes", "pods"), proved_ms), "", 0))


def test_sources_of_one_trouble_are_one_reason(health: Health, clocks: Clocks) -> None:
    prove(health, clocks.now_ms())
    clocks.pass_by(100)
    prove(health, clocks.now_ms(), "events")
    health.heard("watcher", Watching({"nodes": "no answer", "pods": "no answer"}))
    assert health.document()["status"] == "healthy"
    clocks.pass_by(21)
    found = health.document()
    assert found["status"] == "unhealthy"
    assert found["reasons"] == [f"nothing has vouched for nodes, pods since {module.iso(NOW_MS)}: no answer"]


def test_a_resource_that_is_refused_leaves_the_rest_as_it_is(health: Health, clocks: Clocks) -> None:
    prove(health, clocks.now_ms())
    health.heard("watcher", Watching({"nodes": "not permitted", "pods": "not served"}))
    for _ in range(3):
        found = health.document()
        assert (found["status"], found["reasons"]) == ("degraded", ["nodes: not permitted", "pods: not served"])
        clocks.pass_by(100)
        prove(health, clocks.now_ms(), "events")
    health.heard("watcher", Watching({"events": "not permitted"}))
    assert health.document()["reasons"][0] == "events, nodes: not permitted"
    clocks.pass_by(121)
    assert health.document()["status"] == "unhealthy", "without Events it is not what it is for"


@pytest.mark.parametrize("proved_ms", [0, NOW_MS - DAY * 1000])
def test_a_start_at_which_nothing_can_be_watched_is_degraded(clocks: Clocks, proved_ms: int) -> None:
    health = Health(("events", "nodes"), proof_seconds=120.0, hang_seconds=10.0)

    def later(seconds: float) -> tuple[str, list[str]]:
        clocks.pass_by(seconds)
        prove(health, proved_ms)
        return health.document()["status"], health.document()["reasons"]

    assert later(1) == ("healthy", [])
    health.heard("watcher", Watching({"events": "cannot be reached", "nodes": "cannot be reached"}))
    assert later(8) == ("healthy", []), "a start takes a while"
    since = f"since {module.iso(proved_ms)}" if proved_ms else "yet"
    why = [f"nothing has vouched for events, nodes {since}: cannot be reached"]
    assert later(2) == ("degraded", why)
    assert later(111) == ("unhealthy", why)
    prove(health, clocks.now_ms(), "events", "nodes")
    assert health.document()["status"] == "healthy", "once proved, trouble has the time of a proof"


def test_a_start_after_a_long_time_has_the_time_of_a_proof(health: Health, clocks: Clocks) -> None:
    prove(health, NOW_MS - DAY * 1000)
    assert health.document()["status"] == "healthy"
    clocks.pass_by(121)
    assert health.document()["status"] == "unhealthy"


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_is_set_neither_proves_nor_takes_proofs_back(health: Health, clocks: Clocks, jump: int) -> None:
    prove(health, clocks.now_ms())
    clocks.ahead_seconds = jump
    clocks.pass_by(119)
    assert health.document()["status"] == "healthy"
    clocks.pass_by(2)
    assert health.document()["status"] == "unhealthy"
    prove(health, clocks.now_ms())
    assert health.document()["status"] == "healthy"


def test_health_names_what_could_not_be_decoded(health: Health, clocks: Clocks) -> None:
    prove(health, clocks.now_ms())
    health.heard("watcher-pods", Watching({"pods": ""}, undecodable={"pods": ["shop/web at version 7"], "jobs": []}))
    health.heard("watcher-events", Watching({"events": ""}, undecodable={"events": ["shop/web.17a at version 8"]}))
    health.heard("watcher-pods", Watching({"pods": ""}, undecodable={"pods": []}))
    found = health.document()
    assert found["undecodable"] == {"pods": ["shop/web at version 7"], "events": ["shop/web.17a at version 8"]}
    assert found["status"] == "healthy", "who may write one object in one namespace raises no alarm for all"
