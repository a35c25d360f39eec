"""A kind of object as the API serves it: where, in what form, and what becomes of an object of it."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.sources import SOURCES
from kube9_operator.states import GONE, UNREADABLE, Reduced, State, encode
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import JSON
from kube9_operator.watch.metadata import Identity, Texts

Take = Callable[[msgspec.Raw, Batch], str]
"""Takes an object into a batch, counts it, and returns its resourceVersion, '' where it has none. Never raises."""

PAGE_LIMIT = 500
"""Objects in a page of a list: client-go's default."""
NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError)


class Kind(msgspec.Struct, frozen=True):
    """What is listed and watched at one path."""

    source: str
    take: Take
    """Of an item of a list and of a line of type ADDED or MODIFIED."""
    take_deleted: Take
    """Of a line of type DELETED."""
    of_states: bool
    """Objects become states: the API server keeps them in its watch cache and sends bookmarks, and what is deleted is gone.
    Otherwise they are Events: read from etcd, without bookmarks, and gone when their time is over.
    """
    metadata_only: bool = False
    """Asked for as PartialObjectMetadata."""
    page_limit: int = PAGE_LIMIT

    @property
    def path(self) -> str:
        """Where all of them are, of all namespaces."""
        return SOURCES[self.source].path

    def accept(self, watch: bool) -> str:
        """The header that says in what form they are wanted. A server that knows no other sends whole objects."""
        if not self.metadata_only:
            return JSON
        return f"{JSON};as=PartialObjectMetadata{'' if watch else 'List'};g=meta.k8s.io;v=v1,{JSON}"


_identity = msgspec.json.Decoder(Identity)


def resource(
    source: str,
    form: Any,
    reduce: Callable[[Any, Texts], Reduced],
    metadata_only: bool = False,
    page_limit: int = PAGE_LIMIT,
) -> Kind:
    """A kind whose objects are decoded as `form`, a Struct with `metadata`, and become the states that `reduce` makes."""
    decoder = msgspec.json.Decoder(form)

    def take(raw: msgspec.Raw, batch: Batch) -> str:
        try:
            found = decoder.decode(raw)
        except NOT_DECODED:
            batch.counts.undecodable += 1
            return _take_as(UNREADABLE, raw, batch)
        batch.counts.received += 1
        own, texts = found.metadata, Texts()
        reduced = encode(reduce(found, texts))
        batch.counts.redacted += texts.redacted
        batch.states.append(State(own.namespace or "", own.name, own.uid, own.resource_version, reduced))
        return str(own.resource_version)

    def take_deleted(raw: msgspec.Raw, batch: Batch) -> str:
        states = len(batch.states)
        found = _take_as(GONE, raw, batch)
        batch.counts.undecodable += states == len(batch.states)
        return found

    return Kind(source, take, take_deleted, True, metadata_only, page_limit)


def _take_as(reduced: bytes, raw: msgspec.Raw, batch: Batch) -> str:
    """Takes an object of which only the identity is read, if it has one."""
    batch.counts.received += 1
    try:
        own = _identity.decode(raw).metadata
    except NOT_DECODED:
        return ""
    batch.states.append(State(own.namespace or "", own.name, own.uid, own.resource_version, reduced))
    return own.resource_version
