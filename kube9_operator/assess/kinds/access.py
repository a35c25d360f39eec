"""Roles and bindings: wildcards in rules, and who is bound to cluster-admin."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.assess import builtin
from kube9_operator.assess.cluster import Binding, Role, Subject
from kube9_operator.assess.kinds.forms import Meta, Reading, word

GROUP, VERSION = "rbac.authorization.k8s.io", "v1"
CLUSTER_ADMIN = "cluster-admin"
EVERYTHING = ("*", "*/*")
GRANTED: dict[str, tuple[str, str]] = {
    CLUSTER_ADMIN: ("Group", "system:masters"),
    "kubeadm:cluster-admins": ("Group", "kubeadm:cluster-admins"),
}
"""Bindings to cluster-admin that Kubernetes makes, and to whom. One more subject in them is somebody's own doing."""


class Rule(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A rule of a role."""

    api_groups: list[str] | None = None
    resources: list[str] | None = None
    verbs: list[str] | None = None
    non_resource_urls: list[str] | None = msgspec.field(default=None, name="nonResourceURLs")


class RoleForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Role or ClusterRole."""

    metadata: Meta
    rules: list[Rule] | None = None
    aggregation_rule: msgspec.Raw = msgspec.Raw(b"null")


class RoleRef(msgspec.Struct, frozen=True, gc=False):
    """The role that a binding gives."""

    kind: str = ""
    name: str = ""


class SubjectForm(msgspec.Struct, frozen=True, gc=False):
    """A subject of a binding."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class BindingForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A RoleBinding or ClusterRoleBinding."""

    metadata: Meta
    role_ref: RoleRef | None = None
    subjects: list[SubjectForm] | None = None


def _role(kind: str) -> Callable[[Any], Role | None]:
    def reduce(found: Any) -> Role | None:
        own = found.metadata
        every = {
            "apiGroups": [one for rule in found.rules or () for one in rule.api_groups or ()],
            "resources": [one for rule in found.rules or () for one in rule.resources or ()],
            "verbs": [one for rule in found.rules or () for one in rule.verbs or ()],
            "nonResourceURLs": [one for rule in found.rules or () for one in rule.non_resource_urls or ()],
        }
        wildcards = tuple(name for name, values in every.items() if any(one in EVERYTHING for one in values))
        if not wildcards:
            return None
        # The rules of an aggregated role are those of other roles, which are looked at themselves.
        aggregated = bytes(found.aggregation_rule) != b"null"
        given = aggregated or builtin.is_access(own.name, own.labels or {})
        return Role(kind, word(own.namespace), word(own.name), wildcards, given)

    return reduce


def _binding(kind: str) -> Callable[[Any], Binding | None]:
    def reduce(found: Any) -> Binding | None:
        own, role = found.metadata, found.role_ref or RoleRef()
        if role.kind != "ClusterRole" or role.name != CLUSTER_ADMIN:
            return None
        subjects = tuple(Subject(word(one.kind), word(one.namespace), word(one.name)) for one in found.subjects or ())
        granted = GRANTED.get(own.name)
        given = {(one.kind, one.name) for one in subjects}
        known = given == {granted} if granted else builtin.is_access(own.name, own.labels or {})
        return Binding(kind, word(own.namespace), word(own.name), subjects, known)

    return reduce


ROLES = Reading("roles", GROUP, VERSION, RoleForm, _role("Role"), 500)
CLUSTERROLES = Reading("clusterroles", GROUP, VERSION, RoleForm, _role("ClusterRole"), 500)
ROLEBINDINGS = Reading("rolebindings", GROUP, VERSION, BindingForm, _binding("RoleBinding"), 500)
CLUSTERROLEBINDINGS = Reading("clusterrolebindings", GROUP, VERSION, BindingForm, _binding("ClusterRoleBinding"), 500)
