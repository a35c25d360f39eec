"""What an engine reads in a request of OTLP, by the library of protobuf, and the fields that VictoriaLogs makes of it."""

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.oracle.times import iso

NS_IN_MS = 1_000_000


def lines(request: bytes) -> list[dict[str, str]]:
    """The records of a request as VictoriaLogs gives them back: every value is a text, and the observed time is not kept."""
    found = []
    for logs in ExportLogsServiceRequest.FromString(request).resource_logs:
        resource = {one.key: _text(one.value) for one in logs.resource.attributes}
        for scope in logs.scope_logs:
            for record in scope.log_records:
                assert record.time_unix_nano % NS_IN_MS == 0
                own = {
                    "_time": iso(record.time_unix_nano // NS_IN_MS),
                    "_msg": record.body.string_value,
                    "severity_number": str(int(record.severity_number)),
                    "severity_text": record.severity_text,
                    "event_name": record.event_name,
                    "scope.version": scope.scope.version,
                }
                found.append(resource | own | {one.key: _text(one.value) for one in record.attributes})
    return found


def _text(value: Any) -> str:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return str(found).lower() if kind == "bool_value" else str(found)
