"""docs/insights.md has every rule with what it says in its story, and every threshold with its default."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kube9_operator.analyze.life_cycle import LifeCycle
from kube9_operator.analyze.model import Finding
from kube9_operator.analyze.rules import RULES
from kube9_operator.analyze.thresholds import GUESSED, Thresholds
from kube9_operator.analyze.wording import duration
from tests.unit import test_insight_capacity as capacity
from tests.unit import test_insight_change_followed as change_followed
from tests.unit import test_insight_claim as claim
from tests.unit import test_insight_control_group as control_group
from tests.unit import test_insight_cronjob as cronjob
from tests.unit import test_insight_flapping as flapping
from tests.unit import test_insight_image_or_registry as image_or_registry
from tests.unit import test_insight_latent_change as latent_change
from tests.unit import test_insight_metronome as metronome
from tests.unit import test_insight_new_reason as new_reason
from tests.unit import test_insight_no_endpoints as no_endpoints
from tests.unit import test_insight_node_suspect as node_suspect
from tests.unit import test_insight_quota as quota
from tests.unit import test_insight_recurring_oom as recurring_oom
from tests.unit import test_insight_seen_before as seen_before
from tests.unit import test_insight_storm as storm
from tests.unit import test_insight_stuck as stuck
from tests.unit import test_insight_tug_of_war as tug_of_war
from tests.unit.insight_stories import Story, findings, only

PAGE = Path(__file__).parent.parent.parent / "docs" / "insights.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def told(tell: Callable[[Story], object], now: str = "14:20") -> Story:
    story = Story(now)
    tell(story)
    return story


STORIES: dict[str, Callable[[], Story]] = {
    "change-followed-by-failure": lambda: told(change_followed.rollout),
    "node-suspect": lambda: node_suspect.told()[0],
    "image-or-registry": lambda: told(image_or_registry.three_teams, "14:10"),
    "recurring-oom": lambda: recurring_oom.told()[0],
    "stuck": lambda: told(lambda story: stuck.loop(story, 70)),
    "capacity": lambda: told(lambda story: [capacity.unschedulable(story, f"web-{one}") for one in range(5)]),
    "quota": lambda: told(quota.told),
    "claim": lambda: told(claim.told),
    "no-endpoints": lambda: told(no_endpoints.told),
    "flapping": lambda: flapping.autoscaler(3, 9, 3, 9, 3, 9)[0],
    "cronjob": lambda: told(lambda story: cronjob.nights(story, -2, -1, 0)),
    "new-reason": lambda: told(new_reason.told),
    "storm": lambda: told(storm.told),
    "control-group": lambda: control_group.told()[0],
    "latent-change": lambda: latent_change.told()[0],
    "seen-before": lambda: seen_before.told()[0],
    "tug-of-war": lambda: told(lambda story: tug_of_war.told(story, "argocd", "keda", "argocd", "keda")),
    "metronome": lambda: metronome.told(*[metronome.EVERY_MS] * 4)[0],
}


def shown(name: str, of: Thresholds | LifeCycle) -> str:
    """A default as the page has it: a length of time, otherwise a number."""
    default = getattr(of, name)
    return duration(default * 1000) if name.endswith("_s") else str(default)


def test_every_rule_has_a_section_in_its_order() -> None:
    assert list(SECTIONS) == list(RULES)
    assert STORIES.keys() == RULES.keys()


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_says_in_its_story(name: str) -> None:
    found: Finding = only(findings(RULES[name], STORIES[name]()))
    section = " ".join(SECTIONS[name].replace("\n>", "\n").split())
    for said in (found.title, found.text, found.recommendation):
        assert " ".join(said.split()) in section, f"{said}\n\nis not in\n\n{section}"


def test_every_threshold_is_there_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \|", TEXT, re.MULTILINE)
    structs = (LifeCycle(), Thresholds())
    wanted = [(field.name, shown(field.name, of)) for of in structs for field in msgspec.structs.fields(of)]
    assert [(name, default.strip(" *")) for name, default, _ in rows] == wanted
    assert all(meaning.strip().endswith((".", "…")) for _, _, meaning in rows)
    of_rules = [(name, default.strip()) for name, default, _ in rows if hasattr(Thresholds(), name)]
    assert {name for name, default in of_rules if default.endswith("*")} == GUESSED


def test_guesses_are_thresholds() -> None:
    assert {field.name for field in msgspec.structs.fields(Thresholds)} >= GUESSED


@pytest.mark.parametrize("name", RULES)
def test_the_parts_of_a_section(name: str) -> None:
    for part in ("**Fires when**", "**Silent**", "**Limits**"):
        assert part in SECTIONS[name], (name, part)
