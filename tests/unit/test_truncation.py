"""That metadata were truncated is logged once for each kind of object."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kube9_operator.text import limits, truncation
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.kinds import events
from tests.unit.api import Logged
from tests.unit.test_events import event


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    truncation._said.clear()
    logged = Logged()
    monkeypatch.setattr(truncation.logs, "get", lambda: logged)
    yield logged
    truncation._said.clear()


def said(log: Logged) -> list[Any]:
    return [line for line in log.lines if "metadata.truncated" in line]


def test_once_for_each_kind(log: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what Events say no value is long enough; users' rules may read more."""
    cut, _ = limits.metadata({"a": "x" * 20_000})
    normalise = events.observations.normalise
    monkeypatch.setattr(
        events.observations, "normalise", lambda *given: msgspec.structs.replace(normalise(*given), metadata=cut)
    )
    batch = Batch()
    for number in range(40):
        about = {"kind": ("Pod", "Job")[number % 2], "namespace": "shop", "name": f"x{number}", "uid": "u"}
        events.take(msgspec.Raw(json.dumps(event(involvedObject=about)).encode()), batch)
    assert len(batch.observations) == 40
    assert [(level, fields["kind"]) for level, name, fields in log.lines if name == "metadata.truncated"] == [
        ("warning", "Pod"),
        ("warning", "Job"),
    ]


def test_the_mark_is_what_the_limit_leaves() -> None:
    cut, _ = limits.metadata({"a": "x" * 20_000, "b": 1})
    assert limits.TRUNCATED in cut


def test_kinds_are_bounded_and_shown_plainly(log: Logged) -> None:
    cut, _ = limits.metadata({"a": "x" * 20_000})
    truncation.note("Pod", "{}")
    for number in range(500):
        truncation.note(f"Kind\x1b{number}", cut)
        truncation.note(f"Kind\x1b{number}", cut)
    assert len(said(log)) == truncation.MAX_KINDS
    assert not any("\x1b" in str(line) for line in said(log))
