"""What objects of all kinds have in common, and what is read of their times and texts. Pure."""

from datetime import UTC, datetime, timedelta

import msgspec

from kube9_operator.model.resource_states import Owner
from kube9_operator.text import limits
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_NAME_CHARACTERS


class OwnerReference(msgspec.Struct, frozen=True, gc=False):
    """An owner of an object."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None
    controller: bool | None = None


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of an object's own metadata; the first three are never absent in what an API server sends."""

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
    """Any object, for its metadata alone."""

    metadata: ObjectMeta


class Condition(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A condition of a status."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Texts:
    """The messages of one object, on one line, without secrets, cut to what a description may have."""

    def __init__(self) -> None:
        self.redacted = 0
        """Secrets taken out so far."""

    def line(self, text: str | None) -> str:
        """A message as it is kept; '' for none."""
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
    """Milliseconds since 1970; 0 for none, and for times before."""
    if time is None:
        return 0
    return max(0, ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND)


def number(value: int | None) -> int:
    """A count or code, within the 32 bits of the API's own; 0 for none."""
    return min(max(value or 0, -MAX_NUMBER), MAX_NUMBER)


def name(text: str | None) -> str:
    """A name, reason or quantity as it stands, cut to the length of Kubernetes' names."""
    return text[:MAX_NAME_CHARACTERS] if text else ""


def condition(conditions: list[Condition] | None, kind: str) -> Condition:
    """The condition of this type; an empty one where there is none."""
    return next((one for one in conditions or () if one.type == kind), Condition())


def controller(own: ObjectMeta) -> Owner | None:
    """The owner that controls an object."""
    for one in own.owner_references or ():
        if one.controller:
            return Owner(name(one.kind), name(one.name), name(one.uid))
    return None
