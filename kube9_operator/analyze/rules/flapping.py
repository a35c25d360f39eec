"""What goes back and forth: a node, the endpoints of a Service, an autoscaler, a rollout."""

import itertools
from collections.abc import Iterable, Iterator

from kube9_operator.analyze import changes, found
from kube9_operator.analyze.changes import CONFIGURATION, IMAGE, Change
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, ISSUE, OPTIMIZATION, Finding, Record, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, densest, last_spell, times
from kube9_operator.analyze.wording import clock, counted, duration, named, resource
from kube9_operator.model.resource_states import Node, Service, Workload

RULE = "flapping"
NODE_REASONS = ("NodeNotReady", "NodeReady")
LOSSES = ("NoEndpoints", "EndpointsReduced")
RESCALED = "SuccessfulRescale"
Told = list[tuple[int, Record]]
"""Each change with the event that tells of it."""


def flapping(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each node, Service, autoscaler and workload."""
    of: dict[tuple[str, Ref], list[Record]] = {}
    for record in window.records:
        if what := _what(record):
            of.setdefault((what, record.object), []).append(record)
    for (what, about), records in sorted(of.items(), key=repr):
        if what == "node":
            yield from _node(window, thresholds, about, records)
        elif what == "endpoints":
            yield from _endpoints(window, thresholds, about, records)
        else:
            yield from _autoscaler(window, thresholds, about, records)
    yield from _rollouts(window, thresholds)


def _what(record: Record) -> str:
    kind, reason = record.object.kind, record.reason
    if kind == "Node" and not record.object.group and reason in NODE_REASONS:
        return "node"
    if kind == "Service" and reason in LOSSES:
        return "endpoints"
    return "autoscaler" if kind == "HorizontalPodAutoscaler" and reason == RESCALED else ""


def _node(window: Window, thresholds: Thresholds, node: Ref, records: list[Record]) -> Iterator[Finding]:
    told = sorted(((moment, record) for record in records for moment in times(record)), key=_order)
    within_ms = thresholds.flapping_node_s * SECOND_MS
    found_so = _enough(told, thresholds.flapping_node_changes, within_ms)
    state = window.states.of(node)
    if not found_so or (isinstance(state, Node) and state.unschedulable) or _is_cordoned(window, found_so, within_ms, node):
        return
    text = f"Condition Ready of {named(node)} changed {len(found_so)} times since {clock(found_so[0][0])}"
    advice = f"Look at its conditions and at the kubelet's log: kubectl describe node {node.name}."
    yield _finding(window, node, "node", ISSUE, found_so, within_ms, text, advice)


def _endpoints(window: Window, thresholds: Thresholds, service: Ref, records: list[Record]) -> Iterator[Finding]:
    """Losses are recorded, and each but the last was followed by a recovery: otherwise there would be nothing to lose."""
    within_ms = thresholds.flapping_endpoints_s * SECOND_MS
    losses = sorted(((moment, record) for record in records for moment in times(record)), key=_order)
    lasts = any(record.ongoing for record in records)
    needed = (thresholds.flapping_endpoints_changes + lasts + 1) // 2
    found_so = _enough(losses, needed, within_ms)
    if not found_so or _is_cordoned(window, found_so, within_ms) or _is_rolled_out(window, service, found_so, within_ms):
        return
    text = f"{named(service)} lost most or all of its endpoints {len(found_so)} times since {clock(found_so[0][0])}"
    advice = f"Look at the probes of the pods behind it: kubectl describe {resource(service)}."
    yield _finding(window, service, "endpoints", ISSUE, found_so, within_ms, text, advice)


def _autoscaler(window: Window, thresholds: Thresholds, about: Ref, records: list[Record]) -> Iterator[Finding]:
    reversals: Told = []
    direction, before = 0, None
    sizes = []
    for record in sorted(records, key=lambda one: (one.first_ms, one.id)):
        new, previous = (record.metadata.get(key) for key in ("new", "previous"))
        previous = previous if isinstance(previous, int) else before
        if isinstance(new, int) and isinstance(previous, int) and new != previous:
            now = 1 if new > previous else -1
            if direction and now != direction:
                reversals.append((record.first_ms, record))
                sizes += [previous, new]
            direction = now
        before = new if isinstance(new, int) else before
    within_ms = thresholds.flapping_autoscaler_s * SECOND_MS
    found_so = _enough(reversals, thresholds.flapping_autoscaler_reversals, within_ms)
    if found_so:
        text = f"{named(about)} changed its direction {len(found_so)} times since {clock(found_so[0][0])}, "
        text += f"between {min(sizes)} and {max(sizes)} replicas"
        advice = f"Let it wait longer before it scales down (behavior.scaleDown): kubectl describe {resource(about)}."
        yield _finding(window, about, "autoscaler", OPTIMIZATION, found_so, within_ms, text, advice)


def _rollouts(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """What a template has at a path went from A to B, to A and to B again."""
    at: dict[tuple[Ref, str], list[tuple[Change, str, str]]] = {}
    for change in changes.changes(window.records):
        for path in changes.paths(change) if change.what in (IMAGE, CONFIGURATION) else ():
            before, after = changes.values(change, path)
            if before and after:
                at.setdefault((change.of, path), []).append((change, before, after))
    within_ms = thresholds.flapping_rollout_s * SECOND_MS
    for (workload, path), made in sorted(at.items(), key=repr):
        if not changes.is_in_template(path):
            continue
        run: list[tuple[Change, str, str]] = []
        for one in made:
            goes_back = bool(run) and one[1:] == (run[-1][2], run[-1][1])
            run = [*run, one] if goes_back else [one]
        found_so = _enough([(one.last_ms, one.record) for one, _, _ in run], thresholds.flapping_rollout_changes, within_ms)
        if found_so:
            short = path.removeprefix(changes.TEMPLATE)
            text = f"{named(workload)} went {len(found_so)} times between {run[-1][1]} and {run[-1][2]} ({short}) "
            text += f"since {clock(found_so[0][0])}"
            advice = f"See who changes it: kubectl get {resource(workload)} -o yaml --show-managed-fields."
            yield _finding(window, workload, "rollout", ISSUE, found_so, within_ms, text, advice)


def _enough(told: Told, least: int, within_ms: int) -> Told:
    """The latest spell of changes if so many of it lie within a time; otherwise nothing."""
    spell = last_spell(moment for moment, _ in told)
    most, _ = densest(spell, within_ms)
    return [one for one in told if one[0] >= spell[0]] if spell and most >= least else []


def _order(told: tuple[int, Record]) -> tuple[int, str]:
    return told[0], told[1].id


def _is_cordoned(window: Window, told: Told, within_ms: int, node: Ref | None = None) -> bool:
    """Whether a node was cordoned about that time."""
    first_ms, last_ms = told[0][0] - within_ms, told[-1][0]
    return any(
        record.reason == "NodeCordoned" and first_ms <= record.last_ms <= last_ms and node in (None, record.object)
        for record in window.records
    )


def _is_rolled_out(window: Window, service: Ref, told: Told, within_ms: int) -> bool:
    """Whether a workload behind a Service was changed about that time."""
    state = window.states.of(service)
    selector = state.selector if isinstance(state, Service) else {}
    for change in changes.changes(window.records):
        is_then = told[0][0] - within_ms <= change.last_ms <= told[-1][0]
        if not is_then or change.of.namespace != service.namespace or not (change.of_template or change.what == changes.SCALE):
            continue
        workload = window.states.of(change.of)
        labels = workload.labels if isinstance(workload, Workload) else {}
        if selector and all(labels.get(key) == value for key, value in selector.items()):
            return True
    return False


def _finding(
    window: Window, about: Ref, what: str, category: str, told: Told, within_ms: int, text: str, advice: str
) -> Finding:
    records: Iterable[Record] = [record for _, record in told]
    sources = {"node": "nodes", "endpoints": "endpointslices", "autoscaler": "events", "rollout": "deployments"}
    moments = [moment for moment, _ in told]
    shortest = min((after - before for before, after in itertools.pairwise(moments)), default=0)
    return Finding(
        rule=RULE,
        owner=about,
        cause=what,
        category=category,
        severity=_severity(records),
        title=f"{named(about)} goes back and forth",
        text=f"{text}. The shortest time between two of these was {duration(shortest)}.",
        recommendation=advice,
        object=about,
        evidence=found.evidence(EFFECT, records),
        figures={"changes": len(told), "most_within": counted(densest(moments, within_ms)[0], "change")},
        first_ms=moments[0],
        last_ms=moments[-1],
        ended=found.ended(window, about, recovered=False),
        unknown=missing(window, (sources[what],), moments[0], window.now_ms),
    )


def _severity(records: Iterable[Record]) -> str:
    """The worst of the evidence. Changes are infos, but that they do not end is a warning."""
    worst = found.worst(records)
    return "warning" if worst == "info" else worst
