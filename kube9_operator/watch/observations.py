"""Kubernetes Events: the fields that are kept, and what observation an Event becomes. Pure: no clock, no I/O."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import CLUSTER, MS_IN_HOUR, Observation, hash64
from kube9_operator.model.rows import Row
from kube9_operator.text import limits, redact
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_METADATA_BYTES, MAX_NAME_CHARACTERS, MAX_TITLE_CHARACTERS
from kube9_operator.watch import event_times, messages
from kube9_operator.watch.event_times import Clock
from kube9_operator.watch.messages import Facts, Said
from kube9_operator.watch.recognise import COMBINED, TABLE_ALONE, Chosen, recognise
from kube9_schema.api_groups import group_of

PATH = "/api/v1/events"
API_VERSION = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[a-z][a-z0-9]{0,62}")
_json = msgspec.json.Encoder(order="sorted")


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


class Reference(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An object that an Event names."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    field_path: str | None = None
    api_version: str | None = None


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
    related: Reference | None = None
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


def normalise(event: Event, chosen: Chosen = TABLE_ALONE, server_ms: int = 0) -> Observation | None:
    """The observation that an Event of any of the three shapes is, or None where it is not worth recording. Never raises.

    `server_ms` is how late it is by the API server's clock, in ms since 1970; 0 where nobody knows.
    """
    source = event.source or Source()
    message, in_lines = limits.joined(event.message or "")
    message = message.removeprefix(COMBINED)
    about = _named(event.involved_object or Reference())
    said = Said(
        about,
        _cut(event.reason),
        _cut(source.component or event.reporting_component),
        message,
        _named(event.related) if event.related else None,
    )
    found = recognise(said, event.type or "", chosen)
    if found is None:
        return None
    row, facts = found.row, found.facts
    own, count, began_ms = event.metadata, _count(event), _ms(_first_time(event))
    first_ms, last_ms, replaced = _times(event, server_ms, chosen.event_ttl_ms)
    identity: tuple[str, ...] = ("Event", own.namespace or "", own.name or "", str(began_ms))
    parts = facts.key
    if row.repeat == "each":
        parts = ("/".join(identity), str(count))
        identity, count, first_ms = (*identity, str(count)), 1, last_ms
    about = facts.about or about
    words = _words(said, row, message, _metadata(said, source, facts) | replaced)
    return Observation(
        kind=words.kind if about is said.about else about.kind,
        namespace=about.namespace,
        name=about.name,
        uid=about.uid,
        key=rows.key(row, *parts),
        contributor=hash64(*identity),
        contributor_hour=began_ms // MS_IN_HOUR,
        contributor_name=_cut(own.name),
        primary=found.primary,
        from_status=False,
        count=count,
        first_ms=first_ms,
        last_ms=last_ms,
        event_type=CLUSTER,
        severity=row.severity,
        title=words.title,
        description=words.description,
        metadata=words.metadata,
        reason=words.reason,
        node=words.node,
        text_hash=crc32("\0".join((words.title, words.description, words.metadata, own.name or "")).encode("utf-8", "replace")),
        row=row.name,
        redacted=words.redacted + in_lines,
        api_version=words.api_version if about is said.about else about.api_version,
    )


class Words(NamedTuple):
    """All texts of an observation but the names of objects, without secrets and within their limits."""

    kind: str
    reason: str
    node: str
    title: str
    description: str
    metadata: str
    redacted: int
    api_version: str = ""


def _words(said: Said, row: Row, message: str, metadata: dict[str, Any]) -> Words:
    """One look for secrets at all of them: mostly there are none."""
    kind, reason, node = said.about.kind, said.reason, str(metadata.get("node", ""))
    title = (
        limits.cut(limits.one_line(rows.title(row, "" if row.repeat == "each" else kind, reason)), MAX_TITLE_CHARACTERS)
        or "Event"
    )
    encoded = _json.encode(metadata)
    # What is read out of a message is part of it.
    host = metadata["source"].get("host", "")
    version = said.about.api_version
    whole = len(encoded) <= MAX_METADATA_BYTES and len(message) <= MAX_DESCRIPTION_CHARACTERS
    if whole and not redact.suspicious(f"{title}\n{reason} {said.emitter} {host} {version}\n{message}"):
        return Words(kind, reason, node, title, message, encoded.decode(), 0, version)
    version, in_version = limits.line(version, MAX_NAME_CHARACTERS)
    kind, in_kind = limits.line(kind, MAX_NAME_CHARACTERS)
    reason, in_reason = limits.line(reason, MAX_NAME_CHARACTERS)
    title, in_title = limits.line(title, MAX_TITLE_CHARACTERS)
    description, in_description = limits.line(message, MAX_DESCRIPTION_CHARACTERS)
    plain, in_metadata = limits.metadata(metadata)
    if said.about.kind != "Node":  # there it is the object's name
        node, _ = limits.line(node, MAX_NAME_CHARACTERS)
    found = in_kind + in_reason + in_title + in_description + in_metadata + in_version
    return Words(kind, reason, node, title, description, plain, found, version)


def written_ms(event: Event, server_ms: int = 0) -> int:
    """When the Event was last written by the API server's own clock, as far as it says so; in ms since 1970."""
    return _clock(event, server_ms).written_ms()


def _clock(event: Event, server_ms: int) -> Clock:
    """What the API server's clock says about an Event; `server_ms` is as for `normalise`."""
    own = event.metadata
    writes = tuple(_ms(one.time) for one in own.managed_fields or () if one.time is not None)
    return Clock(_ms(own.creation_timestamp) if own.creation_timestamp is not None else 0, writes, server_ms)


MAX_COUNT = 2**31 - 1
"""The API's counts are 32-bit; a series may claim more."""


def _count(event: Event) -> int:
    """How often by the Event's own account: the series' count, or the older field, or once."""
    claimed = (event.series.count if event.series else None) or event.count or 1
    return min(max(claimed, 1), MAX_COUNT)


def _first_time(event: Event) -> datetime:
    return event.first_timestamp or event.event_time or event.metadata.creation_timestamp or EPOCH


def _times(event: Event, server_ms: int, event_ttl_ms: int) -> tuple[int, int, dict[str, str]]:
    """First and last time in ms, and as metadata what the emitter said instead of those that are replaced."""
    first = _first_time(event)
    last = (event.series.last_observed_time if event.series else None) or event.last_timestamp or event.event_time or first
    found = event_times.judge(_ms(first), _ms(last), _count(event), _clock(event, server_ms), event_ttl_ms)
    replaced = {}
    if found.first_replaced:
        replaced["original_first_timestamp"] = _iso(first)
    if found.last_replaced:
        replaced["original_last_timestamp"] = _iso(last)
    return found.first_ms, found.last_ms, replaced


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


def _named(reference: Reference) -> messages.Reference:
    """What is kept of an object that is named. Kubelets leave a node's uid out or put its name there: its name alone counts."""
    kind, name, version = _cut(reference.kind), _cut(reference.name), _api_version(reference.api_version)
    if kind == "Node" and group_of(kind, version) == "":
        return messages.Reference(kind, "", name, "", "", version)
    path = reference.field_path or ""
    return messages.Reference(kind, _cut(reference.namespace), name, _cut(reference.uid), path, version)


def _api_version(text: str | None) -> str:
    """An apiVersion as Kubernetes allows it, such as v1 or longhorn.io/v1beta2; '' for anything else."""
    return text if text and API_VERSION.fullmatch(text) else ""


def _metadata(said: Said, source: Source, facts: Facts) -> dict[str, Any]:
    """What the row's metadata are, with who wrote the Event and on which node."""
    host = _cut(source.host)
    metadata = {
        "source": {key: value for key, value in (("component", said.emitter), ("host", host)) if value},
        **facts.metadata,
    }
    about = said.about
    node = about.name if about.kind == "Node" and group_of("Node", about.api_version) == "" else host
    if node:
        metadata["node"] = node
    return metadata
