"""The life cycle of insights, the same for all rules. Pure: no clock, no I/O.

    finding ──> pending ──> active ──> quiet ──> resolved
                               ^________|___________|   new evidence; later than `reopen_s` it begins another episode

It is computed anew from what is stored and what the rules find, so it does not matter when a process died. Only time in which
everything was watched counts: a gap freezes what it affects.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from kube9_operator.analyze.life_cycle import LifeCycle
from kube9_operator.analyze.model import AGAINST, CAUSE, CONTROL, DELETED, EFFECT, QUIET_MS, RECOVERED, Evidence, Finding
from kube9_operator.model.insight import Change, Details, Insight, Said
from kube9_operator.model.observation import hash64
from kube9_operator.model.ref import Ref
from kube9_operator.text.limits import cut
from kube9_schema import ids
from kube9_schema.codes import ACTIVE, CATEGORIES, PENDING, QUIET, RESOLVED, ROLES, SEVERITIES
from kube9_schema.insights import UNSTEADY
from kube9_schema.intervals import CONFIRMATION_SECONDS
from kube9_schema.sources import EVENTS, EVENTS_ABOUT

DAY_MS = 86_400_000
MOST_EVIDENCE, FIRST_EFFECTS = 40, 8
"""An insight names so many events: causes and controls, the first effects, and the newest."""
MOST_ABOUT, MOST_NODES, MOST_RELATED, MOST_TRANSITIONS = 40, 10, 10, 20
MAX_TITLE, MAX_TEXT, MAX_FIGURES_BYTES = 200, 1_000, 2_048
TOUCH_MS = 120_000
"""If only times and texts have changed, an insight is stored again after so long."""
EXPIRED = "evidence expired"

Gaps = Mapping[str, Iterable[tuple[int, int]]]


class Known(NamedTuple):
    """What is known besides the findings and the stored insights."""

    now_ms: int
    gaps: Gaps
    """As Window.gaps: what may have been missed, what is not confirmed yet."""
    from_ms: int
    """Since when insights are made."""
    expired: frozenset[str] = frozenset()
    """The ids of insights of whose evidence nothing is left."""
    about: Mapping[str, list[Ref]] = {}
    """For each event of the evidence its object and the owners, the nearest first."""
    nodes: Mapping[str, str] = {}
    """For each event of the evidence its node."""
    failed: frozenset[str] = frozenset()
    """The rules that could not look. Their insights stay as they are."""
    gone: frozenset[str] = frozenset()
    """The ids of insights whose owner does not exist any more."""
    most: int = 300
    """So many insights may be unresolved at once."""


def advance(findings: Iterable[Finding], stored: Iterable[Insight], known: Known, times: LifeCycle) -> list[Change]:
    """What has to change, in a fixed order.

    `stored` has all insights that are not resolved, and the last episode of each subject that is found.
    """
    return _Look(known, times).changes(findings, stored)


def subject_of(rule: str, owner: Ref, container: str, cause: str) -> int:
    """64 bits of what all episodes of an insight have in common."""
    who = owner.uid or f"{owner.kind}.{owner.group}/{owner.namespace}/{owner.name}"
    return hash64("insight", rule, who, container, cause)


def subjects_of(found: Iterable[Finding], unresolved: Iterable[Insight]) -> set[int]:
    """The subjects whose last episodes `advance` needs, besides the insights that are not resolved."""
    named = [(one.rule, one.owner, one.container, one.cause) for one in found]
    named += [(one.rule, one.details.owner, one.details.container, one.details.cause) for one in unresolved]
    subjects = {subject_of(*one) for one in named}
    return subjects | {subject_of(UNSTEADY, owner, box, _cause_of_unsteady(rule, cause)) for rule, owner, box, cause in named}


def id_of(subject: int, episode: int) -> str:
    """The id of an episode."""
    return f"ins_{hash64('insight', str(subject), str(episode)) & 2**64 - 1:016x}"


def sources_of(refs: Iterable[Ref]) -> frozenset[str]:
    """The sources that evidence about these objects comes from."""
    kinds = {ref.kind for ref in refs}
    return frozenset({EVENTS, *(source for source, about in EVENTS_ABOUT.items() if kinds & set(about))})


def watched_ms(since_ms: int, until_ms: int, gaps: Iterable[tuple[int, int]]) -> int:
    """How much of a time is in none of the gaps."""
    left, at_ms = until_ms - since_ms, since_ms
    for begin_ms, end_ms in sorted(gaps):
        begin_ms, end_ms = max(begin_ms, at_ms), min(end_ms, until_ms)
        if begin_ms < end_ms:
            left -= end_ms - begin_ms
            at_ms = end_ms
    return max(0, left)


class _Step(NamedTuple):
    """An insight as it was stored, and as it is now."""

    before: Insight | None
    after: Insight
    said: tuple[Said, ...] = ()
    dropped: bool = False


class _Look:
    """One look at the findings."""

    def __init__(self, known: Known, times: LifeCycle) -> None:
        self._known, self._times, self._now_ms = known, times, known.now_ms

    def changes(self, findings: Iterable[Finding], stored: Iterable[Insight]) -> list[Change]:
        """All changes, in the order of ids."""
        episodes: dict[int, list[Insight]] = {}
        for insight in sorted(stored, key=lambda one: one.episode):
            episodes.setdefault(insight.subject, []).append(insight)
        steps: dict[str, _Step] = {}
        new: list[tuple[Finding, int, Insight | None]] = []
        for finding in _in_order(findings):
            subject = subject_of(finding.rule, finding.owner, finding.container, finding.cause)
            last = episodes[subject][-1] if subject in episodes else None
            if last is not None and self._is_same_episode(last, finding):
                steps[last.id] = self._go_on(last, finding)
            else:
                new.append((finding, subject, last))
        others = [one for each in episodes.values() for one in each if one.id not in steps and one.rule != UNSTEADY]
        steps |= {one.id: self._fade(one) for one in others if one.status != RESOLVED}
        room = self._known.most - sum(step.after.status != RESOLVED for step in steps.values())
        for begun in new[: max(0, room)]:
            step = self._begin(*begun)
            steps[step.after.id] = step
        self._note_unsteady(steps, episodes)
        self._relate(steps)
        changes = [self._change(step) for step in steps.values()]
        return sorted((one for one in changes if one is not None), key=lambda one: one.insight.id)

    # One insight

    def _begin(self, finding: Finding, subject: int, previous: Insight | None) -> _Step:
        """A new episode."""
        episode = 1 if previous is None else previous.episode + 1
        silent_until_ms = self._known.from_ms + self._times.settle_s * 1000
        recent = [] if previous is None else self._recent(previous)
        insight = Insight(
            id=id_of(subject, episode),
            subject=subject,
            episode=episode,
            revision=0,
            rule=finding.rule,
            category=CATEGORIES.index(finding.category),
            severity=SEVERITIES.index(finding.severity),
            status=PENDING,
            object=finding.object,
            first_ms=finding.first_ms,
            last_ms=finding.last_ms,
            created_ms=self._now_ms,
            changed_ms=self._now_ms,
            title="",
            text="",
            details=Details(
                owner=finding.owner,
                container=finding.container,
                cause=finding.cause,
                previous="" if previous is None else previous.id,
                transitions=recent,
                silent=finding.first_ms < silent_until_ms,
            ),
        )
        after = self._as_found(insight, finding)
        if finding.rule == UNSTEADY:  # it is concluded from what is stored
            return self._move(None, after, ACTIVE, "")
        return _Step(None, after)

    def _go_on(self, before: Insight, finding: Finding) -> _Step:
        """An episode whose rule still states it."""
        is_new = finding.last_ms > before.last_ms
        if before.status == RESOLVED and (not is_new or finding.ended):
            return _Step(before, before)
        after = self._as_found(before, finding)
        status = self._status(after, finding.ended)
        if before.status == RESOLVED:
            status = min(status, QUIET)  # there is new evidence, however old
        if self._is_frozen(after) or (
            before.status == PENDING and self._now_ms - before.created_ms < self._times.pending_s * 1000
        ):
            return self._move(before, after, before.status, before.details.ended)
        return self._move(before, after, status, finding.ended if status == RESOLVED else "")

    def _fade(self, before: Insight) -> _Step:
        """An episode that no rule states any more."""
        if before.rule in self._known.failed or self._is_frozen(before):
            return _Step(before, before)
        if before.status == PENDING:
            return _Step(before, before, dropped=True)
        if before.id in self._known.gone:
            return self._move(before, before, RESOLVED, DELETED)
        if before.id in self._known.expired:
            return self._move(before, before, RESOLVED, EXPIRED)
        status = max(self._status(before, ""), before.status)
        return self._move(before, before, status, "")

    def _move(self, before: Insight | None, after: Insight, status: int, ended: str) -> _Step:
        """The insight with this status, and what there is to say about it."""
        said: tuple[Said, ...] = ()
        old = PENDING if before is None else before.status
        if status in (ACTIVE, QUIET) and old in (PENDING, RESOLVED):
            said = ("found",)
        elif status == RESOLVED and old == PENDING:
            said = ("found", "resolved")
        elif status == RESOLVED and old != RESOLVED:
            said = ("resolved",)
        if before is not None and after.severity > before.severity and "found" not in said and status in (ACTIVE, QUIET):
            said = ("escalated",)
        details = after.details
        if moved := [each for each in said if each != "escalated"]:
            transitions = [*self._recent(after), *([self._now_ms] * len(moved))][-MOST_TRANSITIONS:]
            details = msgspec.structs.replace(details, transitions=transitions)
        if status == RESOLVED or old == RESOLVED:
            details = msgspec.structs.replace(details, ended=ended)
        is_moved = before is None or status != before.status or bool(said)
        changed_ms = self._now_ms if is_moved else after.changed_ms
        after = msgspec.structs.replace(after, status=status, details=details, changed_ms=changed_ms)
        return _Step(before, after, () if details.silent else said)

    def _as_found(self, before: Insight, finding: Finding) -> Insight:
        """The insight with what a finding says. Severity and evidence only grow; texts are replaced."""
        about, nodes = self._about(finding)
        figures = finding.figures
        if len(msgspec.json.encode(figures)) > MAX_FIGURES_BYTES:
            figures = {}
        return msgspec.structs.replace(
            before,
            severity=max(before.severity, SEVERITIES.index(finding.severity)),
            category=CATEGORIES.index(finding.category),
            object=finding.object,
            first_ms=min(before.first_ms, finding.first_ms),
            last_ms=max(before.last_ms, finding.last_ms),
            title=cut(finding.title, MAX_TITLE),
            text=cut(finding.text, MAX_TEXT),
            evidence=_evidence(before, finding),
            details=msgspec.structs.replace(
                before.details,
                recommendation=cut(finding.recommendation, MAX_TEXT),
                figures=figures,
                unknown=[cut(one, MAX_TITLE) for one in finding.unknown[:10]],
                about=about,
                nodes=nodes,
                quiet_ms=0 if finding.quiet_ms == QUIET_MS else finding.quiet_ms,
            ),
        )

    def _about(self, finding: Finding) -> tuple[list[Ref], list[str]]:
        """The objects that the insight is about: its owner, those of the evidence with their owners; and the nodes."""
        refs, nodes = [finding.owner], list[str]()
        for one in finding.evidence:
            refs += self._known.about.get(one.event_id, ())
            nodes.append(self._known.nodes.get(one.event_id, ""))
        refs = [ref for ref in dict.fromkeys(refs) if ref.name and ref != finding.object]
        return refs[:MOST_ABOUT], sorted({node for node in nodes if node})[:MOST_NODES]

    # Time

    def _status(self, insight: Insight, ended: str) -> int:
        """The status by how long ago the evidence was, in watched time."""
        if ended in (RECOVERED, DELETED):
            return RESOLVED
        quiet_ms, resolve_ms = self._quiet_ms(insight), self._times.resolve_s * 1000
        passed_ms = watched_ms(insight.last_ms, self._now_ms, self._gaps(insight))
        if passed_ms < quiet_ms:
            return ACTIVE
        return QUIET if passed_ms < quiet_ms + resolve_ms else RESOLVED

    def _quiet_ms(self, insight: Insight) -> int:
        return insight.details.quiet_ms or self._times.quiet_s * 1000

    def _is_same_episode(self, before: Insight, finding: Finding) -> bool:
        """Whether the evidence goes on with what is known of an episode."""
        longest_ms = self._quiet_ms(before) + (self._times.resolve_s + self._times.reopen_s) * 1000
        return watched_ms(before.last_ms, finding.first_ms, self._gaps(before)) <= longest_ms

    def _gaps(self, insight: Insight) -> list[tuple[int, int]]:
        """The gaps of the sources of its evidence. A source that was not watched all that time gave none."""
        refs = [insight.object, insight.details.owner, *insight.details.about]
        return [
            gap
            for source in sources_of(refs)
            for gap in self._known.gaps.get(source, ())
            if not (gap[0] < insight.first_ms and gap[1] >= insight.last_ms)
        ]

    def _is_frozen(self, insight: Insight) -> bool:
        """Whether a source of its evidence is not watched now."""
        late_ms = self._now_ms - int(CONFIRMATION_SECONDS * 1000)
        return any(begin_ms < late_ms and end_ms >= self._now_ms for begin_ms, end_ms in self._gaps(insight))

    def _recent(self, insight: Insight) -> list[int]:
        return [at_ms for at_ms in insight.details.transitions if self._now_ms - at_ms < DAY_MS]

    # Several insights

    def _note_unsteady(self, steps: dict[str, _Step], stored: Mapping[int, list[Insight]]) -> None:
        """Adds an insight about each one that comes and goes, and says nothing of the latter until it is steady."""
        stated: set[int] = set()
        for step in [one for one in steps.values() if one.after.rule != UNSTEADY]:
            base = step.after
            owner, container = base.details.owner, base.details.container
            cause = _cause_of_unsteady(base.rule, base.details.cause)
            subject = subject_of(UNSTEADY, owner, container, cause)
            episodes = stored.get(subject, [])
            times = self._recent(base)
            if len(times) < self._times.unsteady_changes or base.details.silent:
                continue
            finding = _unsteady(base, times, cause, self._times)
            if episodes and self._is_same_episode(episodes[-1], finding):
                made = self._go_on(episodes[-1], finding)
            else:
                made = self._begin(finding, subject, episodes[-1] if episodes else None)
            stated.add(subject)
            steps[made.after.id] = made
            if made.after.status != RESOLVED:
                steps[base.id] = step._replace(said=())
        for subject, all_episodes in stored.items():
            for one in all_episodes:
                if one.rule == UNSTEADY and one.status != RESOLVED and subject not in stated:
                    steps[one.id] = self._fade(one)

    def _relate(self, steps: dict[str, _Step]) -> None:
        """Lets unresolved insights that rest on the same events point to each other: the special one and the general one."""
        by_event: dict[int, set[str]] = {}
        unresolved = {name: step for name, step in steps.items() if step.after.status in (ACTIVE, QUIET)}
        for name, step in unresolved.items():
            for event, role in step.after.evidence.items():
                if ROLES[role] not in (CONTROL, AGAINST):
                    by_event.setdefault(event, set()).add(name)
        for name, step in unresolved.items():
            others = {one for event in step.after.evidence for one in by_event.get(event, ()) if one != name}
            kept = [one for one in step.after.details.related if one not in unresolved]
            related = sorted({*others, *kept})[:MOST_RELATED]
            if related != step.after.details.related:
                details = msgspec.structs.replace(step.after.details, related=related)
                steps[name] = step._replace(after=msgspec.structs.replace(step.after, details=details))

    def _change(self, step: _Step) -> Change | None:
        """The change that has to be stored; None if there is none."""
        before, after = step.before, step.after
        if before is not None and not step.dropped:
            is_fresh = self._now_ms - before.details.touched_ms < TOUCH_MS
            if after == before or (is_fresh and _essence(after) == _essence(before)):
                return None
        details = msgspec.structs.replace(after.details, touched_ms=self._now_ms)
        after = msgspec.structs.replace(_revised(after, before), details=details)
        return Change(after, list(step.said), step.dropped)


def _revised(insight: Insight, before: Insight | None) -> Insight:
    return msgspec.structs.replace(insight, revision=1 if before is None else before.revision + 1)


def _essence(insight: Insight) -> tuple[object, ...]:
    """What is stored at once when it changes. Times and numbers change with nearly every look."""
    return insight.status, insight.severity, insight.object, list(insight.evidence), insight.details.related


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; of equal ones the earliest. What is dropped for their number is always the same."""
    return sorted(
        findings,
        key=lambda one: (
            -SEVERITIES.index(one.severity),
            one.first_ms,
            one.rule,
            msgspec.structs.astuple(one.owner),
            one.cause,
        ),
    )


def _evidence(before: Insight, finding: Finding) -> dict[int, int]:
    """The events of the finding, and the causes that were known before: they may be older than the window."""
    found: dict[int, int] = {}
    for one in finding.evidence:
        number = ids.decode(one.event_id)
        if number is not None:
            found.setdefault(number, ROLES.index(one.role))
    cause = ROLES.index(CAUSE)
    found |= {event: role for event, role in before.evidence.items() if role == cause and event not in found}
    effect = ROLES.index(EFFECT)
    others = {event: role for event, role in sorted(found.items()) if role != effect}
    effects = sorted(event for event, role in found.items() if role == effect)
    room = max(MOST_EVIDENCE - len(others), FIRST_EFFECTS)
    if len(effects) > room:
        effects = [*effects[:FIRST_EFFECTS], *effects[len(effects) - room + FIRST_EFFECTS :]]
    kept = list(others.items())[:MOST_EVIDENCE] + [(event, effect) for event in effects]
    return dict(sorted(kept))


def _cause_of_unsteady(rule: str, cause: str) -> str:
    return f"{rule}: {cause}"


def _unsteady(base: Insight, times: list[int], cause: str, limits: LifeCycle) -> Finding:
    """The finding that an insight comes and goes. It is resolved when that has not changed for `steady_s`."""
    return Finding(
        rule=UNSTEADY,
        owner=base.details.owner,
        container=base.details.container,
        cause=cause,
        category=CATEGORIES[base.category],
        severity=SEVERITIES[base.severity],
        title=f"Comes and goes: {base.title}",
        text=f"This was found or resolved {len(times)} times within a day. No more events tell of it until it is steady. "
        f"{base.text}",
        recommendation=base.details.recommendation,
        object=base.object,
        evidence=[Evidence(ids.encode(event), ROLES[role]) for event, role in base.evidence.items()],
        figures={"changes": len(times), "insight": base.id},
        first_ms=times[0],
        last_ms=times[-1],
        quiet_ms=max(1, (limits.steady_s - limits.resolve_s) * 1000),
    )
