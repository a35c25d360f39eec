"""What a list is made of: its metadata, and its items, each taken by itself."""

import msgspec

from kube9_operator.watch.batch import Batch
from kube9_operator.watch.decoding import NOT_DECODED, decode
from kube9_operator.watch.errors import BrokenAnswer
from kube9_operator.watch.kind import Kind, take_unreadable

MAX_LINE_BYTES = 10 * 1024 * 1024
"""etcd takes requests of up to 1.5 MiB. A byte of a text has six at most in JSON: Go writes `<` as \\u003c. That makes 9 MiB;
the rest is for names of fields, which etcd does not keep. A longer line can only come where etcd's limit was raised.
"""
TOO_LONG = f"it takes more than {MAX_LINE_BYTES // 2**20} MiB"


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """Of a page of a list."""

    resource_version: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class Page(msgspec.Struct, frozen=True):
    """A page of a list; `items` are decoded one by one, so that one that does not decode costs itself alone."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


_page = msgspec.json.Decoder(Page)


def list_meta(body: bytes | bytearray) -> ListMeta:
    """The metadata of a list, or of its outline. Raises ApiError where the body is no list."""
    return as_page(body).metadata


def as_page(body: bytes | bytearray) -> Page:
    """The page of a list that a body is. Raises ApiError where it is none."""
    try:
        return decode(_page, body)
    except NOT_DECODED as error:
        raise BrokenAnswer(f"the list is not the JSON that the API promises: {error}") from None


def take_item(raw: msgspec.Raw, kind: Kind, batch: Batch, too_long: bool = False) -> None:
    """Takes an item of a list, or the outline of one that is `too_long`. Raises ApiError for one without a name, where a list
    that lacks it would say that it is gone.
    """
    states = len(batch.states)
    if too_long:
        take_unreadable(raw, batch, TOO_LONG, kind.of_states)
    else:
        kind.take(raw, batch)
    if kind.of_states and len(batch.states) == states:
        raise BrokenAnswer("an item of the list has no name, uid or resourceVersion")
