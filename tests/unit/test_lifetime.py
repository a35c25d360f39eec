"""How long Events are taken to live."""

from kube9_operator.watch.lifetime import Lifetime


def test_five_that_go_early_are_a_rule() -> None:
    life = Lifetime(3_600_000)
    assert life.early(1_800_000)
    assert not life.early(3_600_000)
    assert not life.early(-5)
    assert [life.gone(age) for age in (100_000, 105_000, 101_000, 90_000)] == [False] * 4
    assert life.gone(104_000)
    assert life.life_ms == 105_000 - 5_250 - 3_000, "less what a shared lease and cut times may have added"


def test_a_life_is_never_nothing() -> None:
    life = Lifetime(3_600_000)
    assert [life.gone(0) for _ in range(5)] == [False] * 4 + [True]
    assert life.life_ms == 1_000
