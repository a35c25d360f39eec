"""A kind of object as the API serves it: its path, its form, and what becomes of an object."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator import logs
from kube9_operator.model import changes
from kube9_operator.model.changes import Evidence
from kube9_operator.model.resource_states import GONE, UNDECIDED, UNREADABLE, Reduced, State, encode
from kube9_operator.model.sources import EVERY
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import JSON
from kube9_operator.watch.decoding import decode, deleted_at, identity
from kube9_operator.watch.managed_fields import writers
from kube9_operator.watch.metadata import ChangedMeta, Texts, ms
from kube9_operator.watch.unreadable import Unreadable

Take = Callable[[msgspec.Raw, Batch], str]
"""Adds an object to a batch, counts it, and returns its resourceVersion, '' if it has none. Never raises."""

PAGE_LIMIT = 500
"""Objects in a page of a list: client-go's default."""


class Kind(msgspec.Struct, frozen=True):
    """The objects that are listed and watched at one path."""

    source: str
    take: Take
    """For an item of a list, and for a line of type ADDED or MODIFIED."""
    take_deleted: Take
    """For a line of type DELETED."""
    of_states: bool
    """Whether objects become states. The API server holds such objects in its watch cache and sends bookmarks. Otherwise the
    objects are Events: these are read from etcd, without bookmarks, and disappear after the Event TTL.
    """
    metadata_only: bool = False
    """Requested as PartialObjectMetadata."""
    never_whole: bool = False
    """Whether only metadata is accepted: a server that cannot leave out the rest sends nothing."""
    page_limit: int = PAGE_LIMIT

    @property
    def path(self) -> str:
        """The path of all objects in all namespaces; '' if it depends on the version that the API server has."""
        return EVERY[self.source].path if EVERY[self.source].version else ""

    def accept(self, watch: bool) -> str:
        """Returns the Accept header. A server that does not know PartialObjectMetadata sends complete objects."""
        if not self.metadata_only:
            return JSON
        only_metadata = f"{JSON};as=PartialObjectMetadata{'' if watch else 'List'};g=meta.k8s.io;v=v1"
        return only_metadata if self.never_whole else f"{only_metadata},{JSON}"


def resource(
    source: str,
    form: Any,
    reduce: Callable[[Any, Texts], Reduced | None],
    metadata_only: bool = False,
    page_limit: int = PAGE_LIMIT,
    never_whole: bool = False,
    other_uid: Callable[[Any], str] | None = None,
) -> Kind:
    """Returns a kind whose objects are decoded as `form`, a Struct with `metadata`, and become the states of `reduce`.

    `reduce` returns None if nothing is known about the object yet. `other_uid` gives the uid by which Events know an object, if
    that is not its own.
    """
    decoder = msgspec.json.Decoder(form)

    def take(raw: msgspec.Raw, batch: Batch) -> str:
        texts = Texts()
        try:
            found = decode(decoder, raw)
            made = reduce(found, texts)
            reduced = UNDECIDED if made is None else encode(made)
        except Exception as error:  # nothing that an object contains may end a watch
            return take_unreadable(raw, batch, logs.one_line(error), of_states=True)
        batch.counts.received += 1
        own = found.metadata
        batch.counts.redacted += texts.redacted
        evidence = b""
        if isinstance(own, ChangedMeta):
            found_writers = writers(own.managed_fields, batch.server_ms)
            evidence = changes.encode(Evidence(found_writers, created_ms=ms(own.creation_timestamp)))
        uid = (other_uid(found) if other_uid else "") or own.uid
        batch.states.append(State(own.namespace or "", own.name, uid, own.resource_version, reduced, evidence))
        return str(own.resource_version)

    def take_deleted(raw: msgspec.Raw, batch: Batch) -> str:
        batch.counts.received += 1
        if not _take_identity(GONE, raw, batch, changes.encode(Evidence(deleted_ms=ms(deleted_at(raw))))):
            _count_unreadable(raw, batch, "no name, uid or resourceVersion")
        return identity(raw).version or ""

    return Kind(source, take, take_deleted, True, metadata_only, never_whole, page_limit)


def take_unreadable(raw: msgspec.Raw, batch: Batch, why: str, of_states: bool) -> str:
    """Adds an object that cannot be decoded, or is too large: counts and names it, and adds a state that says that it exists.

    Returns its resourceVersion, '' if it has none.
    """
    batch.counts.received += 1
    _count_unreadable(raw, batch, why)
    if of_states:
        _take_identity(UNREADABLE, raw, batch)
    return identity(raw).version or ""


def _count_unreadable(raw: msgspec.Raw, batch: Batch, why: str) -> None:
    batch.counts.undecodable += 1
    batch.unreadable.append(Unreadable(identity(raw), why))


def _take_identity(reduced: bytes, raw: msgspec.Raw, batch: Batch, evidence: bytes = b"") -> bool:
    """Adds a state for an object of which only the identity is read. Returns whether it has one."""
    own = identity(raw)
    if own.name is None or own.uid is None or own.version is None:
        return False
    batch.states.append(State(own.namespace or "", own.name, own.uid, own.version, reduced, evidence))
    return True
