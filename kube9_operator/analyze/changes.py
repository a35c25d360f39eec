"""Which events are changes that may come before failures: of what, from what to what, when and by whom. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from kube9_operator.analyze.model import WORKLOADS, Record, Ref, Window
from kube9_operator.analyze.times import MINUTE_MS, SECOND_MS
from kube9_operator.analyze.wording import moment, named
from kube9_operator.model import rows
from kube9_operator.model.resource_states import Workload

IMAGE, CONFIGURATION, SCALE, CONFIG_MAP, NODE, SYNC = "image", "configuration", "scale", "ConfigMap", "node", "sync"
NODE_REASONS = {"NodeAdded": "joined the cluster", "NodeUncordoned": "was uncordoned"}
"""What makes pods run on a node that did not run there before."""
TEMPLATES = ("spec.template.", "spec.jobTemplate.")
"""What pods are made from. A change of anything else, such as the strategy, makes no pod fail."""
TEMPLATE = "spec.template.spec."
APPLICATION = "Application"
SAID_PATHS = 3
HPA_MS = 2 * MINUTE_MS
"""An autoscaler's Event and the change of the number of replicas are this close."""
CONTROLLER_MANAGER = "kube-controller-manager"
CONFIG_MAP_USED = re.compile(r'^configMap (\S+)$|"configMapRef":\{"name":"([^"]+)"')
"""How a part of a template shows a volume, and `envFrom`: watch/template.py."""


class Change(NamedTuple):
    """A change, as an event says it."""

    record: Record
    what: str
    """IMAGE, CONFIGURATION, …"""

    @property
    def of(self) -> Ref:
        """What was changed."""
        return self.record.object

    @property
    def first_ms(self) -> int:
        """The earliest moment at which it can have been made. The event of a sync tells of its end."""
        seconds = self.record.metadata.get("seconds") if self.what == SYNC else 0
        return self.record.first_ms - (seconds if isinstance(seconds, int) else 0) * SECOND_MS

    @property
    def last_ms(self) -> int:
        """The latest such moment."""
        return self.record.last_ms

    @property
    def by(self) -> str:
        """The field manager, or who began a sync; '' if nobody says it."""
        return str(self.record.metadata.get("initiated_by" if self.what == SYNC else "changed_by") or "")

    @property
    def of_template(self) -> bool:
        """Whether it makes new pods."""
        return self.what in (IMAGE, SYNC) or any(map(is_in_template, paths(self)))


def changes(records: Iterable[Record]) -> list[Change]:
    """The changes in the order of time."""
    found = [Change(record, what) for record in records if (what := _what(record))]
    return sorted(found, key=lambda one: (one.first_ms, one.record.id))


def syncs(records: Iterable[Record]) -> list[Change]:
    """The syncs of Argo CD that changed something, in the order of time."""
    found = [
        Change(record, SYNC)
        for record in records
        if record.object.kind == APPLICATION
        and record.metadata.get("phase") == "succeeded"
        and record.metadata.get("changed_resources", 0)
    ]
    return sorted(found, key=lambda one: (one.first_ms, one.record.id))


def synced(change: Change) -> list[Ref]:
    """The workloads that a sync applied, without their uids."""
    workloads = change.record.metadata.get("workloads")
    named = [str(one).split("/") for one in workloads] if isinstance(workloads, list) else []
    return [Ref(kind, "", namespace, name) for kind, namespace, name in (one for one in named if len(one) == 3)]


def paths(change: Change) -> list[str]:
    """The paths that were changed, as the record names them."""
    changed = change.record.metadata.get("changed")
    if change.what == IMAGE:
        return [f"{TEMPLATE}containers[{change.record.metadata.get('container', '')}].image"]
    if change.what == SCALE:
        return ["spec.replicas"]
    return [str(one) for one in changed] if isinstance(changed, list) else []


def is_in_template(path: str) -> bool:
    """Whether a change of this path makes new pods."""
    return path.startswith(TEMPLATES)


def values(change: Change, path: str) -> tuple[str, str]:
    """What stood at a path before and after; '' for what is not shown."""
    metadata = change.record.metadata
    if change.what == IMAGE:
        return str(metadata.get("previous", "")), str(metadata.get("current", ""))
    if change.what == SCALE:
        return str(metadata.get("previous_replicas", "")), str(metadata.get("new_replicas", ""))
    before, after = metadata.get("previous"), metadata.get("current")
    return _at(before, path), _at(after, path)


def said(change: Change) -> str:
    """A change in words, with its time and its author: `Deployment web scaled from 1 to 3 replicas at … (by helm)`."""
    by = f" (by {change.by})" if change.by else ""
    return f"{_said(change)} {moment(change.first_ms, change.last_ms)}{by}"


def rescales(records: Iterable[Record]) -> list[Record]:
    """The Events of autoscalers that have changed a number of replicas."""
    return [record for record in records if record.reason == "SuccessfulRescale"]


def is_by_autoscaler(change: Change, rescales: Iterable[Record]) -> bool:
    """Whether an autoscaler made this change: it wrote the number of replicas, or its Event of that time says so."""
    if change.what != SCALE:
        return False
    if change.by.startswith(CONTROLLER_MANAGER):
        return True
    return any(
        record.object.namespace == change.of.namespace
        and str(record.metadata.get("target", "")).rpartition("/")[2] in ("", change.of.name)
        and record.metadata.get("new") == change.record.metadata.get("new_replicas")
        and change.first_ms - HPA_MS <= record.first_ms <= change.last_ms + HPA_MS
        for record in rescales
    )


def added(change: Change) -> int:
    """How many replicas a change of their number added; 0 for none."""
    before, after = (change.record.metadata.get(key) for key in ("previous_replicas", "new_replicas"))
    return max(0, after - before) if isinstance(before, int) and isinstance(after, int) else 0


def config_maps(window: Window, workload: Ref) -> list[Ref]:
    """The ConfigMaps that the pods of a workload use, of any uid: a volume or `envFrom` of its template names them."""
    state = window.states.of(workload)
    parts = (state.parts or {}) if isinstance(state, Workload) else {}
    names = {name or quoted for part in parts.values() for name, quoted in CONFIG_MAP_USED.findall(part.shown)}
    return [Ref(kind="ConfigMap", namespace=workload.namespace, name=name) for name in sorted(names)]


def uses(window: Window, workload: Ref, config_map: Ref) -> bool:
    """Whether the pods of a workload use a ConfigMap."""
    return any((one.namespace, one.name) == (config_map.namespace, config_map.name) for one in config_maps(window, workload))


def is_of(record: Record, workload: Ref) -> bool:
    """Whether an event is about a workload or about what it made. Another owner may stand above both."""
    if workload in (record.object, record.owner, record.controller):
        return True
    return (
        record.object.namespace == workload.namespace
        and workload.kind == "Deployment"
        and record.controller.kind == "ReplicaSet"
        and record.owner.kind not in WORKLOADS
        and record.controller.name.rpartition("-")[0] == workload.name
    )


def _at(known: object, path: str) -> str:
    return str(known.get(path, "")) if isinstance(known, dict) else ""


def _what(record: Record) -> str:
    kind, reason = record.object.kind, record.reason
    if record.type != "cluster" or record.object.group:
        return ""
    if kind in WORKLOADS:
        return {"ImageChanged": IMAGE, "ConfigurationChanged": CONFIGURATION, "Scaled": SCALE}.get(
            reason.removeprefix(kind), ""
        )
    if kind == "ConfigMap":
        return CONFIG_MAP if record.title == rows.CONFIG_MAP_CHANGED.title else ""
    return NODE if kind == "Node" and reason in NODE_REASONS else ""


def _said(change: Change) -> str:
    metadata = change.record.metadata
    if change.what == IMAGE:
        before, after = values(change, "")
        return f"{named(change.of)} changed the image of container {metadata.get('container', '')} from {before} to {after}"
    if change.what == SCALE:
        before, after = values(change, "")
        return f"{named(change.of)} scaled from {before} to {after} replicas"
    if change.what == SYNC:
        revision = change.record.metadata.get("revision")
        return f"{named(change.of)} was synced" + (f" to revision {revision}" if revision else "")
    if change.what == CONFIGURATION:
        found = paths(change)
        more = f" and {len(found) - SAID_PATHS} more" if len(found) > SAID_PATHS else ""
        return f"{named(change.of)} changed: {'; '.join(_path(change, path) for path in found[:SAID_PATHS])}{more}"
    return f"{named(change.of)} {NODE_REASONS.get(change.record.reason, 'changed')}"


def _path(change: Change, path: str) -> str:
    before, after = values(change, path)
    short = path.removeprefix(TEMPLATE)
    if before and after:
        return f"{short} from {before} to {after}"
    return f"{short} ({'added' if after else 'removed'}: {before or after})" if before or after else short
