"""A container that ends again and again after the same time."""

import itertools
from collections.abc import Iterator
from statistics import median

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import IMAGE
from kube9_operator.analyze.failures import CRASH, MEMORY
from kube9_operator.analyze.model import EFFECT, WINDOW_MS, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS
from kube9_operator.analyze.wording import clock, duration, named, resource

RULE = "metronome"
RECENT_MS = 30 * MINUTE_MS
"""Only a container that ended within this time is looked at: the past is asked for each. It stays active until the next end."""
SAME_MS = MINUTE_MS
"""A kill for memory and the restart after it are one end."""
MOST_OLDER = 200
WHOLE = 100
PODS = "pods"


def metronome(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container."""
    ended: dict[tuple[Ref, str], set[Ref]] = {}
    for one in failures.failures(window.records, (CRASH, MEMORY)):
        if one.record.object.kind == "Pod" and one.last_ms >= window.now_ms - RECENT_MS:
            ended.setdefault((one.record.owner, one.record.container), set()).add(one.record.object)
    for (owner, container), pods in sorted(ended.items(), key=repr):
        since_ms = window.now_ms - thresholds.metronome_lookback_s * SECOND_MS
        older = window.history.of_owner(owner, since_ms, window.now_ms - WINDOW_MS, MOST_OLDER)
        mine = {one.id: one for one in (*older, *(one for one in window.records if one.owner == owner))}
        of_pods = {pod: [one for one in mine.values() if one.object == pod and one.container == container] for pod in pods}
        runs = [(_run(thresholds, records), records) for records in of_pods.values()]
        deaths, records = max(runs, key=lambda one: (len(one[0]), one[0]))
        if len(deaths) < thresholds.metronome_deaths or not window.history.covers(PODS, deaths[0], deaths[-1]):
            continue
        records = [one for one in records if one.last_ms >= deaths[0] and failures.failures_of(one)]
        images = [one for one in changes.changes(mine.values()) if one.what == IMAGE and one.last_ms < deaths[0]]
        yield _finding(window, owner, container, records, deaths, changes.values(images[-1], "")[1] if images else "")


def _run(thresholds: Thresholds, records: list[Record]) -> list[int]:
    """The latest ends of a container that are the same time apart."""
    deaths = _deaths(records)
    even = _even(thresholds, [after - before for before, after in itertools.pairwise(deaths)])
    return deaths[len(deaths) - len(even) - 1 :]


def _deaths(records: list[Record]) -> list[int]:
    """When a container ended, each time once."""
    found_so: list[int] = []
    for moment in sorted(moment for record in records for one in failures.failures_of(record) for moment in one.moments()):
        if not found_so or moment - found_so[-1] > SAME_MS:
            found_so.append(moment)
    return found_so


def _even(thresholds: Thresholds, lengths: list[int]) -> list[int]:
    """The latest of these times that differ by no more than so much from each other."""
    even: list[int] = []
    for length in reversed(lengths):
        shortest, longest = min([*even, length]), max([*even, length])
        if shortest < thresholds.metronome_least_s * SECOND_MS:
            break
        if (longest - shortest) * WHOLE > thresholds.metronome_percent * longest:
            break
        even.append(length)
    return even


def _finding(window: Window, owner: Ref, container: str, records: list[Record], deaths: list[int], image: str) -> Finding:
    usual = int(median(after - before for before, after in itertools.pairwise(deaths)))
    latest = max(records, key=lambda one: (one.last_ms, one.id))
    what = f"Container {container} of {named(owner)}"
    since = f"since {image}" if image else f"since {clock(deaths[0])}"
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause="ends after the same time",
        severity=found.worst(records),
        title=f"{named(owner)}: container {container} ends every {duration(usual)}",
        text=f"{what} has ended every {duration(usual)} {since}, {len(deaths)} times. Its last end was: {latest.cause}.",
        recommendation=f"Look for what happens then, such as a leak, a lease or a token that expires: kubectl logs --previous "
        f"{resource(latest.object)} -c {container}.",
        object=owner,
        evidence=found.evidence(EFFECT, records),
        figures={"ends": len(deaths), "every_seconds": usual // SECOND_MS, "since": image},
        first_ms=deaths[0],
        last_ms=deaths[-1],
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=2 * usual,
    )
