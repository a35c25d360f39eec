"""The form of a rule, as it stands in a file. docs/events.md explains the fields to users."""

from typing import Literal

import msgspec

Severity = Literal["info", "warning", "error", "critical"]
Repeat = Literal["fold", "each"]
WAIT = "EVENT_WAIT_MINUTES"
"""May stand for the number in `min_seconds`: the setting of this name."""

Values = str | tuple[str, ...]
"""One value or several. A `*` at its beginning or its end stands for any text."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which Events a rule speaks: all that is named must hold, of several values one."""

    group: Values = ()
    """API group of the object, '' for core. Where it is absent, a kind of Kubernetes means that kind, not a CRD of its name."""
    kind: Values = ()
    reason: Values = ()
    type: Values = ()
    emitter: Values = ()
    """The component that wrote the Event."""
    message_prefix: Values = ()
    message_contains: Values = ()
    min_count: int = 0
    min_seconds: int | Literal["EVENT_WAIT_MINUTES"] = 0
    """Last time less first time."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a file. What is None is as in the rule that it joins, or has a default."""

    id: str
    match: Match
    note: str = ""
    """For the reader of the table."""
    ignore: bool = False
    joins: str = ""
    """The id of the rule with whose events these fold. Its key is that rule's."""
    severity: Severity | None = None
    title: str | None = None
    repeat: Repeat | None = None
    fold_by: Values | None = None
    primary: bool | None = None
    read: dict[str, Values] | None = None
    """The name of a reader, and which of its fields are kept."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules that belong together in the document."""

    title: str
    rules: tuple[Rule, ...]


def values(given: Values | None) -> tuple[str, ...]:
    """One or several as several."""
    return (given,) if isinstance(given, str) else given or ()
