"""Kubernetes Events: the fields that are kept, and what observation an Event becomes. Pure: no clock, no I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import CLUSTER, MS_IN_HOUR, Observation, hash64
from kube9_operator.model.rows import Row
from kube9_operator.text import limits, redact
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_METADATA_BYTES, MAX_NAME_CHARACTERS, MAX_TITLE_CHARACTERS
from kube9_operator.watch import messages
from kube9_operator.watch.messages import Facts, Said
from kube9_operator.watch.recognise import COMBINED, TABLE_ALONE, Chosen, recognise

PATH = "/api/v1/events"
_json = msgspec.json.Encoder(order="sorted")
MAX_AHEAD_MS = 5 * 60_000
"""A time further ahead of what the API server's own clock says is replaced by that."""
SKEW_MS = 60_000


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
    first_ms, last_ms, replaced = _times(event, server_ms)
    if chosen.lives_ms and own.creation_timestamp and last_ms < _ms(own.creation_timestamp) - chosen.lives_ms[row.severity]:
        return None
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
    whole = len(encoded) <= MAX_METADATA_BYTES and len(message) <= MAX_DESCRIPTION_CHARACTERS
    if whole and not redact.suspicious(f"{title}\n{reason} {said.emitter} {host}\n{message}"):
        return Words(kind, reason, node, title, message, encoded.decode(), 0)
    kind, in_kind = limits.line(kind, MAX_NAME_CHARACTERS)
    reason, in_reason = limits.line(reason, MAX_NAME_CHARACTERS)
    title, in_title = limits.line(title, MAX_TITLE_CHARACTERS)
    description, in_description = limits.line(message, MAX_DESCRIPTION_CHARACTERS)
    plain, in_metadata = limits.metadata(metadata)
    if said.about.kind != "Node":  # there it is the object's name
        node, _ = limits.line(node, MAX_NAME_CHARACTERS)
    found = in_kind + in_reason + in_title + in_description + in_metadata
    return Words(kind, reason, node, title, description, plain, found)


def written_ms(event: Event, server_ms: int = 0) -> int:
    """When the Event was last written by the API server's own clock, as far as it says so; in ms since 1970.

    Whoever writes an Event may write managedFields with any time, so none counts that lies ahead of that clock (`server_ms`;
    0: unknown). Several API servers may differ by SKEW_MS: what is ahead by less stands for the time of the clock.
    """
    own = event.metadata
    writes = [_ms(one.time) for one in own.managed_fields or () if one.time is not None]
    made_ms = _ms(own.creation_timestamp) if own.creation_timestamp is not None else 0
    if server_ms:
        writes = [min(time, server_ms) for time in writes if time <= server_ms + SKEW_MS]
    return max([made_ms, *writes])


MAX_COUNT = 2**31 - 1
"""The API's counts are 32-bit; a series may claim more."""


def _count(event: Event) -> int:
    """How often by the Event's own account: the series' count, or the older field, or once."""
    claimed = (event.series.count if event.series else None) or event.count or 1
    return min(max(claimed, 1), MAX_COUNT)


def _first_time(event: Event) -> datetime:
    return event.first_timestamp or event.event_time or event.metadata.creation_timestamp or EPOCH


def _times(event: Event, clock_ms: int) -> tuple[int, int, dict[str, str]]:
    """First and last time in ms, and what the source said instead where that cannot be.

    The API server stamps creation and every write (managedFields) with its own clock. A first time is held against creation,
    as the specification says; a last time against the last write, since a count may rise for days after the creation, and
    against the server's clock (`clock_ms`; 0: unknown), since an Event may be without managedFields.
    """
    first = _first_time(event)
    last = (event.series.last_observed_time if event.series else None) or event.last_timestamp or event.event_time or first
    replaced: dict[str, str] = {}
    first_ms, last_ms = _ms(first), _ms(last)
    created = event.metadata.creation_timestamp
    created_ms = clock_ms if created is None else _ms(created)
    if created_ms:
        server_ms = written_ms(event, clock_ms) or created_ms
        if first_ms > created_ms + MAX_AHEAD_MS:
            replaced["original_first_timestamp"] = _iso(first)
            first_ms = created_ms
        limit_ms = server_ms if event.metadata.managed_fields or _count(event) == 1 else clock_ms
        if limit_ms and last_ms > limit_ms + MAX_AHEAD_MS:
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


def _named(reference: Reference) -> messages.Reference:
    """What is kept of an object that is named. Kubelets leave a node's uid out or put its name there: its name alone counts."""
    kind, name = _cut(reference.kind), _cut(reference.name)
    if kind == "Node":
        return messages.Reference(kind, "", name, "")
    return messages.Reference(kind, _cut(reference.namespace), name, _cut(reference.uid), reference.field_path or "")


def _metadata(said: Said, source: Source, facts: Facts) -> dict[str, Any]:
    """What the row's metadata are, with who wrote the Event and on which node."""
    host = _cut(source.host)
    metadata = {
        "source": {key: value for key, value in (("component", said.emitter), ("host", host)) if value},
        **facts.metadata,
    }
    node = said.about.name if said.about.kind == "Node" else host
    if node:
        metadata["node"] = node
    return metadata
