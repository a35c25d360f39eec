"""The Event TTL, learned from Events that disappear."""

from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.watch import event_ttl
from kube9_operator.watch.errors import BrokenAnswer
from kube9_operator.watch.event_ttl import MOST_NAMESPACES, NEEDED, Estimate, EventTtl

HOUR = 3_600_000


def go(estimate: Estimate, namespaces: str, *ages: int) -> list[bool]:
    """Events of each of these namespaces (a letter each) go at these ages."""
    return [estimate.gone(namespace, age) for namespace in namespaces for age in ages]


def test_several_namespaces_that_agree_are_a_rule() -> None:
    estimate = Estimate(HOUR)
    assert estimate.early(1_800_000)
    assert not estimate.early(HOUR)
    assert not estimate.early(-5)
    ages = (100_000, 105_000, 101_000, 90_000, 104_000)
    assert go(estimate, "ab", *ages) == [False] * 10
    assert go(estimate, "c", *ages) == [False] * 4 + [True]
    assert estimate.ttl_ms == 105_000 - 5_250 - 3_000, "less what a shared lease and cut times may have added"


def test_a_ttl_is_never_nothing() -> None:
    estimate = Estimate(HOUR)
    go(estimate, "abc", *[0] * NEEDED)
    assert estimate.ttl_ms == 1_000


@given(st.lists(st.integers(0, HOUR - 1), max_size=100))
def test_one_namespace_says_nothing_of_the_cluster(ages: list[int]) -> None:
    estimate = Estimate(HOUR)
    assert not any(go(estimate, "a", *ages))
    go(estimate, "b", *ages)
    assert estimate.ttl_ms == HOUR


def test_it_recovers() -> None:
    estimate = Estimate(HOUR, known_ms=3_000)
    assert estimate.ttl_ms == 3_000, "as a database may say that was kept before several had to agree"
    assert estimate.gone("b", HOUR + 1_000)
    assert estimate.ttl_ms == HOUR
    go(estimate, "acd", *[3_000] * NEEDED)
    assert estimate.ttl_ms < HOUR, "three of four agree"
    assert go(estimate, "ef", HOUR) == [False, True]
    assert estimate.ttl_ms == HOUR, "three of six do not"


def test_what_namespaces_said_gives_way_to_what_they_say() -> None:
    estimate = Estimate(HOUR)
    go(estimate, "abc", *[3_000] * NEEDED)
    assert estimate.ttl_ms == 1_000
    go(estimate, "abc", *[600_000] * NEEDED)
    assert estimate.ttl_ms == 600_000 - 30_000 - 3_000


def test_it_is_bounded() -> None:
    estimate = Estimate(HOUR)
    for number in range(MOST_NAMESPACES + 100):
        estimate.gone(f"n{number}", HOUR)
    assert len(estimate._ages) == MOST_NAMESPACES


class Server:
    """An hour after the epoch, with namespaces of which those called `leaving` are being deleted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = True

    def server_now_ms(self) -> int:
        return HOUR

    def namespace_remains(self, namespace: str) -> bool:
        self.asked.append(namespace)
        if not self.answers:
            raise BrokenAnswer("silence")
        return not namespace.startswith("leaving")


def test_a_namespace_is_asked_for_once_and_one_that_goes_says_nothing() -> None:
    server = Server()
    estimate = Estimate(HOUR)
    known, asked = EventTtl(estimate, server), server.asked
    ago_20s = HOUR - 20_000
    assert known.learn([(name, ago_20s) for name in ("a", "b", "leaving", "leaving-too") for _ in range(100)]) == 0
    assert asked == ["a", "b", "leaving", "leaving-too"]
    assert known.learn([("c", ago_20s)] * 100) == 16_000 == estimate.ttl_ms
    assert known.learn([(f"n{number}", ago_20s) for number in range(1_000)]) == 0
    assert len(asked) == 5 + event_ttl.MOST_ASKED, "who makes a thousand namespaces costs no thousand requests"


def test_a_server_that_does_not_answer_is_asked_once_and_nothing_is_kept() -> None:
    """Twenty waits of half a minute would be taken for a watch that is stuck."""
    server = Server()
    server.answers = False
    known = EventTtl(Estimate(HOUR), server)
    gone = [(f"n{number}", HOUR - 20_000) for number in range(10) for _ in range(100)]
    assert known.learn(gone) == 0
    assert server.asked == ["n0"]
    server.answers = True
    assert known.learn(gone) > 0, "no answer is not taken for a namespace that has gone"
