"""For which time an answer is complete, as docs/cli.md and docs/extension.md say it. It shares no code with kube9_cli."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.oracle.reader import Gap, Source, World
from tests.oracle.times import iso

BEHIND_MS, SILENT_MS = 120_000, 90_000
DAY_MS = 86_400_000
KINDS = {
    "nodes": {"Node"},
    "namespaces": {"Namespace"},
    "deployments": {"Deployment"},
    "statefulsets": {"StatefulSet"},
    "daemonsets": {"DaemonSet"},
    "services": {"Service"},
    "endpointslices": {"Service"},
    "pods": {"Pod", "Job"},
    "cronjobs": {"CronJob"},
    "persistentvolumeclaims": {"PersistentVolumeClaim"},
    "configmaps": {"ConfigMap"},
}
"""What the events of each watch but `events` are about. Other watches add owners and metadata only."""
KEPT = {
    "retention_info_warning_ms": ("info", "warning"),
    "retention_error_critical_ms": ("error", "critical"),
}


class Asked(NamedTuple):
    """What a selection says about coverage."""

    types: frozenset[str]
    severities: frozenset[str]
    kinds: Sequence[Callable[[str], bool]]
    """What each option says of a kind of objects: whether events about it can match."""
    watches: Sequence[Callable[[str], bool]]
    """What each option says of a watch other than `events`: whether what the operator finds in its resources can match."""
    owners: frozenset[str]
    """Watches that say what belongs to an object that is asked for."""
    since_ms: int | None
    until_ms: int | None


def coverage(world: World, asked: Asked, now_ms: int) -> dict[str, Any]:
    """The field `coverage` of an answer at a time, with all gaps. Without a writer, nobody holds the database's lock."""
    answer: dict[str, Any] = {"complete": True, "gaps": [], "unavailable": []}
    until = now_ms if asked.until_ms is None else min(asked.until_ms, now_ms)
    started, committed = world.facts.get("first_start_ms"), world.facts.get("last_commit_ms", 0)
    launched = world.facts.get("started_ms", 0)
    kept = [
        (
            now_ms - world.facts[name],
            f"events of severity {' and '.join(some)} are kept for {world.facts[name] / DAY_MS:g} days",
        )
        for name, some in KEPT.items()
        if name in world.facts and asked.severities & set(some)
    ]
    of_cluster = "cluster" in asked.types
    if asked.since_ms is not None and asked.since_ms >= now_ms:
        future = Gap("events" if of_cluster else "operator", asked.since_ms, asked.since_ms, "this time is in the future")
        return answer | {"complete": False, "gaps": [_shown(future)]}

    # Without --since, the time that is asked for begins with what is kept of any severity.
    begin = asked.since_ms if asked.since_ms is not None else min((since for since, _ in kept), default=0)
    gaps = []
    for since, reason in kept:
        first = max(asked.since_ms or 0, started or 0)
        if (asked.since_ms is not None or until <= begin) and first < min(since, until):
            gaps.append(Gap("events" if of_cluster else "operator", first, min(since, until), reason))
    if not of_cluster:  # the operator's own events are complete from its first start to its last commit
        first, last = max(begin, started or 0), min(until, committed)
        known = {"from": iso(first), "until": iso(last)} if first < last else {}
        return answer | known | {"complete": not gaps, "gaps": [_shown(gap) for gap in gaps]}

    touched = [source for source in _sources(world) if _touches(source.name, asked)]
    answer["unavailable"] = [source.name for source in touched if source.unavailable]
    names = {source.name for source in touched}
    gaps += [
        gap._replace(from_ms=max(gap.from_ms, begin), to_ms=min(gap.to_ms, until))
        for gap in world.gaps
        if gap.source in names and gap.to_ms > begin and gap.from_ms < until
    ]
    for source in touched:
        gaps += _not_watched(source, asked.since_ms, begin, until, now_ms, started, launched, committed)
    watched = [source for source in touched if source.covered_from_ms is not None and not source.unavailable]
    if watched:
        first = max([asked.since_ms or 0, *(since for since, _ in kept), *(source.covered_from_ms or 0 for source in watched)])
        last = min([until, *(source.confirmed_ms or 0 for source in watched)])
        if first < last:
            answer |= {"from": iso(first), "until": iso(last)}
    return answer | {
        "complete": not gaps and not answer["unavailable"],
        "gaps": [_shown(gap) for gap in sorted(gaps, key=newest_first)],
    }


def newest_first(gap: Gap) -> tuple[int, int, bool, str]:
    """The order of gaps. Some are equal in it."""
    return -gap.to_ms, -gap.from_ms, gap.source != "events", gap.source


def _sources(world: World) -> list[Source]:
    """All watches, that of Events first: it is one even before it was ever stored."""
    found = {source.name: source for source in world.sources}
    events = found.pop("events", Source("events", None, None, None, None))
    return [events, *(found[name] for name in sorted(found))]


def _touches(source: str, asked: Asked) -> bool:
    if source == "events" or source in asked.owners:
        return True
    if not all(may(source) for may in asked.watches):
        return False
    return any(all(may(kind) for may in asked.kinds) for kind in KINDS.get(source, ()))


def _not_watched(
    source: Source, since: int | None, begin: int, until: int, now: int, started: int | None, launched: int, committed: int
) -> list[Gap]:
    """What a watch has missed besides recorded gaps: before its first list, and since it was last confirmed."""
    if source.covered_from_ms is None or source.confirmed_ms is None:
        first = since or source.unavailable_since_ms or started or until
        return [Gap(source.name, min(first, until), until, source.unavailable or "not listed yet", ongoing=True)]
    gaps = []
    if since is None and until > source.covered_from_ms:
        begin = max(begin, source.covered_from_ms)  # nobody asks for the time before the record
    first = since if since is not None else 0
    if (since is not None and since < source.covered_from_ms) or (since is None and until <= source.covered_from_ms):
        gaps.append(Gap(source.name, first, min(source.covered_from_ms, until), "before recording began"))
    is_behind = source.unavailable or now - source.confirmed_ms > BEHIND_MS
    if is_behind and source.confirmed_ms < until:
        running, new = now - committed <= SILENT_MS, now - launched <= BEHIND_MS
        why = (
            "the operator was not running, or this is a copy of its database"
            if not running
            else "the operator has just started, and is not watching yet"
            if new
            else "the operator is running, but it could not watch; its log says why"
        )
        gaps.append(Gap(source.name, max(source.confirmed_ms, begin), until, source.unavailable or why, ongoing=True))
    return gaps


def _shown(gap: Gap) -> dict[str, Any]:
    shown = {"source": gap.source, "from": iso(gap.from_ms), "to": iso(gap.to_ms), "reason": gap.reason}
    return shown | ({"ongoing": True} if gap.ongoing else {})


EVERY_TYPE = frozenset(("cluster", "operator", "insight", "assessment", "health", "system"))
