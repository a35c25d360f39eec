"""Back-off: growth, bound, jitter, reset."""

from kube9_operator.backoff import Backoff


def upper(_low: float, high: float) -> float:
    return high


def test_waits_grow_to_a_bound() -> None:
    backoff = Backoff(1.0, 60.0, uniform=upper)
    assert [backoff.next() for _ in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_reset_makes_the_next_wait_the_first() -> None:
    backoff = Backoff(0.1, 5.0, factor=3.0, uniform=upper)
    before = [backoff.next() for _ in range(3)]
    backoff.reset()
    assert [backoff.next() for _ in range(3)] == before


def test_jitter_shortens_a_wait_but_not_the_growth() -> None:
    backoff = Backoff(1.0, 60.0, uniform=lambda low, _high: low)
    assert [backoff.next() for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]
    waits = [Backoff(1.0, 60.0).next() for _ in range(200)]
    assert all(0.5 <= wait <= 1.0 for wait in waits)
    assert len(set(waits)) > 1


def test_jitter_can_be_turned_off() -> None:
    backoff = Backoff(0.1, 0.1, jitter=(1.0, 1.0))
    assert [backoff.next() for _ in range(5_000)] == [0.1] * 5_000
