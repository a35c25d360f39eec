"""The rules of redaction as data: each finds its secret and leaves its near miss, and two corpora say what all together do."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import re2

from kube9_operator.model.rules.matcher import Chosen
from kube9_operator.text import engine, limits, redact, rule
from kube9_operator.text.checks import CHECKS
from kube9_operator.watch.observations import Event, normalise

FOLDER = Path(__file__).parent.parent / "data"
CORPORA = ("secrets.jsonl", "secrets-own.jsonl")
HIDDEN_AT_LEAST = 0.95
UNTOUCHED_AT_LEAST = 0.97
EXAMPLES = {line["id"]: line for line in map(json.loads, (FOLDER / "rule-examples.jsonl").read_text().splitlines())}


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def described(text: str) -> str:
    """What becomes of the message of an Event."""
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Warning", "reason": "Odd"}
    # Whatever a rule says of the message, it is recorded.
    found = normalise(msgspec.convert(event | {"message": text}, Event), Chosen(include=frozenset("*")))
    assert found is not None
    return found.description


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("way", ["line", "text", "event"])
def test_of_a_corpus_secrets_are_hidden_and_ordinary_texts_untouched(name: str, way: str) -> None:
    def taken(text: str) -> str:
        return (
            described(text) if way == "event" else limits.line(text, 1_000)[0] if way == "line" else redact.text(text, 1_000)[0]
        )

    lines = corpus(name)
    secret = [line for line in lines if line["secret"]]
    ordinary = [line for line in lines if not line["secret"]]
    missed = [line["what"] for line in secret if any(each in taken(line["text"]) for each in line["secret"])]
    touched = [line["what"] for line in ordinary if redact.REDACTED in taken(line["text"])]
    assert len(missed) <= (1 - HIDDEN_AT_LEAST) * len(secret), f"not hidden: {missed}"
    assert len(touched) <= (1 - UNTOUCHED_AT_LEAST) * len(ordinary), f"wrongly hidden: {touched}"


@pytest.mark.parametrize("name", CORPORA)
def test_a_second_time_changes_nothing(name: str) -> None:
    for line in corpus(name):
        once, _ = limits.line(line["text"], 1_000)
        assert limits.line(once, 1_000) == (once, 0)


def test_every_rule_is_whole_and_has_an_example() -> None:
    ids = [one.id for one in engine.RULES]
    assert len(set(ids)) == len(ids)
    assert set(EXAMPLES) == set(ids)
    for one in engine.RULES:
        assert re.fullmatch(r"[a-z0-9-]+", one.id)
        assert one.needs in CHECKS
        assert one.take in rule.TAKES
        assert (re2.compile(rule.expand(one.pattern), engine.options(engine.MEMORY_OF_ONE)).groups > 0) or one.take != "group"
        assert one.family
    assert {one.needs for one in engine.RULES} == set(CHECKS), "no check without a rule"


@pytest.mark.parametrize(("index", "one"), list(enumerate(engine.RULES)), ids=[one.id for one in engine.RULES])
def test_a_rule_finds_its_example_and_leaves_its_near_miss(index: int, one: rule.Rule) -> None:
    secret, near = (EXAMPLES[one.id][key].encode() for key in ("secret", "ordinary"))
    assert engine.of_rule(index, secret)[0]
    assert re2.search(rule.sign(one), secret, engine.options(engine.MEMORY_OF_ALL)), "what finds it first finds it too"
    assert engine.find(secret)
    assert not engine.of_rule(index, near)[0]


def test_what_rules_say_is_matched_in_linear_time() -> None:
    """By the engine: no rule is an expression of Python's `re`, which may go back."""
    assert {type(engine.expression(index)) for index in range(len(engine.RULES))} == {type(re2.compile("a"))}


def test_a_quota_that_is_a_secret_names_no_object() -> None:
    secret = "ghp_" + "a1B2" * 9
    message = f'pods "x" is forbidden: exceeded quota: {secret}, requested: pods=1, used: pods=3, limited: pods=3'
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "ReplicaSet", "name": "r", "namespace": "n"}}
    found = normalise(msgspec.convert(event | {"type": "Warning", "reason": "FailedCreate", "message": message}, Event))
    assert found is not None
    assert (found.kind, found.name) == ("ResourceQuota", redact.REDACTED)
    assert secret not in str(found)
