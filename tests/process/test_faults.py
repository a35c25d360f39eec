"""Each fault of an API server alone, and at random: what can be had is recorded, once and with its latest count.

A whole operator meets a fault of each outcome alone here, others in a sequence, and all in `make test-long PART=faults`.
What the watch does about each is tested in milliseconds by tests/unit/test_reflector.py.
"""

import os
import random
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kube9_operator.model.sources import CUSTOM, PROCESSES, SOURCES
from tests.observer import Observer
from tests.operator import OF_EVENTS, Operator, until
from tests.standin import StandIn, make_certificate, warning

SEEDS = range(int(os.environ.get("KUBE9_FAULT_SEEDS", "12")))
FAULTS_IN_SEQUENCE = 20
PATIENCE = {"connect": 1.0, "read": 1.0, "patience": 1.0, "watch_most": 1, "watch_silence": 0.5, "compare": 600.0}
MORE_THAN_A_PAGE = 510


class Case(NamedTuple):
    """A fault of `tests.standin.faults`, and what it does to a record."""

    fault: str
    on: str
    times: int = 1
    """In a row: as often as it may happen within one trouble."""
    troubles: int | None = 1
    """How many lines of the log tell of a trouble; None where it is one or not, by the moment."""
    gap: str = ""
    undecodable: int = 0

    def __str__(self) -> str:
        return f"{self.fault}, {self.on}"


BEHIND = "the API server went back to an earlier state, as after a restored backup"
ANOTHER = "the API server belongs to another cluster from here on"

ANSWERS = ("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 429", "HTTP 500", "HTTP 503")
BROKEN = ("HTML", "truncated body", "body breaks off", "silence")
CASES = [
    *(Case(fault, on, times=3) for on in ("look", "watch") for fault in ANSWERS),
    *(Case(fault, "look", times=2) for fault in BROKEN),
    Case("refused", "look", times=2, troubles=None),
    Case("HTTP 410", "look"),
    Case("HTTP 410", "watch"),
    Case("ERROR line 410", "watch"),
    Case("empty watch", "watch"),
    Case("ERROR line 500", "watch", times=3),
    Case("ERROR line without a status", "watch", times=3),
    Case("HTML", "watch", times=3, undecodable=9),
    Case("refused", "watch", troubles=None),
    Case("reset in mid-line", "watch"),
    Case("no last chunk", "watch"),
    Case("half a line", "watch", troubles=None),
    Case("silence", "watch", times=2),
    Case("byte by byte", "look", troubles=0),
    Case("byte by byte", "watch", troubles=None),
    Case("line that does not decode", "watch", troubles=0, undecodable=1),
    Case("line of bytes", "watch", troubles=0, undecodable=1),
    Case("line of great depth", "watch", troubles=0, undecodable=1),
    Case("line of great width", "watch", troubles=0, undecodable=1),
    Case("unknown line type", "watch", troubles=0),
    Case("BOOKMARK line", "watch", troubles=0),
    Case("gone back", "look", gap=BEHIND),
    Case("another cluster", "look", gap=ANOTHER),
    *(Case(f"clock jumps {way}", on, troubles=0) for way in ("ahead", "back") for on in ("look", "watch")),
    Case("drip", "look", troubles=None),
    Case("drip", "watch", troubles=None),
]
IN_LISTS = [
    *(Case(fault, on, troubles=2) for on in ("first", "page") for fault in ("HTTP 500", *BROKEN)),
    *(Case("refused", on, troubles=None) for on in ("first", "page")),
    Case("HTTP 410", "page"),
    Case("expiring token", "first"),
]
"""In the list that a version that has expired makes necessary."""

SHORT_CONFIRMATION = {"confirmation": 3.0, "hang": 10.0}
"""So that troubles outlast it; what a child that hangs costs is no matter here."""
AWAY_SECONDS = 4.5
UNREACHABLE = "the API server cannot be reached"

SLOW = [Case("drip", "look", troubles=None), Case("drip", "watch", troubles=None)]
"""Each takes seconds: sequences go without."""


ALWAYS = {
    "empty watch, watch",
    "line that does not decode, watch",
    "gone back, look",
    "another cluster, look",
    "body breaks off, page",
}
"""What `make test` has a whole operator meet alone: one of each outcome. Others it meets in the sequence of seed 0."""


def some(cases: list[Case]) -> list[Any]:
    """The cases as parameters; those that only `make test-long` runs are marked."""
    return [pytest.param(case, marks=[] if str(case) in ALWAYS else [pytest.mark.long]) for case in cases]


class Story:
    """Events that are written, and how often each of them happened."""

    def __init__(self, operator: Operator, standin: StandIn) -> None:
        self._operator = operator
        self._standin = standin
        self.times: dict[str, int] = {}

    def happen(self, *names: str) -> None:
        """Each of the names once more; the server has them then."""
        for name in names:
            self.times[name] = self.times.get(name, 0) + 1
        self._standin.write(*(warning(name, "BackOff", "again", count=self.times[name]) for name in names))

    def wait(self) -> None:
        """Until all is recorded that the server has; nothing is there twice, nothing was made up."""
        until(self._recorded, "every Event that can be had")

    def _recorded(self) -> bool:
        held = self._standin.control("held")
        events = self._operator.events()
        recorded = {event["object_name"]: event["count"] for event in events}
        assert len(recorded) == len(events), "an Event is recorded twice"
        assert all(count <= self.times[name] for name, count in recorded.items()), "something was made up"
        return all(recorded.get(name, 0) >= count for name, count in held.items())


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path), deadlines=PATIENCE)


def coverage_reasons(operator: Operator) -> set[str]:
    """Why coverage is not complete."""
    coverage = operator.cli("events", "list", OF_EVENTS)["coverage"]
    assert coverage["complete"] is not bool(coverage["gaps"] or coverage["unavailable"])
    assert not coverage["unavailable"]
    return {gap["reason"] for gap in coverage["gaps"]}


def troubles(operator: Operator) -> list[str]:
    """The troubles that the log tells of: each once as long as it lasts, each that is over with how often and how long."""
    found, lasting = [], ""
    for line in (line for line in operator.log() if line.get("source") == "events"):
        if line["event"] == "watch.failed":
            assert line["why"] != lasting, "one line when a trouble begins, not one for each try"
            found.append(lasting := line["why"])
        elif line["event"] == "watch.restored":
            assert lasting
            assert line["times"] >= 1
            assert line["seconds"] >= 0
            lasting = ""
    assert not lasting, f"the log does not say that it is over: {lasting}"
    return [why for why in found if why != UNREACHABLE]


def heal(operator: Operator) -> None:
    """Waits until nothing is wrong any more; then the books balance."""
    until(lambda: operator.health()[0] == 200 and not operator.health()[1]["watches"]["events"]["trouble"], "it to heal")
    operator.accounting()


def met(standin: StandIn) -> bool:
    """Whether all that was planned has happened."""
    return not standin.control("plans")


@pytest.mark.parametrize("case", some(CASES), ids=str)
def test_a_fault(operator: Operator, standin: StandIn, case: Case) -> None:
    story = Story(operator, standin)
    story.happen(*(f"pod-{number}" for number in range(9)))
    with operator:
        story.wait()
        standin.plan(**_planned(case))
        story.happen("pod-0", "pod-1", "late-1")
        until(lambda: met(standin), "the fault")
        story.happen("pod-1", "pod-2", "late-2")
        story.wait()
        until(lambda: coverage_reasons(operator) == ({case.gap} if case.gap else set()), "the gap, or none")
        heal(operator)
        story.happen("pod-2", "late-3")
        story.wait()
        assert coverage_reasons(operator) == ({case.gap} if case.gap else set())
        assert operator.accounting()["undecodable"] == case.undecodable
        assert operator.stop() == 0
    assert case.troubles in (None, len(troubles(operator)))
    assert operator.integrity() == "ok"


@pytest.mark.parametrize("case", some(IN_LISTS), ids=str)
def test_a_fault_in_a_list_that_is_needed(operator: Operator, standin: StandIn, case: Case) -> None:
    story = Story(operator, standin)
    story.happen(*(f"pod-{number:03}" for number in range(MORE_THAN_A_PAGE)))
    with operator:
        story.wait()
        standin.plan(**_planned(case))
        standin.plan("HTTP 410", on="watch")
        until(lambda: met(standin), "the fault")
        story.happen("pod-000", "pod-509", "late")
        story.wait()
        heal(operator)
        assert coverage_reasons(operator) == set()
        assert operator.stop() == 0
    assert case.troubles in (None, len(troubles(operator)))


def test_a_server_that_cannot_be_reached_is_told_once(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= dict.fromkeys(("watch_least", "watch_most", "bookmarked_least", "bookmarked_most", "bookmark"), 60)

    def told(event: str, by: str) -> list[Any]:
        return sorted(line[by] for line in operator.log() if line["event"] == event)

    with operator:
        until(lambda: told("watch.listed", "source") == sorted(SOURCES), "all lists")
        until(lambda: all(watching(standin, source) for source in SOURCES), "all watches")
        standin.control("away", 3.0)
        until(lambda: told("problem.ended", "reason") == [UNREACHABLE], "the server to be back")
    warnings = [line for line in operator.log() if line["level"] not in ("debug", "info")]
    assert [(line["event"], line["process"], line["reason"]) for line in warnings] == [
        ("problem.began", "supervisor", UNREACHABLE)
    ]
    assert standin.address.rpartition(":")[2] in warnings[0]["error"]
    assert set(told("api.reached", "process")) == set(PROCESSES)
    assert set(told("watch.failed", "source")) - set(CUSTOM) == set(SOURCES)


def watching(standin: StandIn, source: str) -> bool:
    return any("watch=1" in target for target in standin.control("requests", source))


def test_tokens_that_always_expire_before_the_end_of_a_list(operator: Operator, standin: StandIn) -> None:
    story = Story(operator, standin)
    story.happen(*(f"pod-{number:03}" for number in range(MORE_THAN_A_PAGE)))
    standin.plan("HTTP 410", on="page", times=1000)
    with operator:
        story.wait()
        heal(operator)
        assert coverage_reasons(operator) == set()
    assert len(troubles(operator)) == 1


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed else []) for seed in SEEDS], ids=lambda seed: f"seed-{seed}"
)
def test_faults_at_random(operator: Operator, standin: StandIn, seed: int) -> None:
    chance = random.Random(seed)
    possible = [case for case in [*CASES, *IN_LISTS] if case not in SLOW]
    operator.deadlines |= SHORT_CONFIRMATION
    story = Story(operator, standin)
    story.happen(*(f"pod-{number:03}" for number in range(MORE_THAN_A_PAGE)))
    chosen = [chance.choice(possible) for _ in range(FAULTS_IN_SEQUENCE)]
    away = chance.randrange(FAULTS_IN_SEQUENCE)
    print(*chosen, sep="\n")
    with operator:
        story.wait()
        with Observer(operator, SHORT_CONFIRMATION["confirmation"]) as observer:
            meet(operator, standin, story, chance, chosen, away)
            gaps = {case.gap for case in chosen if case.gap}
            until(lambda: coverage_reasons(operator) >= gaps, "the gaps")
            heal(operator)
        observer.judge()
        assert observer.seen >= {"healthy", "unhealthy"}, "the server was away for longer than a proof lasts"
        assert coverage_reasons(operator) == gaps
        assert operator.stop() == 0
    troubles(operator)
    assert operator.integrity() == "ok"


def meet(operator: Operator, standin: StandIn, story: Story, chance: random.Random, chosen: list[Case], away: int) -> None:
    """Each of the chosen faults in turn, while Events go on; before one of them the server is away for long."""
    for number, case in enumerate(chosen):
        if number == away:
            standin.plan("refused", on="any", seconds=AWAY_SECONDS)
            standin.control("cut")
            until(lambda: operator.health()[1]["status"] == "unhealthy", "red")
            until(lambda: met(standin), "the server to be back")
        if case.gap:
            story.wait()  # what a server takes back that nobody has seen is no gap
        standin.plan(**_planned(case))
        if case in IN_LISTS:
            # In a cluster that has just been replaced a list is one page long.
            story.happen(*(f"pod-{number:03}" for number in range(MORE_THAN_A_PAGE)))
            standin.plan("HTTP 410", on="watch")
        if chance.random() < 0.7:
            standin.control("cut")
        story.happen(*(f"pod-{chance.randrange(MORE_THAN_A_PAGE):03}" for _ in range(3)))
        until(lambda: met(standin), f"fault {number}: {case}")
        story.happen(f"late-{number}", "pod-000")
        if chance.random() < 0.5:
            story.wait()
    story.wait()


@pytest.mark.parametrize("kept_in", ["token", "tokenFile"])
def test_a_token_that_is_rotated(tmp_path: Path, kept_in: str) -> None:
    (tmp_path / "tls").mkdir()

    def give(token: str) -> Path:
        (tmp_path / "token").write_text(token, encoding="utf-8")
        return standin.kubeconfig(tmp_path, **{kept_in: token if kept_in == "token" else str(tmp_path / "token")})

    with StandIn(folder=tmp_path / "tls", token="first") as standin:
        operator = Operator(tmp_path, give("first"), deadlines=PATIENCE)
        story = Story(operator, standin)
        story.happen("one")
        with operator:
            story.wait()
            standin.control("token", "second")
            story.happen("two")
            until(lambda: "the credentials are not accepted" in operator.log_text(), "the token to be refused")
            give("second")
            story.wait()
            heal(operator)
            assert coverage_reasons(operator) == set()
        assert troubles(operator)[-1] == "the credentials are not accepted"


def test_a_certificate_that_is_replaced(tmp_path: Path) -> None:
    served, trusted = tmp_path / "served", tmp_path / "trusted"
    served.mkdir()
    with StandIn(folder=served) as standin:
        shutil.copytree(served, trusted)
        standin.folder = trusted
        operator = Operator(tmp_path, standin.kubeconfig(tmp_path), deadlines=PATIENCE)
        story = Story(operator, standin)
        story.happen("one")
        with operator:
            story.wait()
            make_certificate(served)
            standin.control("certificate", str(served))
            story.happen("two")
            until(lambda: "CERTIFICATE_VERIFY_FAILED" in operator.log_text(), "what is wrong to be named")
            shutil.copy(served / "tls.crt", trusted)
            story.wait()
            heal(operator)
            assert coverage_reasons(operator) == set()


def test_a_stream_that_is_alive_and_wrong(operator: Operator, standin: StandIn) -> None:
    operator.deadlines |= {"compare": 1.0, "compare_patience": 0.5}
    story = Story(operator, standin)
    story.happen("pod-0", "pod-1")
    with operator:
        story.wait()
        standin.plan("left out", on="watch")
        until(lambda: met(standin), "the watch")
        story.happen("missed")
        story.happen("pod-1", "late")
        story.wait()
        heal(operator)
        assert coverage_reasons(operator) == set(), "it was late, and it is there"
        assert operator.stop() == 0


@pytest.mark.parametrize(("fault", "why"), [("HTTP 403", "not permitted"), ("HTTP 404", "not served")])
def test_a_source_that_is_refused_for_longer_than_events_live(
    operator: Operator, standin: StandIn, fault: str, why: str
) -> None:
    """A gap with a reason of its own, while it lasts and afterwards, from the last proof to what the list still shows."""
    operator.environment["KUBERNETES_EVENT_TTL_SECONDS"] = "1"
    story = Story(operator, standin)
    story.happen("before")
    with operator:
        story.wait()
        standin.plan(fault, on="look", times=8)
        standin.plan("HTTP 410", on="watch")
        standin.control("cut")

        def lasting() -> Any:
            covered = operator.cli("events", "list")["coverage"]
            return covered if covered["unavailable"] == ["events"] and len(covered["gaps"]) == 1 else None

        (gap,) = until(lasting, "it to be said")["gaps"]
        assert gap["reason"] == why
        assert gap["from"] == operator.cli("status")["watches"]["events"]["confirmed_until"]
        story.happen("after")
        story.wait()
        until(lambda: not operator.cli("events", "list")["coverage"]["unavailable"], "it to be over")
        (stated,) = operator.cli("events", "list")["coverage"]["gaps"]
        assert stated["from"] == gap["from"]
        assert stated["to"] < operator.cli("status")["watches"]["events"]["confirmed_until"]
        assert stated["reason"] == f"{why}, and Events of that time had expired when they were listed again"
        (told,) = [one for one in operator.events("--type=operator") if one["metadata"]["reason"] == "GapFound"]
        assert (told["metadata"]["from"], told["metadata"]["to"]) == (stated["from"], stated["to"])
        heal(operator)


def test_a_server_that_goes_back_and_is_past_the_old_version_again_before_anybody_looks(
    operator: Operator, standin: StandIn
) -> None:
    """No version tells: what the watch does not deliver of the other history, the comparison finds. Nothing is missing."""
    operator.deadlines |= {"compare": 1.0, "compare_patience": 0.5}
    story = Story(operator, standin)
    story.happen(*(f"pod-{number}" for number in range(9)))
    with operator:
        story.wait()
        since = [warning(f"other-{number}", "BackOff", "again") for number in range(9)]
        story.times |= {f"other-{number}": 1 for number in range(9)}
        standin.plan("gone back", on="look", by=3, write=since)
        standin.control("cut")
        until(lambda: met(standin), "the other history")
        story.happen("late")
        story.wait()
        heal(operator)
        assert "watch.missed" in operator.log_text(), "otherwise the watch has delivered it all, and this shows nothing"
        assert coverage_reasons(operator) == set(), "it was late, and it is there"


def _planned(case: Case) -> dict[str, Any]:
    return {"fault": case.fault, "on": case.on, "times": case.times}


def test_what_always_runs_exists() -> None:
    assert {str(case) for case in [*CASES, *IN_LISTS]} >= ALWAYS
