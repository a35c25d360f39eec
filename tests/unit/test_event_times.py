"""Times of Events: what an emitter says, held against the API server's own clock, in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.watch.event_times import MAX_AHEAD_MS, SKEW_MS, Clock, Times, judge

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_795_000_000_000
MADE = NOW - 10 * MINUTE


def test_what_agrees_with_the_server_is_kept() -> None:
    clock = Clock(MADE, (MADE, NOW - MINUTE), NOW)
    assert judge(MADE, NOW - MINUTE, 7, clock) == Times(MADE, NOW - MINUTE)
    assert judge(MADE - 900, NOW - MINUTE + MAX_AHEAD_MS, 7, clock) == Times(MADE - 900, NOW - MINUTE + MAX_AHEAD_MS)
    assert judge(MADE - HOUR + 9 * MINUTE, NOW - MINUTE - HOUR, 7, clock).last_replaced is False, "exactly the Event TTL"


def test_a_first_time_may_be_older_than_the_object() -> None:
    """A recorder whose Event has expired writes it anew, with the count and the first time that it had."""
    assert judge(MADE - 3 * DAY, MADE, 57, Clock(MADE, (MADE,), NOW)) == Times(MADE - 3 * DAY, MADE)


@pytest.mark.parametrize("off", [-30 * DAY, -2 * HOUR, 10 * MINUTE, 400 * DAY])
@pytest.mark.parametrize("count", [1, 57])
@pytest.mark.parametrize("writes", [(), (MADE,)])
def test_a_wrong_clock_gives_the_time_of_the_server(off: int, count: int, writes: tuple[int, ...]) -> None:
    clock = Clock(MADE, writes, MADE + 500)
    assert judge(MADE + off, MADE + off, count, clock) == Times(MADE, MADE, True, True)


def test_a_first_time_that_is_older_is_not_believed_if_the_last_one_is_wrong() -> None:
    clock = Clock(MADE, (MADE + MINUTE,), NOW)
    assert judge(MADE - 3 * DAY, MADE - 2 * DAY, 4, clock) == Times(MADE, MADE + MINUTE, True, True)
    assert judge(MADE - 3 * DAY, NOW + DAY, 4, clock) == Times(MADE, MADE + MINUTE, True, True)
    assert judge(MADE - 900, NOW + DAY, 4, clock) == Times(MADE - 900, MADE + MINUTE, False, True), "as old as it should be"


def test_the_event_ttl_is_the_bound_in_the_past() -> None:
    clock = Clock(MADE, (MADE,), NOW)
    assert judge(MADE - 2 * HOUR, MADE - 2 * HOUR, 1, clock, 3 * HOUR) == Times(MADE - 2 * HOUR, MADE - 2 * HOUR)
    assert judge(MADE - 2 * HOUR, MADE - 2 * HOUR, 1, clock, HOUR).last_ms == MADE


def test_a_time_in_managed_fields_ahead_of_the_servers_date_does_not_count() -> None:
    assert Clock(MADE, (NOW + SKEW_MS + 1,), NOW).written_ms() == MADE
    assert Clock(MADE, (NOW + SKEW_MS,), NOW).written_ms() == NOW, "another API server's clock"
    assert Clock(MADE, (NOW + DAY,)).written_ms() == NOW + DAY, "nobody knows the server's Date"


def test_without_a_word_of_the_server_the_emitter_is_believed() -> None:
    assert judge(5, 3, 1, Clock(0)) == Times(5, 5)


moments = st.integers(min_value=0, max_value=NOW + 1_000 * DAY)
served = st.integers(min_value=NOW - 10 * DAY, max_value=NOW)
clocks = st.builds(
    lambda made, later, now: Clock(made, tuple(min(made + one, NOW + 2 * HOUR) for one in later), max(made, now)),
    served,
    st.lists(st.integers(min_value=0, max_value=DAY), max_size=3),
    served,
)
counts = st.integers(min_value=1, max_value=100)
lives = st.integers(min_value=10 * MINUTE, max_value=DAY)


@given(moments, moments, counts, clocks, lives)
def test_no_time_is_far_from_the_server(first: int, last: int, count: int, clock: Clock, ttl: int) -> None:
    found = judge(first, last, count, clock, ttl)
    assert found.first_ms <= found.last_ms
    assert clock.written_ms() - ttl <= found.last_ms <= clock.now_ms + MAX_AHEAD_MS
    assert found.first_ms <= clock.created_ms + MAX_AHEAD_MS


@given(moments, moments, counts, clocks, lives)
def test_what_was_judged_once_is_not_replaced_again(first: int, last: int, count: int, clock: Clock, ttl: int) -> None:
    once = judge(first, last, count, clock, ttl)
    again = judge(once.first_ms, once.last_ms, count, clock, ttl)
    assert (again.first_ms, again.last_ms) == (once.first_ms, once.last_ms)


@given(st.integers(-SKEW_MS, SKEW_MS), counts, st.integers(0, 10 * DAY), clocks, lives)
def test_a_right_clock_is_believed(off: int, count: int, older: int, clock: Clock, ttl: int) -> None:
    written = clock.written_ms()
    first, last = clock.created_ms - older, max(written + off, clock.created_ms - older)
    found = judge(first, last, count, clock, ttl)
    assert (found.first_ms, found.last_ms) == (first, last)
    assert not found.first_replaced
    assert not found.last_replaced


@given(st.integers(MAX_AHEAD_MS + 1, 1_000 * DAY), st.booleans(), clocks, lives)
def test_a_clock_that_is_off_gives_the_time_of_the_server(off: int, behind: bool, clock: Clock, ttl: int) -> None:
    written = clock.written_ms()
    said = written - ttl - off if behind else max(written, clock.now_ms) + off
    found = judge(said, said, 1, clock, ttl)
    assert (found.last_ms, found.last_replaced) == (written, True)
    # A first time that fits the creation may be right: the count rose long after it.
    fits = clock.created_ms - SKEW_MS <= said <= min(clock.created_ms + MAX_AHEAD_MS, written)
    assert (found.first_ms, found.first_replaced) == ((said, False) if fits else (min(clock.created_ms, written), True))
