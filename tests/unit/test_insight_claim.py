"""A claim that nothing provides a volume for."""

import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record
from kube9_operator.analyze.rules.claim import claim as rule
from kube9_operator.model.resource_states import Claim
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

DATA = ref("PersistentVolumeClaim", "data")


def told(story: Story, clock: str = "14:10", phase: str = "Pending", reason: str = "ProvisioningFailed") -> Record:
    story.states.states[DATA] = Claim(storage_class="nowhere", requested_size="1Gi", phase=phase)
    return story.tell(
        reason, "PVC binding failed", DATA, at(clock), last_ms=at("14:19"), count=20, severity="error",
        description='storageclass.storage.k8s.io "nowhere" not found', storage_class="nowhere",
    )  # fmt: skip


@pytest.mark.parametrize("reason", ["ProvisioningFailed", "FailedBinding"])
def test_an_unknown_storage_class(reason: str) -> None:
    story = Story()
    record = told(story, reason=reason)
    found = holds(rule, story, record)
    assert (found.owner, found.cause, found.severity) == (DATA, reason, "error")
    assert found.text == (
        "Claim data of StorageClass nowhere (1Gi) has waited for a volume since 2026-11-30 14:10:00 UTC, for 10m. "
        'The last answer was: storageclass.storage.k8s.io "nowhere" not found.'
    )
    assert findings(rule, story, keep=lambda one: one is not record) == []


def test_a_claim_that_waits_for_its_first_pod() -> None:
    """With WaitForFirstConsumer nothing fails, so nothing is recorded but that a provisioner takes its time."""
    story = Story()
    story.states.states[DATA] = Claim(phase="Pending")
    story.tell("WaitForFirstConsumer", "PersistentVolumeClaim WaitForFirstConsumer", DATA, at("14:00"), last_ms=at("14:19"))
    story.tell("ExternalProvisioning", "PVC waits for a provisioner", DATA, at("14:00"), last_ms=at("14:19"), count=9)
    assert findings(rule, story) == []


def test_for_four_minutes() -> None:
    story = Story()
    told(story, "14:16")
    assert findings(rule, story) == []


def test_bound_after_a_moment() -> None:
    story = Story()
    story.states.states[DATA] = Claim(phase="Bound")
    story.tell("FailedBinding", "PVC binding failed", DATA, at("14:00"), last_ms=at("14:01"), count=2, severity="error")
    assert findings(rule, story) == []


def test_bound_at_last() -> None:
    story = Story()
    told(story, phase="Bound")
    found = only(findings(rule, story))
    assert (found.ended, found.last_ms) == (RECOVERED, at("14:19"))


def test_deleted() -> None:
    story = Story()
    told(story)
    del story.states.states[DATA]
    story.states.gone.add(DATA)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story = Story()
    told(story)
    story.gap(at("14:15"), at("14:16"), "events")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]


def test_a_claim_that_fails_again_after_hours() -> None:
    """Two events, one insight: it has waited all the time."""
    story = Story()
    late = told(story)
    early = story.tell("ProvisioningFailed", "PVC binding failed", DATA, at("08:00"), last_ms=at("08:20"), count=5)
    found = only(findings(rule, story))
    assert (found.first_ms, found.last_ms, found.severity) == (at("08:00"), story.now_ms, "error")
    assert {one.event_id for one in found.evidence} == {early.id, late.id}
