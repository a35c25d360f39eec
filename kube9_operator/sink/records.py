"""Events as OTLP log records, and records as requests. Pure. The only modules that import the messages of OTLP are here.

docs/sink-records.md describes the records; the messages are those of https://opentelemetry.io/docs/specs/otlp/.
"""

import zlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kube9_operator import __version__
from kube9_operator.clock import iso
from kube9_operator.sink.events import Event, Owner
from kube9_schema import ids
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

NAME = "kube9-operator"
EVENT, COVERAGE = "kube9.event", "kube9.coverage"
SEVERITY_NUMBERS = (
    SeverityNumber.SEVERITY_NUMBER_INFO,
    SeverityNumber.SEVERITY_NUMBER_WARN,
    SeverityNumber.SEVERITY_NUMBER_ERROR,
    SeverityNumber.SEVERITY_NUMBER_FATAL,
)
"""In the order of SEVERITIES."""
NS_IN_MS = 1_000_000
REVISION, CHECKSUM = "kube9.event.revision", "kube9.event.checksum"

Value = str | int | bool
_encode = msgspec.json.Encoder().encode


class Cluster(NamedTuple):
    """Whose records they are."""

    instance: str
    uid: str
    name: str


class Encoded(NamedTuple):
    """A record on its way."""

    namespace: str
    """Of the object; '' for none. Records of one namespace have one resource."""
    record: LogRecord
    number: int
    """Of the event; 0 for what is not about an event."""


def event(found: Event, revision: int) -> Encoded:
    """The record of a revision of an event."""
    record = _without_revision(found)
    checksum = zlib.crc32(record.SerializeToString(deterministic=True))
    _add(record, {REVISION: revision, CHECKSUM: f"{checksum:08x}"})
    return Encoded(found.namespace, record, found.number)


def _without_revision(found: Event) -> LogRecord:
    body, said = next(
        (text, said)
        for text, said in (
            (found.description, "description"),
            (found.title, "title"),
            (found.reason, "reason"),
            ("event", "none"),
        )
        if text
    )
    record = _record(EVENT, found.last_ms, found.recorded_ms, found.severity, body)
    _add(
        record,
        {
            "kube9.event.number": found.number,
            "kube9.event.id": ids.encode(found.number),
            "kube9.event.type": EVENT_TYPES[found.type],
            "kube9.event.title": found.title,
            "kube9.event.body": said,
            "kube9.event.created_at": iso(found.created_ms),
            "kube9.event.recorded_at": iso(found.recorded_ms),
            "kube9.event.metadata": found.metadata,
            "kube9.event.owners": _encode([_owner(one) for one in found.owners]).decode() if found.owners else "",
            "kube9.event.services": _encode(found.services).decode() if found.services else "",
            "k8s.event.reason": found.reason,
            "k8s.event.count": found.times,
            "k8s.event.start_time": iso(found.first_ms),
            "k8s.object.kind": found.kind,
            "k8s.object.name": found.name,
            "k8s.object.uid": found.uid,
            "k8s.object.api_version": found.api_version,
            "kube9.object.api_group": found.api_group,
            "k8s.node.name": found.node,
        },
    )
    return record


def merged(number: int, revision: int, at_ms: int) -> Encoded:
    """The last record of an event that was merged into another."""
    record = _record(EVENT, at_ms, at_ms, 0, "merged into another event")
    values: dict[str, Value] = {"kube9.event.number": number, "kube9.event.id": ids.encode(number), "kube9.event.merged": True}
    _add(record, values | {REVISION: revision})
    return Encoded("", record, number)


def coverage(values: dict[str, Value], at_ms: int) -> Encoded:
    """A record of coverage with these attributes."""
    record = _record(COVERAGE, at_ms, at_ms, 0, "coverage")
    _add(record, values)
    return Encoded("", record, 0)


def request(records: Iterable[Encoded], cluster: Cluster) -> bytes:
    """The records as one request, with a resource for each namespace."""
    found = ExportLogsServiceRequest()
    scopes = {}
    for one in records:
        stream = "events" if one.record.event_name == EVENT else "coverage"
        key = stream, one.namespace
        if key not in scopes:
            logs = found.resource_logs.add()
            logs.resource.CopyFrom(_resource(cluster, *key))
            scopes[key] = logs.scope_logs.add()
            scopes[key].scope.name, scopes[key].scope.version = NAME, __version__
        scopes[key].log_records.append(one.record)
    data: bytes = found.SerializeToString()
    return data


class Partial(NamedTuple):
    """What a store says of a request that it has accepted."""

    rejected: int
    message: str


def partial(body: bytes) -> Partial:
    """How many records of an accepted request the store has rejected. Raises ValueError if the body is no answer of OTLP."""
    from google.protobuf.message import DecodeError  # only where an answer is not empty

    try:
        found = ExportLogsServiceResponse.FromString(body).partial_success
    except DecodeError as error:
        raise ValueError(str(error)) from None
    return Partial(max(0, found.rejected_log_records), found.error_message)


def _resource(cluster: Cluster, stream: str, namespace: str) -> Resource:
    values = {
        "service.name": NAME,
        "service.instance.id": cluster.instance,
        "kube9.stream": stream,
        "k8s.cluster.uid": cluster.uid,
        "k8s.cluster.name": cluster.name,
        "k8s.namespace.name": namespace,
    }
    return Resource(attributes=[KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in values.items() if text])


def _record(name: str, at_ms: int, recorded_ms: int, severity: int, body: str) -> LogRecord:
    return LogRecord(
        time_unix_nano=at_ms * NS_IN_MS,
        observed_time_unix_nano=recorded_ms * NS_IN_MS,
        severity_number=SEVERITY_NUMBERS[severity],
        severity_text=SEVERITIES[severity],
        event_name=name,
        body=AnyValue(string_value=body),
    )


def _add(record: LogRecord, values: dict[str, Value]) -> None:
    """Adds attributes. An empty text is left out."""
    attributes = record.attributes
    for key, value in values.items():
        if value.__class__ is str:
            if value:
                attributes.add(key=key).value.string_value = value
        elif value is True or value is False:
            attributes.add(key=key).value.bool_value = value
        else:
            attributes.add(key=key).value.int_value = value


def _owner(owner: Owner) -> dict[str, str]:
    values = {"kind": owner.kind, "namespace": owner.namespace, "name": owner.name, "api_group": owner.api_group}
    return {key: text for key, text in values.items() if text}
