"""Events as OTLP log records, and records as requests. Pure.

docs/sink-records.md describes the records; the messages are those of https://opentelemetry.io/docs/specs/otlp/.
"""

import functools
import zlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from kube9_operator import __version__
from kube9_operator.clock import iso
from kube9_operator.sink import wire
from kube9_operator.sink.events import Event, Owner
from kube9_schema import attributes as names
from kube9_schema import ids
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from kube9_schema.intervals import MS_IN_HOUR

SENDER = "kube9-operator"
EVENT, COVERAGE = "kube9.event", "kube9.coverage"
NS_IN_MS = 1_000_000
_remembered = functools.lru_cache(1_024)
"""For what is the same in many records."""

_TWO = tuple(f"{number:02}" for number in range(60))

Value = str | int | bool
_encode = msgspec.json.Encoder().encode

_number, _count = wire.whole(names.NUMBER), _remembered(wire.whole(names.COUNT))
_revision = functools.lru_cache(1)(wire.whole(names.REVISION))
"""What was recorded before the journal has one revision."""
_body = wire.body()
_id_text, _name, _uid, _metadata = (wire.text(name) for name in (names.ID, names.NAME, names.UID, names.METADATA))
_created_text, _recorded_text, _start = (wire.text(name) for name in (names.CREATED, names.RECORDED, names.START))
_owners_text, _services, _checksum = (wire.text(name) for name in (names.OWNERS, names.SERVICES, names.CHECKSUM))
_node = _remembered(wire.text(names.NODE))
_WORDS = tuple(
    wire.text(name)
    for name in (names.TYPE, names.TITLE, names.BODY, names.REASON, names.KIND, names.API_VERSION, names.API_GROUP)
)
_SEVERITIES = tuple(
    wire.SEVERITY + wire.varint(number) + wire.field(wire.SEVERITY_TEXT, text.encode())
    for number, text in zip(names.SEVERITY_NUMBERS, SEVERITIES, strict=True)
)
_EVENT, _COVERAGE = (wire.field(wire.EVENT_NAME, name.encode()) for name in (EVENT, COVERAGE))
_SCOPE = wire.field(
    wire.SCOPE,
    wire.field(wire.SCOPE_NAME, SENDER.encode()) + wire.field(wire.SCOPE_VERSION, __version__.encode()),
)


class Cluster(NamedTuple):
    """Whose records they are."""

    instance: str
    uid: str
    name: str


class Encoded(NamedTuple):
    """A record on its way."""

    stream: str
    namespace: str
    """Of the object; '' for none. Records of one stream and namespace have one resource."""
    data: bytes
    """The message LogRecord."""
    number: int = 0
    """Of the event; 0 for what is not about an event."""
    checksum: str = ""
    """Of what the record of an event says, without its revision."""


def event(found: Event, revision: int) -> Encoded:
    """The record of a revision of an event."""
    # The order is that of the numbers of fields, as the library of protobuf writes them. What many records share is together.
    if found.description:
        body, said = found.description, names.DESCRIPTION_SAID
    elif found.title:
        body, said = found.title, names.TITLE_SAID
    elif found.reason:
        body, said = found.reason, names.REASON_SAID
    else:
        body, said = names.NO_BODY, names.NOTHING_SAID
    before = b"".join(
        (
            _begin(found.last_ms, found.severity, body),
            _number(found.number),
            _id_text(_id(found.number)),
            _words(EVENT_TYPES[found.type], found.title, said, found.reason, found.kind, found.api_version, found.api_group),
            _created(found.created_ms),
            _recorded(found.recorded_ms),
            _metadata(found.metadata),
            _owners(found.owners) if found.owners else b"",
            _services(_encode(found.services).decode()) if found.services else b"",
            _count(found.times),
            _start(_time(found.first_ms)),
            _name(found.name),
            _uid(found.uid),
            _node(found.node),
        )
    )
    after = _end(found.recorded_ms)
    checksum = f"{zlib.crc32(after, zlib.crc32(before)):08x}"
    data = b"".join((before, _revision(revision), _checksum(checksum), after))
    return Encoded(names.EVENTS, found.namespace, data, found.number, checksum)


def merged(number: int, revision: int, at_ms: int) -> Encoded:
    """The last record of an event that was merged into another."""
    values: dict[str, Value] = {
        names.NUMBER: number,
        names.ID: ids.encode(number),
        names.MERGED: True,
        names.REVISION: revision,
    }
    return Encoded(names.EVENTS, "", _other(_EVENT, at_ms, "merged into another event", values), number)


def coverage(values: dict[str, Value], at_ms: int) -> Encoded:
    """A record of coverage with these attributes."""
    return Encoded(names.COVERAGE, "", _other(_COVERAGE, at_ms, "coverage", values))


def request(records: Iterable[Encoded], cluster: Cluster) -> bytes:
    """The records as one request, with a resource for each namespace."""
    found: dict[tuple[str, str], list[bytes]] = {}
    for stream, namespace, data, *_ in records:
        some = found.get((stream, namespace))
        if some is None:
            some = found[stream, namespace] = [_SCOPE]
        some += (wire.LOG_RECORD, wire.varint(len(data)), data)
    every: list[bytes] = []
    for (stream, namespace), some in found.items():  # each record is copied once, at the end
        size = sum(map(len, some))
        head = wire.field(wire.RESOURCE, _resource(cluster, stream, namespace)) + wire.SCOPE_LOGS + wire.varint(size)
        every += (wire.RESOURCE_LOGS, wire.varint(len(head) + size), head, *some)
    return b"".join(every)


class Partial(NamedTuple):
    """What a store says of a request that it has accepted."""

    rejected: int
    message: str


def partial(body: bytes) -> Partial:
    """How many records of an accepted request the store has rejected. Raises ValueError if the body is no answer of OTLP."""
    rejected, message = 0, ""
    for number, said in wire.fields(body):
        if number == wire.PARTIAL_SUCCESS and isinstance(said, bytes):
            for inner, value in wire.fields(said):
                if inner == wire.REJECTED and isinstance(value, int):
                    rejected = value if value < 2**63 else 0
                elif inner == wire.MESSAGE and isinstance(value, bytes):
                    message = value.decode()
    return Partial(rejected, message)


def _resource(cluster: Cluster, stream: str, namespace: str) -> bytes:
    values = {
        names.SERVICE: SENDER,
        names.INSTANCE: cluster.instance,
        names.STREAM: stream,
        names.CLUSTER_UID: cluster.uid,
        names.CLUSTER_NAME: cluster.name,
        names.NAMESPACE: namespace,
    }
    return wire.attributes(wire.RESOURCE_ATTRIBUTE, values.items())


def _begin(at_ms: int, severity: int, body: str) -> bytes:
    """The fields of a record before its attributes."""
    return wire.fixed(wire.TIME, at_ms * NS_IN_MS) + _SEVERITIES[severity] + _body(body)


def _other(name: bytes, at_ms: int, body: str, values: dict[str, Value]) -> bytes:
    """A record of which there are few."""
    end = wire.fixed(wire.OBSERVED, at_ms * NS_IN_MS) + name
    return _begin(at_ms, 0, body) + wire.attributes(wire.ATTRIBUTE, values.items()) + end


def _owner(owner: Owner) -> dict[str, str]:
    values = {"kind": owner.kind, "namespace": owner.namespace, "name": owner.name, "api_group": owner.api_group}
    return {key: text for key, text in values.items() if text}


@_remembered
def _words(*words: str) -> bytes:
    """The attributes of _WORDS."""
    return b"".join(encode(word) for encode, word in zip(_WORDS, words, strict=True))


@_remembered
def _owners(owners: tuple[Owner, ...]) -> bytes:
    return _owners_text(_encode([_owner(one) for one in owners]).decode())


# What was recorded in one transaction has one time.


@_remembered
def _created(ms: int) -> bytes:
    return _created_text(iso(ms))


@_remembered
def _recorded(ms: int) -> bytes:
    return _recorded_text(iso(ms))


@_remembered
def _end(ms: int) -> bytes:
    """The fields of the record of an event after its attributes."""
    return wire.fixed(wire.OBSERVED, ms * NS_IN_MS) + _EVENT


@_remembered
def _of_hour(hour: int) -> str:
    return iso(hour * MS_IN_HOUR)[:14]


@_remembered
def _id_of_hour(hour: int) -> str:
    return ids.encode(hour * 3_600 * ids.SUFFIXES)[:15]


@_remembered
def _id_end(suffix: int) -> str:
    return ids.encode(suffix)[19:]


def _time(ms: int) -> str:
    """Formats a time as `iso` does, in a third of its time."""
    second, rest = divmod(ms, 1_000)
    return f"{_of_hour(second // 3_600)}{_TWO[second // 60 % 60]}:{_TWO[second % 60]}.{rest:03}Z"


def _id(number: int) -> str:
    """Encodes as `ids.encode` does, in a third of its time."""
    second, suffix = divmod(number, ids.SUFFIXES)
    return f"{_id_of_hour(second // 3_600)}{_TWO[second // 60 % 60]}{_TWO[second % 60]}{_id_end(suffix)}"
