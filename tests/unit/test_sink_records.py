"""Records of the sink: docs/sink-records.md shows one, which is compared here with what the encoder makes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from kube9_operator import __version__
from kube9_operator.sink import records
from kube9_operator.sink.events import Event, Owner
from kube9_operator.sink.records import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "sink-records.md"
CLUSTER = Cluster("9f383e1accecc3e05c1f02a7d3b4e699", "0c8b6b1e-6a52-4d0e-9a1d-2f5f0f0a7c11", "prod-eu")
REVISION = 1_767_322_000_000_417
EVENT = Event(
    number=3_847_077_588_538_515_456,
    first_ms=1_767_322_691_000,
    last_ms=1_767_323_045_678,
    created_ms=1_767_323_046_012,
    recorded_ms=1_767_323_046_012,
    times=7,
    severity=2,
    type=0,
    namespace="shop",
    kind="Pod",
    reason="CrashLoopBackOff",
    node="worker-2",
    title="Container crash loop",
    name="web-5d9c7b-x2x4z",
    uid="7a0cbb1c-9d1f-4c5e-8a55-2b1f3c0e9d77",
    api_group="",
    api_version="v1",
    description="Back-off restarting failed container web in pod web-5d9c7b-x2x4z",
    metadata='{"container":"web","source":{"component":"kubelet"}}',
    owners=(Owner("ReplicaSet", "shop", "web-5d9c7b", ""), Owner("Deployment", "shop", "web", "")),
    services=("web",),
)


def sent(*some: records.Encoded) -> dict[str, Any]:
    """The request as OTLP JSON."""
    found: dict[str, Any] = MessageToDict(
        ExportLogsServiceRequest.FromString(records.request(some, CLUSTER)), use_integers_for_enums=True
    )
    return found


def attributes(record: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in record["attributes"]}


def only(request: dict[str, Any]) -> dict[str, Any]:
    """Its only record."""
    (found,) = (record for logs in request["resourceLogs"] for scope in logs["scopeLogs"] for record in scope["logRecords"])
    return dict(found)


def test_the_example_in_the_document_is_what_is_sent() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = re.search(r'^    (\{"resourceLogs".*?\]\}\]\}\]\}\]\})$', page, re.DOTALL | re.MULTILINE)
    assert shown is not None
    expected = json.loads(shown[1])
    expected["resourceLogs"][0]["scopeLogs"][0]["scope"]["version"] = __version__
    assert sent(records.event(EVENT, REVISION)) == expected


def test_each_attribute_is_in_the_document() -> None:
    page = PAGE.read_text(encoding="utf-8")
    custom = EVENT._replace(api_group="longhorn.io")
    for record in (records.event(custom, 1), records.merged(1, 2, 3)):
        assert all(f"`{name}`" in page for name in attributes(only(sent(record))))


def test_absent_texts_are_left_out() -> None:
    bare = EVENT._replace(description="", node="", uid="", owners=(), services=(), namespace="", api_version="")
    found = sent(records.event(bare, 1))
    assert (
        attributes(only(found))
        .keys()
        .isdisjoint(("k8s.node.name", "k8s.object.uid", "k8s.object.api_version", "kube9.event.owners", "kube9.event.services"))
    )
    assert "k8s.namespace.name" not in str(found)
    assert only(found)["body"]["stringValue"] == EVENT.title
    assert attributes(only(found))["kube9.event.body"] == "title"


@pytest.mark.parametrize(
    ("changes", "body", "said"),
    [({"title": ""}, EVENT.reason, "reason"), ({"title": "", "reason": ""}, "event", "none")],
)
def test_a_body_is_never_empty(changes: dict[str, str], body: str, said: str) -> None:
    record = only(sent(records.event(EVENT._replace(description="", **changes), 1)))
    assert (record["body"]["stringValue"], attributes(record)["kube9.event.body"]) == (body, said)


def test_a_namespace_has_a_resource_of_its_own() -> None:
    some = [records.event(EVENT._replace(namespace=name, number=number), 1) for number, name in enumerate("abab")]
    found = sent(*some, records.coverage({"kube9.coverage.version": "1"}, 5))
    resources = [attributes(logs["resource"]) for logs in found["resourceLogs"]]
    assert [(one["kube9.stream"], one.get("k8s.namespace.name")) for one in resources] == [
        ("events", "a"),
        ("events", "b"),
        ("coverage", None),
    ]
    assert [len(logs["scopeLogs"][0]["logRecords"]) for logs in found["resourceLogs"]] == [2, 2, 1]


def test_a_checksum_tells_contents_apart_but_not_revisions() -> None:
    def checksum(event: Event, revision: int) -> object:
        return attributes(only(sent(records.event(event, revision))))["kube9.event.checksum"]

    assert checksum(EVENT, 1) == checksum(EVENT, 2)
    different = [EVENT._replace(times=8), EVENT._replace(owners=()), EVENT._replace(metadata="{}")]
    assert len({checksum(EVENT, 1), *(checksum(one, 1) for one in different)}) == 4


def test_a_partial_success() -> None:
    answer = ExportLogsServiceResponse()
    assert records.partial(answer.SerializeToString()) == (0, "")
    answer.partial_success.rejected_log_records, answer.partial_success.error_message = 3, "too old"
    assert records.partial(answer.SerializeToString()) == (3, "too old")
    with pytest.raises(ValueError, match=r"."):
        records.partial(b"<html>")
