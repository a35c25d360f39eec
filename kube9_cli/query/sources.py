"""Which sources can have events that match a selection: only their gaps make its answer incomplete. Pure."""

from kube9_cli import kinds, patterns
from kube9_cli.selection import About, Selection
from kube9_schema.api_groups import plural
from kube9_schema.sources import CLUSTER_SCOPED, CUSTOM, EVENTS, EVENTS_ABOUT, ITSELF

OWNED = {
    "Deployment": ("ReplicaSet", "Pod"),
    "ReplicaSet": ("Pod",),
    "StatefulSet": ("Pod",),
    "DaemonSet": ("Pod",),
    "CronJob": ("Job", "Pod"),
    "Job": ("Pod",),
    "Service": ("Pod",),
    "Node": ("Pod", "Job"),
    "ReplicationController": ("Pod",),
}
"""What objects of these kinds own, or stand for. Kubernetes' other kinds own nothing; a custom kind may own anything."""
OWNERS = {"Deployment": ("replicasets",), "CronJob": ("jobs",), "Service": ("endpointslices",)}
"""The sources that say what belongs to objects of these kinds, besides those of the objects themselves."""
ON_NODES = ("nodes", "pods")
"""Sources whose events name a node."""


def allowed(selection: Selection, field: str, names: tuple[str, ...]) -> set[int]:
    """The codes that an event may have in a field."""
    every = range(len(names))
    return set(selection.wanted.get(field, every)) - set(selection.excluded.get(field, ()))


class Touched:
    """The sources that a selection asks for."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def by(self, source: str) -> bool:
        """Whether the answer depends on this source."""
        if source == EVENTS:
            return True
        return self._has_events(source) or self._has_owners(source)

    def _has_events(self, source: str) -> bool:
        """Whether events of this source, which the operator found in the state of a resource, can match."""
        wanted, excluded = self._selection.wanted, self._selection.excluded
        if "source" in wanted and not patterns.matcher(wanted["source"], any_case=True)(ITSELF):
            return False
        if "source" in excluded and patterns.matcher(excluded["source"], any_case=True)(ITSELF):
            return False
        if "node" in wanted and source not in ON_NODES:
            return False
        return any(self._may_be(kind) for kind in EVENTS_ABOUT.get(source, ()))

    def _may_be(self, kind: str) -> bool:
        """Whether a matching event can be about an object of this kind."""
        wanted, excluded = self._selection.wanted, self._selection.excluded
        if "object-namespace" in wanted and kind in CLUSTER_SCOPED:
            return False
        if "namespace" in wanted and kind in CLUSTER_SCOPED and kind != "Namespace":
            return False
        if kind in map(_watched, excluded.get("kind", ())):
            return False
        if "kind" in wanted and kind not in map(_watched, wanted["kind"]):
            return False
        if "object-kind" in wanted and kind.lower() not in {
            (kinds.built_in(text) or text).lower() for text in wanted["object-kind"]
        }:
            return False
        return "for" not in wanted or any(_belongs(kind, about) for about in wanted["for"])

    def _has_owners(self, source: str) -> bool:
        """Whether it says what belongs to an object that is asked for."""
        asked = (*self._selection.wanted.get("for", ()), *self._selection.excluded.get("for", ()))
        return any(source in OWNERS.get(kinds.built_in(about.kind) or "", ()) for about in asked)


def _watched(text: str) -> str | None:
    """The kind that a name means, if it is one of Kubernetes or a custom one that the operator watches; None for any other."""
    name, group = kinds.split(text)
    for kind, own in CUSTOM.items():
        if name in (kind.lower(), plural(kind)) and group in ("", own):
            return kind
    return kinds.built_in(text)


def _belongs(kind: str, about: About) -> bool:
    """Whether an object of a kind can be this object, or belong to it."""
    own = _watched(about.kind)
    if own == "Namespace":
        return kind not in CLUSTER_SCOPED or kind == own
    return own is None or kind == own or kind in OWNED.get(own, ())
