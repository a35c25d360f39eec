"""What the built-in rules make of Events: real shapes with the severity that they deserve, examples of each emitter's family
with their source, and keys as databases have them.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.model.rules import loader
from kube9_operator.model.rules.matcher import Chosen, Compiled, Table, built_in_table
from kube9_operator.watch.observations import Event, normalise, verdict_of
from tests.unit.test_events import event

DATA = Path(__file__).parent.parent / "data"


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


SHAPES = lines("event-shapes.jsonl")
EXAMPLES = lines("event-examples.jsonl")
KEYS = lines("event-keys.jsonl")
"""The row and key of Events before rules were data."""
LAST = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def made(one: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The Event of an example."""
    about = {"kind": one["kind"], "namespace": "shop", "name": "web", "uid": "u1", "fieldPath": one.get("path", "")}
    return event(
        involvedObject=about | ({"apiVersion": one["api_version"]} if one["api_version"] else {}),
        reason=one["reason"],
        message=one["message"],
        type=one["type"],
        source={"component": one["emitter"], "host": "node1"},
        count=one.get("count", 1),
        firstTimestamp=(LAST - timedelta(seconds=one.get("seconds", 0))).isoformat(),
        lastTimestamp=LAST.isoformat(),
        metadata={"name": "web.1", "namespace": "shop"},
        **fields,
    )


def recorded(given: dict[str, Any], chosen: Chosen | None = None) -> Observation | None:
    return normalise(msgspec.convert(given, Event), chosen or Chosen())


def severity(given: dict[str, Any]) -> str | None:
    found = recorded(given)
    return SEVERITIES[found.severity] if found else None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["event"]["metadata"]["name"])
def test_shapes_that_were_judged(shape: dict[str, Any]) -> None:
    assert severity(shape["event"]) == shape["want"]


@pytest.mark.parametrize("one", EXAMPLES, ids=lambda one: f"{one['kind']}-{one['reason']}")
def test_examples_of_each_family(one: dict[str, Any]) -> None:
    assert severity(made(one)) == one["want"], one


def test_every_rule_has_an_example() -> None:
    """So a rule that another one hides is found."""
    table, used = Table(), set()
    for given in [*(shape["event"] for shape in SHAPES), *(made(one) for one in EXAMPLES), *map(made, KEYS)]:
        verdict = verdict_of(msgspec.convert(given, Event), Chosen(table=table))
        assert verdict.rule
        used.add(verdict.rule.id)
    assert {rule.id for rule in loader.built_in()} - used == set()


# Keys


@pytest.mark.parametrize("one", KEYS, ids=lambda one: f"{one['kind']}-{one['reason']}")
def test_an_upgrade_neither_doubles_nor_splits(one: dict[str, Any]) -> None:
    """An Event of a problem that goes on has the key that it had before rules were data."""
    found = recorded(made(one))
    place = (one["kind"], one["reason"])
    if place in LEFT_OUT:
        assert found is None
        return
    assert found
    if place in ANOTHER_KEY:
        assert found.row == ANOTHER_KEY[place]
    elif one["row"] == "other" and one["path"]:
        assert found.row == "other"
        assert found.key != one["key"], "the container that the Event names is new in the key"
        assert recorded(made(one | {"path": ""})).key == one["key"]  # type: ignore[union-attr]
    elif one["row"] != "HPA scaled":  # each step is an event of its own, so the Event's name is in the key
        assert (found.row, found.key, found.primary) == (one["row"], one["key"], one["primary"])


LEFT_OUT = {
    ("Node", "KubeletStart"),
    ("Node", "ContainerdStart"),
    ("Node", "InvalidDiskCapacity"),
    ("Node", "CheckLimitsForResolvConf"),
    ("Pod", "DNSConfigForming"),
}
"""Recorded as `other` before, and not worth recording."""
ANOTHER_KEY = {
    ("Node", "KubeletUnhealthy"): "node condition",
    ("Node", "SpotEvictionScheduled"): "node condition",
    ("Pod", "NodeShutdown"): "evicted, preempted",
}
"""What tells the same as a status now has the status's key. It was `other` before."""


OLD = {one["row"] for one in KEYS} | {"out of memory, node", "quota exceeded", "failed job", "node not ready"}


@pytest.mark.parametrize("rule", built_in_table().rules, ids=lambda rule: str(rule.id))
def test_a_new_rule_takes_no_warning_from_the_key_that_it_had(rule: Compiled) -> None:
    """A Warning that nobody knew was recorded as `other`, so a rule with a key of its own is for Events of type Normal."""
    kept = rule.key_id in OLD or rule.key_id in ("node condition", "argocd/operation", "flux/failed")  # of statuses, too
    assert rule.ignore or kept or rule.types.exact == {"Normal"}


def test_severity_title_and_text_are_in_no_key() -> None:
    """A user's rule that joins a built-in one changes what people see, and splits nothing."""
    text = """
    rules:
    - id: mine
      match: {kind: Pod, reason: FailedMount}
      joins: cannot mount
      severity: info
      title: Somewhat late
      note: Ours
    """
    changed = Chosen(table=Table(loader.parse(text.encode())))
    given = event(reason="FailedMount", message='MountVolume.SetUp failed for volume "v" : x')
    before, after = recorded(given), recorded(given, changed)
    assert before
    assert after
    assert (after.severity, after.title) == (0, "Somewhat late")
    assert (after.key, after.contributor, after.contributor_hour, after.primary) == (
        *(before.key, before.contributor, before.contributor_hour, before.primary),
    )
