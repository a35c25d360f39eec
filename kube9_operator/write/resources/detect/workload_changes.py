"""What of a workload's configuration changed besides images and replicas: which paths, from what to what. Pure."""

from typing import Any, NamedTuple

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import CronJob, Part, Workload
from kube9_operator.write.resources.detect.dating import author
from kube9_operator.write.resources.detect.observed import Observed, step

POD = "spec.template.spec."
"""Before the paths of a pod's specification, which states keep without it."""
MAX_PATHS = 50
"""Named in one event."""
SAID_PATHS = 3
"""In its description."""
ENVIRONMENT = ".env["
CONTAINERS = (f"{POD}containers[", f"{POD}initContainers[")
RESTARTED = "spec.template.metadata.annotations["
"""Where `kubectl rollout restart` leaves its mark."""
_json = msgspec.json.Decoder(dict[str, Any])


class Values(NamedTuple):
    """What stood at a path and what stands there now; '' for nothing, and for what is not shown."""

    before: str = ""
    after: str = ""


def full(path: str, source: str = "") -> str:
    """A path from the object's beginning, as `kubectl get -o jsonpath` has it but for names in place of numbers."""
    whole = path if path.startswith("spec.") else POD + path
    return whole.replace("spec.template.", "spec.jobTemplate.spec.template.", 1) if source == "cronjobs" else whole


def of_configuration(observed: Observed, previous: Workload | CronJob, current: Workload | CronJob) -> list[Observation]:
    """An event for each manager that changed the configuration; one if nobody says who did."""
    changed = differences(previous, current)
    if not changed:
        return []
    groups: dict[str, list[str]] = {}
    for path in changed:
        writer = author(observed.window, [_owned(path)], observed.writers)
        groups.setdefault(writer.name if writer is not None else "", []).append(path)
    if "" in groups and len(groups) == 2 and observed.window.one_write:  # one write is one manager's
        (manager,) = groups.keys() - {""}
        groups = {manager: list(changed)}
    return [_changed(observed, manager, {path: changed[path] for path in paths}) for manager, paths in sorted(groups.items())]


def differences(previous: Workload | CronJob, current: Workload | CronJob) -> dict[str, Values]:
    """The paths that differ, in order. Nothing is known to differ from a state that an older release has stored."""
    if previous.parts is None or current.parts is None:
        return {}
    found: dict[str, Values] = {}
    for path in previous.parts.keys() | current.parts.keys():
        before, after = previous.parts.get(path), current.parts.get(path)
        if before is None or after is None or before.digest != after.digest:
            found |= _difference(path, before or Part(), after or Part())
    for container in previous.environment.keys() | current.environment.keys():
        names, now = previous.environment.get(container, {}), current.environment.get(container, {})
        found |= {
            f"{container}.env[{name}]": Values() for name in names.keys() | now.keys() if names.get(name) != now.get(name)
        }
    return dict(sorted(_with_whole_containers(found, previous, current).items()))


def _difference(path: str, before: Part, after: Part) -> dict[str, Values]:
    """What differs within a part: of resources each figure."""
    if path.endswith(".resources"):
        old, new = _flat(before.shown), _flat(after.shown)
        if old is not None and new is not None:
            figures = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
            return {f"{path}.{key}": Values(old.get(key, ""), new.get(key, "")) for key in figures}
    # The same text of another digest: what differs is a secret, or was cut off.
    return {path: Values() if before.shown == after.shown else Values(before.shown, after.shown)}


def _flat(text: str) -> dict[str, str] | None:
    """Figures of resources by their paths, `limits.memory`; None if the text is not whole."""
    try:
        decoded = _json.decode(text) if text else {}
    except msgspec.DecodeError:
        return None
    found: dict[str, str] = {}
    for kind, figures in decoded.items():
        if isinstance(figures, dict):
            found |= {f"{kind}.{name}": str(value) for name, value in figures.items()}
        else:
            found[kind] = msgspec.json.encode(figures).decode()
    return found


def _with_whole_containers(
    found: dict[str, Values], previous: Workload | CronJob, current: Workload | CronJob
) -> dict[str, Values]:
    """In place of all that is in a container which was added or removed, the container."""
    for name in previous.images.keys() ^ current.images.keys():
        kind = "initContainers" if any(path.startswith(f"initContainers[{name}]") for path in found) else "containers"
        found = {path: values for path, values in found.items() if not path.startswith(f"{kind}[{name}].")}
        found[f"{kind}[{name}]"] = Values(previous.images.get(name, ""), current.images.get(name, ""))
    return found


def _owned(path: str) -> str:
    """The path by which managedFields name who owns this one."""
    whole = full(path)
    container, figure, _ = whole.partition(".resources.")
    if figure:
        return f"{container}.resources"
    is_container = whole.startswith(CONTAINERS) and whole.endswith("]") and ENVIRONMENT not in whole
    return f"{whole}.image" if is_container else whole


def _changed(observed: Observed, manager: str, changed: dict[str, Values]) -> Observation:
    paths = list(changed)[:MAX_PATHS]
    said = "; ".join(map(_said, paths[:SAID_PATHS], (changed[path] for path in paths)))
    more = len(changed) - SAID_PATHS
    return step(
        rows.CONFIGURATION_CHANGED,
        observed,
        parts=(manager,),
        paths=[_owned(path) for path in changed],
        of_template=any(not path.startswith("spec.") or path.startswith(RESTARTED) for path in changed),
        reason=f"{observed.kind}ConfigurationChanged",
        description=f"{observed.kind} {observed.name} changed: {said}" + (f"; and {more} more" if more > 0 else ""),
        metadata={
            "changed": [full(path, observed.source) for path in paths],
            "previous": {full(path, observed.source): changed[path].before for path in paths if changed[path].before},
            "current": {full(path, observed.source): changed[path].after for path in paths if changed[path].after},
        },
    )


def _said(path: str, values: Values) -> str:
    before, after = values
    if before and after:
        return f"{path} from {before} to {after}"
    if before or after:
        return f"{path} {'added' if after else 'removed'}: {before or after}"
    return path
