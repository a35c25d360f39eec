"""What an engine reads in a request of OTLP, by the library of protobuf, and the fields that VictoriaLogs makes of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.oracle.times import iso

NS_IN_MS = 1_000_000


class Read(NamedTuple):
    """A record of a request."""

    resource: dict[str, str]
    attributes: dict[str, str]
    record: LogRecord
    version: str
    """Of the scope."""


def read(request: bytes) -> Iterator[Read]:
    """The records of a request. Values of attributes are texts."""
    for logs in ExportLogsServiceRequest.FromString(request).resource_logs:
        resource = {one.key: _text(one.value) for one in logs.resource.attributes}
        for scope in logs.scope_logs:
            for record in scope.log_records:
                assert record.time_unix_nano % NS_IN_MS == 0
                yield Read(resource, {one.key: _text(one.value) for one in record.attributes}, record, scope.scope.version)


def lines(request: bytes) -> list[dict[str, str]]:
    """The records of a request as VictoriaLogs gives them back. It does not keep the observed time."""
    return [
        one.resource
        | {
            "_time": iso(one.record.time_unix_nano // NS_IN_MS),
            "_msg": one.record.body.string_value,
            "severity_number": str(int(one.record.severity_number)),
            "severity_text": one.record.severity_text,
            "event_name": one.record.event_name,
            "scope.version": one.version,
        }
        | one.attributes
        for one in read(request)
    ]


def _text(value: Any) -> str:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return str(found).lower() if kind == "bool_value" else str(found)
