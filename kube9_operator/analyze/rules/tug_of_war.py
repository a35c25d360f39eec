"""Two field managers that change one thing in turn."""

from collections.abc import Iterator

from kube9_operator.analyze import changes, found
from kube9_operator.analyze.changes import CONFIGURATION, IMAGE, SCALE, Change
from kube9_operator.analyze.coverage import missing
from kube9_operator.analyze.model import EFFECT, Finding, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS, densest
from kube9_operator.analyze.wording import clock, counted, named, resource
from kube9_schema.sources import KINDS as KIND_OF_SOURCE

RULE = "tug-of-war"
SOURCE_OF_KIND = {kind: source for source, kind in KIND_OF_SOURCE.items()}


def tug_of_war(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each workload and path."""
    at: dict[tuple[Ref, str], list[Change]] = {}
    for change in changes.changes(window.records):
        if change.what in (IMAGE, CONFIGURATION, SCALE):
            for path in changes.paths(change):
                at.setdefault((change.of, path), []).append(change)
    within_ms = thresholds.tug_within_s * SECOND_MS
    for (workload, path), made in sorted(at.items(), key=repr):
        run = _in_turn(made)
        most, _ = densest([one.last_ms for one in run], within_ms)
        if most >= thresholds.tug_changes:
            yield _finding(window, workload, path, run)


def _in_turn(made: list[Change]) -> list[Change]:
    """The latest changes that two managers made in turn."""
    run: list[Change] = []
    for one in made:
        if not one.by:
            run = []
        elif run and (one.by == run[-1].by or (len(run) > 1 and one.by != run[-2].by)):
            run = [*run[-1:], one] if one.by != run[-1].by else [one]
        else:
            run.append(one)
    return run


def _finding(window: Window, workload: Ref, path: str, run: list[Change]) -> Finding:
    first, second = sorted({one.by for one in run})
    short = path.removeprefix(changes.TEMPLATE)
    first_ms, last_ms = run[0].first_ms, run[-1].last_ms
    often = f"{counted(len(run), 'time')} in turn since {clock(first_ms)}"
    values = "; ".join(f"{one.by} set {after}" for one in run[-2:] if (after := changes.values(one, path)[1]))
    return Finding(
        rule=RULE,
        owner=workload,
        cause=path,
        severity="warning",
        title=f"{named(workload)}: {first} and {second} change {short} in turn",
        text=f"{first} and {second} changed {short} of {named(workload)} {often}. "
        f"{f'The last two: {values}' if values else 'The values are not recorded'}.",
        recommendation=f"Let one of them own it: kubectl get {resource(workload)} -o yaml --show-managed-fields.",
        object=workload,
        evidence=found.evidence(EFFECT, (one.record for one in run)),
        figures={"changes": len(run), "managers": [first, second], "path": path},
        first_ms=first_ms,
        last_ms=last_ms,
        ended=found.ended(window, workload, recovered=False),
        unknown=missing(window, (SOURCE_OF_KIND.get(workload.kind, "deployments"),), first_ms, window.now_ms),
    )
