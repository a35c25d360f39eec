"""Filters that no event can meet together. Pure."""

from __future__ import annotations

from kube9_cli import kinds, patterns
from kube9_cli.selection import FILTERS, About, Filter, Selection

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

IN_NO_NAMESPACE = (
    *("CertificateSigningRequest", "CustomResourceDefinition", "Node", "PersistentVolume", "PriorityClass", "StorageClass"),
    "VolumeAttributesClass",
)
"""The kinds that --namespace never finds. A Namespace counts as in itself."""


def hints(selection: Selection) -> list[str]:
    """Why nothing can match, whatever is recorded."""
    found = []
    for one in FILTERS:
        excluded = selection.excluded.get(one.field.removeprefix("object-"), ())
        if excluded and _all_excluded(one, selection.wanted.get(one.field, ()), excluded):
            option = f"--exclude {one.field.removeprefix('object-')}"
            found.append(f"No event can match: {option} leaves out all that {one.flags[-1]} asks for.")
    wanted = selection.wanted
    for one in FILTERS:
        if one.field in ("namespace", "object-namespace") and one.field in wanted:
            asked = [kinds.built_in(text) for field in ("kind", "object-kind") for text in wanted.get(field, ())]
            if asked and all(kind in IN_NO_NAMESPACE for kind in asked):
                found.append(f"No event can match: a {asked[0]} is in no namespace; leave out {one.flags[-1]}.")
    return found


def _all_excluded(one: Filter, wanted: tuple[Any, ...], excluded: tuple[Any, ...]) -> bool:
    """Whether each wanted value is an excluded one, or matches an excluded pattern."""
    if not wanted:
        return False
    refused = {_same(one, value) for value in excluded}
    masks = [value for value in excluded if isinstance(value, str) and patterns.is_pattern(value)]
    matches = patterns.matcher(masks, one.any_case) if masks else None
    return all(
        _same(one, value) in refused
        or (matches is not None and isinstance(value, str) and not patterns.is_pattern(value) and matches(value))
        for value in wanted
    )


def _same(one: Filter, value: Any) -> Any:
    """What is equal for values that mean the same."""
    if isinstance(value, About):
        return kinds.built_in(value.kind) or value.kind.lower(), value.name
    if one.stored in ("kind", "literal kind"):
        return kinds.built_in(value) or value.lower()
    return value.lower() if one.any_case else value
