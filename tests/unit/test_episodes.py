"""The life cycle of insights, with a made clock: a look each minute at findings that are made up."""

import itertools
import random
from collections.abc import Callable

import msgspec
import pytest

from kube9_operator.analyze.episodes import EXPIRED, Known, advance, id_of, subjects_of, watched_ms
from kube9_operator.analyze.life_cycle import LifeCycle
from kube9_operator.analyze.model import CAUSE, DELETED, EFFECT, RECOVERED, Evidence, Finding
from kube9_operator.model.insight import Change, Insight
from kube9_operator.model.ref import Ref
from kube9_schema import ids
from kube9_schema.codes import ACTIVE, INSIGHT_STATUSES, PENDING, QUIET, RESOLVED, SEVERITIES
from kube9_schema.insights import UNSTEADY

MINUTE, HOUR = 60_000, 3_600_000
START = 1_764_500_000_000
WEB = Ref("Deployment", "", "shop", "web", "uid-web")
API = Ref("Deployment", "", "shop", "api", "uid-api")
POD = Ref("Pod", "", "shop", "web-1", "uid-pod")
EVENT = ids.encode(ids.first_of(START) + 5)
OTHER = ids.encode(ids.first_of(START) + 6)


def finding(first: float, last: float, owner: Ref = WEB, **more: object) -> Finding:
    """A finding whose evidence is from `first` to `last`, in minutes of the story."""
    usual: dict[str, object] = {
        "rule": "stuck",
        "cause": "exit code 3",
        "severity": "warning",
        "title": "web crashes",
        "text": "It crashes.",
        "recommendation": "Look at its log.",
        "object": POD,
        "evidence": [Evidence(EVENT, EFFECT)],
        "figures": {},
    }
    usual |= {"owner": owner, "first_ms": START + int(first * MINUTE), "last_ms": START + int(last * MINUTE)}
    return Finding(**(usual | more))  # type: ignore[arg-type]


class Story:
    """What the analyzer and the database do together, minute by minute."""

    def __init__(self, times: LifeCycle | None = None, from_minute: float = -HOUR / MINUTE) -> None:
        self.times = times or LifeCycle()
        self.from_ms = START + int(from_minute * MINUTE)
        self.stored: dict[str, Insight] = {}
        self.said: list[tuple[int, str, str]] = []
        self.gaps: dict[str, list[tuple[float, float]]] = {}
        self.expired: frozenset[str] = frozenset()
        self.failed: frozenset[str] = frozenset()
        self.gone: frozenset[str] = frozenset()
        self.about: dict[str, list[Ref]] = {}

    def look(self, minute: float, *findings: Finding, lost: bool = False, most: int = 500) -> list[Change]:
        """One look; if it is `lost`, what it has changed does not arrive."""
        now_ms = START + int(minute * MINUTE)
        gaps = {
            source: [(START + int(begin * MINUTE), min(now_ms, START + int(end * MINUTE))) for begin, end in some]
            for source, some in self.gaps.items()
        }
        known = Known(now_ms, gaps, self.from_ms, self.expired, self.about, {EVENT: "n1"}, self.failed, self.gone, most)
        unresolved = [one for one in self.stored.values() if one.status != RESOLVED]
        wanted = subjects_of(findings, unresolved)
        last = {one.subject: one for one in sorted(self.stored.values(), key=lambda one: one.episode) if one.subject in wanted}
        stored = {one.id: one for one in (*unresolved, *last.values())}
        changes = advance(findings, stored.values(), known, self.times)
        if not lost:
            for change in changes:
                self.apply(change, int(minute))
        return changes

    def apply(self, change: Change, minute: int = 0) -> None:
        """What the writer does."""
        insight = change.insight
        before = self.stored.get(insight.id)
        if insight.revision != (0 if before is None else before.revision) + 1:
            return
        if change.dropped:
            del self.stored[insight.id]
            return
        self.stored[insight.id] = insight
        self.said += [(minute, each, insight.rule) for each in change.said]

    def status(self) -> list[str]:
        return [INSIGHT_STATUSES[one.status] for one in sorted(self.stored.values(), key=lambda one: one.created_ms)]

    def only(self) -> Insight:
        (one,) = self.stored.values()
        return one


def lasting(until: float, begin: float = 0, **more: object) -> Callable[[float], list[Finding]]:
    """A rule whose evidence comes each minute until a time, and which states it for the whole day."""
    return lambda minute: [finding(begin, min(minute, until), **more)] if minute >= begin else []


def test_the_life_of_an_insight() -> None:
    story, rule = Story(), lasting(30)
    seen: dict[int, str] = {}
    for minute in range(60):
        story.look(minute, *rule(minute))
        seen[minute] = story.status()[0]
    assert [(minute, seen[minute]) for minute in range(60) if seen[minute] != seen.get(minute - 1)] == [
        (0, "pending"),
        (1, "active"),
        (35, "quiet"),
        (45, "resolved"),
    ]
    assert story.said == [(1, "found", "stuck"), (45, "resolved", "stuck")]
    one = story.only()
    assert (one.first_ms, one.last_ms) == (START, START + 30 * MINUTE)
    assert one.revision < 25  # not every look stores it
    assert one.details.nodes == ["n1"]
    assert one.details.ended == ""


@pytest.mark.parametrize(
    ("quiet_ms", "resolved_at"),
    [(0, 45), (10 * MINUTE, 50), (24 * HOUR, None)],
)
def test_what_is_rare_has_a_longer_time(quiet_ms: int, resolved_at: int | None) -> None:
    story, rule = Story(), lasting(30, quiet_ms=quiet_ms)
    for minute in range(120):
        story.look(minute, *rule(minute))
    resolved = [minute for minute, said, _ in story.said if said == "resolved"]
    assert resolved == ([] if resolved_at is None else [resolved_at])


@pytest.mark.parametrize(("ended", "shown"), [(RECOVERED, "recovered"), (DELETED, "deleted")])
def test_a_rule_that_knows_the_end_ends_it_at_once(ended: str, shown: str) -> None:
    story = Story()
    for minute in range(5):
        story.look(minute, finding(0, minute))
    story.look(5, finding(0, 4, ended=ended))
    assert story.status() == ["resolved"]
    assert story.only().details.ended == shown
    assert story.said == [(1, "found", "stuck"), (5, "resolved", "stuck")]
    for minute in range(6, 30):
        assert story.look(minute, finding(0, 4, ended=ended)) == []


def test_what_is_found_only_once_is_dropped() -> None:
    story = Story()
    story.look(0, finding(0, 0))
    story.look(1)
    assert story.stored == {}
    assert story.said == []


@pytest.mark.parametrize(
    ("again", "episodes"),
    [
        pytest.param(60, 1, id="within an hour after it was resolved"),
        pytest.param(104, 1, id="75 minutes after its evidence: 5 + 10 + 60"),
        pytest.param(106, 2, id="later"),
    ],
)
def test_it_is_reopened_or_begins_again(again: int, episodes: int) -> None:
    story = Story()
    for minute in range(120):
        found = [finding(0, min(minute, 30))] if minute < again else [finding(again, minute)]
        story.look(minute, *found)
    assert len(story.stored) == episodes
    last = max(story.stored.values(), key=lambda one: one.episode)
    assert last.status == ACTIVE
    first = id_of(last.subject, 1)
    assert last.details.previous == (first if episodes == 2 else "")
    # A new episode is found when a second look confirms it, a known insight at once.
    found_again = again + (1 if episodes == 2 else 0)
    assert story.said == [(1, "found", "stuck"), (45, "resolved", "stuck"), (found_again, "found", "stuck")]


def test_a_rise_of_severity_is_said_and_a_fall_is_not() -> None:
    story = Story()
    for minute, severity in enumerate(("warning", "warning", "warning", "error", "warning", "error", "critical")):
        story.look(minute, finding(0, minute, severity=severity))
    assert story.said == [(1, "found", "stuck"), (3, "escalated", "stuck"), (6, "escalated", "stuck")]
    assert SEVERITIES[story.only().severity] == "critical"


@pytest.mark.parametrize("source", ["events", "pods", "deployments"])
def test_a_gap_freezes(source: str) -> None:
    story, rule = Story(), lasting(30)
    for minute in range(200):
        if minute >= 32:
            story.gaps = {source: [(32, min(minute, 132))]}  # not confirmed since, then watched again
        story.look(minute, *rule(minute))
        if 35 <= minute < 135:
            assert story.status() == ["active"], minute
    assert story.said == [(1, "found", "stuck"), (145, "resolved", "stuck")]


def test_a_gap_of_another_source_does_not_freeze() -> None:
    story, rule = Story(), lasting(30)
    story.gaps = {"nodes": [(32, 132)], "configmaps": [(-1440, 2880)]}
    for minute in range(100):
        story.look(minute, *rule(minute))
    assert story.said == [(1, "found", "stuck"), (45, "resolved", "stuck")]


def test_a_source_that_was_never_watched_does_not_freeze() -> None:
    story, rule = Story(), lasting(30)
    story.gaps = {"pods": [(-1440, 2880)]}
    for minute in range(100):
        story.look(minute, *rule(minute))
    assert story.said == [(1, "found", "stuck"), (45, "resolved", "stuck")]


def test_after_a_gap_it_is_the_same_episode() -> None:
    """Nobody knows whether it went on meanwhile."""
    story = Story()
    for minute in range(30):
        story.look(minute, finding(0, minute))
    story.gaps = {"events": [(30, 300)]}
    for minute in range(300, 310):
        story.look(minute, finding(300, minute))
    assert len(story.stored) == 1
    assert story.said == [(1, "found", "stuck")]


def test_what_is_not_stated_any_more_fades() -> None:
    story = Story()
    for minute in range(10):
        story.look(minute, finding(0, minute))
    for minute in range(10, 40):
        story.look(minute)
    assert story.said == [(1, "found", "stuck"), (24, "resolved", "stuck")]


def test_a_rule_that_fails_ends_nothing() -> None:
    story = Story()
    for minute in range(10):
        story.look(minute, finding(0, minute))
    story.failed = frozenset({"stuck"})
    for minute in range(10, 100):
        story.look(minute)
    assert story.status() == ["active"]


def test_what_is_not_stated_any_more_because_its_owner_is_gone() -> None:
    """With the states of its pods, what the rule followed from is gone too."""
    story = Story()
    for minute in range(3):
        story.look(minute, finding(0, minute))
    story.gone = frozenset(story.stored)
    story.look(3)
    assert story.only().details.ended == DELETED
    assert story.said == [(1, "found", "stuck"), (3, "resolved", "stuck")]


def test_evidence_that_retention_has_deleted() -> None:
    story = Story()
    story.look(0, finding(0, 0))
    story.look(1, finding(0, 1))
    story.expired = frozenset(story.stored)
    story.look(2)
    assert story.only().details.ended == EXPIRED
    assert story.said == [(1, "found", "stuck"), (2, "resolved", "stuck")]


@pytest.mark.parametrize(("first", "said"), [(-10, 0), (14, 0), (16, 1)])
def test_the_first_fifteen_minutes_of_a_record_are_silent(first: int, said: int) -> None:
    story = Story(from_minute=0)
    for minute in range(20, 100):
        story.look(minute, finding(first, 30))
    assert story.status() == ["resolved"]
    assert len(story.said) == 2 * said


def test_what_is_over_when_it_is_first_seen_is_found_and_resolved() -> None:
    story = Story()
    for minute in range(100, 103):
        story.look(minute, finding(0, 10))
    assert [each for _, each, _ in story.said] == ["found", "resolved"]
    assert story.status() == ["resolved"]


def test_what_comes_and_goes_is_said_once_until_it_is_steady() -> None:
    """Eight minutes of trouble, then it recovers: again and again."""
    story = Story()
    for minute in range(400):
        begin = minute // 20 * 20
        running = minute < 200
        last = min(minute, begin + 8) if running else 188
        over = minute - last > 2
        story.look(minute, finding(begin if running else 180, last, ended=RECOVERED if over else ""))
    of_base = [said for _, said, rule in story.said if rule == "stuck"]
    of_unsteady = [said for _, said, rule in story.said if rule == UNSTEADY]
    assert of_base == ["found", "resolved", "found"]
    assert of_unsteady == ["found", "resolved"]
    (unsteady,) = [one for one in story.stored.values() if one.rule == UNSTEADY]
    (base,) = [one for one in story.stored.values() if one.rule == "stuck"]
    assert unsteady.status == base.status == RESOLVED
    resolved_at = next(minute for minute, said, rule in story.said if rule == UNSTEADY and said == "resolved")
    assert 60 <= resolved_at - 191 <= 62


def test_special_and_general_insights_point_to_each_other() -> None:
    story = Story()
    for minute in range(3):
        story.look(
            minute,
            finding(0, minute, rule="change", evidence=[Evidence(OTHER, CAUSE), Evidence(EVENT, EFFECT)]),
            finding(0, minute),
            finding(0, minute, owner=API, evidence=[Evidence(OTHER, "against")]),
        )
    change, stuck, other = (
        next(one for one in story.stored.values() if (one.rule, one.details.owner) == key)
        for key in (("change", WEB), ("stuck", WEB), ("stuck", API))
    )
    assert change.details.related == [stuck.id]
    assert stuck.details.related == [change.id]
    assert other.details.related == [change.id]


def test_the_owners_of_the_evidence_are_kept() -> None:
    story = Story()
    replicas = Ref("ReplicaSet", "", "shop", "web-5d", "uid-rs")
    story.about = {EVENT: [POD, replicas, WEB]}
    story.look(0, finding(0, 0))
    assert story.only().details.about == [WEB, replicas]


def test_a_cause_is_kept_when_it_is_older_than_the_window() -> None:
    story = Story()
    story.look(0, finding(0, 0, evidence=[Evidence(OTHER, CAUSE), Evidence(EVENT, EFFECT)]))
    story.look(1, finding(0, 1))
    assert list(story.only().evidence) == [ids.decode(EVENT), ids.decode(OTHER)]


def test_evidence_is_bounded() -> None:
    story = Story()
    many = [Evidence(ids.encode(ids.first_of(START) + number), EFFECT) for number in range(500)]
    story.look(0, finding(0, 0, evidence=[Evidence(OTHER, CAUSE), *many]))
    numbers = list(story.only().evidence)
    assert len(numbers) == 40
    assert numbers[-1] == ids.first_of(START) + 499


def test_no_more_insights_than_allowed() -> None:
    story = Story()
    some = [finding(0, 0, owner=Ref("Deployment", "", "shop", f"web-{n}", f"uid-{n}")) for n in range(30)]
    bad = finding(0, 0, owner=API, severity="critical")
    for minute in range(3):
        story.look(minute, *some, bad, most=10)
    assert len(story.stored) == 10
    assert any(one.details.owner == API for one in story.stored.values())


def test_a_change_that_arrives_twice_or_late_does_nothing() -> None:
    story = Story()
    changes = story.look(0, finding(0, 0))
    changes += story.look(1, finding(0, 1))
    changes += story.look(2, finding(0, 1, ended=RECOVERED))
    before, said = dict(story.stored), list(story.said)
    for order in itertools.permutations(changes):
        for change in (*order, *order):
            story.apply(change)
    assert story.stored == before
    assert story.said == said


@pytest.mark.parametrize("seed", range(20))
def test_lost_looks_change_nothing_in_the_end(seed: int) -> None:
    """A process is killed at random: a look does not happen, or what it has changed does not arrive, or arrives twice."""
    chance = random.Random(seed)

    def rule(minute: int) -> list[Finding]:
        last = min(minute, 40)
        found = [finding(0, last, severity="error" if minute > 20 else "warning")]
        return [*found, finding(10, min(minute, 60), owner=API)] if minute >= 10 else found

    undisturbed, killed = Story(), Story()
    late: list[Change] = []
    for minute in range(180):
        undisturbed.look(minute, *rule(minute))
        if chance.random() < 0.3 and minute < 170:
            continue
        lost = chance.random() < 0.3 and minute < 170
        changes = killed.look(minute, *rule(minute), lost=lost)
        if lost:
            late += changes
        elif chance.random() < 0.5:
            for change in late:
                killed.apply(change, minute)
            late = []

    def end(story: Story) -> list[object]:
        return sorted((one.id, one.status, one.severity, one.first_ms, one.details.ended) for one in story.stored.values())

    assert end(killed) == end(undisturbed)
    assert sorted(said[1:] for said in killed.said) == sorted(said[1:] for said in undisturbed.said)


def test_an_insight_survives_its_encoding() -> None:
    story = Story()
    story.look(0, finding(0, 0))
    one = story.only()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Insight) == one


@pytest.mark.parametrize(
    ("gaps", "left"),
    [([], 100), ([(0, 10)], 90), ([(0, 10), (5, 20)], 80), ([(90, 200)], 90), ([(-50, 200)], 0), ([(20, 30), (25, 27)], 90)],
)
def test_watched_time(gaps: list[tuple[int, int]], left: int) -> None:
    assert watched_ms(0, 100, gaps) == left


def test_statuses_are_in_the_order_of_a_life() -> None:
    assert PENDING < ACTIVE < QUIET < RESOLVED
