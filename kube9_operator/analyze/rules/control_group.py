"""Two revisions side by side: only the new one fails, or both do, and the old one did so before."""

from collections.abc import Iterator

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import IMAGE, Change
from kube9_operator.analyze.coverage import OF_PODS, confirmed_ms, covers, missing
from kube9_operator.analyze.failures import FAILS, Failure
from kube9_operator.analyze.model import AGAINST, CAUSE, EFFECT, NOTHING, WINDOW_MS, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS
from kube9_operator.analyze.wording import clock, counted, duration, listed, named, resource
from kube9_operator.model.resource_states import ReplicaSet

RULE = "control-group"
TOLERANCE_MS = 2 * SECOND_MS
MOST_OLDER = 200
"""Events of an owner that are read from before the window, the newest."""


def control_group(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container of a Deployment and class of failure."""
    groups: dict[tuple[Ref, str, str], list[Failure]] = {}
    for one in failures.failures(window.records, FAILS):
        if one.record.controller.kind == "ReplicaSet":
            groups.setdefault(one.group, []).append(one)
    made: dict[Ref, list[Change]] = {}
    for change in changes.changes(window.records) if groups else ():
        if change.of_template:
            made.setdefault(change.of, []).append(change)
    for (owner, container, cause), group in sorted(groups.items(), key=repr):
        revisions = window.states.replicasets_of(owner)
        if not revisions:
            continue
        new, state = revisions[-1]
        if _is_many(thresholds, [one for one in group if one.record.controller == new]):
            older = _older(window, thresholds, owner, state.created_ms)
            past = [one for one in failures.failures(older, FAILS) if one.group == (owner, container, cause)]
            every = sorted([*changes.changes(older), *made.get(owner, [])], key=lambda one: one.first_ms)
            mine = [one for one in every if one.of_template and one.first_ms - TOLERANCE_MS <= state.created_ms]
            yield from _compared(window, thresholds, (owner, container, cause), [*past, *group], (new, state), mine[-1:])


def _is_many(thresholds: Thresholds, of_new: list[Failure]) -> bool:
    return failures.total(of_new) >= thresholds.control_failures and len(failures.pods(of_new)) >= thresholds.control_pods


def _older(window: Window, thresholds: Thresholds, owner: Ref, created_ms: int) -> list[Record]:
    """What was recorded of a Deployment before the window, from the hour before its newest revision on."""
    begin_ms, since_ms = window.now_ms - WINDOW_MS, created_ms - thresholds.change_baseline_s * SECOND_MS
    if not created_ms or since_ms >= begin_ms:
        return []
    found = window.history.of_owner(owner, since_ms, begin_ms, MOST_OLDER)
    return [one for one in found if one.last_ms < begin_ms]  # the others are in the window


def _compared(
    window: Window,
    thresholds: Thresholds,
    about: tuple[Ref, str, str],
    group: list[Failure],
    newest: tuple[Ref, ReplicaSet],
    made: list[Change],
) -> Iterator[Finding]:
    new, state = newest
    of_new = [one for one in group if one.record.controller == new]
    of_old = [one for one in group if one.record.controller not in (new, NOTHING)]
    since_ms = state.created_ms
    before_ms = since_ms - thresholds.change_baseline_s * SECOND_MS
    earlier = [one for one in of_old if one.first_ms < since_ms and one.last_ms >= before_ms]
    if earlier and made:
        yield _ruled_out(window, about, of_new, earlier, made)
    elif not of_old and since_ms:
        old = [(ref, pod) for ref, pod in window.states.pods_of(about[0]) if pod.owner is not None and pod.owner.uid != new.uid]
        clean = failures.run_clean(old, [about[2]], window.records)
        began_ms = min((pod.created_ms for ref, pod in old if ref in clean), default=window.now_ms)
        overlap_ms = confirmed_ms(window, OF_PODS) - max(since_ms, began_ms)
        is_known = covers(window, OF_PODS, since_ms, confirmed_ms(window, OF_PODS))
        if clean and overlap_ms >= thresholds.control_overlap_s * SECOND_MS and is_known:
            yield _only_new(window, about, of_new, clean, overlap_ms, made)


def _only_new(
    window: Window, about: tuple[Ref, str, str], of_new: list[Failure], clean: list[Ref], overlap_ms: int, made: list[Change]
) -> Finding:
    owner, container, cause = about
    pods = failures.pods(of_new)
    image = next((changes.values(one, "")[1] for one in made if one.what == IMAGE), "")
    what = f"Only {image} fails" if image else "Only the new revision fails"
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=cause,
        severity=found.worst(one.record for one in of_new),
        title=f"{named(owner)}: {what[:1].lower()}{what[1:]} with {failures.phrase(cause)}",
        text=f"{what}: {cause}, {counted(failures.total(of_new), 'time')} in {counted(len(pods), 'pod')}. "
        f"In the same {duration(overlap_ms)}, {counted(len(clean), 'pod')} of the previous revision "
        f"({listed([ref.name for ref in clean])}) did not fail in this way.",
        recommendation=f"Compare the two revisions: kubectl rollout history {resource(owner)}.",
        object=owner,
        evidence=found.caused((one.record for one in made), (one.record for one in of_new)),
        figures={
            "failures": failures.total(of_new),
            "pods": len(pods),
            "clean": len(clean),
            "overlap": overlap_ms // SECOND_MS,
        },
        first_ms=min(one.first_ms for one in of_new),
        last_ms=found.last_ms(window, of_new),
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=found.quiet_ms(of_new[0].kind),
    )


def _ruled_out(
    window: Window, about: tuple[Ref, str, str], of_new: list[Failure], earlier: list[Failure], made: list[Change]
) -> Finding:
    owner, container, cause = about
    first_ms = min(one.first_ms for one in earlier)
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=f"{cause}, change ruled out",
        severity=found.worst(one.record for one in (*of_new, *earlier)),
        title=f"{named(owner)}: change ruled out, {cause} is older",
        text=f"{changes.said(made[-1])}. It is ruled out as what made pods fail: {cause} was there since {clock(first_ms)}, "
        "before it was made.",
        recommendation=f"Look for what came before {clock(first_ms)}: kube9-cli events summary.",
        object=owner,
        evidence=found.evidence(CAUSE, [made[-1].record])
        + found.evidence(AGAINST, (one.record for one in earlier))
        + found.evidence(EFFECT, (one.record for one in of_new)),
        figures={"failures_before": failures.total(earlier), "failures_after": failures.total(of_new)},
        first_ms=first_ms,
        last_ms=found.last_ms(window, of_new),
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=found.quiet_ms(of_new[0].kind),
        unknown=missing(window, OF_PODS, first_ms, window.now_ms),
    )
