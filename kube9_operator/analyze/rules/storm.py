"""Far more events of a reason than usual."""

from collections.abc import Iterator

from kube9_operator.analyze import changes, found
from kube9_operator.analyze.coverage import confirmed_ms, gaps, missed_ms
from kube9_operator.analyze.model import EFFECT, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import HOUR_MS, SECOND_MS, count_between
from kube9_operator.analyze.wording import clock, counted, duration, named, place, quoted
from kube9_schema.sources import EVENTS

RULE = "storm"
MOST = 0.5
"""The share of a storm above which one owner is named, and a rollout of DaemonSets explains it."""
NODE_KINDS = ("Pod", "Node")
"""What an upgrade of nodes stirs up."""
UPGRADE_MS = HOUR_MS


def storm(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each namespace and reason."""
    until_ms = confirmed_ms(window, (EVENTS,))
    since_ms = until_ms - thresholds.storm_within_s * SECOND_MS
    begin_ms = until_ms - thresholds.storm_baseline_s * SECOND_MS
    if window.begin_ms > begin_ms or until_ms < window.now_ms - thresholds.storm_within_s * SECOND_MS:
        return
    if gaps(window, (EVENTS,), since_ms - thresholds.storm_within_s * SECOND_MS, until_ms):
        return
    watched_ms = since_ms - begin_ms - missed_ms(window, (EVENTS,), begin_ms, since_ms)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in window.records:
        if record.severity != "info":
            groups.setdefault((record.object.namespace, record.reason), []).append(record)
    for (namespace, reason), records in sorted(groups.items()):
        recent = [(count_between(one, since_ms, until_ms), one) for one in records if one.last_ms >= since_ms]
        now = sum(count for count, _ in recent)
        if now < thresholds.storm_count or watched_ms <= 0:
            continue
        before = sum(count_between(one, begin_ms, since_ms) for one in records)
        usual = before / watched_ms * thresholds.storm_within_s * SECOND_MS
        if now >= thresholds.storm_factor * usual and not _is_explained(window, recent, now, since_ms):
            yield _finding(thresholds, namespace, reason, recent, since_ms, usual)


def _is_explained(window: Window, recent: list[tuple[float, Record]], now: float, since_ms: int) -> bool:
    """Whether a rollout of DaemonSets, or an upgrade of nodes, makes these events."""
    rolled = {
        one.of for one in changes.changes(window.records) if one.of.kind == "DaemonSet" and one.last_ms >= since_ms - UPGRADE_MS
    }
    of_rollout = sum(count for count, one in recent if one.owner in rolled)
    upgraded = any(one.reason == "NodeCordoned" and one.last_ms >= since_ms - UPGRADE_MS for one in window.records)
    of_nodes = sum(count for count, one in recent if one.object.kind in NODE_KINDS) if upgraded else 0
    return max(of_rollout, of_nodes) > MOST * now


def _finding(
    thresholds: Thresholds,
    namespace: str,
    reason: str,
    recent: list[tuple[float, Record]],
    since_ms: int,
    usual: float,
) -> Finding:
    now = sum(count for count, _ in recent)
    shares: dict[Ref, float] = {}
    for count, record in recent:
        shares[record.owner] = shares.get(record.owner, 0) + count
    most, share = max(shares.items(), key=lambda one: (one[1], one[0].namespace, one[0].name))
    about = Ref(kind="Namespace", name=namespace) if namespace else Ref(kind="Cluster", name="cluster")
    records = [record for count, record in sorted(recent, key=lambda one: (-one[0], one[1].id)) if count]
    alone = f" Most are of {named(most)}" if share > MOST * now else f" They are of {counted(len(shares), 'owner')}"
    within = duration(thresholds.storm_within_s * SECOND_MS)
    said = quoted(records[0].description)
    return Finding(
        rule=RULE,
        owner=about,
        cause=reason,
        severity=found.worst(records),
        title=f"Storm of {reason} in {named(about)}",
        text=f"{reason} was recorded {round(now)} times in the {within} after {clock(since_ms)} (usual: {round(usual, 1):g})."
        f"{alone}{f', and say: {said}' if said else ''}.",
        recommendation=f"See whose they are: kube9-cli events list{place(Ref(namespace=namespace))} --reason {reason}.",
        object=most if share > MOST * now else about,
        evidence=found.evidence(EFFECT, records),
        figures={"count": round(now), "usual": round(usual, 1), "owners": len(shares)},
        first_ms=max(since_ms, min(record.first_ms for record in records)),
        last_ms=max(record.last_ms for record in records),
    )
