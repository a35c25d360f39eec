"""Kubernetes Events: which fields are decoded, and which observation an Event becomes. Pure: no clock, no I/O."""

import functools
import re
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from kube9_operator.model.changes import Scaling
from kube9_operator.model.observation import Observation, hash64
from kube9_operator.model.rules import matcher, readers
from kube9_operator.model.rules.matcher import COMBINED, TABLE_ALONE, Chosen, Compiled, Verdict
from kube9_operator.model.rules.readers import Facts, Said
from kube9_operator.text import limits, redact
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_METADATA_BYTES, MAX_NAME_CHARACTERS, MAX_TITLE_CHARACTERS
from kube9_operator.watch import event_times
from kube9_operator.watch.event_times import Clock
from kube9_operator.watch.metadata import EPOCH, ms
from kube9_operator.watch.scaling import replicas
from kube9_schema.api_groups import group_of
from kube9_schema.codes import CLUSTER
from kube9_schema.intervals import MS_IN_HOUR

PATH = "/api/v1/events"
SCALING = "ScalingReplicaSet"
API_VERSION = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[a-z][a-z0-9]{0,62}")
MAX_API_VERSION = 253 + 1 + 63
_json = msgspec.json.Encoder(order="sorted")


class Written(msgspec.Struct, frozen=True, gc=False):
    """An entry of managedFields: when somebody wrote the object, by the API server's clock."""

    time: datetime | None = None


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The metadata of an Event."""

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
    """Who wrote the Event, in the older API."""

    component: str | None = None
    host: str | None = None


class Series(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The count of an Event of the newer API, from its second occurrence on."""

    count: int | None = None
    last_observed_time: datetime | None = None


class Event(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The fields of v1/Event that are decoded. Each may be null or absent."""

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
    """Returns the observation for an Event of any of the three APIs, or None if it is not worth recording. Never raises.

    `server_ms` is the time of the API server's clock, in ms since 1970; 0 if it is not known.
    """
    said, in_lines = _said(event)
    verdict = matcher.judge(said, chosen)
    rule, severity = verdict.rule, verdict.severity
    if rule is None or not verdict.recorded:
        return None
    own, count, began_ms = event.metadata, said.occurrences, ms(_first_time(event))
    first_ms, last_ms, replaced = _times(event, count, server_ms, chosen.event_ttl_ms)
    facts = rule.facts(said)
    identity: tuple[str, ...] = ("Event", own.namespace or "", own.name or "", str(began_ms))
    if rule.repeat == "each":
        key = hash64(rule.key_id, "/".join(identity), str(count))
        identity, count, first_ms = (*identity, str(count)), 1, last_ms
    else:
        key = rule.key(said, facts)
    about = facts.about or said.about
    words = _words(said, rule, _metadata(said, event.source or Source(), facts) | replaced)
    return Observation(
        kind=words.kind if facts.about is None else about.kind,
        namespace=about.namespace,
        name=about.name,
        uid=about.uid,
        key=key,
        contributor=hash64(*identity),
        contributor_hour=began_ms // MS_IN_HOUR,
        contributor_name=_contributor_name(own.name, said.about.name),
        primary=rule.primary,
        from_status=False,
        count=count,
        first_ms=first_ms,
        last_ms=last_ms,
        event_type=CLUSTER,
        severity=severity,
        title=words.title,
        description=words.description,
        metadata=words.metadata,
        reason=words.reason,
        node=words.node,
        text_hash=crc32("\0".join((words.title, words.description, words.metadata, own.name or "")).encode("utf-8", "replace")),
        row=rule.key_id,
        redacted=words.redacted + in_lines,
        api_version=words.api_version if about is said.about else about.api_version,
    )


def verdict_of(event: Event, chosen: Chosen) -> Verdict:
    """What the rules and settings say of an Event."""
    return matcher.judge(said_by(event), chosen)


def said_by(event: Event) -> Said:
    """What the rule of an Event depends on."""
    return _said(event)[0]


def _said(event: Event) -> tuple[Said, int]:
    """The same, and how many secrets that stood on several lines of its message were taken out."""
    source = event.source or Source()
    message, redacted = limits.joined(event.message or "")
    count = _count(event)
    said = Said(
        _named(event.involved_object or Reference()),
        _cut(event.reason),
        _cut(source.component or event.reporting_component),
        message.removeprefix(COMBINED),
        _named(event.related) if event.related else None,
        event.type or "",
        count,
        # By one clock, that of the emitter, so its being wrong does not matter.
        (_last_time(event) - _first_time(event)).total_seconds() if count > 1 else 0,
    )
    return said, redacted


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


def _words(said: Said, rule: Compiled, metadata: dict[str, Any]) -> Words:
    """Redacts and cuts the texts of an observation. One search for secrets covers all texts, because mostly there are none."""
    kind, reason, message, node = said.about.kind, said.reason, said.message, str(metadata.get("node", ""))
    title = limits.cut(limits.one_line(matcher.title(rule, kind, reason)), MAX_TITLE_CHARACTERS) or "Event"
    encoded = _json.encode(metadata)
    # Facts that were read from the message are part of it, so the message alone is searched.
    host = metadata["source"].get("host", "")
    version = said.about.api_version
    whole = len(encoded) <= MAX_METADATA_BYTES and len(message) <= MAX_DESCRIPTION_CHARACTERS
    if whole and _is_harmless(f"{title}\n{reason} {said.emitter} {host} {version}\n{message}"):
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


MAX_HARMLESS = 4_096
_harmless: set[int] = set()
"""Hashes of texts that were searched for secrets before and have none: three of four lines repeat a text with another count."""


def _is_harmless(text: str) -> bool:
    """Whether a text certainly has no secret. Python's hash of a text has 64 bits with a key that nobody knows."""
    known = hash(text)
    if known in _harmless:
        return True
    if redact.suspicious(text):
        return False
    if len(_harmless) >= MAX_HARMLESS:
        _harmless.clear()
    _harmless.add(known)
    return True


def written_ms(event: Event, server_ms: int = 0) -> int:
    """Returns when the Event was last written by the API server's clock, in ms since 1970, as far as the Event says so."""
    return _clock(event, server_ms).written_ms()


def _clock(event: Event, server_ms: int) -> Clock:
    """Returns what the API server's clock says about an Event; `server_ms` is as for `normalise`."""
    own = event.metadata
    writes = [ms(one.time) for one in own.managed_fields if one.time is not None] if own.managed_fields else ()
    return Clock(ms(own.creation_timestamp), tuple(writes), server_ms)


MAX_COUNT = 2**31 - 1
"""Counts of the API have 32 bits, but a series may claim more."""


def _count(event: Event) -> int:
    """Returns the count that the Event claims: that of its series, otherwise the older field, otherwise 1."""
    claimed = (event.series.count if event.series else None) or event.count or 1
    return min(max(claimed, 1), MAX_COUNT)


def _first_time(event: Event) -> datetime:
    return event.first_timestamp or event.event_time or event.metadata.creation_timestamp or EPOCH


def scaling(event: Event, server_ms: int, event_ttl_ms: int) -> Scaling | None:
    """Returns what an Event of the deployment controller says about scaling; None for another Event."""
    about = _named(event.involved_object or Reference())
    figures = replicas(event.message or "") if about.kind == "Deployment" and about.name and about.uid else None
    if figures is None:
        return None
    _, last_ms, _ = _times(event, _count(event), server_ms, event_ttl_ms)
    before, after = figures
    return Scaling(about.namespace, about.name, about.uid, last_ms, -1 if before is None else before, after)


def _last_time(event: Event) -> datetime:
    series = event.series.last_observed_time if event.series else None
    return series or event.last_timestamp or event.event_time or _first_time(event)


def _times(event: Event, count: int, server_ms: int, event_ttl_ms: int) -> tuple[int, int, dict[str, str]]:
    """Returns the first and the last time in ms, and as metadata what the emitter said instead of those that are replaced."""
    first, last = _first_time(event), _last_time(event)
    found = event_times.judge(ms(first), ms(last), count, _clock(event, server_ms), event_ttl_ms)
    replaced = {}
    if found.first_replaced:
        replaced["original_first_timestamp"] = _iso(first)
    if found.last_replaced:
        replaced["original_last_timestamp"] = _iso(last)
    return found.first_ms, found.last_ms, replaced


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _cut(text: str | None) -> str:
    """Returns a name, kind or reason, cut to the length of a Kubernetes name."""
    return text[:MAX_NAME_CHARACTERS] if text else ""


def _contributor_name(name: str | None, about: str) -> str:
    """The name of an Event without the name of its object, with which nearly all begin: it is stored with each event.

    Names tell which of two Events of one time and one count is the later one. Nearly all Events of an event are about one
    object, so the rest of the name tells it too.
    """
    cut = _cut(name)
    return cut[len(about) :] if about and cut.startswith(f"{about}.") else cut


def _named(reference: Reference) -> readers.Reference:
    """Returns what is stored of a reference. Kubelets leave out a node's uid, or put its name there: only the name counts."""
    kind, name, version = _cut(reference.kind), _cut(reference.name), _api_version(reference.api_version)
    if kind == "Node" and group_of(kind, version) == "":
        return readers.Reference(kind, "", name, "", "", version)
    path = reference.field_path or ""
    return readers.Reference(kind, _cut(reference.namespace), name, _cut(reference.uid), path, version)


def _api_version(text: str | None) -> str:
    """Returns an apiVersion as Kubernetes allows it, such as v1 or longhorn.io/v1beta2; '' for anything else."""
    return text if text and len(text) <= MAX_API_VERSION and _is_api_version(text) else ""


@functools.lru_cache(512)
def _is_api_version(text: str) -> bool:
    """Whether an apiVersion is one that Kubernetes allows. There are few, so each is compared with the pattern once."""
    return API_VERSION.fullmatch(text) is not None


def _metadata(said: Said, source: Source, facts: Facts) -> dict[str, Any]:
    """Returns the metadata of the row, with who wrote the Event and on which node."""
    host = _cut(source.host)
    written_by = {"component": said.emitter} if said.emitter else {}
    if host:
        written_by["host"] = host
    metadata = {"source": written_by, **facts.metadata}
    about = said.about
    node = about.name if about.kind == "Node" and group_of("Node", about.api_version) == "" else host
    if node:
        metadata["node"] = node
    return metadata
