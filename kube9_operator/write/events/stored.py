"""Reads what the writer itself has stored. If it is missing or does not decode, that is damage, which quick_check may miss."""

from typing import Any, TypeVar

import msgspec

from kube9_operator.model import resource_states
from kube9_operator.write.events.merge import Stamp, Texts
from kube9_operator.write.sqlite.database import Connection, Damaged, one

Of = TypeVar("Of")
_metadata = msgspec.json.Decoder(dict[str, Any])
_stamps = msgspec.json.Decoder(dict[str, Stamp])


def row(connection: Connection, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row that must exist. Raises Damaged if it does not."""
    found = one(connection, sql, values)
    if found is None:
        raise Damaged(f"a row is missing: {sql} {values}")
    return found


def metadata(text: Any) -> dict[str, Any]:
    """Metadata, as in texts. Raises Damaged if it is not a JSON object."""
    return decoded(_metadata, text)


def stamps(text: Any) -> dict[str, Stamp]:
    """The stamp of each metadata key that an earlier contributor gave. Raises Damaged if they do not decode."""
    return decoded(_stamps, text or "{}")


def texts(connection: Connection, event: int, text_ms: int, text_count: int) -> Texts:
    """The texts of an event. Raises Damaged if they are missing or make no sense."""
    sql = "SELECT description, metadata, contributor, stamps FROM texts WHERE event = ?"
    description, encoded, contributor, stamped = row(connection, sql, (event,))
    return Texts((text_ms, text_count, contributor), description or "", metadata(encoded), stamps(stamped))


def state(source: str, blob: Any) -> Any:
    """The state of a resource. Raises Damaged if it does not decode."""
    return decoded(resource_states.decoder(source), blob)


def number(value: Any) -> int:
    """A fact that is a number. Raises Damaged if it is none."""
    try:
        return int(value)
    except (ValueError, TypeError) as error:
        raise Damaged(f"a fact is not a number: {error}") from error


def decoded(decoder: msgspec.json.Decoder[Of] | msgspec.msgpack.Decoder[Of], encoded: Any) -> Of:
    """The decoded value. Raises Damaged if it does not decode."""
    try:
        return decoder.decode(encoded)
    except (msgspec.MsgspecError, TypeError) as error:
        raise Damaged(f"a stored {decoder.type} does not decode: {error}") from error
