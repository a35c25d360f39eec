"""A change of days ago that only shows now, because no pod was made since."""

from collections.abc import Iterator

from kube9_operator.analyze import changes, failures, found
from kube9_operator.analyze.changes import CONFIG_MAP, Change
from kube9_operator.analyze.coverage import OF_PODS
from kube9_operator.analyze.failures import FAILS, Failure
from kube9_operator.analyze.model import Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS, latest
from kube9_operator.analyze.wording import clock, counted, duration, listed, named, resource

RULE = "latent-change"
RECENT_MS = 30 * MINUTE_MS
"""Only what has failed within this time is looked at: the past is asked for each."""
MOST_OLDER = 200


def latent_change(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each container and class of failure."""
    groups: dict[tuple[Ref, str, str], list[Failure]] = {}
    for one in failures.failures(window.records, FAILS):
        groups.setdefault(one.group, []).append(one)
    for (owner, container, cause), group in sorted(groups.items(), key=repr):
        recent = [one for one in group if one.last_ms >= window.now_ms - RECENT_MS or failures.goes_on(window, one)]
        fresh = [one for one in recent if _is_fresh(window, thresholds, one)]
        if len(failures.pods(fresh)) < thresholds.latent_pods or len(fresh) < len(group):
            continue
        latent = _latent(window, thresholds, owner, cause, fresh)
        if latent:
            yield _finding(window, owner, container, cause, fresh, latent)


def _is_fresh(window: Window, thresholds: Thresholds, one: Failure) -> bool:
    """Whether a pod failed soon after it was made."""
    started_ms = failures.started_ms(window, one.record.object)
    return bool(started_ms) and 0 <= one.first_ms - started_ms <= thresholds.change_failure_s * SECOND_MS


def _latent(window: Window, thresholds: Thresholds, owner: Ref, cause: str, fresh: list[Failure]) -> list[Change]:
    """The changes since which no pod of the owner was made, and all of whose time is known."""
    first_ms = min(failures.started_ms(window, one.record.object) for one in fresh)
    until_ms = first_ms - thresholds.latent_age_s * SECOND_MS
    since_ms = first_ms - thresholds.latent_lookback_s * SECOND_MS
    told = {record.id: record for record in _told(window, owner, since_ms, first_ms)}.values()
    mine = [one for one in changes.changes(told) if one.of_template or one.what == CONFIG_MAP]
    if not mine or mine[-1].last_ms > until_ms:
        return []  # none, or one that is not of days ago
    newest = mine[-1]
    failing = {one.record.object for one in fresh}
    made_since = any(
        newest.first_ms <= latest(pod.created_ms) and pod.created_ms < first_ms
        for ref, pod in window.states.pods_of(owner)
        if ref not in failing
    )
    failed_before = any(one.cause == cause and one.first_ms < first_ms for one in failures.failures(told, FAILS))
    is_whole = all(window.history.covers(source, newest.first_ms, first_ms) for source in OF_PODS)
    return [newest] if is_whole and not made_since and not failed_before else []


def _told(window: Window, owner: Ref, since_ms: int, until_ms: int) -> Iterator[Record]:
    """What was recorded of an owner and of the ConfigMaps that its pods use, in the window and before."""
    yield from window.history.of_owner(owner, since_ms, until_ms, MOST_OLDER)
    used = changes.config_maps(window, owner)
    for config_map in used:
        yield from window.history.of_owner(config_map, since_ms, until_ms, MOST_OLDER)
    for record in window.records:
        is_used = record.object.kind == "ConfigMap" and any(record.object.name == one.name for one in used)
        if record.first_ms < until_ms and (record.owner == owner or (is_used and record.object.namespace == owner.namespace)):
            yield record


def _finding(window: Window, owner: Ref, container: str, cause: str, fresh: list[Failure], latent: list[Change]) -> Finding:
    pods = failures.pods(fresh)
    first_ms = min(one.first_ms for one in fresh)
    age_ms = first_ms - latent[-1].last_ms
    return Finding(
        rule=RULE,
        owner=owner,
        container=container,
        cause=cause,
        severity=found.worst(one.record for one in fresh),
        title=f"{named(owner)}: {cause} at the first start after a change {duration(age_ms)} before",
        text=f"{'; '.join(changes.said(one) for one in latent)}, and no pod was made in the {duration(age_ms)} after. "
        f"This was followed by {failures.phrase(cause)} at the first start of {counted(len(pods), 'pod')} "
        f"({listed([ref.name for ref in pods])}). The first failure was at {clock(first_ms)}.",
        recommendation=f"Look at that change together with what the pods say: kubectl describe {resource(pods[-1])}.",
        object=owner,
        evidence=found.caused((one.record for one in latent), (one.record for one in fresh)),
        figures={"pods": len(pods), "age_seconds": age_ms // SECOND_MS, "changes": [changes.said(one) for one in latent]},
        first_ms=first_ms,
        last_ms=found.last_ms(window, fresh),
        ended=found.ended(window, owner, recovered=False),
        quiet_ms=found.quiet_ms(fresh[0].kind),
    )
