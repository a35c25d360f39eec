"""A container in a crash loop, or a rollout without progress, for long."""

from collections.abc import Iterator

from kube9_operator.analyze import failures, found
from kube9_operator.analyze.changes import is_of
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import FAILS, STUCK, Failure
from kube9_operator.analyze.model import CRASH_QUIET_MS, EFFECT, Finding, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS, continuous, last_spell
from kube9_operator.analyze.wording import clock, counted, duration, listed, named, place, quoted, resource
from kube9_operator.model import rows
from kube9_operator.model.resource_states import Pod, Workload

RULE = "stuck"
LOOP_MS = 16 * MINUTE_MS
"""Between two ends in a crash loop: up to five minutes of back-off, which begins again after ten minutes of running."""
JOBS = ("Job", "CronJob")
"""They retry by design, and give up by themselves."""


def stuck(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container and class of end, and for each rollout."""
    groups: dict[tuple[Ref, str, str], list[Failure]] = {}
    failing: dict[Ref, list[Failure]] = {}
    rollouts = []
    for one in failures.failures(window.records, (*FAILS, STUCK)):
        if one.kind == STUCK:
            rollouts.append(one)
            continue
        failing.setdefault(one.record.owner, []).append(one)
        if one.record.reason == rows.CRASH_LOOP_REASON and one.record.owner.kind not in JOBS:
            groups.setdefault(one.group, []).append(one)
    for (owner, container, cause), group in sorted(groups.items(), key=repr):
        if not _wants_none(window, owner):
            yield from _crash_loop(window, thresholds, owner, container, cause, group)
    for one in rollouts:
        if not _wants_none(window, one.record.object):
            yield from _rollout(window, thresholds, one, failing.get(one.record.owner, []))


def _crash_loop(
    window: Window, thresholds: Thresholds, owner: Ref, container: str, cause: str, group: list[Failure]
) -> Iterator[Finding]:
    loops = [one for one in group if _is_looping(window, thresholds, one)]
    moments = [moment for one in group for moment in _moments(one)] + [window.now_ms for _ in loops]
    spell = last_spell(moments, LOOP_MS)
    group = [one for one in group if one.last_ms >= spell[0]]
    first_ms, last_ms = spell[0], window.now_ms if loops else max(one.last_ms for one in group)
    lasted_ms = last_ms - first_ms
    if lasted_ms < thresholds.stuck_warning_s * SECOND_MS:
        return
    is_long = lasted_ms >= thresholds.stuck_error_s * SECOND_MS
    pods, latest = failures.pods(group), max(group, key=lambda one: (one.last_ms, one.record.id))
    what = f"Container {container} of {named(owner)}"
    states = [state for pod in pods if isinstance(state := window.states.of(pod), Pod)]
    stable = not loops and bool(states) and not any(_waits(state, container) for state in states)
    option = f" -c {container}" if container else ""
    yield Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=cause,
        severity="error" if is_long else "warning",
        title=f"{named(owner)}: container {container} is in a crash loop: {cause}",
        text=f"{what} has been in a crash loop since {clock(first_ms)}, for {duration(lasted_ms)}, "
        f"in {counted(len(pods), 'pod')}. Its last end was: {quoted(latest.record.cause)}.",
        recommendation=f"Read the log of the last run: kubectl logs --previous pod/{pods[-1].name}{place(pods[-1])}{option}.",
        object=owner,
        evidence=found.evidence(EFFECT, (one.record for one in group)),
        figures={"ends": failures.total(group), "pods": len(pods), "seconds": lasted_ms // SECOND_MS},
        first_ms=first_ms,
        last_ms=last_ms,
        ended=found.ended(window, owner, stable or found.replaced(window, owner, group, thresholds.stuck_stable_s)),
        quiet_ms=CRASH_QUIET_MS,
        unknown=missing(window, OF_PODS, first_ms, window.now_ms),
    )


def _moments(one: Failure) -> list[int]:
    """When it was in its loop: no two of these are further apart than the loop allows if it ended often enough between them.

    Of one exit code among several only the first and the last time are recorded. In between, the container ended with another.
    """
    ended = continuous(one.record, LOOP_MS)
    return [one.first_ms, *(moment for moment in ended if one.first_ms < moment < one.last_ms), one.last_ms]


def _rollout(window: Window, thresholds: Thresholds, one: Failure, failing: list[Failure]) -> Iterator[Finding]:
    deployment = one.record.object
    state = window.states.of(deployment)
    since_ms = (state.stuck_since_ms if isinstance(state, Workload) else 0) or max(at for at, _ in one.record.occurrences)
    lasts = failures.goes_on(window, one)
    last_ms = window.now_ms if lasts else one.last_ms
    if last_ms - since_ms < thresholds.stuck_rollout_s * SECOND_MS:
        return
    recent = [each for each in failing if each.last_ms >= since_ms and is_of(each.record, deployment)]
    classes = listed([each.cause for each in recent])
    why = f"Its pods failed meanwhile: {classes}" if classes else "Nothing was recorded of its pods that would say why"
    yield Finding(
        rule=RULE,
        owner=deployment,
        cause="rollout stuck",
        severity=found.worst([one.record]),
        title=f"{named(deployment)}: rollout without progress",
        text=f"The rollout of {named(deployment)} has made no progress since {clock(since_ms)}, "
        f"for {duration(last_ms - since_ms)}. {why}.",
        recommendation=f"Look at its pods, or go back: kubectl rollout undo {resource(deployment)}.",
        object=deployment,
        evidence=found.evidence(EFFECT, [one.record, *(each.record for each in recent)]),
        figures={"seconds": (last_ms - since_ms) // SECOND_MS, "pods_failing": len(failures.pods(recent)), "causes": classes},
        first_ms=since_ms,
        last_ms=last_ms,
        ended=found.ended(window, deployment, recovered=not lasts and isinstance(state, Workload) and not state.stuck_since_ms),
        unknown=missing(window, ("deployments", *OF_PODS), since_ms, window.now_ms),
    )


def _is_looping(window: Window, thresholds: Thresholds, one: Failure) -> bool:
    """Whether a container waits in its loop, or has not run for long enough to be out of it."""
    state = window.states.of(one.record.object)
    if failures.goes_on(window, one):
        return True
    is_there = isinstance(state, Pod) and not state.never and not window.states.is_gone(one.record.object)
    return is_there and window.now_ms - one.last_ms < thresholds.stuck_stable_s * SECOND_MS


def _waits(pod: Pod, container: str) -> bool:
    """Whether a container waits in a crash loop, after whatever exit code."""
    return any(one.waiting_reason == rows.CRASH_LOOP_REASON and container in ("", one.name) for one in pod.containers)


def _wants_none(window: Window, owner: Ref) -> bool:
    state = window.states.of(owner)
    return isinstance(state, Workload) and not state.replicas
