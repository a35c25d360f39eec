"""The cause of an event: what it is for real Events and states, and that nothing variable splits a group."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_schema import causes
from kube9_schema.causes import MAX_CHARACTERS, Recorded, cause_of, constant
from tests.cases import Json, cluster, observations
from tests.unit.test_cases import crashing, pod

DATA = Path(__file__).parent.parent / "data"
NOW_MS = 1_795_915_649_000


def lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def of(event: Json) -> list[str]:
    """The causes of what an Event becomes."""
    return [
        cause_of(
            Recorded(
                one.reason,
                one.severity,
                one.kind,
                one.namespace,
                one.name,
                one.node,
                one.description,
                msgspec.json.decode(one.metadata),
            )
        )
        for one in observations(event, NOW_MS)
    ]


def an_event(reason: str, message: str, kind: str = "Pod", name: str = "web-5d9c7b8f6d-x7k2p", **more: Any) -> Json:
    return {
        "metadata": {"namespace": "shop", "name": f"{name}.18eab71e"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "shop", "uid": "u1", "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": 1,
        "firstTimestamp": "2026-11-30T01:49:51Z",
        "lastTimestamp": "2026-11-30T01:49:51Z",
        "source": {"component": "kubelet", "host": "n1"},
    } | more


SHAPES = [shape["event"] for shape in lines("event-shapes.jsonl") if shape["want"]]
REAL = [event for event in lines("events-1.36.3.jsonl") if event["type"] == "Warning"]

WANTED = {
    "OOMKilling": "OOMKilling: process heavy-app was killed",
    "TaskHung": "TaskHung: INFO: task jbd2/dm-*-* blocked for more than * seconds",
    "FilesystemIsReadOnly": "FilesystemIsReadOnly",
    "KubeletUnhealthy": "KubeletUnhealthy: kubelet on node was found unhealthy; repair flag : true",
    "NodeShutdown": "NodeShutdown: Pod was rejected as the node is shutting down",
    "OutOfcpu": "OutOfcpu: not enough cpu",
    "FailedAttachVolume": 'FailedAttachVolume: Multi-Attach error for volume "pvc-35e1" Volume is already used by pod(s) db-*',
    "FailedMapVolume": "FailedMapVolume: kubernetes.io/csi: blockMapper.stageVolumeForBlock failed: timeout",
    "VolumeResizeFailed": 'VolumeResizeFailed: resize volume "pvc-*" by resizer "ebs.csi.aws.com" failed: '
    "Could not resize volume",
    "CIDRNotAvailable": "CIDRNotAvailable",
    "FreeDiskSpaceFailed": "FreeDiskSpaceFailed: Failed to garbage collect required amount of images",
    "TooManyMissedTimes": "TooManyMissedTimes: too many missed start times: *",
    "PodFailurePolicy": "exit code 42",
    "SuccessfulRescale": "SuccessfulRescale",
    "TriggeredScaleUp": "TriggeredScaleUp",
    "AllocationFailed": 'AllocationFailed: Failed to allocate IP for "shop/*": no available IPs',
    "ResourceUpdated": "ResourceUpdated: Updated health status: Healthy -> Degraded",
    "KEDAScalerFailed": "KEDAScalerFailed: error creating kafka client: kafka: client has run out of available brokers to talk "
    "to: connect: connection refused",
}


def test_the_causes_of_the_shapes_of_events() -> None:
    found = {event["reason"]: cause for event in SHAPES for cause in of(event)}
    assert {reason: found[reason] for reason in WANTED} == WANTED


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "Failed",
            'Failed to pull image "shop/web:2.4": failed to resolve reference: 401 Unauthorized',
            "cannot pull image shop/web:2.4",
        ),
        ("BackOff", 'Back-off pulling image "shop/web:2.4"', "cannot pull image shop/web:2.4"),
        ("BackOff", "Back-off restarting failed container app in pod web_shop(909e1677-c7fe)", "BackOff"),
        (
            "FailedScheduling",
            "0/12 nodes are available: 3 Insufficient cpu, 9 node(s) had untolerated taint {a: b}. preemption: 0/12 nodes are "
            "available: 12 No preemption victims found for incoming pod.",
            "FailedScheduling: insufficient cpu, node(s) had untolerated taint {a: b}",
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "config" : configmap "missing" not found',
            'FailedMount: configmap "missing" not found',
        ),
        (
            "Unhealthy",
            'Readiness probe failed: Get "http://10.0.3.7:8080/healthz": dial tcp 10.0.3.7:8080: connect: connection refused',
            "Unhealthy: Readiness probe failed: connect: connection refused",
        ),
        (
            "Unhealthy",
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
            "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503",
        ),
        ("Unhealthy", "Readiness probe failed: ", "Unhealthy: Readiness probe failed"),
        ("Failed", 'Error: secret "missing" not found', 'Failed: secret "missing" not found'),
        (
            "Evicted",
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. ",
            "Evicted: The node was low on resource: memory",
        ),
        (
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to set up network for sandbox "
            '"ba2fc32b9e9a": no IP addresses available in range set: 10.244.1.1-10.244.1.254',
            'FailedCreatePodSandBox: Failed to create pod sandbox: failed to set up network for sandbox "*": no IP addresses '
            "available in range set: *-*",
        ),
    ],
)
def test_the_cause_of_what_kubernetes_writes(reason: str, message: str, cause: str) -> None:
    assert of(an_event(reason, message)) == [_fitting(cause)]


def _fitting(cause: str) -> str:
    """The end of a message that is longer than allowed, after its reason."""
    reason, _, said = cause.partition(": ")
    while len(said) > MAX_CHARACTERS:
        said = said.partition(": ")[2]
    return f"{reason}: {said}" if said else reason


def test_what_a_quota_stops() -> None:
    message = (
        'Error creating: pods "web-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3'
    )
    assert of(an_event("FailedCreate", message, "ReplicaSet", "web-5d9c7b8f6d")) == ["quota exceeded: pods"]


def test_why_a_container_ended_comes_first() -> None:
    """Also if the kubelet's Event, which does not know it, came first."""
    ended = crashing(3, code=3, message="2026-11-30T02:03:49Z FATAL: cannot reach postgres at 10.1.2.3:5432")
    killed = crashing(2, code=137, reason="OOMKilled")
    with cluster() as here:
        here.list_("pods")
        here.put("pods", ended)
        here.put("pods", killed | {"metadata": killed["metadata"] | {"name": "other", "uid": "u-other"}})
        unlimited = pod("third", killed["status"], limit="")
        here.put("pods", unlimited)
        found = {
            (name, cause_of(Recorded(reason, severity, "Pod", "shop", name, "n1", description, json.loads(metadata))))
            for name, reason, severity, description, metadata in here.connection.execute(
                """SELECT o.name, w.word, e.severity, t.description, t.metadata FROM events e JOIN texts t ON t.event = e.id
                JOIN objects o ON o.id = e.object JOIN words w ON w.id = e.reason"""
            )
        }
    assert found >= {
        ("web-1", "exit code 3: FATAL: cannot reach postgres at *:5432"),
        ("other", "killed at its memory limit"),
        ("other", "exit code 137 (OOMKilled)"),
        ("third", "killed because its node ran out of memory"),
    }


def test_variable_parts_do_not_split_a_group() -> None:
    def varied(text: str, other: bool) -> str:
        """The text about another pod, with other numbers."""
        text = re.sub(r"(?<![\w.-])\d{2,}(?![\w.-])", lambda found: str(int(found[0]) + 7) if other else found[0], text)
        return text.replace("NAME", "api-7c6f9d5b4d-9qk8z" if other else "web-5d9c7b8f6d-x7k2p")

    messages = [
        "Job NAME failed 12 times after 30s",
        "container of NAME used 120 of 110 MiB",
        "lost NAME, uid 909e1677-c7fe-4615-b618-045e08e53650",
        "Error: pod NAME_shop(909e1677-c7fe-4615-b618-045e08e53650) has 17 containers",
        'Error creating: pods "NAME" is forbidden: violates PodSecurity "restricted:latest"',
    ]
    for message in messages:
        first, second = (
            of(an_event("FailedSync", varied(message, other), name=varied("NAME", other))) for other in (False, True)
        )
        assert first == second, message
    for event in (*SHAPES, *REAL):
        later = json.loads(json.dumps(event).replace("a7885532-64a3-4e72-b1b9-081a0939a6fc", "b7885532-64a3-4e72-b1b9-0"))
        assert of(event) == of(later), event["message"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("line 12 of 30", "line * of *"),
        ("took 1.5s, 20% of 3Gi", "took *, * of *"),
        ("x509: certificate v1.2 of http2 and sha256", "x509: certificate v1.2 of http2 and sha256"),
        ("web-5d9c7b8f6d-x7k2p and kube-api-access-x7k2p and web-5d9c7b8f6d", "web-* and kube-api-access-* and web-*"),
        ("kube-proxy and node-local-dns stay", "kube-proxy and node-local-dns stay"),
        ("at 2026-11-30T02:03:49.123Z, on 2026-11-30", "at *, on *"),
        ("[fd00::1]:8080 and 10.0.0.1 and 10.0.0.1:53211", "*:8080 and * and *:*"),
        ("redis.shop.svc:6379 refused", "redis.shop.svc:6379 refused"),
        ("exit status 2, HTTP 404, code = 42, error 28", "exit status 2, HTTP 404, code = 42, error 28"),
        ("image@sha256:9f86d081884c7d659a2feaa0c55ad015", "image@sha256:*"),
        ("on node ip-10-0-1-17.eu-west-1.compute.internal now", "on node * now"),
    ],
)
def test_what_is_constant_in_a_text(text: str, same: str) -> None:
    assert constant(text) == same


def test_a_cause_is_short_and_keeps_the_end_of_a_long_chain() -> None:
    chain = "failed to create containerd task: " * 6 + 'exec: "/no/such/program": no such file or directory'
    (cause,) = of(an_event("Failed", f"Error: {chain}"))
    assert cause.endswith('exec: "/no/such/program": no such file or directory')
    (long,) = of(an_event("FailedSync", "x" * 900))
    assert len(long) == len("FailedSync: ") + MAX_CHARACTERS
    assert long.endswith("…")
    for event in (*SHAPES, *REAL):
        for found in of(event):
            assert 0 < len(found) <= len(event["reason"]) + 2 + MAX_CHARACTERS
            assert "\n" not in found


@pytest.mark.parametrize("part", ["1,", "1.1,1_", "a-bcdfg", ". ", "lookup a ", "dial tcp x", "node 1_", "[::", "-bcdfghjk"])
def test_no_message_takes_long(part: str) -> None:
    """Whoever may write Events chooses the text; a thousand characters take a millisecond or two."""
    import time

    causes.constant.cache_clear()
    text = (part * 1_000)[:1_000]
    began = time.process_time()
    for at in range(20):
        of(an_event("FailedSync", f"{at} {text}"))
    assert time.process_time() - began < 2


def test_values_of_metadata_may_be_anything() -> None:
    for value in (None, 3, [], {}, True):
        keys = ("reason", "image", "exit_code", "termination_message", "resource", "process")
        event = Recorded("Failed", 2, "Pod", "shop", "web", "", "it failed", dict.fromkeys(keys, value))
        assert cause_of(event) in ("Failed: it failed", "exit code 3")
