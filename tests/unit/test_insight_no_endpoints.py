"""A Service without endpoints, because its pods fail their readiness probes."""

import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record
from kube9_operator.analyze.rules.no_endpoints import no_endpoints as rule
from kube9_operator.model.resource_states import Part
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

SERVICE = ref("Service", "web")
PROBE = "Readiness probe failed: HTTP probe failed with statuscode: 503"


def told(
    story: Story, clock: str = "14:10", probe: str = "readiness", text: str = PROBE, lasts: bool = True, **state: str
) -> tuple[Record, list[Record]]:
    web = story.workload()
    lost = story.tell(
        "NoEndpoints", "Service has no endpoints", SERVICE, at(clock), last_ms=0 if lasts else at("14:18"), severity="error",
        source="kube9-operator", ongoing=lasts, previous_endpoints=3, current_endpoints=0,
    )  # fmt: skip
    unready = []
    for one in range(3):
        pod = story.pod(web, f"web-{one}", **state)
        story.states.behind.setdefault(SERVICE, []).append(pod)
        unready.append(
            story.tell(
                "Unhealthy",
                "Pod Unhealthy",
                pod,
                at("14:09"),
                last_ms=at("14:19"),
                count=60,
                owner=web,
                container="app",
                probe=probe,
                description=text,
            )
        )
    return lost, unready


def test_none_of_three_is_ready() -> None:
    story = Story()
    lost, unready = told(story)
    found = holds(rule, story, lost, *unready)
    assert (found.owner, found.cause, found.severity) == (SERVICE, "readiness probe", "error")
    assert found.text == (
        "Service web has been without endpoints since 2026-11-30 14:10:00 UTC, for 10m: "
        "3 pods behind it run but fail their readiness probes. "
        "The last answer was: Readiness probe failed: HTTP probe failed with statuscode: 503."
    )
    assert findings(rule, story, keep=lambda one: one is not lost) == []
    assert findings(rule, story, keep=lambda one: one not in unready) == []


def test_a_recreate_of_40_seconds() -> None:
    story = Story("14:10:40")
    told(story)
    assert findings(rule, story) == []


def test_recreate_inside_its_deadline() -> None:
    story = Story("14:17")
    told(story)
    web = story.workload(parts={"spec.strategy": Part(1, '{"type":"Recreate"}')})
    assert len(findings(rule, story)) == 1, "nothing was rolled out"
    story.image(web, at("14:10"), "a", "b")
    assert findings(rule, story) == []
    story.now_ms = at("14:21")
    assert len(findings(rule, story)) == 1, "the deadline has passed"


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_no_pod_runs(phase: str) -> None:
    story = Story()
    told(story, phase=phase)
    assert findings(rule, story) == []


def test_another_probe_fails() -> None:
    story = Story()
    told(story, probe="liveness")
    assert findings(rule, story) == []


def test_no_pod_is_selected() -> None:
    story = Story()
    told(story)
    story.states.behind.clear()
    assert findings(rule, story) == []


def test_what_the_probe_asks_for_is_down_itself() -> None:
    story = Story()
    lost, unready = told(story, text="Readiness probe failed: cannot reach postgres:5432: connection refused")
    postgres = story.tell("NoEndpoints", "Service has no endpoints", ref("Service", "postgres"), at("14:05"), ongoing=True)
    found = holds(rule, story, lost, postgres, *unready)
    assert found.text.endswith("; Service postgres, which that names, has no endpoints itself.")
    assert (found.figures["points_to"], found.recommendation) == (
        "postgres",
        "Look at what the probe asks for: kubectl describe service/postgres -n shop.",
    )


def test_what_it_names_went_down_later() -> None:
    story = Story()
    told(story, text="Readiness probe failed: cannot reach postgres:5432: connection refused")
    story.tell("NoEndpoints", "Service has no endpoints", ref("Service", "postgres"), at("14:15"), ongoing=True)
    assert only(findings(rule, story)).figures["points_to"] == ""


def test_endpoints_are_back() -> None:
    story = Story()
    told(story, lasts=False)
    story.states.ready[SERVICE] = 3
    assert only(findings(rule, story)).ended == RECOVERED


def test_the_service_is_deleted() -> None:
    story = Story()
    told(story)
    story.states.gone.add(SERVICE)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story = Story()
    told(story)
    story.gap(at("14:15"), at("14:16"), "endpointslices")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]


@pytest.mark.parametrize("order", [1, -1])
def test_an_earlier_loss_of_the_day_does_not_hide_the_present_one(order: int) -> None:
    story = Story()
    lost, unready = told(story)
    story.tell(
        "NoEndpoints", "Service has no endpoints", SERVICE, at("08:00"), last_ms=at("08:02"), severity="error",
        source="kube9-operator",
    )  # fmt: skip
    story.tell(
        "Unhealthy", "Pod Unhealthy", unready[0].object, at("08:00"), last_ms=at("08:01"), owner=unready[0].owner,
        container="app", probe="readiness", description="Readiness probe failed: earlier",
    )  # fmt: skip
    story.records = story.records[::order]
    found = only(findings(rule, story))
    assert (found.first_ms, found.figures["pods"]) == (at("14:10"), 3)
    assert lost.id in {one.event_id for one in found.evidence}
