"""A failure that was there before, and ended each time after the same kind of change."""

from collections.abc import Iterator
from typing import NamedTuple

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import CONFIGURATION, IMAGE, SCALE, Change
from kube9_operator.analyze.failures import CRASH, Failure
from kube9_operator.analyze.model import CONTROL, EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS, SPELL_MS
from kube9_operator.analyze.wording import clock, counted, named, resource

RULE = "seen-before"
RECENT_MS = 30 * MINUTE_MS
"""Only what has failed within this time is looked at: the past is asked for each."""
MOST_OLDER = 500
ROLLBACK = "rollback"
WORDS = {
    ROLLBACK: "a rollback of the image",
    IMAGE: "another image",
    CONFIGURATION: "a change of the configuration",
    SCALE: "a change of the number of replicas",
}


class Episode(NamedTuple):
    """Failures of one cause without long pauses."""

    records: list[Record]

    @property
    def end_ms(self) -> int:
        """When it was last seen."""
        return max(record.last_ms for record in self.records)


def seen_before(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container and cause: exit code and message, without what varies."""
    groups: dict[tuple[Ref, str, str], list[Failure]] = {}
    for one in failures.failures(window.records, (CRASH,)):
        if one.cause != CRASH:
            groups.setdefault((one.record.owner, one.record.container, one.record.cause), []).append(one)
    for (owner, container, cause), group in sorted(groups.items(), key=repr):
        if max(one.last_ms for one in group) < window.now_ms - RECENT_MS:
            continue
        since_ms = window.now_ms - thresholds.seen_before_lookback_s * SECOND_MS
        older = window.history.of_owner(owner, since_ms, window.now_ms, MOST_OLDER)
        mine = {one.id: one for one in (*older, *(one for one in window.records if one.owner == owner))}
        alike = [one for one in mine.values() if (one.container, one.cause) == (container, cause) and failures.failures_of(one)]
        *past, now = _episodes(alike)
        made = [one for one in changes.changes(mine.values()) if one.what in WORDS]
        ends = [(one, end) for one in past if (end := _ended_by(thresholds, one, made)) is not None]
        for kind in WORDS:
            so = [(one, change) for one, (kind_of, change) in ends if kind_of == kind]
            if len(so) >= thresholds.seen_before_times:
                yield _finding(window, owner, container, cause, now, so, len(past), kind)
                break


def _episodes(records: list[Record]) -> list[Episode]:
    found_so: list[Episode] = []
    for record in sorted(records, key=lambda one: (one.first_ms, one.id)):
        if found_so and record.first_ms - found_so[-1].end_ms <= SPELL_MS:
            found_so[-1].records.append(record)
        else:
            found_so.append(Episode([record]))
    return found_so


def _ended_by(thresholds: Thresholds, episode: Episode, made: list[Change]) -> tuple[str, Change] | None:
    """The change about whose time an episode ended, with its kind; None if there was none."""
    within_ms = thresholds.seen_before_end_s * SECOND_MS
    near = [one for one in made if one.first_ms - within_ms <= episode.end_ms <= one.last_ms + within_ms]
    near = [one for one in near if one.first_ms > min(record.first_ms for record in episode.records)]
    if not near:
        return None
    change = near[-1]
    if change.what == IMAGE:
        _, after = changes.values(change, "")
        earlier = [one for one in made if one.what == IMAGE and one.first_ms < change.first_ms]
        if any(changes.values(one, "")[0] == after for one in earlier):
            return ROLLBACK, change
    return change.what, change


def _finding(
    window: Window,
    owner: Ref,
    container: str,
    cause: str,
    now: Episode,
    so: list[tuple[Episode, Change]],
    episodes: int,
    kind: str,
) -> Finding:
    current = [each for record in now.records for each in failures.failures_of(record)]
    past = [record for one, change in so for record in (one.records[-1], change.record)]
    first_ms = min(record.first_ms for record in now.records)
    often = "both times" if len(so) == episodes == 2 else f"{len(so)} of {counted(episodes, 'time')}"
    when = " and ".join(clock(change.last_ms) for _, change in so[-2:])
    what = f"Container {container} of {named(owner)}"
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=cause,
        severity=found.worst(now.records),
        title=f"{named(owner)}: seen before, ended {often} after {WORDS[kind]}",
        text=f"{what} has failed since {clock(first_ms)}: {cause}. The same happened {counted(episodes, 'time')} before. "
        f"It ended {often} after {WORDS[kind]}: {when}.",
        recommendation=f"See what was changed then: kube9-cli events list --for {resource(owner)} --since 30d.",
        object=owner,
        evidence=found.evidence(EFFECT, now.records) + found.evidence(CONTROL, past),
        figures={"episodes": episodes, "ended_so": len(so), "change": kind},
        first_ms=first_ms,
        last_ms=found.last_ms(window, current),
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=found.quiet_ms(CRASH),
    )
