"""Each rule by the messages that Kubernetes 1.24 to 1.37 writes, and what they tell."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.model.rules import matcher
from kube9_operator.model.rules.matcher import COMBINED, Chosen, built_in_table
from kube9_operator.text.limits import MAX_METADATA_BYTES
from kube9_operator.watch.observations import Event, Reference, normalise
from tests.unit.test_events import event

RULES = {rule.id: rule for rule in built_in_table().rules}
UID = "909e1677-c7fe-4615-b618-045e08e53650"
QUOTA = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
FIGURES = {"resource": "pods", "requested": "1", "used": "3", "quota_limit": "3"}

C = {"container": "app"}
I = C | {"image": "shop/web:1"}  # noqa: E741
MESSAGES: list[tuple[str, str, str, str, bool, dict[str, Any]]] = [
    # kind, reason, message, id of a rule, primary, metadata besides source, node and reason
    ("Pod", "BackOff", "Back-off restarting failed container", "container restarts", True, C),
    ("Pod", "BackOff", f"Back-off restarting failed container app in pod web_shop({UID})", "container restarts", True, C),
    ("Pod", "BackOff", 'Back-off pulling image "shop/web:1"', "image cannot be pulled", False, I),
    ("Pod", "BackOff", 'Back-off pulling image "shop/web:1": ErrImagePull: not found', "image cannot be pulled", False, I),
    (
        "Pod",
        "Failed",
        'Failed to pull image "shop/web:1": rpc error: code = NotFound desc = x',
        "image cannot be pulled",
        True,
        I,
    ),
    ("Pod", "Failed", "Error: ErrImagePull", "image cannot be pulled", False, C),
    ("Pod", "Failed", "Error: ImagePullBackOff", "image cannot be pulled", False, C),
    ("Pod", "Failed", "Error: InvalidImageName", "image cannot be pulled", False, C),
    ("Pod", "Failed", "Error: ErrImageNeverPull", "image cannot be pulled", False, C),
    ("Pod", "Failed", "Error: ImageInspectError", "image cannot be pulled", False, C),
    ("Pod", "InspectFailed", 'Failed to inspect image "shop/web:1": rpc error', "image cannot be pulled", True, I),
    ("Pod", "InspectFailed", 'Failed to apply default image tag "shop/web:1": no', "image cannot be pulled", True, I),
    (
        *("Pod", "ErrImageNeverPull", 'Container image "shop/web:1" is not present with pull policy of Never'),
        *("image cannot be pulled", True, I),
    ),
    ("Pod", "Failed", 'Error: configmap "missing" not found', "container cannot start", True, C),
    ("Pod", "Failed", 'Error: failed to start container "app": runc', "container cannot start", True, C),
    ("Pod", "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.", "cannot schedule", True, {}),
    (
        *("Pod", "FailedMount", 'MountVolume.SetUp failed for volume "v" : configmap "missing" not found'),
        *("cannot mount", True, {"volume": "v"}),
    ),
    (
        *(
            "Pod",
            "FailedMount",
            "Unable to attach or mount volumes: unmounted volumes=[b a], unattached volumes=[a b x]: timed out",
        ),
        *("cannot mount", True, {"volume": "a,b"}),
    ),
    (
        *("Pod", "FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) x'),
        *("cannot mount", True, {"volume": "pvc-1"}),
    ),
    (
        *(
            "Pod",
            "FailedAttachVolume",
            'Waiting for detach for volume "pvc-1" Volume is already exclusively attached to one node',
        ),
        *("cannot mount", True, {"volume": "pvc-1"}),
    ),
    ("Pod", "Unhealthy", "Readiness probe failed: ", "probe failing", True, C | {"probe": "readiness"}),
    ("Pod", "Unhealthy", "Liveness probe errored: rpc error", "probe failing", True, C | {"probe": "liveness"}),
    (
        *("Pod", "Unhealthy", "Startup probe errored and resulted in unknown state: rpc error"),
        *("probe failing", True, C | {"probe": "startup"}),
    ),
    ("Pod", "Evicted", "The node was low on resource: memory. ", "evicted, preempted", True, {}),
    ("Pod", "TaintManagerEviction", "Marking for deletion Pod shop/web", "evicted, preempted", True, {}),
    ("Pod", "Preempted", "Preempted by a pod on node node1", "preempted", True, {}),
    ("Pod", "Preempted", f"Preempted by pod {UID} on node node1", "preempted", True, {"preemptor": UID}),
    ("Pod", "Preempting", "Preempted in order to admit critical pod", "preempted", True, {}),
    ("Node", "NodeNotReady", "Node web status is now: NodeNotReady", "node not ready", True, {}),
    (
        *("Node", "SystemOOM", "System OOM encountered, victim process: java (x), pid: 7"),
        *("out of memory, node", True, {"process": "java (x)"}),
    ),
    ("Node", "SystemOOM", "System OOM encountered", "out of memory, node", True, {}),
    (
        *("Node", "OOMKilling", "Memory cgroup out of memory: Killed process 123 (stress) total-vm:1kB"),
        *("out of memory, kernel", True, {"process": "stress"}),
    ),
    ("Node", "NodeHasDiskPressure", "Node web status is now: NodeHasDiskPressure", "node pressure", True, {}),
    ("Node", "NodeHasInsufficientMemory", "Node web status is now: x", "node pressure, memory", True, {}),
    ("Node", "NodeHasInsufficientPID", "Node web status is now: x", "node pressure, PID", True, {}),
    ("Node", "EvictionThresholdMet", "Attempting to reclaim memory", "node pressure, memory", True, {}),
    ("Node", "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", "node pressure", True, {}),
    ("Node", "EvictionThresholdMet", "Attempting to reclaim inodes", "node pressure", True, {}),
    ("Node", "EvictionThresholdMet", "Attempting to reclaim pids", "node pressure, PID", True, {}),
    ("Node", "EvictionThresholdMet", "Attempting to reclaim things", "node pressure, other", True, {}),
    (
        *("ReplicaSet", "FailedCreate", f'Error creating: pods "web-1" is forbidden: {QUOTA}'),
        *("quota exceeded", True, FIGURES | {"controller": {"kind": "ReplicaSet", "name": "web", "uid": "u1"}}),
    ),
    (
        *(
            "StatefulSet",
            "FailedCreate",
            f'Create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: {QUOTA}',
        ),
        *("quota exceeded", True, FIGURES | {"controller": {"kind": "StatefulSet", "name": "web", "uid": "u1"}}),
    ),
    (
        *(
            "PersistentVolumeClaim",
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        ),
        *("PVC cannot bind", True, {}),
    ),
    (
        *("PersistentVolumeClaim", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'),
        *("PVC cannot bind", True, {"storage_class": "fast"}),
    ),
    (
        *("PersistentVolumeClaim", "ProvisioningFailed", 'failed to provision volume with StorageClass "fast": rpc error'),
        *("PVC cannot bind", True, {"storage_class": "fast"}),
    ),
    (
        *("HorizontalPodAutoscaler", "SuccessfulRescale"),
        *("New size: 5; reason: cpu resource utilization (percentage of request) above target", "HPA scaled", True),
        {"new": 5, "metric": "cpu resource utilization (percentage of request)"},
    ),
    (
        *("HorizontalPodAutoscaler", "SuccessfulRescale", "New size: 2; reason: All metrics below target"),
        *("HPA scaled", True, {"new": 2}),
    ),
    ("Job", "BackoffLimitExceeded", "Job has reached the specified backoff limit", "failed job", True, {}),
    ("Job", "DeadlineExceeded", "Job was active longer than specified deadline", "failed job", True, {}),
    ("Job", "PodFailurePolicy", "Container app for pod x failed", "failed job, by policy", True, {}),
    ("Job", "FailedIndexes", "Job has failed indexes", "failed job", True, {}),
    ("Job", "Odd", "anything", "other", True, {}),
    ("Pod", "BackOff", "anything else", "other", True, {}),
    ("ReplicaSet", "FailedCreate", 'Error creating: pods "x" is forbidden: violates PodSecurity', "other", True, {}),
]


def seen(kind: str, reason: str, message: str, chosen: Chosen | None = None, **fields: Any) -> Observation | None:
    about = {"kind": kind, "namespace": "shop", "name": "web", "uid": "u1", "fieldPath": "spec.containers{app}"}
    made = event(reason=reason, message=message, **({"involvedObject": about} | fields))
    return normalise(msgspec.convert(made, Event), chosen or Chosen())


@pytest.mark.parametrize(("kind", "reason", "message", "rule", "primary", "metadata"), MESSAGES)
@pytest.mark.parametrize("before", ["", COMBINED])
def test_what_kubernetes_writes(
    kind: str, reason: str, message: str, rule: str, primary: bool, metadata: dict[str, Any], before: str
) -> None:
    found = seen(kind, reason, before + message)
    assert found
    compiled = RULES[rule]
    assert (found.row, found.severity, found.primary) == (compiled.key_id, compiled.severity, primary)
    assert found.title == matcher.title(compiled, kind, reason)
    told = msgspec.json.decode(found.metadata)
    if kind != "Node":  # the test names a container in every other object
        assert told.pop("container") == "app"
        metadata = {key: value for key, value in metadata.items() if key != "container"}
    assert {key: value for key, value in told.items() if key not in ("source", "node", "reason")} == metadata
    expected = "ImagePullBackOff" if message.startswith("Failed to pull") else reason
    assert told.get("reason", found.reason) == expected
    assert found.description == message.strip(), "without what the recorder put before it"
    if rule == "quota exceeded":
        assert (found.kind, found.namespace, found.name, found.uid) == ("ResourceQuota", "shop", "small", "")
    else:
        assert (found.kind, found.name) == (kind, "web")


def test_what_another_event_tells_is_left_out() -> None:
    assert seen("Pod", "NodeNotReady", "Node is not ready") is None
    assert seen("Pod", "TaintManagerEviction", "Cancelling deletion of Pod shop/web", type="Normal") is None


def test_settings_add_and_leave_out_reasons() -> None:
    assert seen("Pod", "Started", "Started container app", type="Normal") is None
    added = seen("Pod", "Started", "Started container app", Chosen(frozenset({"Started"})), type="Normal")
    assert added
    assert (SEVERITIES[added.severity], added.title, added.row) == ("info", "Pod Started", "other")
    everything = Chosen(frozenset("*"), frozenset({"Pulled"}))
    assert seen("Pod", "NodeNotReady", "Node is not ready", everything)
    assert seen("Pod", "Created", "x", everything, type="Normal")
    assert seen("Pod", "Pulled", "x", everything, type="Normal") is None
    assert seen("Pod", "Unhealthy", "Readiness probe failed: x", Chosen(exclude=frozenset({"Unhealthy"}))) is None


def test_what_makes_another_event() -> None:
    def key(message: str, path: str = "spec.containers{app}", reason: str = "Unhealthy", kind: str = "Pod", **more: Any) -> int:
        about = {"kind": kind, "namespace": "shop", "name": "web", "uid": "u1", "fieldPath": path}
        found = seen(kind, reason, message, involvedObject=about, **more)
        assert found
        return found.key

    assert key("Readiness probe failed: a") == key("Readiness probe errored: b")
    assert key("Readiness probe failed: a") != key("Liveness probe failed: a")
    assert key("Readiness probe failed: a") != key("Readiness probe failed: a", path="spec.containers{other}")
    scaled = {"kind": "HorizontalPodAutoscaler", "reason": "SuccessfulRescale"}
    assert key("New size: 2; reason: x", **scaled, count=1) != key("New size: 2; reason: x", **scaled, count=2)
    assert key("Error: ErrImagePull", reason="Failed") == key('Failed to pull image "x": y', reason="Failed")
    assert key(QUOTA, kind="ReplicaSet", reason="FailedCreate") != key(QUOTA, kind="Job", reason="FailedCreate")


def test_a_step_is_an_event_of_its_own() -> None:
    found = seen("HorizontalPodAutoscaler", "SuccessfulRescale", "New size: 3; reason: x", count=7)
    assert found
    assert (found.count, found.first_ms) == (1, found.last_ms)


def test_who_preempted_is_the_object_related() -> None:
    related = {"kind": "Pod", "namespace": "shop", "name": "urgent", "uid": UID}
    found = seen("Pod", "Preempted", "Preempted by a pod on node node1", related=related)
    assert found
    assert msgspec.json.decode(found.metadata)["preemptor"] == "shop/urgent"


strange = st.text(max_size=40) | st.sampled_from(
    ["", '"', '"x"', "{", "}", "=", ",", ", requested: ", ", used: ", "[", "]", "unmounted volumes=[", " probe ", " on node "]
)


@given(st.sampled_from(MESSAGES), st.integers(0, 200), strange, strange, st.text(max_size=600))
def test_no_message_of_any_row_makes_the_way_fail(
    known: tuple[str, str, str, str, bool, dict[str, Any]], at: int, one: str, other: str, name: str
) -> None:
    kind, reason, message, *_ = known
    about = {"kind": kind, "namespace": name, "name": name, "uid": name, "fieldPath": f"spec.containers{{{one}}}"}
    mixed = message[:at] + one + message[at : at + 20] + other + message[at + 20 :]
    for text in (mixed, message[:at], one * 300 + message, message + one * 2_000):
        found = seen(kind, reason, text, involvedObject=about, related=about)
        assert found
        assert len(found.metadata.encode("utf-8", "surrogatepass")) <= MAX_METADATA_BYTES
        assert len(found.title) <= 200
        assert len(found.description) <= 1_000
        assert isinstance(msgspec.json.decode(found.metadata), dict)
        assert found.row in RULES


def test_references_may_be_empty() -> None:
    assert normalise(Event(metadata=event_meta(), involved_object=Reference(), related=Reference(), type="Warning"))


def event_meta() -> Any:
    return msgspec.convert(event(), Event).metadata
