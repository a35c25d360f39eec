"""Nodes, and what limits namespaces: namespaces themselves, PodDisruptionBudgets, ResourceQuotas and LimitRanges."""

from typing import Any

import msgspec

from kube9_operator.assess.cluster import Budget, Defaults, Namespace, Node, Quota
from kube9_operator.assess.kinds.forms import (
    Amounts,
    KeyValueForm,
    Meta,
    Reading,
    SelectorForm,
    key_values,
    selector,
    word,
    words,
)
from kube9_operator.assess.quantities import quantity

PURPOSE_LABELS = ("environment", "env", "tier", "kube9.io/workload-profile", "kube9.io/resource-governance")


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a node."""

    taints: list[KeyValueForm] | None = None
    unschedulable: bool | None = None


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    """Of a node."""

    allocatable: Amounts | None = None


class NodeForm(msgspec.Struct, frozen=True, gc=False):
    """A node."""

    metadata: Meta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class NamespaceForm(msgspec.Struct, frozen=True, gc=False):
    """A namespace."""

    metadata: Meta


class BudgetSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a PodDisruptionBudget."""

    selector: SelectorForm | None = None


class BudgetForm(msgspec.Struct, frozen=True, gc=False):
    """policy/v1 PodDisruptionBudget."""

    metadata: Meta
    spec: BudgetSpec | None = None


class QuotaSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a ResourceQuota."""

    hard: Amounts | None = None
    scopes: list[str] | None = None
    scope_selector: msgspec.Raw = msgspec.Raw(b"null")


class QuotaForm(msgspec.Struct, frozen=True, gc=False):
    """A ResourceQuota."""

    metadata: Meta
    spec: QuotaSpec | None = None


class Limit(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A limit of a LimitRange."""

    default: Amounts | None = None
    default_request: Amounts | None = None


class LimitSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a LimitRange."""

    limits: list[Limit] | None = None


class LimitForm(msgspec.Struct, frozen=True, gc=False):
    """A LimitRange."""

    metadata: Meta
    spec: LimitSpec | None = None


def _node(found: Any) -> Node:
    spec, allocatable = found.spec or NodeSpec(), (found.status or NodeStatus()).allocatable or {}
    return Node(
        name=word(found.metadata.name),
        labels=words(found.metadata.labels),
        taints=key_values(spec.taints),
        unschedulable=spec.unschedulable is True,
        cpu=quantity(allocatable.get("cpu")) or 0.0,
        memory=quantity(allocatable.get("memory")) or 0.0,
    )


def _namespace(found: Any) -> Namespace:
    labels = found.metadata.labels or {}
    return Namespace(word(found.metadata.name), {key: word(labels[key]) for key in PURPOSE_LABELS if key in labels})


def _budget(found: Any) -> Budget:
    chosen = (found.spec or BudgetSpec()).selector
    return Budget(word(found.metadata.namespace), word(found.metadata.name), None if chosen is None else selector(chosen))


def _quota(found: Any) -> Quota:
    spec = found.spec or QuotaSpec()
    amounts = {word(key): quantity(value) for key, value in (spec.hard or {}).items()}
    hard = {key: value for key, value in amounts.items() if value is not None}
    scoped = bool(spec.scopes) or bytes(spec.scope_selector) != b"null"
    return Quota(word(found.metadata.namespace), word(found.metadata.name), hard, scoped)


def _limit_range(found: Any) -> Defaults:
    limits = (found.spec or LimitSpec()).limits or []
    given = [set(one.default or ()) | set(one.default_request or ()) for one in limits]
    return Defaults(word(found.metadata.namespace), word(found.metadata.name), any({"cpu", "memory"} <= one for one in given))


NODES = Reading("nodes", "", "v1", NodeForm, _node)
NAMESPACES = Reading("namespaces", "", "v1", NamespaceForm, _namespace, 500)
PODDISRUPTIONBUDGETS = Reading("poddisruptionbudgets", "policy", "v1", BudgetForm, _budget, 500)
RESOURCEQUOTAS = Reading("resourcequotas", "", "v1", QuotaForm, _quota, 500)
LIMITRANGES = Reading("limitranges", "", "v1", LimitForm, _limit_range, 500)
