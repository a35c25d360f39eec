"""For which time a window holds everything, and what is said if it does not. Pure."""

from collections.abc import Collection

from kube9_operator.analyze.model import WINDOW_MS, Window
from kube9_operator.analyze.wording import clock
from kube9_schema.intervals import CONFIRMATION_SECONDS

TAIL_MS = int(CONFIRMATION_SECONDS * 1000)
OF_PODS = ("events", "pods")
"""What failures of pods are seen by: Events, and the states of pods."""


def gaps(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """The times in [since, until) in which any of these sources may have missed something, in order.

    A watch is confirmed every minute or so: what is not confirmed for a shorter time than TAIL_MS is no gap yet.
    """
    return [(begin, end) for begin, end in _touching(window, sources, since_ms, until_ms) if not _is_tail(window, begin, end)]


def covers(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> bool:
    """Whether the record had begun, and nothing of these sources is missing in [since, until)."""
    if window.begin_ms > since_ms or gaps(window, sources, since_ms, until_ms):
        return False
    return _covered_before(window, sources, since_ms, until_ms)


def missed_ms(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> int:
    """How long of [since, until) is missing at the most."""
    return sum(min(end, until_ms) - max(begin, since_ms) for begin, end in gaps(window, sources, since_ms, until_ms))


def confirmed_ms(window: Window, sources: Collection[str]) -> int:
    """Until when all of these sources are confirmed: now, or where a gap begins that goes on."""
    going_on = [begin for begin, end in _touching(window, sources, 0, window.now_ms + 1) if end >= window.now_ms]
    return min(going_on, default=window.now_ms)


def missing(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> list[str]:
    """Sentences about what is missing of a time."""
    said = [f"The record begins {clock(window.begin_ms)}; nothing is known before."] if window.begin_ms > since_ms else []
    found = gaps(window, sources, max(since_ms, window.begin_ms), until_ms)
    if found:
        said.append(f"Not everything was watched between {clock(found[0][0])} and {clock(max(end for _, end in found))}.")
    from_ms = max(since_ms, window.begin_ms)
    if not _covered_before(window, sources, from_ms, until_ms):
        said.append(f"Not everything since {clock(from_ms)} is recorded.")
    return said


def _covered_before(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> bool:
    """Whether nothing is missing in the part of [since, until) that lies before the window, whose gaps do not tell of it."""
    until_ms = min(until_ms, window.now_ms - WINDOW_MS)
    return since_ms >= until_ms or all(window.history.covers(source, since_ms, until_ms) for source in sorted(sources))


def _touching(window: Window, sources: Collection[str], since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    found = {
        (begin_ms, end_ms)
        for source in sources
        for begin_ms, end_ms in window.gaps.get(source, ())
        if begin_ms < until_ms and end_ms > since_ms
    }
    return sorted(found)


def _is_tail(window: Window, begin_ms: int, end_ms: int) -> bool:
    return end_ms >= window.now_ms and window.now_ms - begin_ms < TAIL_MS
