"""A container that ends again and again after the same time."""

import pytest

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.metronome import metronome as rule
from tests.unit.insight_stories import MINUTE_MS, Story, at, findings, holds, only, ref

EVERY_MS = 370 * MINUTE_MS
"""6h10m"""


def told(*lengths_ms: int, code: int = 1) -> tuple[Story, Ref, list[Record]]:
    """Ends with these times between them; the last one is at 14:10."""
    story = Story()
    web = story.workload()
    pod = story.pod(web, "web-1")
    moments = [at("14:10")]
    for length in reversed(lengths_ms):
        moments.insert(0, moments[0] - length)
    story.image(web, moments[0] - EVERY_MS, "shop/web:1.7", "shop/web:1.8")
    return story, web, [story.restarts(pod, web, [moment], code) for moment in moments]


def test_every_6h10m() -> None:
    """Some of the ends are older than the window."""
    story, web, records = told(*[EVERY_MS + one * MINUTE_MS for one in (0, 5, -8, 10)])
    found = holds(rule, story, *(one for one in records if one in story.records))
    assert (found.owner, found.container, found.cause) == (web, "app", "ends after the same time")
    assert found.title == "Deployment web: container app ends every 6h12m"
    assert found.text == (
        "Container app of Deployment web has ended every 6h12m since shop/web:1.8, 5 times. Its last end was: exit code 1."
    )
    assert found.quiet_ms == pytest.approx(2 * EVERY_MS, rel=0.05)
    for record in list(story.past.records):
        if record in records:
            story.past.records.remove(record)
            assert findings(rule, story) == []
            story.past.records.append(record)


@pytest.mark.parametrize("name", ["web-0", "web-2"])
def test_another_pod_that_ended_just_now_does_not_hide_it(name: str) -> None:
    story, web, _ = told(*[EVERY_MS] * 4)
    story.restarts(story.pod(web, name), web, [at("14:15")], 3)
    assert only(findings(rule, story)).figures["ends"] == 5


def test_four_ends() -> None:
    assert findings(rule, told(*[EVERY_MS] * 3)[0]) == []


def test_uneven_times() -> None:
    assert findings(rule, told(*[EVERY_MS, EVERY_MS, EVERY_MS * 12 // 10, EVERY_MS])[0]) == []


def test_uneven_before() -> None:
    story, _, _ = told(EVERY_MS * 2, *[EVERY_MS] * 4)
    assert only(findings(rule, story)).figures["ends"] == 5


def test_the_back_off_of_a_crash_loop() -> None:
    assert findings(rule, told(*[6 * MINUTE_MS] * 30)[0]) == []


def test_a_gap_between_the_ends() -> None:
    story, _, records = told(*[EVERY_MS] * 4)
    story.gap(records[1].last_ms, records[1].last_ms + MINUTE_MS)
    assert findings(rule, story) == []


def test_pods_of_different_ages() -> None:
    """Ends of several pods are not put together."""
    story = Story()
    web = story.workload()
    for one in range(5):
        story.restarts(ref("Pod", f"web-{one}"), web, [at("14:10") - one * EVERY_MS])
    assert findings(rule, story) == []


def test_a_kill_for_memory_and_its_restart_are_one_end() -> None:
    story, web, records = told(*[EVERY_MS] * 4, code=137)
    for record in records:
        story.killed(record.object, web, [record.first_ms])
    assert only(findings(rule, story)).figures["ends"] == 5


def test_an_hour_later_it_is_not_looked_at() -> None:
    """The insight stays active by its own time."""
    story, _, _ = told(*[EVERY_MS] * 4)
    story.now_ms = at("15:30")
    assert findings(rule, story) == []


def test_the_workload_is_deleted() -> None:
    story, web, _ = told(*[EVERY_MS] * 4)
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED
