"""Reads what the writer itself has kept: what is not there, or does not decode, is damage that quick_check need not find."""

from typing import Any, TypeVar

import msgspec

from kube9_operator.model import resource_states
from kube9_operator.write.events.merge import Stamp, Texts
from kube9_operator.write.sqlite.database import Connection, Damaged, one

Of = TypeVar("Of")
_metadata = msgspec.json.Decoder(dict[str, Any])
_stamps = msgspec.json.Decoder(dict[str, Stamp])


def row(connection: Connection, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row that has to be there. Raises Damaged where it is not."""
    found = one(connection, sql, values)
    if found is None:
        raise Damaged(f"a row is missing: {sql} {values}")
    return found


def metadata(text: Any) -> dict[str, Any]:
    """Metadata as texts has it. Raises Damaged where it is no JSON object."""
    return decoded(_metadata, text)


def stamps(text: Any) -> dict[str, Stamp]:
    """Of each metadata key that an earlier contributor gave its stamp. Raises Damaged where they are none."""
    return decoded(_stamps, text or "{}")


def texts(connection: Connection, event: int, text_ms: int, text_count: int) -> Texts:
    """What an event says. Raises Damaged where that is missing or makes no sense."""
    sql = "SELECT description, metadata, contributor, stamps FROM texts WHERE event = ?"
    description, told, contributor, stamped = row(connection, sql, (event,))
    return Texts((text_ms, text_count, contributor), description or "", metadata(told), stamps(stamped))


def state(source: str, blob: Any) -> Any:
    """A state of a resource. Raises Damaged where it is none."""
    return decoded(resource_states.decoder(source), blob)


def number(value: Any) -> int:
    """A fact that is a number. Raises Damaged where it is none."""
    try:
        return int(value)
    except (ValueError, TypeError) as error:
        raise Damaged(f"a fact is no number: {error}") from error


def decoded(decoder: msgspec.json.Decoder[Of] | msgspec.msgpack.Decoder[Of], kept: Any) -> Of:
    """What the decoder makes of it. Raises Damaged where that is nothing."""
    try:
        return decoder.decode(kept)
    except (msgspec.MsgspecError, TypeError) as error:
        raise Damaged(f"what is kept as {decoder.type} does not decode: {error}") from error
