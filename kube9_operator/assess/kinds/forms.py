"""The forms that objects of several kinds share, and how texts of a cluster are kept."""

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.assess.cluster import NodeTerm, Requirement, Selector, Toleration
from kube9_operator.text.limits import MAX_NAME_CHARACTERS


class Reading(msgspec.Struct, frozen=True):
    """How a kind is listed: where, in which form, and what becomes of an object."""

    resource: str
    """The plural name."""
    group: str
    version: str
    form: Any
    reduce: Callable[[Any], Any]
    """Returns a struct of cluster.py, or None for an object that no check looks at."""
    page_limit: int = 100
    """Objects in a page: some are large, and a page is held whole."""

    @property
    def path(self) -> str:
        """The path of all its objects in all namespaces."""
        return f"/apis/{self.group}/{self.version}/{self.resource}" if self.group else f"/api/{self.version}/{self.resource}"

    @property
    def permission(self) -> str:
        """The resource as RBAC and kubectl name it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


class Owner(msgspec.Struct, frozen=True, gc=False):
    """An owner reference."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An object's metadata."""

    name: str
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class RequirementForm(msgspec.Struct, frozen=True, gc=False):
    """A requirement of a selector."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class SelectorForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A label selector."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[RequirementForm] | None = None


class TermForm(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A term of a node affinity."""

    match_expressions: list[RequirementForm] | None = None
    match_fields: list[RequirementForm] | None = None


class KeyValueForm(msgspec.Struct, frozen=True, gc=False):
    """A toleration or a taint."""

    key: str | None = None
    value: str | None = None


Amounts = dict[str, str | int | float]


ALWAYS = "Always"
"""The restart policy of an init container that is a sidecar. Others have none."""


class ResourcesForm(msgspec.Struct, frozen=True, gc=False):
    """The resources of a container."""

    requests: Amounts | None = None
    limits: Amounts | None = None


def word(text: str | None) -> str:
    """A name, key or word as it is kept: cut to the length of a name, and once in memory however often it occurs."""
    return sys.intern(text[:MAX_NAME_CHARACTERS]) if text else ""


def words(found: dict[str, str] | None) -> dict[str, str]:
    """Labels, or the labels of a selector."""
    return {word(key): word(value) for key, value in found.items()} if found else {}


def requirements(found: list[RequirementForm] | None) -> tuple[Requirement, ...]:
    """The requirements of a selector or of a term."""
    return tuple(Requirement(word(one.key), word(one.operator), tuple(map(word, one.values or ()))) for one in found or ())


def selector(found: SelectorForm) -> Selector:
    """A label selector."""
    equal = tuple(Requirement(key, "In", (value,)) for key, value in words(found.match_labels).items())
    return Selector(equal + requirements(found.match_expressions))


def term(found: TermForm) -> NodeTerm:
    """A term of a node affinity."""
    return NodeTerm(requirements(found.match_expressions), requirements(found.match_fields))


def key_values(found: list[KeyValueForm] | None) -> tuple[Toleration, ...]:
    """Tolerations or taints."""
    return tuple(Toleration(word(one.key), word(one.value)) for one in found or ())
