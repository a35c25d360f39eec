"""Two field managers that change one thing in turn."""

import pytest

from kube9_operator.analyze.model import DELETED, Record, Ref
from kube9_operator.analyze.rules.tug_of_war import tug_of_war as rule
from tests.unit.insight_stories import Story, at, findings, holds, only


def told(story: Story, *managers: str, minutes: int = 5) -> tuple[Ref, list[Record]]:
    web = story.workload()
    return web, [
        story.scaled(web, at("13:30") + number * minutes * 60_000, *((3, 5) if number % 2 else (5, 3)), changed_by=by)
        for number, by in enumerate(managers)
    ]


def test_a_deployer_and_an_autoscaler() -> None:
    story = Story()
    web, records = told(story, "argocd", "keda", "argocd", "keda")
    found = holds(rule, story, *records)
    assert (found.owner, found.cause, found.severity) == (web, "spec.replicas", "warning")
    assert found.text == (
        "argocd and keda changed spec.replicas of Deployment web 4 times in turn since 2026-11-30 13:30:00 UTC. "
        "The last two: argocd set 3; keda set 5."
    )
    assert findings(rule, story, keep=lambda one: one is not records[2]) == []


@pytest.mark.parametrize(
    "managers",
    [
        ("argocd", "keda", "argocd"),
        ("argocd", "argocd", "argocd", "argocd"),
        ("argocd", "keda", "keda", "argocd", "keda"),
        ("argocd", "keda", "helm", "argocd"),
        ("argocd", "", "argocd", "keda"),
    ],
)
def test_not_in_turn(managers: tuple[str, ...]) -> None:
    story = Story()
    told(story, *managers)
    assert findings(rule, story) == []


def test_over_hours() -> None:
    story = Story("18:00")
    told(story, "argocd", "keda", "argocd", "keda", minutes=30)
    assert findings(rule, story) == []


def test_a_part_of_the_configuration() -> None:
    story = Story()
    web = story.workload()
    records = [
        story.configuration(
            web, at(f"14:0{one}"), "spec.template.spec.containers[app].resources.limits.cpu", "1", "2", changed_by=by
        )
        for one, by in enumerate(("helm", "kubectl-edit", "helm", "kubectl-edit"))
    ]
    assert "change containers[app].resources.limits.cpu in turn" in holds(rule, story, *records).title


def test_different_paths() -> None:
    story = Story()
    web = story.workload()
    for one, by in enumerate(("helm", "kubectl-edit", "helm", "kubectl-edit")):
        story.configuration(web, at(f"14:0{one}"), f"spec.template.spec.containers[app].env[{by}]", changed_by=by)
    assert findings(rule, story) == []


def test_the_workload_is_deleted() -> None:
    story = Story()
    web, _ = told(story, "argocd", "keda", "argocd", "keda")
    story.states.gone.add(web)
    assert only(findings(rule, story)).ended == DELETED


def test_a_gap_is_told() -> None:
    story = Story()
    told(story, "argocd", "keda", "argocd", "keda")
    story.gap(at("13:40"), at("13:41"), "deployments")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]
