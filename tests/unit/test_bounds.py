"""What one namespace may make grow: who reaches a bound is told, and takes nothing from others."""

import random
from collections.abc import Iterator
from unittest import mock

import msgspec
import pytest

from kube9_operator.model.observation import hash64
from kube9_operator.model.tally import LIMITED, MOST_NAMESPACE_LABELS, OTHER, Tally
from kube9_operator.write.events import bounds
from kube9_operator.write.events.shares import cut_level
from tests.bench.database import observations
from tests.kept import Kept, kept


@pytest.fixture(name="kept")
def writer() -> Iterator[Kept]:
    with kept() as one:
        yield one


@pytest.fixture
def clock() -> mock.Mock:
    with mock.patch.object(bounds.time, "monotonic", return_value=1_000.0) as one:
        yield one


def test_a_namespace_that_has_used_its_allowance_takes_nothing_from_others(clock: mock.Mock) -> None:
    tally = Tally()
    one = bounds.Bounds(16 * 2**20, tally)
    most = 16 * 2**20 // bounds.WORDS_PART
    assert sum(one.may_add("flood", 100) for _ in range(2_000)) == most // 100
    assert one.may_add("shop", 100)
    assert one.reasons() == [f"namespace flood: {bounds.SAID[bounds.WORDS]}"]
    assert tally.report().counts[LIMITED] == {("flood", "words"): 2_000 - most // 100}
    clock.return_value += bounds.WORDS_SECONDS / 2
    assert sum(one.may_add("flood", 100) for _ in range(2_000)) in (most // 200, most // 200 + 1)
    clock.return_value += bounds.LASTS_SECONDS
    assert one.reasons() == []


def test_what_was_rolled_back_is_not_charged(clock: mock.Mock) -> None:
    """A full disk has the same batch tried again for hours."""
    one = bounds.Bounds(16 * 2**20)
    for _ in range(3):
        assert one.may_add("shop", bounds.WORDS_LEAST_BYTES), "all that it may have"
        one.rolled_back()
    assert one.may_add("shop", bounds.WORDS_LEAST_BYTES)
    one.committed()
    one.rolled_back()
    assert not one.may_add("shop", 1), "what was committed stays charged"


def test_names_are_bounded_and_printable(clock: mock.Mock) -> None:
    tally = Tally()
    one = bounds.Bounds(16 * 2**20, tally)
    for number in range(300):
        name = f"{number}\x1b[2J\u202e\n" + 500 * "x"
        for _ in range(bounds.LINES + 1):
            one.may_log(name)
    assert one.reasons() == [], "all is recorded as it came"
    (said,) = one.notes()
    assert said.isprintable()
    assert len(said) < 600
    assert f"and {300 - bounds.MOST_NAMED} more" in said
    labels = {namespace for namespace, _ in tally.report().counts[LIMITED]}
    assert len(labels) == MOST_NAMESPACE_LABELS + 1
    assert all(label.isprintable() and len(label) <= bounds.MOST_CHARACTERS for label in labels)
    assert tally.report().counts[LIMITED][OTHER, bounds.LOG_LINES] == 300 - MOST_NAMESPACE_LABELS


def test_memory_for_namespaces_is_bounded() -> None:
    one = bounds.Allowance(10, 100.0)
    assert one.take("flood", 10, 0.0)
    for number in range(3 * bounds.MOST_NAMESPACES):
        one.take(f"n{number}", 1, 0.0)
    assert len(one._used) <= bounds.MOST_NAMESPACES
    assert not one.take("flood", 1, 0.0), "who used most is not forgotten"


@pytest.mark.parametrize("seed", range(200))
def test_the_largest_are_cut_to_one_level(seed: int) -> None:
    chance = random.Random(seed)
    sizes = sorted((int(chance.expovariate(0.001)) + 1 for _ in range(chance.randint(1, 30))), reverse=True)
    wanted = chance.randint(1, sum(sizes))
    level = cut_level(sizes, wanted)
    freed = sum(size - level for size in sizes if size > level)
    assert wanted <= freed <= wanted + len(sizes)
    assert cut_level(sizes, sum(sizes) + 1) == 0


def test_what_a_namespace_may_not_add_is_recorded_and_the_accounting_balances(
    kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    """Warnings with new reasons, some of them with a secret: each is an event, the writer tells, the log is short."""
    (pattern,) = observations(1)
    coming = 3_000
    flood = [
        msgspec.structs.replace(
            pattern,
            event_type=0,
            namespace="flood",
            uid=str(n),
            key=n,
            contributor=hash64("flood", str(n)),
            reason=f"Reason{n}{200 * 'x'}",
            kind=f"Kind{n}{200 * 'x'}",
            redacted=1,
        )
        for n in range(coming)
    ]
    kept.hears(*flood)
    assert kept.accounting("events") == {"received": coming, "stored": coming}
    found = kept.events()
    assert len(found) == coming
    assert {one["metadata"].get("reason", one["reason"]) for one in found} == {one.reason for one in flood}
    assert {one["metadata"].get("original_kind", one["kind"]) for one in found} == {one.kind for one in flood}
    assert sum(one["reason"] == OTHER for one in found) > coming // 4
    reported = kept.writer._report()
    assert (len(reported.limited), len(reported.notes)) == (1, 1)
    lines = capfd.readouterr().out.splitlines()
    assert sum("event.redacted" in line for line in lines) == bounds.LINES
    assert len(lines) == bounds.LINES + 2
    kept.hears(*flood)
    assert kept.accounting("events") == {"received": 2 * coming, "stored": coming, "unchanged": coming}
