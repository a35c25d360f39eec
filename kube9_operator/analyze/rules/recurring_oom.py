"""A container that is killed for memory again and again."""

import itertools
from collections.abc import Iterator
from statistics import median

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import CONFIGURATION
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import MEMORY, Failure
from kube9_operator.analyze.model import CRASH_QUIET_MS, EFFECT, OPTIMIZATION, Finding, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import DAY_MS, SECOND_MS
from kube9_operator.analyze.wording import clock, counted, duration, named, place, resource

RULE = "recurring-oom"
MOST_INTERVALS = 5
"""Times between kills that are shown, the latest ones."""


def recurring_oom(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container and memory limit. Pods that are gone count."""
    groups: dict[tuple[Ref, str], list[Failure]] = {}
    for one in failures.failures(window.records, (MEMORY,)):
        if not one.retold:
            groups.setdefault((one.record.owner, one.record.container), []).append(one)
    limits_changed = _limits_changed(window)
    for (owner, container), group in sorted(groups.items(), key=repr):
        latest = max(group, key=lambda one: (one.last_ms, one.record.id))
        limit = str(latest.record.metadata.get("memory_limit", ""))
        before_ms = [moment for moment in limits_changed.get((owner, container), []) if moment <= latest.last_ms]
        since_ms = max(window.now_ms - thresholds.oom_within_s * SECOND_MS, *before_ms, 0)
        group = [one for one in group if str(one.record.metadata.get("memory_limit", "")) == limit]
        kills = sorted(moment for one in group for moment in one.moments(since_ms))
        if len(kills) >= thresholds.oom_kills:
            is_changed = len(limits_changed.get((owner, container), [])) > len(before_ms)
            yield _finding(window, owner, container, limit, group, kills, is_changed)


def _limits_changed(window: Window) -> dict[tuple[Ref, str], list[int]]:
    """When the memory limit of each container was changed: kills before say nothing about the new one."""
    moments: dict[tuple[Ref, str], list[int]] = {}
    for change in changes.changes(window.records):
        for path in changes.paths(change) if change.what == CONFIGURATION else ():
            before, _, rest = path.partition("].resources")
            if rest and (not rest.strip(".") or rest.endswith("limits.memory")):
                for ref in {change.of, change.record.owner}:
                    moments.setdefault((ref, before.rpartition("[")[2]), []).append(change.last_ms)
    return moments


def _finding(
    window: Window, owner: Ref, container: str, limit: str, group: list[Failure], kills: list[int], is_changed: bool
) -> Finding:
    group = [one for one in group if one.last_ms >= kills[0]]
    records = [one.record for one in group]
    pods = failures.pods(group)
    uptimes = _between(group, kills[0])
    what = f"Container {container} of {named(owner)}"
    how = f"killed at its memory limit of {limit}" if limit else "killed because its node ran out of memory; it has no limit"
    shown = ", ".join(duration(one) for one in uptimes[-MOST_INTERVALS:])
    last_ms = window.now_ms if any(failures.goes_on(window, one) for one in group) else kills[-1]
    if limit:
        advice = (
            f"Raise the limit if the container needs more, or look for what grows: kubectl top pod --containers{place(owner)}."
        )
    else:
        advice = f"Give the container a memory request and limit, and look at its node: kubectl describe {resource(owner)}."
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=f"{failures.KILLED} at {limit}" if limit else f"{failures.KILLED} without a limit",
        category=OPTIMIZATION,
        severity=found.worst(records),
        title=f"{named(owner)}: container {container} is killed for memory again and again",
        text=f"{what} was {how}: {len(kills)} times since {clock(kills[0])}, in {counted(len(pods), 'pod')}. "
        + (f"Between two kills of a pod it ran for {shown} at most." if shown else "Each pod was killed once."),
        recommendation=advice,
        object=owner,
        evidence=found.evidence(EFFECT, records),
        figures={
            "kills": len(kills),
            "memory_limit": limit,
            "pods": len(pods),
            "uptimes_seconds": [one // 1000 for one in uptimes],
        },
        first_ms=kills[0],
        last_ms=last_ms,
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=CRASH_QUIET_MS if is_changed else _quiet_ms(kills),
        unknown=missing(window, OF_PODS, kills[0], window.now_ms),
    )


def _between(group: list[Failure], since_ms: int) -> list[int]:
    """The times between two kills of one pod, in the order of the kills. The container was down for a part of each."""
    found = []
    for one in group:
        moments = one.moments(since_ms)
        found += [(after, after - before) for before, after in itertools.pairwise(moments) if after > before]
    return [length for _, length in sorted(found)]


def _quiet_ms(kills: list[int]) -> int:
    """Twice the usual time between two kills."""
    usual = median(after - before for before, after in itertools.pairwise(kills))
    return int(min(max(2 * usual, CRASH_QUIET_MS), DAY_MS))
