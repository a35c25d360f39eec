"""Kubernetes Events: the fields that are kept, and what sighting an Event becomes. Pure: no clock, no I/O."""

from datetime import UTC, datetime, timedelta
from zlib import crc32

import msgspec

from kube9_operator.frame import (
    CLUSTER,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_METADATA_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    MS_IN_HOUR,
    Sighting,
    hash64,
)
from kube9_operator.rows import key
from kube9_operator.watch import rows

PATH = "/api/v1/events"
MAX_AHEAD_MS = 5 * 60_000
"""A time further ahead of what the API server's own clock says is replaced by that."""


class Written(msgspec.Struct, frozen=True, gc=False):
    """An entry of managedFields: when the API server saw somebody write."""

    time: datetime | None = None


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of an object's own metadata."""

    name: str | None = None
    namespace: str | None = None
    resource_version: str | None = None
    uid: str | None = None
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    managed_fields: list[Written] | None = None


class Reference(msgspec.Struct, frozen=True, gc=False):
    """The object that an Event is about."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None


class Source(msgspec.Struct, frozen=True, gc=False):
    """Who wrote the Event, in the older fields."""

    component: str | None = None
    host: str | None = None


class Series(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The count of an Event of the newer recorder, from its second occurrence on."""

    count: int | None = None
    last_observed_time: datetime | None = None


class Event(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The fields of v1/Event that are kept; each may be null or absent, whoever wrote it."""

    metadata: ObjectMeta
    involved_object: Reference | None = None
    reason: str | None = None
    message: str | None = None
    type: str | None = None
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None
    source: Source | None = None
    reporting_component: str | None = None


def normalise(event: Event) -> Sighting | None:
    """The sighting that an Event of any of the three shapes is, or None where it is not worth recording. Never raises."""
    row = rows.recognise(event.type or "")
    if row is None:
        return None
    about = event.involved_object or Reference()
    kind, name = _cut(about.kind), _cut(about.name)
    # Kubelets leave a node's uid out or put its name there; the node's name is what all agree on.
    uid = "" if kind == "Node" else _cut(about.uid)
    source = event.source or Source()
    emitter = _cut(source.component or event.reporting_component)
    reason = _cut(event.reason)
    node = name if kind == "Node" else _cut(source.host)
    first_ms, last_ms, replaced = _times(event)
    title = _one_line(f"{kind} {reason}", MAX_TITLE_CHARACTERS) or "Event"
    description = _one_line(event.message or "", MAX_DESCRIPTION_CHARACTERS)
    metadata = _metadata(emitter, _cut(source.host), node, replaced)
    own = event.metadata
    contributor_name = own.name or ""
    began_ms = _ms(_first_time(event))
    return Sighting(
        kind=kind,
        namespace="" if kind == "Node" else _cut(about.namespace),
        name=name,
        uid=uid,
        key=key(row, reason, emitter),
        contributor=hash64("Event", own.namespace or "", contributor_name, str(began_ms)),
        contributor_hour=began_ms // MS_IN_HOUR,
        contributor_name=_cut(contributor_name),
        lead=True,
        from_status=False,
        count=_count(event),
        first_ms=first_ms,
        last_ms=last_ms,
        event_type=CLUSTER,
        severity=row.severity,
        title=title,
        description=description,
        metadata=metadata,
        reason=reason,
        node=node,
        text_hash=crc32("\0".join((title, description, metadata, contributor_name)).encode("utf-8", "replace")),
        row=row.name,
    )


def written_ms(event: Event) -> int:
    """When the Event was last written by the API server's own clock, as far as it says so; in ms since 1970."""
    own = event.metadata
    writes = [one.time for one in own.managed_fields or () if one.time is not None]
    return max((_ms(time) for time in (own.creation_timestamp, *writes) if time is not None), default=0)


MAX_COUNT = 2**31 - 1
"""The API's counts are 32-bit; a series may claim more."""


def _count(event: Event) -> int:
    """How often by the Event's own account: the series' count, or the older field, or once."""
    claimed = (event.series.count if event.series else None) or event.count or 1
    return min(max(claimed, 1), MAX_COUNT)


def _first_time(event: Event) -> datetime:
    return event.first_timestamp or event.event_time or event.metadata.creation_timestamp or EPOCH


def _times(event: Event) -> tuple[int, int, dict[str, str]]:
    """First and last time in ms, and what the source said instead where that cannot be.

    The API server stamps creation and every write (managedFields) with its own clock. A first time is held against creation,
    as the specification says; a last time against the last write, since a count may rise for days after the creation.
    """
    created = event.metadata.creation_timestamp
    first = _first_time(event)
    last = (event.series.last_observed_time if event.series else None) or event.last_timestamp or event.event_time or first
    replaced: dict[str, str] = {}
    first_ms, last_ms = _ms(first), _ms(last)
    if created is not None:
        created_ms = _ms(created)
        server_ms = written_ms(event)
        if first_ms > created_ms + MAX_AHEAD_MS:
            replaced["original_first_timestamp"] = _iso(first)
            first_ms = created_ms
        if last_ms > server_ms + MAX_AHEAD_MS and (event.metadata.managed_fields or _count(event) == 1):
            replaced["original_last_timestamp"] = _iso(last)
            last_ms = server_ms
    return first_ms, max(first_ms, last_ms), replaced


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def _ms(time: datetime) -> int:
    """Milliseconds since 1970; times before are 0."""
    return max(0, ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND)


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _cut(text: str | None) -> str:
    """A name, kind or reason as it stands, cut to what Kubernetes allows."""
    return text[:MAX_NAME_CHARACTERS] if text else ""


def _one_line(text: str, most: int) -> str:
    """The text on one line without white space at its ends, cut to `most` characters with `…` as the last."""
    line = " ".join(text.splitlines()).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def _metadata(component: str, host: str, node: str, replaced: dict[str, str]) -> str:
    source = {key: value for key, value in (("component", component), ("host", host)) if value}
    metadata: dict[str, object] = {"source": source}
    if node:
        metadata["node"] = node
    encoded = msgspec.json.encode(metadata | replaced)
    assert len(encoded) <= MAX_METADATA_BYTES  # three names of 253 characters
    return encoded.decode()
