"""Who changed what, by managedFields as Kubernetes 1.36 writes them, and whatever else may stand there."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model import changes
from kube9_operator.model.changes import Evidence, Writer
from kube9_operator.watch.event_times import SKEW_MS
from kube9_operator.watch.managed_fields import MAX_WRITERS, writers

AT = 1_795_000_000_000
POD = "spec.template.spec."


def entry(manager: str, time: str, fields: Any, **more: Any) -> dict[str, Any]:
    made = {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": time, "fieldsType": "FieldsV1"}
    return made | {"fieldsV1": fields} | more


def read(*entries: dict[str, Any], server_ms: int = 0) -> list[Writer]:
    return writers(msgspec.Raw(json.dumps(entries).encode()), server_ms)


IMAGE = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}}}}}}}
DEPLOYMENT = [
    entry(
        "kubectl-create",
        "2026-11-30T08:00:00Z",
        {
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:progressDeadlineSeconds": {},
                "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}},
                "f:template": {
                    "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}},
                    "f:spec": {
                        "f:containers": {
                            'k:{"name":"app"}': {
                                ".": {},
                                "f:args": {},
                                "f:env": {".": {}, 'k:{"name":"LEVEL"}': {".": {}, "f:name": {}, "f:value": {}}},
                                "f:livenessProbe": {".": {}, "f:httpGet": {".": {}, "f:path": {}}},
                                "f:name": {},
                            }
                        },
                        "f:initContainers": {".": {}, 'k:{"name":"first"}': {"f:image": {}}},
                        "f:serviceAccountName": {},
                        "f:volumes": {".": {}, 'k:{"name":"data"}': {".": {}, "f:emptyDir": {}}},
                    },
                },
            },
        },
    ),
    entry("kubectl-set", "2026-11-30T08:02:00Z", IMAGE),
    {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    entry("kube-controller-manager", "2026-11-30T08:03:00Z", {"f:status": {"f:replicas": {}}}, subresource="status"),
]


def test_a_deployment() -> None:
    scale, image, made = read(*DEPLOYMENT)
    assert (image.name, image.paths) == ("kubectl-set", [f"{POD}containers[app].image"])
    assert (scale.name, scale.paths) == ("kubectl-scale", ["spec.replicas"])
    assert scale.time_ms == 0, "an API server writes none"
    assert made.name == "kubectl-create"
    assert made.paths == [
        "spec.strategy",
        "spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]",
        f"{POD}serviceAccountName",
        f"{POD}volumes[data]",
        *(f"{POD}containers[app].{name}" for name in ("args", "env", "env[LEVEL]", "livenessProbe", "name")),
        f"{POD}initContainers[first].image",
    ]


def test_a_node_and_a_config_map() -> None:
    assert read(entry("kubectl", "2026-11-30T08:00:00Z", {"f:spec": {"f:unschedulable": {}}}))[0].paths == [
        "spec.unschedulable"
    ]
    fields = {"f:data": {".": {}, "f:a": {}}, "f:binaryData": {}, "f:metadata": {"f:labels": {}}}
    assert read(entry("helm", "2026-11-30T08:00:00Z", fields))[0].paths == ["data", "binaryData"]
    assert read(entry("helm", "2026-11-30T08:00:00Z", {"f:metadata": {"f:labels": {}}}))[0].paths == []


def test_a_time_ahead_of_the_servers_date_does_not_count() -> None:
    at = int(read(entry("x", "2026-11-30T08:00:00Z", IMAGE))[0].time_ms)
    assert read(entry("x", "2026-11-30T08:00:00Z", IMAGE), server_ms=at - SKEW_MS)
    assert not read(entry("x", "2026-11-30T08:00:00Z", IMAGE), server_ms=at - SKEW_MS - 1)


DEEP = '{"f:a":' * 5_000 + "{}" + "}" * 5_000


@pytest.mark.parametrize(
    "fields",
    [
        "null",
        "[]",
        "7",
        '{"f:spec": null}',
        '{"f:spec": {"f:template": {"f:spec": {"f:containers": []}}}}',
        '{"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:[7]": {}, "k:{": {}, "v:1": {}}}}}}',
        DEEP,
        '{"f:spec": ' + DEEP + "}",
    ],
)
def test_odd_fields_own_nothing_and_harm_nobody(fields: str) -> None:
    odd = json.dumps(entry("odd", "2026-11-30T08:09:00Z", {})).replace('"fieldsV1": {}', f'"fieldsV1": {fields}')
    good = json.dumps(entry("kubectl-set", "2026-11-30T08:00:00Z", IMAGE))
    found = writers(msgspec.Raw(f"[{odd}, {good}]".encode()))
    if len(found) == 2:
        assert found[0].paths == []
    assert all(one.name == "kubectl-set" for one in found if one.paths)


@pytest.mark.parametrize("text", ["", "null", "7", '[{"time": "yesterday"}]', "[7]"])
def test_odd_entries_are_none(text: str) -> None:
    assert writers(msgspec.Raw(text.encode())) == []


def test_they_are_bounded() -> None:
    many = {"f:spec": {"f:template": {"f:spec": {"f:volumes": {f'k:{{"name":"v{at}"}}': {} for at in range(1_000)}}}}}
    found = read(*(entry(f"m{at}", "2026-11-30T08:00:00Z", many) for at in range(50)))
    assert len(found) == MAX_WRITERS
    assert sum(len(one.paths) for one in found) <= 400


def test_evidence_travels() -> None:
    evidence = Evidence(read(*DEPLOYMENT), AT)
    assert changes.decode(changes.encode(evidence)) == evidence
    assert changes.encode(Evidence()) == b""
    assert changes.decode(b"") == Evidence()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["f:spec", "f:data", "manager", "time"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_anything_is_read(value: Any) -> None:
    writers(msgspec.Raw(json.dumps(value).encode()))
