"""What objects of all kinds have in common: metadata, conditions, and how times and texts are read. Pure."""

from datetime import UTC, datetime, timedelta

import msgspec

from kube9_operator.model.resource_states import Owner
from kube9_operator.text import limits
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_NAME_CHARACTERS
from kube9_schema.api_groups import identity_group


class OwnerReference(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An owner of an object."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None
    controller: bool | None = None
    api_version: str | None = None


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The metadata of an object. An API server always sends the first three fields."""

    name: str
    uid: str
    resource_version: str
    namespace: str | None = None
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    owner_references: list[OwnerReference] | None = None


class ChangedMeta(ObjectMeta, frozen=True, rename="camel", gc=False):
    """With what is known about changes."""

    generation: int | None = None
    managed_fields: msgspec.Raw = msgspec.Raw(b"")
    """Decoded by itself, so that an odd entry costs no more than what it would say: see managed_fields.py."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """An object of any kind, for its metadata only."""

    metadata: ObjectMeta


class Condition(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A condition of a status."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Texts:
    """Cleans the messages of one object: on one line, without secrets, cut to the length of a description."""

    def __init__(self) -> None:
        self.redacted = 0
        """Secrets removed so far."""

    def line(self, text: str | None) -> str:
        """Returns a message as it is stored; '' for none."""
        if not text:
            return ""
        return self.short(text, MAX_DESCRIPTION_CHARACTERS)

    def short(self, text: str, most: int) -> str:
        """A text as it is kept, cut to `most` characters."""
        made, found = limits.line(text, most)
        self.redacted += found
        return made


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MAX_NUMBER = 2**31 - 1


def ms(time: datetime | None) -> int:
    """Returns milliseconds since 1970; 0 for None, and for earlier times."""
    if time is None:
        return 0
    return max(0, ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND)


def number(value: int | None) -> int:
    """Returns a count or code within 32 bits, which the API's own have; 0 for None."""
    return min(max(value or 0, -MAX_NUMBER), MAX_NUMBER)


def name(text: str | None) -> str:
    """Returns a name, reason or quantity, cut to the length of a Kubernetes name."""
    return text[:MAX_NAME_CHARACTERS] if text else ""


MAX_LABELS = 100
"""Of one object; what Kubernetes allows is limited by the size of the object alone."""


def labels(found: dict[str, str] | None) -> dict[str, str]:
    """Labels, or a selector, in the order of their names."""
    return {name(key): name(found[key]) for key in sorted(found)[:MAX_LABELS]} if found else {}


def condition(conditions: list[Condition] | None, kind: str) -> Condition:
    """Returns the condition of this type; an empty one if there is none."""
    return next((one for one in conditions or () if one.type == kind), Condition())


def controller(own: ObjectMeta) -> Owner | None:
    """Returns the owner that controls an object."""
    for one in own.owner_references or ():
        if one.controller:
            kind, version = name(one.kind), name(one.api_version)
            return Owner(kind, name(one.name), name(one.uid), version if identity_group(kind, version) else "")
    return None
