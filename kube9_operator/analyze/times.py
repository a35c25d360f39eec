"""When an event happened, as far as its record says: each time, how many in a time, and the latest spell of them. Pure."""

import bisect
import itertools
from collections.abc import Iterable, Sequence

from kube9_operator.analyze.model import Record

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
SPELL_MS = 80 * MINUTE_MS
"""Evidence that comes again later is of another episode: quiet for 10 minutes, resolved 10 later, 60 to be reopened."""
MOST_AT_ONCE = 100
"""Times that one rise of a count stands for. More would be told apart by nothing but our division."""


def latest(moment_ms: int) -> int:
    """The latest time that a recorded one can stand for: a whole second of the API server is any time within this second."""
    return moment_ms if moment_ms % SECOND_MS else moment_ms + SECOND_MS - 1


def steps(record: Record) -> list[tuple[int, int]]:
    """The record's times with the counts up to then, beginning before its first occurrence."""
    found = sorted(record.occurrences) or [(record.last_ms, record.count)]
    return [(min(record.first_ms, found[0][0]), 0), *found]


def times(record: Record, since_ms: int = 0) -> list[int]:
    """When it occurred. A count that rose by several says nothing in between, so these are spread over their interval."""
    found: list[int] = []
    before_ms, before = 0, 0
    for at, (now_ms, count) in enumerate(steps(record)):
        rise = min(count - before, MOST_AT_ONCE)
        if at == 1 and rise > 1:  # the first of them is the record's first time
            found.append(before_ms)
            rise -= 1
        found += [before_ms + (now_ms - before_ms) * one // rise for one in range(1, rise + 1)]
        before_ms, before = now_ms, count
    return [one for one in found if one >= since_ms]


def continuous(record: Record, apart_ms: int) -> list[int]:
    """When it occurred, without a longer gap where a count rose at least so often that there need be none."""
    found: list[int] = []
    for (before_ms, before), (now_ms, count) in itertools.pairwise(steps(record)):
        if (count - before) * apart_ms >= now_ms - before_ms:
            found += range(before_ms, now_ms, apart_ms)
        found.append(now_ms)
    return found


def count_between(record: Record, since_ms: int, until_ms: int) -> float:
    """How often it occurred in [since, until). A rise is spread evenly over its interval; one at a moment counts there."""
    found, total = steps(record), 0.0
    for (before_ms, before), (now_ms, count) in itertools.pairwise(found):
        if count <= before:
            continue
        if now_ms == before_ms or count == before + 1:
            total += (count - before) * (since_ms <= now_ms < until_ms)
            continue
        inside = min(now_ms, until_ms) - max(before_ms, since_ms)
        total += (count - before) * max(0, inside) / (now_ms - before_ms)
    return total


def last_spell(moments: Iterable[int], gap_ms: int = SPELL_MS) -> list[int]:
    """Of ascending moments the latest ones without a longer gap between two of them."""
    found: list[int] = []
    for moment in sorted(moments):
        if found and moment - found[-1] > gap_ms:
            found = []
        found.append(moment)
    return found


def densest(moments: Sequence[int], span_ms: int) -> tuple[int, int]:
    """Of ascending moments how many the fullest time of a length holds, and when the latest such time begins."""
    most, begin_ms = 0, 0
    for at, moment in enumerate(moments):
        inside = bisect.bisect_right(moments, moment + span_ms) - at
        if inside >= most:
            most, begin_ms = inside, moment
    return most, begin_ms
