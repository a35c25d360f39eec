"""A change followed by failures of what it changed, which were not there before."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import CONFIG_MAP, NODE, SCALE, SYNC, Change
from kube9_operator.analyze.coverage import OF_PODS, covers, missing
from kube9_operator.analyze.failures import CRASH, FAILS, MEMORY, STUCK, UNREADY, Failure
from kube9_operator.analyze.model import WINDOW_MS, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, latest
from kube9_operator.analyze.wording import clock, counted, duration, named, resource, sentence

RULE = "change-followed-by-failure"
TOLERANCE_MS = 2 * SECOND_MS
"""The API server's times are whole seconds."""
MOST_OLDER = 200
"""Events of an owner that are read from before the window, the newest."""
ORDER_UNKNOWN = "Order unknown: the change may have been made after the first failure."


class Followed(NamedTuple):
    """A change with the failures that it was followed by."""

    change: Change
    failures: list[Failure]
    is_before: bool
    """It was made before the first of them for certain."""


def change_followed_by_failure(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each workload, container and class of failure, with all changes that may have come before."""
    made = Changes(window)
    owners: dict[Ref, list[Failure]] = {}
    nodes: dict[str, list[Failure]] = {}
    for one in failures.failures(window.records, (*FAILS, STUCK, UNREADY)):
        owners.setdefault(one.record.owner, []).append(one)
        if one.kind in FAILS:
            nodes.setdefault(one.record.node, []).append(one)
    for owner, mine in owners.items():
        if any(one.kind != UNREADY for one in mine):
            older = made.older(thresholds, owner, mine)
            yield from _of_owner(window, thresholds, made.before(owner, older), owner, mine, older)
    for change in made.of_nodes:
        if change.first_ms - thresholds.change_baseline_s * SECOND_MS < window.now_ms - WINDOW_MS:
            continue  # what failed on the node before is not in the window any more
        yield from _of_node(window, thresholds, change, nodes.get(change.of.name, []))


class Changes:
    """The changes in a window by what they are of."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._rescales = changes.rescales(window.records)
        self._of: dict[Ref, list[Change]] = {}
        self._of_config_maps: dict[str, list[Change]] = {}
        self.of_nodes: list[Change] = []
        self._of_syncs: dict[Ref, list[Change]] = {}
        for change in changes.syncs(window.records):
            for ref in changes.synced(change):
                self._of_syncs.setdefault(ref, []).append(change)
        for change in changes.changes(window.records):
            if change.what == NODE:
                self.of_nodes.append(change)
            elif change.what == CONFIG_MAP:
                self._of_config_maps.setdefault(change.of.namespace, []).append(change)
            else:
                for ref in {change.of, change.record.owner}:
                    self._of.setdefault(ref, []).append(change)

    def older(self, thresholds: Thresholds, owner: Ref, mine: list[Failure]) -> list[Record]:
        """What was recorded of an owner, and of the ConfigMaps that its pods use, before the window and up to its failures.

        An episode may be older than the window: then the change is there, and what failed before the change.
        """
        begin_ms = self._window.now_ms - WINDOW_MS
        since_ms = min(one.first_ms for one in mine) - (thresholds.change_lasting_s + thresholds.change_baseline_s) * SECOND_MS
        if since_ms >= begin_ms:
            return []
        found: list[Record] = []
        for about in (owner, *changes.config_maps(self._window, owner)):
            found += self._window.history.of_owner(about, since_ms, begin_ms, MOST_OLDER)
        return [one for one in found if one.last_ms < begin_ms]  # the others are in the window

    def before(self, owner: Ref, older: list[Record]) -> list[Change]:
        """The changes of an owner, and of what its pods use, that may have made pods fail."""
        past = [one for one in changes.changes(older) if one.what != NODE]
        found = [*self._of.get(owner, ()), *(one for one in past if one.what != CONFIG_MAP)]
        found = [one for one in found if one.of_template or changes.added(one)]
        found = [one for one in found if not changes.is_by_autoscaler(one, self._rescales)]
        of_config_maps = [*self._of_config_maps.get(owner.namespace, ()), *(one for one in past if one.what == CONFIG_MAP)]
        found += [one for one in of_config_maps if changes.uses(self._window, owner, one.of)]
        found += self._of_syncs.get(msgspec.structs.replace(owner, uid=""), ())
        return sorted(found, key=lambda one: (one.first_ms, one.record.id))


def _of_owner(
    window: Window,
    thresholds: Thresholds,
    candidates: list[Change],
    owner: Ref,
    mine: list[Failure],
    older: list[Record],
) -> Iterator[Finding]:
    has_failed = False
    groups: dict[tuple[str, str], list[Failure]] = {}
    for one in mine:
        if one.kind in FAILS:
            groups.setdefault((one.record.container, one.cause), []).append(one)
    past = failures.failures(older, (*FAILS, STUCK))
    for (container, cause), group in sorted(groups.items()):
        group = [*(one for one in past if (one.record.container, one.cause) == (container, cause)), *group]
        followed = [each for change in candidates if (each := followed_by(window, thresholds, change, group)) is not None]
        if followed:
            has_failed = True
            yield _finding(window, thresholds, owner, container, cause, followed)
    stuck = [one for one in mine if one.kind == STUCK]
    if has_failed or not stuck:
        return
    # A probe that fails once after the rollout went on is no evidence that it is stuck.
    until_ms = window.now_ms if any(failures.goes_on(window, one) for one in stuck) else max(one.last_ms for one in stuck)
    unready = [one for one in mine if one.kind == UNREADY and one.first_ms <= until_ms]
    followed = []
    for change in candidates:
        after = [
            one for one in stuck if change.last_ms < one.first_ms <= change.last_ms + thresholds.change_lasting_s * SECOND_MS
        ]
        made = [one for one in unready if _is_made_by(window, thresholds, change, one)]
        was_stuck = _was_there(thresholds, change, [*stuck, *(one for one in past if one.kind == STUCK)])
        if after and not was_stuck and failures.total(after + made) >= thresholds.change_occurrences:
            followed.append(Followed(change, after + made, True))
    if followed:
        yield _finding(window, thresholds, owner, "", "rollout stuck", followed)


def followed_by(window: Window, thresholds: Thresholds, change: Change, group: list[Failure]) -> Followed | None:
    """The failures of one class that pods made by a change had, and no other; None if it is not so, or not known."""
    made = [one for one in group if _is_made_by(window, thresholds, change, one)]
    if failures.total(made) < thresholds.change_occurrences or _was_there(thresholds, change, group):
        return None
    others = [one for one in group if one not in made and one.last_ms >= change.first_ms]
    if any(_is_older(window, change, one) for one in others):
        return None  # the old revision fails alike
    first_ms = min(one.first_ms for one in made)
    has_edge = all(_is_newer(window, change, one) for one in made)
    if not has_edge and not covers(window, OF_PODS, change.first_ms - thresholds.change_baseline_s * SECOND_MS, first_ms):
        return None
    if change.what in (SCALE, CONFIG_MAP) and _is_drained(window, change, first_ms):
        return None
    return Followed(change, made, change.last_ms < first_ms or has_edge)


def _is_made_by(window: Window, thresholds: Thresholds, change: Change, one: Failure) -> bool:
    """Whether a pod that failed was made after a change, and failed soon after its start."""
    if not changes.is_of(one.record, change.of) and change.what not in (CONFIG_MAP, NODE, SYNC):
        return False
    if latest(one.first_ms) < change.first_ms or one.first_ms > change.last_ms + thresholds.change_lasting_s * SECOND_MS:
        return False
    started_ms = failures.started_ms(window, one.record.object)
    if started_ms and one.first_ms - started_ms > thresholds.change_failure_s * SECOND_MS:
        return False
    made_ms = _made_ms(window, change, one)
    if made_ms:
        return made_ms >= change.first_ms - TOLERANCE_MS
    # Nobody says when the pod was made. That it failed soon after the change is only enough if all pods were made anew.
    return change.of_template and one.first_ms <= change.last_ms + thresholds.change_failure_s * SECOND_MS


def _made_ms(window: Window, change: Change, one: Failure) -> int:
    """When a pod was made, as far as a change can have made it: with its ReplicaSet, or by itself; 0 if nobody says it.

    A rollback takes an old ReplicaSet, which then has the highest revision.
    """
    started_ms = failures.started_ms(window, one.record.object)
    revision_ms = failures.revision_ms(window, one.record) if change.of_template else 0
    if not revision_ms or revision_ms >= change.first_ms - TOLERANCE_MS:
        return revision_ms or started_ms
    revisions = window.states.replicasets_of(change.of)
    return started_ms if revisions and revisions[-1][0] == one.record.controller else revision_ms


def _is_newer(window: Window, change: Change, one: Failure) -> bool:
    """Whether it is known that a pod was made by a change, and so after it."""
    made_ms = _made_ms(window, change, one)
    return made_ms >= change.first_ms - TOLERANCE_MS if change.of_template else made_ms > change.last_ms


def _is_older(window: Window, change: Change, one: Failure) -> bool:
    """Whether it is known that a pod that fails was made before a change."""
    made_ms = _made_ms(window, change, one)
    return bool(made_ms) and made_ms < change.first_ms - TOLERANCE_MS


def _was_there(thresholds: Thresholds, change: Change, group: list[Failure]) -> bool:
    """Whether it failed alike in the hour before a change."""
    since_ms = change.first_ms - thresholds.change_baseline_s * SECOND_MS
    return any(latest(one.first_ms) < change.first_ms and one.last_ms >= since_ms for one in group)


def _is_drained(window: Window, change: Change, until_ms: int) -> bool:
    """Whether a node was drained between a change and the first failure: then pods were moved for another reason."""
    return any(
        record.reason == "NodeCordoned" and change.first_ms <= record.last_ms and record.first_ms <= until_ms
        for record in window.records
    )


def _of_node(window: Window, thresholds: Thresholds, change: Change, on_node: list[Failure]) -> Iterator[Finding]:
    """Pods of several owners that fail alike on a node that has just joined, or takes pods again."""
    for cause in sorted({one.cause for one in on_node}):
        followed = followed_by(window, thresholds, change, [one for one in on_node if one.cause == cause])
        if followed is not None and len({one.record.owner for one in followed.failures}) >= thresholds.change_node_owners:
            yield _finding(window, thresholds, change.of, "", cause, [followed])


def _finding(
    window: Window, thresholds: Thresholds, owner: Ref, container: str, cause: str, followed: list[Followed]
) -> Finding:
    made = {(one.record.id, one.cause): one for each in followed for one in each.failures}
    effects = sorted(made.values(), key=lambda one: (one.first_ms, one.record.id))
    first_ms = effects[0].first_ms
    kind = effects[0].kind
    pods = failures.pods(effects)
    known = [each.change for each in followed if each.is_before]
    before_ms = min(each.change.first_ms for each in followed) - thresholds.change_baseline_s * SECOND_MS
    is_new = covers(window, OF_PODS, before_ms, first_ms)
    verb = "followed by" if known else "and"
    what = " or ".join(sorted({each.change.what for each in followed}))
    times = failures.total(effects)
    before = duration(thresholds.change_baseline_s * SECOND_MS)
    new = f"; it was not there in the {before} before" if is_new else ""
    failed = failures.phrase(cause)
    seen = f"{failed}{_example(effects)} in {counted(len(pods), 'pod')}, {counted(times, 'time')} since {clock(first_ms)}{new}"
    text = "; ".join(changes.said(each.change) for each in followed)
    unknown = [] if is_new else missing(window, OF_PODS, before_ms, first_ms)
    if not known:
        unknown = [ORDER_UNKNOWN, *unknown]
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=cause,
        severity=found.worst(one.record for one in effects),
        title=f"{named(owner)}: {what} change {verb} {failed}",
        text=f"{sentence(text)} {'This was followed by' if known else 'About that time there was'} {seen}.",
        recommendation=_advice(owner, container, kind, pods),
        object=owner,
        evidence=found.caused((each.change.record for each in followed), (one.record for one in effects)),
        figures={
            "changes": [changes.said(each.change) for each in followed],
            "occurrences": times,
            "pods": len(pods),
            "new": is_new,
            "seconds_after": max(0, first_ms - max(each.change.first_ms for each in followed)) // SECOND_MS,
        },
        first_ms=min(each.change.first_ms for each in followed),
        last_ms=found.last_ms(window, effects),
        ended=found.ended(window, owner, found.replaced(window, owner, effects, thresholds.stuck_stable_s)),
        quiet_ms=found.quiet_ms(kind),
        unknown=unknown,
    )


def _example(effects: list[Failure]) -> str:
    """What the latest of the events says besides its class."""
    latest = max(effects, key=lambda one: (not one.retold, one.last_ms, one.record.id))
    said = latest.record.cause.removeprefix(f"{latest.cause}: ").rstrip(".")
    return "" if said == latest.cause else f" ({said})"


def _advice(owner: Ref, container: str, kind: str, pods: list[Ref]) -> str:
    if kind in (CRASH, MEMORY) and pods:
        option = f" -c {container}" if container else ""
        look = f"Read the log of the last run: kubectl logs --previous pod/{pods[-1].name} -n {pods[-1].namespace}{option}."
    else:
        look = f"Look at the pods: kubectl describe {resource(pods[-1] if pods else owner)}."
    if owner.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        return f"{look} If the change is not needed, go back: kubectl rollout undo {resource(owner)}."
    return look
