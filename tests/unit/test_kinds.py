"""What objects are reduced to: of real pods, of anything that has the right form, and of what has not."""

import json
import types
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.model import resource_states
from kube9_operator.model.resource_states import (
    GONE,
    OF_SOURCE,
    UNREADABLE,
    Autoscaler,
    Claim,
    Container,
    End,
    Namespace,
    Node,
    NodeCondition,
    Owned,
    Owner,
    ReplicaSet,
    Service,
    Slice,
    Workload,
)
from kube9_operator.model.sources import EVERY
from kube9_operator.watch import lines, list_decoding
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.kinds import (
    KINDS,
    argocd,
    claims,
    config_maps,
    cronjobs,
    flux,
    nodes,
    owners,
    pods,
    services,
    workloads,
)
from kube9_operator.watch.metadata import Identity

PODS = Path(__file__).parent.parent / "data" / "pods-1.36.3.jsonl"
FORMS: dict[str, Any] = {
    "pods": pods.Object,
    "nodes": nodes.Object,
    "deployments": workloads.Object,
    "endpointslices": services.SliceObject,
    "persistentvolumeclaims": claims.ClaimObject,
    "horizontalpodautoscalers": claims.AutoscalerObject,
    "replicasets": owners.ReplicaSetObject,
    "namespaces": Identity,
    "services": services.ServiceObject,
    "cronjobs": cronjobs.Object,
    "configmaps": config_maps.Object,
    "applications": argocd.Object,
    "helmreleases": flux.Object,
}
"""Of each source the form in which its objects are decoded."""


def reduced(source: str, made: dict[str, Any]) -> Any:
    """What an object is reduced to, after the way to the writer."""
    batch = Batch()
    KINDS[source].take(msgspec.Raw(json.dumps(made).encode()), batch)
    assert batch.counts.undecodable == 0
    return resource_states.decode(source, batch.states[0].reduced)


def made(**fields: Any) -> dict[str, Any]:
    own = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "creationTimestamp": "2026-11-24T10:00:00Z"}
    return {"metadata": own | fields.pop("metadata", {})} | fields


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def end(reason: str, code: int, finished: str, message: str = "") -> End:
    return End(reason, code, at(f"2026-11-23T{finished}Z"), message)


NO_PROGRAM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to "
    'start container process: exec: "/no/such/program": stat /no/such/program: no such file or directory'
)
REAL = {
    "crash": [Container("main", "", 6, "", "", [end("Error", 3, "15:48:24"), end("Error", 3, "15:51:14")])],
    "noimage": [Container("c", "", 0, "ErrImagePull")],
    "ok": [Container("c", "", 1, "", "", [end("Error", 137, "15:38:22")])],
    "oom": [Container("eater", "", 5, "CrashLoopBackOff", "32Mi", [end("OOMKilled", 137, "15:48:38")])],
    "badinit": [
        Container("prepare", "init", 6, "", "", [end("Error", 7, "15:48:40"), end("Error", 7, "15:51:24")]),
        Container("c", "", 0, "PodInitializing"),
    ],
    "giant": [Container("c")],
    "hog": [Container("c", "", 0, "", "", [end("Error", 137, "15:46:31")])],
    "nocmd": [Container("c", "", 6, "RunContainerError", "", [end("StartError", 128, "15:51:23", NO_PROGRAM)])],
    "noenv": [Container("c", "", 0, "CreateContainerConfigError")],
    "unlive": [Container("c", "", 6, "CrashLoopBackOff", "", [end("Error", 137, "15:49:22")])],
    "unready": [Container("c")],
}
"""Of the last real pod of each name what is known of its containers."""


def test_every_source_has_a_kind_and_a_state() -> None:
    assert list(KINDS) == list(EVERY)
    assert {kind.source for kind in KINDS.values() if kind.of_states} == set(OF_SOURCE)


def test_real_pods() -> None:
    found = {}
    for text in PODS.read_text(encoding="utf-8").splitlines():
        given_ = json.loads(text)
        pod = reduced("pods", given_)
        statuses = {
            one["name"]: one for key in ("initContainerStatuses", "containerStatuses") for one in given_["status"].get(key, [])
        }
        assert {one.name: one.restart_count for one in pod.containers if one.name in statuses} == {
            name: status["restartCount"] for name, status in statuses.items()
        }
        found[given_["metadata"]["name"]] = pod
    assert {name: found[name].containers for name in REAL} == REAL
    assert (found["giant"].unschedulable_since_ms, found["giant"].node) == (at("2026-11-23T15:45:37Z"), "")
    assert found["failing-b9qbs"].owner == Owner("Job", "failing", "197c5cfb-cd40-46d5-a998-4b70e7f3b750")
    assert {pod.node for name, pod in found.items() if name != "giant"} == {"node1"}


def test_a_pod_of_every_sort_of_container() -> None:
    limit = {"resources": {"limits": {"memory": "1Gi"}}}
    found = reduced(
        "pods",
        made(
            metadata={"deletionTimestamp": "2026-11-24T10:00:01.5Z"},
            spec={
                "resources": {"limits": {"memory": "4Gi"}},
                "initContainers": [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}],
                "containers": [{"name": "app"} | limit],
                "ephemeralContainers": [{"name": "debug"}],
            },
            status={
                "containerStatuses": [{"name": "app", "restartCount": 2, "resources": {"limits": {"memory": "2Gi"}}}],
                "ephemeralContainerStatuses": [
                    {
                        "name": "debug",
                        "state": {"terminated": {"exitCode": 1, "message": "it\n said: \t no token=abc12345 " + "x" * 2000}},
                    }
                ],
            },
        ),
    )
    assert found.deleting_since_ms == at("2026-11-24T10:00:01.5Z")
    assert [(one.name, one.kind, one.memory_limit) for one in found.containers] == [
        ("first", "init", "4Gi"),
        ("proxy", "sidecar", "4Gi"),
        ("app", "", "2Gi"),
        ("debug", "ephemeral", "4Gi"),
    ]
    message = found.containers[3].ends[0].message
    assert message.startswith("it  said: \t no token=[REDACTED] xx")
    assert (len(message), message[-1]) == (1_000, "…")


def test_a_node() -> None:
    found = reduced(
        "nodes",
        made(
            metadata={"labels": {"topology.kubernetes.io/zone": "z1", "other": "x"}},
            spec={"unschedulable": True},
            status={
                "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                "nodeInfo": {"kubeletVersion": "v1.36.3"},
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {
                        "type": "Ready",
                        "status": "Unknown",
                        "reason": "NodeStatusUnknown",
                        "message": "Kubelet stopped posting node status.",
                        "lastTransitionTime": "2026-11-24T11:00:00Z",
                    },
                ],
            },
        ),
    )
    since = at("2026-11-24T11:00:00Z")
    assert found == Node(
        *(at("2026-11-24T10:00:00Z"), True, "Unknown", since, "NodeStatusUnknown", "Kubelet stopped posting node status."),
        *("4", "16Gi", "z1", "v1.36.3"),
        [NodeCondition("MemoryPressure", "False")],
    )


def test_workloads() -> None:
    template = {"spec": {"initContainers": [{"name": "init", "image": "a:1"}], "containers": [{"name": "app", "image": "b:2"}]}}
    stuck = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "web-1" has timed out progressing.',
        "lastTransitionTime": "2026-11-24T12:00:00Z",
    }
    owner = [{"kind": "Other", "name": "o"}, {"kind": "Rollout", "name": "web", "uid": "u9", "controller": True}]
    deployment = made(
        metadata={"ownerReferences": owner},
        spec={"replicas": 3, "template": template},
        status={"conditions": [stuck]},
    )
    images = {"init": "a:1", "app": "b:2"}
    assert reduced("deployments", deployment) == Workload(
        3, images, at("2026-11-24T12:00:00Z"), stuck["message"], 0, Owner("Rollout", "web", "u9"), parts={}
    )
    progressing = stuck | {"status": "True", "reason": "NewReplicaSetAvailable"}
    assert reduced("deployments", deployment | {"status": {"conditions": [progressing]}}).stuck_since_ms == 0
    assert reduced("statefulsets", made(spec={"replicas": 0, "template": template})) == Workload(0, images, parts={})
    seen = {"desiredNumberScheduled": 4, "observedGeneration": 1}
    assert reduced("daemonsets", made(spec={}, status=seen)) == Workload(4, {}, parts={})
    assert reduced("daemonsets", made(spec={}, status={"desiredNumberScheduled": 0})) == Workload(
        0, {}, uncounted=True, parts={}
    )
    assert reduced("daemonsets", made(spec={})).uncounted


def test_an_endpoint_of_two_address_families_is_one() -> None:
    def slice_of(*endpoints: dict[str, Any]) -> Any:
        return reduced("endpointslices", made(metadata={"labels": {"kubernetes.io/service-name": "api"}}, endpoints=endpoints))

    pod = {"targetRef": {"kind": "Pod", "uid": "p1"}, "conditions": {"ready": True}}
    four, six = slice_of(pod | {"addresses": ["10.0.0.1"]}), slice_of(pod | {"addresses": ["fd00::1"]})
    assert four == six
    assert (four.service, len(four.ready)) == ("api", 1)
    by_hand = slice_of({"addresses": ["10.0.0.2"]}, {"addresses": ["10.0.0.3"], "conditions": {}}, {"addresses": []})
    assert len(by_hand.ready) == 2
    assert by_hand.ready == sorted(by_hand.ready)
    assert slice_of(pod | {"conditions": {"ready": False, "serving": True}}).ready == []
    assert reduced("endpointslices", made(endpoints=None)) == Slice("", [])


def test_the_others() -> None:
    deleting = {"deletionTimestamp": "2026-11-24T10:30:00Z"}
    since = at("2026-11-24T10:30:00Z")
    assert reduced("namespaces", made(metadata=deleting)) == Namespace(at("2026-11-24T10:00:00Z"), since)
    assert reduced("services", made(metadata=deleting)) == Service(since)
    assert reduced("services", made(spec={"selector": {"b": "2", "a": "1"}})) == Service(0, {"a": "1", "b": "2"})
    owner = {"ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d1", "controller": True}]}
    made_at = at("2026-11-24T10:00:00Z")
    assert reduced("replicasets", made(metadata=owner)) == ReplicaSet(Owner("Deployment", "web", "d1"), made_at)
    for text, revision in (("12", 12), ("", 0), ("-1", 0), ("one", 0), ("9" * 40, 0)):
        annotated = {"annotations": {"deployment.kubernetes.io/revision": text}}
        assert reduced("replicasets", made(metadata=annotated)) == ReplicaSet(None, made_at, revision)
    assert reduced("jobs", made()) == Owned(None)
    claim = {"storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}}
    created = at("2026-11-24T10:00:00Z")
    assert reduced("persistentvolumeclaims", made(spec=claim)) == Claim("fast", "5Gi", "", created)
    notes = {"volume.kubernetes.io/storage-provisioner": "csi.example", "volume.kubernetes.io/selected-node": "n1"}
    waiting = made(metadata={"annotations": notes}, status={"phase": "Pending"})
    assert reduced("persistentvolumeclaims", waiting) == Claim("", "", "Pending", created, "csi.example", "n1")
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    status = {"currentReplicas": 2, "desiredReplicas": 5}
    assert reduced("horizontalpodautoscalers", made(spec=target, status=status)) == Autoscaler("Deployment", "web", 2, 5)


def anything(form: Any) -> st.SearchStrategy[Any]:
    """Anything of a form: a Struct, or a type that its fields have."""
    origin, arguments = typing.get_origin(form), typing.get_args(form)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(anything(one) for one in arguments))
    if origin is list:
        return st.lists(anything(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=3)
    if isinstance(form, type) and issubclass(form, msgspec.Struct):
        hints = typing.get_type_hints(form)
        return st.builds(form, **{field.name: anything(hints[field.name]) for field in msgspec.structs.fields(form)})
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=400),
        int: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans(),
        datetime: st.datetimes(timezones=st.sampled_from([UTC])),
        type(None): st.none(),
        msgspec.Raw: st.sampled_from([b"null", b"7", b"[]", b"{}", b'{"limits":{"memory":"64Mi"}}', b'[{"f:spec":{}}]']).map(
            msgspec.Raw
        ),
    }
    return simple[form]


@pytest.mark.parametrize("source", FORMS)
@settings(max_examples=settings().max_examples // 3)
@given(data=st.data())
def test_anything_of_the_right_form_is_reduced(source: str, data: st.DataObject) -> None:
    made_ = data.draw(anything(FORMS[source]))
    batch = Batch()
    version = KINDS[source].take(msgspec.Raw(msgspec.json.encode(made_)), batch)
    (state,) = batch.states
    own = made_.metadata
    assert (version, batch.counts.received, batch.counts.undecodable) == (own.resource_version, 1, 0)
    uid = pods._static_uid(made_) if source == "pods" else ""
    assert (state.namespace, state.name, state.uid, state.version) == (own.namespace or "", own.name, uid or own.uid, version)
    assert isinstance(resource_states.decode(source, state.reduced), OF_SOURCE[source])


def line(kind: str, what: Any) -> bytes:
    return json.dumps({"type": kind, "object": what}).encode() + b"\n"


def test_the_lines_of_a_watch() -> None:
    stream = lines.Stream(KINDS["deployments"])
    batch = stream.feed(
        line("ADDED", made())
        + line("MODIFIED", made(spec={"replicas": "three"}))
        + line("DELETED", made(metadata={"resourceVersion": "9"}, spec={"replicas": "three"}))
        + line("ADDED", {"metadata": {"resourceVersion": "10"}})
        + line("RENAMED", made())
        + b"no JSON\n"
        + line("BOOKMARK", {"kind": "Deployment", "metadata": {"resourceVersion": "12", "creationTimestamp": None}})
    )
    assert [(one.name, one.version) for one in batch.states] == [("web", "7"), ("web", "7"), ("web", "9")]
    assert [one.reduced for one in batch.states[1:]] == [UNREADABLE, GONE]
    assert (batch.version, batch.lines, batch.bookmarks) == ("12", 7, 1)
    assert (batch.counts.received, batch.counts.undecodable, batch.counts.filtered) == (6, 3, 1)


def test_a_list_says_what_is_there() -> None:
    body = {"metadata": {"resourceVersion": "9"}, "items": [made(), made(metadata={"name": "odd"}, spec={"replicas": "three"})]}
    _, batch = list_decoding.page(json.dumps(body).encode(), KINDS["deployments"])
    assert [(one.name, one.reduced == UNREADABLE) for one in batch.states] == [("web", False), ("odd", True)]
    body["items"] = [made(), {"metadata": {"name": "odd"}}]
    with pytest.raises(ApiError, match="has no name"):
        list_decoding.page(json.dumps(body).encode(), KINDS["deployments"])


def test_owners_of_other_groups_are_told_apart() -> None:
    def owner(kind: str, version: str) -> Any:
        reference = {"apiVersion": version, "kind": kind, "name": "web", "uid": "u9", "controller": True}
        return reduced("pods", made(metadata={"ownerReferences": [reference]})).owner

    assert owner("ReplicaSet", "apps/v1") == Owner("ReplicaSet", "web", "u9")
    assert owner("Job", "batch.volcano.sh/v1alpha1") == Owner("Job", "web", "u9", "batch.volcano.sh/v1alpha1")
    assert owner("Rollout", "argoproj.io/v1alpha1") == Owner("Rollout", "web", "u9", "argoproj.io/v1alpha1")
