"""Images that several workloads cannot pull, and registries that fail."""

import msgspec
import pytest

from kube9_operator.analyze.model import DELETED, RECOVERED, Record, Ref
from kube9_operator.analyze.rules.image_or_registry import image_or_registry as rule
from kube9_operator.analyze.rules.image_or_registry import registry
from kube9_operator.model.resource_states import Container
from tests.unit.insight_stories import Story, at, findings, holds, only, ref

UNAUTHORIZED = "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"
NOT_FOUND = "not found"


def pull(story: Story, name: str, image: str, why: str, clock_ms: int = 0, last_ms: int = 0) -> Record:
    """A pod of a workload of its own that waits for its image."""
    owner = story.workload(name)
    clock_ms = clock_ms or at("14:00")
    pod = story.pod(owner, f"{name}-1", phase="Pending", containers=[Container("app", waiting_reason="ImagePullBackOff")])
    return story.tell(
        "ImagePullBackOff",
        "Image pull failed",
        pod,
        clock_ms,
        last_ms=last_ms or clock_ms + 300_000,
        count=5,
        owner=owner,
        severity="error",
        description=f'Failed to pull image "{image}": {why}',
        container="app",
        image=image,
    )


def three_teams(story: Story, why: str = UNAUTHORIZED) -> list[Record]:
    return [
        pull(story, "web", "registry.example.com/web:2", why, at("14:00")),
        pull(story, "api", "registry.example.com/api:7", why, at("14:03")),
        pull(story, "db", "registry.example.com/db:1", why, at("14:06")),
    ]


def test_a_registry_that_refuses_three_teams() -> None:
    story = Story("14:10")
    records = three_teams(story)
    found = holds(rule, story, *records)
    assert (found.owner, found.cause) == (Ref(kind="Registry", name="registry.example.com"), "no permission")
    assert found.title == "Images from registry.example.com cannot be pulled by several workloads: no permission"
    assert (
        "shop/api, shop/db and shop/web have failed to pull 3 images from registry.example.com since 2026-11-30 14:00:00 UTC."
        in found.text
    )
    assert found.last_ms == story.now_ms


@pytest.mark.parametrize("left_out", range(3))
def test_each_team_is_needed(left_out: int) -> None:
    story = Story("14:10")
    records = three_teams(story)
    assert findings(rule, story, keep=lambda one: one is not records[left_out]) == []


@pytest.mark.parametrize(
    "why",
    [
        'failed to resolve reference "{image}": {image}: not found',
        "unexpected status from HEAD request to https://registry.example.com/v2/web/manifests/{tag}: 404 Not Found",
        "initializing source docker://{image}: reading manifest {tag} in registry.example.com/web: manifest unknown",
        "Error response from daemon: manifest for {image} not found: manifest unknown",
        "pull access denied, repository does not exist or may require authorization: insufficient_scope: authorization failed",
    ],
)
@pytest.mark.parametrize("tag", ["401", "429", "503", "denied"])
def test_the_name_of_an_image_says_nothing_about_its_registry(why: str, tag: str) -> None:
    story = Story("14:10")
    for number, name in enumerate(("web", "api", "db")):
        image = f"registry.example.com/{name}:{tag}"
        pull(story, name, image, why.format(image=image, tag=tag), at("14:00") + number * 60_000)
    assert findings(rule, story) == []


def test_two_typos_on_one_registry() -> None:
    story = Story("14:10")
    pull(story, "web", "registry.example.com/wbe:2", NOT_FOUND)
    pull(story, "api", "registry.example.com/pai:7", NOT_FOUND)
    assert findings(rule, story) == []


def test_three_typos_on_one_registry() -> None:
    story = Story("14:10")
    three_teams(story, NOT_FOUND)
    assert findings(rule, story) == []


def test_one_image_of_two_workloads() -> None:
    story = Story("14:10")
    records = [pull(story, name, "registry.example.com/base:2", NOT_FOUND) for name in ("web", "api")]
    found = holds(rule, story, *records)
    assert (found.object, found.cause) == (Ref(kind="Image", name="registry.example.com/base:2"), "cannot be pulled")


def test_one_image_of_one_workload() -> None:
    story = Story("14:10")
    first = pull(story, "web", "registry.example.com/base:2", NOT_FOUND)
    story.tell(
        "ImagePullBackOff", "Image pull failed", ref("Pod", "web-2"), at("14:00"), last_ms=at("14:05"), count=5,
        owner=first.owner, severity="error", image="registry.example.com/base:2",
    )  # fmt: skip
    assert findings(rule, story) == []


def test_it_lasted_a_minute() -> None:
    story = Story("14:10")
    for name in ("web", "api"):
        pull(story, name, "registry.example.com/base:2", NOT_FOUND, at("14:00"), at("14:01"))
        story.pod(story.workload(name), f"{name}-1")
    assert findings(rule, story) == []


def test_hours_apart() -> None:
    story = Story("18:00")
    pull(story, "web", "registry.example.com/base:2", NOT_FOUND, at("14:00"))
    pull(story, "api", "registry.example.com/base:2", NOT_FOUND, at("17:00"))
    assert findings(rule, story) == []


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (UNAUTHORIZED, "no permission"),
        ("unexpected status: 429 Too Many Requests", "rate limit"),
        ('Head "https://registry.example.com/v2/": dial tcp 10.0.0.9:443: i/o timeout', "unreachable"),
        ("tls: failed to verify certificate: x509: certificate has expired", "unreachable"),
    ],
)
def test_classes(why: str, kind: str) -> None:
    story = Story("14:10")
    three_teams(story, why)
    assert only(findings(rule, story)).cause == kind


def test_a_pull_that_succeeds_ends_it() -> None:
    story = Story("14:10")
    three_teams(story)
    for name in ("web", "api", "db"):
        story.pod(ref("Deployment", name), f"{name}-1")
    assert only(findings(rule, story)).ended == RECOVERED


def test_the_pods_were_deleted() -> None:
    story = Story("14:10")
    three_teams(story)
    for name in ("web", "api", "db"):
        del story.states.states[ref("Pod", f"{name}-1")]
        story.states.gone.add(ref("Pod", f"{name}-1"))
    assert only(findings(rule, story)).ended == DELETED


@pytest.mark.parametrize(("again", "ended"), [("", RECOVERED), ("registry.example.com/{}:9", RECOVERED), ("{}", "")])
def test_other_pods_are_in_their_place(again: str, ended: str) -> None:
    """They run, they wait for another image, or for the same one again."""
    story = Story("14:50")
    for record in three_teams(story):
        story.states.gone.add(record.object)
        del story.states.states[record.object]
        other = story.pod(record.owner, f"{record.owner.name}-2")
        if again:
            story.pod(record.owner, f"{record.owner.name}-3", containers=[Container("app", waiting_reason="ErrImagePull")])
            name = record.metadata["image"] if again == "{}" else again.format(record.owner.name)
            later = msgspec.structs.replace(other, name=f"{record.owner.name}-3", uid=f"uid-Pod-{record.owner.name}-3")
            story.tell(
                "ImagePullBackOff", "Image pull failed", later, at("14:48"), last_ms=at("14:49"), owner=record.owner,
                severity="error", container="app", image=name, description=record.description,
            )  # fmt: skip
    found = only(findings(rule, story))
    assert (found.ended, found.last_ms == story.now_ms) == (ended, not ended)


def test_a_gap_is_told() -> None:
    story = Story("14:10")
    three_teams(story)
    story.gap(at("14:04"), at("14:05"), "events")
    assert "Not everything was watched" in only(findings(rule, story)).unknown[0]


def test_registries() -> None:
    names = ("nginx", "library/nginx:1", "quay.io/a/b:1", "localhost/x", "host:5000/x@sha256:0")
    assert [registry(name) for name in names] == ["docker.io", "docker.io", "quay.io", "localhost", "host:5000"]
