"""A CronJob of which one run after the other fails or is skipped."""

import itertools
import re
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from kube9_operator.analyze import failures, found
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.failures import CRASH, MEMORY
from kube9_operator.analyze.model import EFFECT, WINDOW_MS, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS, times
from kube9_operator.analyze.wording import clock, named, place, quoted
from kube9_operator.model.resource_states import CronJob

RULE = "cronjob"
FAILED = frozenset(
    ("BackoffLimitExceeded", "DeadlineExceeded", "MaxFailedIndexesExceeded", "FailedIndexes", "PodFailurePolicy")
)
ACTIVE = "JobAlreadyActive"
SKIPPED = frozenset((ACTIVE, "MissSchedule", "TooManyMissedTimes", "FailedNeedsStart", "FailedCreate"))
SCHEDULED = re.compile(r"-(\d{8})$")
"""The end of a Job's name: when it was due, in minutes since 1970 (getJobName in pkg/controller/cronjob)."""
MOST_OLDER = 200
UNEVEN = 1.5
NOT_KEPT = "No run that succeeded is kept, so that none succeeded in between follows only from the even times."


class Run(NamedTuple):
    """A run that failed, or was left out."""

    at_ms: int
    """When it was due."""
    record: Record


def cronjob(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each CronJob."""
    recent: dict[Ref, list[Record]] = {}
    for record in window.records:
        if record.owner.kind == "CronJob" and not record.owner.group and _is_bad(record):
            recent.setdefault(record.owner, []).append(record)
    for about, records in sorted(recent.items(), key=repr):
        state = window.states.of(about)
        if isinstance(state, CronJob) and (suspend := (state.parts or {}).get("spec.suspend")) and suspend.shown == "true":
            continue
        begin_ms = window.now_ms - WINDOW_MS
        older = window.history.of_owner(about, window.now_ms - thresholds.cronjob_lookback_s * SECOND_MS, begin_ms, MOST_OLDER)
        known = {record.id: record for record in (*records, *filter(_is_bad, older))}
        good = _good(window, about)
        bad = _runs(list(known.values()), good)
        if streak := _streak(bad, good):
            is_even = bool(good) or _is_even(streak)
            if len(streak) >= thresholds.cronjob_runs and is_even:
                yield _finding(window, about, streak, good)


def due_ms(job: str, otherwise_ms: int) -> int:
    """When the run of a Job was due, by its name. Another name, as of a run by hand, says nothing."""
    match = SCHEDULED.search(job)
    return int(match[1]) * MINUTE_MS if match else otherwise_ms


def _is_bad(record: Record) -> bool:
    return record.reason in (FAILED if record.object.kind == "Job" else SKIPPED if record.object.kind == "CronJob" else ())


def _good(window: Window, about: Ref) -> list[int]:
    """When the runs were due that succeeded, as far as their pods are kept."""
    return sorted(
        due_ms(pod.owner.name, pod.created_ms)
        for _, pod in window.states.pods_of(about)
        if pod.phase == "Succeeded" and pod.owner is not None
    )


def _runs(records: list[Record], good: list[int]) -> list[Run]:
    """The runs that failed or were left out, in order. One that was left out for a run that succeeded in the end is none."""
    failed = [Run(due_ms(one.object.name, one.first_ms), one) for one in records if one.object.kind == "Job"]
    begun = sorted([(one.at_ms, False) for one in failed] + [(moment, True) for moment in good])
    runs = list(failed)
    for record in records:
        if record.object.kind == "CronJob":
            for moment in times(record):
                before = [succeeded for at_ms, succeeded in begun if at_ms <= moment]
                if not (record.reason == ACTIVE and before and before[-1]):
                    runs.append(Run(moment, record))
    return sorted(runs, key=lambda one: (one.at_ms, one.record.id))


def _streak(bad: list[Run], good: list[int]) -> list[Run]:
    """The latest runs without one between them that succeeded."""
    if not bad:
        return []
    before = max((moment for moment in good if moment < bad[-1].at_ms), default=0)
    return [one for one in bad if one.at_ms > before]


def _is_even(streak: list[Run]) -> bool:
    lengths = [after.at_ms - before.at_ms for before, after in itertools.pairwise(streak)]
    return bool(lengths) and max(lengths) <= UNEVEN * max(min(lengths), MINUTE_MS)


def _finding(window: Window, about: Ref, streak: list[Run], good: list[int]) -> Finding:
    records = [one.record for one in streak]
    last = streak[-1].record
    skipped = sum(one.record.object.kind == "CronJob" for one in streak)
    ended = [one for one in failures.failures(window.records, (CRASH, MEMORY)) if one.record.owner == about]
    why = f"{ended[-1].record.cause}; {quoted(last.description)}" if ended else quoted(last.description)
    usual = median([after.at_ms - before.at_ms for before, after in itertools.pairwise(streak)])
    how = "was skipped" if skipped == len(streak) else "failed or was skipped" if skipped else "failed"
    recovered = any(moment > streak[-1].at_ms for moment in good)
    since_ms = streak[0].at_ms
    return Finding(
        rule=RULE,
        owner=about,
        cause="runs",
        severity=found.worst(records),
        title=f"{named(about)} {how} several times in a row",
        text=f"{named(about)} {how} {len(streak)} times in a row. The first of these runs was due at {clock(since_ms)}. "
        f"The last one: {why}.",
        recommendation=f"Look at its Jobs and their logs: kubectl get jobs{place(about)}; kubectl logs job/{last.object.name}"
        f"{place(about)}."
        if last.object.kind == "Job"
        else f"Look at its Jobs: kubectl get jobs{place(about)}.",
        object=about,
        evidence=found.evidence(EFFECT, [*records, *(one.record for one in ended[-1:])]),
        figures={"runs": len(streak), "skipped": skipped, "failed": len(streak) - skipped},
        first_ms=min(one.first_ms for one in records),
        last_ms=max(one.last_ms for one in records),
        ended=found.ended(window, about, recovered),
        quiet_ms=int(2 * usual) + 10 * MINUTE_MS,
        unknown=([] if good else [NOT_KEPT]) + missing(window, ("events",), since_ms, window.now_ms),
    )
