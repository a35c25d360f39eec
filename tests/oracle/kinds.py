"""The names of kinds, as kubectl takes them, for the kinds of the random databases. It shares no code with kube9_cli."""

import random

from tests.oracle.reader import World

NAMES = {
    "Pod": ("pod", "pods", "po"),
    "Node": ("node", "nodes", "no"),
    "Deployment": ("deployment", "deployments", "deploy"),
    "ReplicaSet": ("replicaset", "replicasets", "rs"),
    "StatefulSet": ("statefulset", "statefulsets", "sts"),
    "Job": ("job", "jobs"),
    "CronJob": ("cronjob", "cronjobs", "cj"),
    "Service": ("service", "services", "svc"),
    "Namespace": ("namespace", "namespaces", "ns"),
    "PersistentVolumeClaim": ("persistentvolumeclaim", "persistentvolumeclaims", "pvc"),
    "HorizontalPodAutoscaler": ("horizontalpodautoscaler", "horizontalpodautoscalers", "hpa"),
    "ResourceQuota": ("resourcequota", "resourcequotas", "quota"),
    "Gateway": ("gateway", "gateways"),
    "Widget": ("widget", "widgets"),
    "Policy": ("policy", "policies"),
    "pod": ("pod", "pods", "po"),
}
"""Singular, plural and short."""
GROUPS = {
    "Deployment": "apps",
    "ReplicaSet": "apps",
    "StatefulSet": "apps",
    "Job": "batch",
    "CronJob": "batch",
    "HorizontalPodAutoscaler": "autoscaling",
}
"""The API groups of Kubernetes' kinds, but for the core group."""
OWN = {*NAMES} - {"Gateway", "Widget", "Policy", "pod"}
"""Kinds of Kubernetes itself."""
BELONGING = {
    "Deployment": ("ReplicaSet", "Pod"),
    "ReplicaSet": ("Pod",),
    "StatefulSet": ("Pod",),
    "CronJob": ("Job", "Pod"),
    "Job": ("Pod",),
    "Service": ("Pod",),
    "Node": ("Pod", "Job"),
}
"""Of what kinds things belong to an object."""
SAYS_OWNERS = {
    "Deployment": frozenset(("replicasets",)),
    "CronJob": frozenset(("jobs",)),
    "Service": frozenset(("endpointslices",)),
}
"""The watches that say what belongs to an object, besides those of the kinds themselves."""


def names(kind: str) -> tuple[str, ...]:
    """Every name of a kind without a group, in lower case."""
    return (kind.lower(), *NAMES.get(kind, ()))


def spelled(chance: random.Random, kind: str, group: str) -> str:
    """A name of a kind, with its API group if that is needed, or sometimes so."""
    text = chance.choice((kind, *NAMES.get(kind, ())))
    if group and (kind in OWN or chance.random() < 0.5):
        text += f".{group}" if chance.random() < 0.7 else f".v1.{group}"
    elif kind in GROUPS and chance.random() < 0.2:
        text += f".{GROUPS[kind]}"
    return chance.choice((text, text, text.lower(), text.upper()))


def built_in(text: str) -> str | None:
    """The kind of Kubernetes itself that a name means; None for any other."""
    name, _, group = text.lower().partition(".")
    group = "" if group == "v1" else group
    found = [kind for kind in OWN if name in names(kind)]
    return found[0] if found and (not group or group == GROUPS.get(found[0], "")) else None


def meant(text: str, world: World) -> set[tuple[str, str]] | None:
    """Kinds and API groups that a name means; None if neither Kubernetes nor the record knows it."""
    own = built_in(text)
    if own is not None:
        return {(own, "")}
    name, _, group = text.lower().partition(".")
    if group.startswith("v1."):
        group = group.removeprefix("v1.")
    recorded = {(one.kind, one.group) for one in world.objects.values() if name in names(one.kind)}
    if not group:
        return recorded or None
    found = {(kind, of) for kind, of in recorded if of == group}
    # Older releases did not record groups, and recorders leave them out.
    return found | {(kind, "") for kind, _ in found if kind not in OWN} or None


def may_belong(kind: str, own: str | None) -> bool:
    """Whether something of a kind can belong to an object of a kind; None for any custom kind."""
    if own == "Namespace":
        return kind != "Node"
    return own is None or kind == own or kind in BELONGING.get(own, ())
