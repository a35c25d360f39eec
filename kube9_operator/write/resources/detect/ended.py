"""Pods that have ended and that nobody starts again: failed, evicted, preempted, rejected by their node, or lost with it."""

from typing import NamedTuple

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Container, End, Pod
from kube9_operator.write.resources.detect.causes import OOM_KILLED, about, cause, killed, sentence, termination
from kube9_operator.write.resources.detect.observed import Observed, observation

FAILED = "Failed"
DEADLINE = "DeadlineExceeded"
KUBELET = "kubelet"
CANNOT_START = frozenset(("StartError", "ContainerCannotRun"))
"""Reasons of a container that has never run. The kubelet's Event `Failed` reports it too."""
REPLACED_BY = frozenset(("ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"))
"""Owners that put another pod in the place of one that has failed."""

OF_STATUS = {
    "Evicted": rows.EVICTED,
    "Terminated": rows.POD_SHUT_DOWN,
    "Shutdown": rows.POD_SHUT_DOWN,  # 1.20 and 1.21
    "NodeShutdown": rows.POD_TURNED_AWAY,
    "Preempting": rows.PREEMPTED,
    "NodeLost": rows.POD_LOST,
}
"""By status.reason what disrupted the pod."""
OF_CONDITION = {
    "PreemptionByScheduler": rows.PREEMPTED,
    "PreemptionByKubeScheduler": rows.PREEMPTED,  # 1.25
    "EvictionByEvictionAPI": rows.EVICTED,
    "DeletionByTaintManager": rows.EVICTED,
    "DeletionByDeviceTaintManager": rows.EVICTED,
    "DeletionByPodGC": rows.POD_LOST,
}
"""By the reason of the condition DisruptionTarget what disrupted the pod."""
BY_KUBELET = "TerminationByKubelet"
REJECTED = "Pod was rejected"
"""How the kubelet's message begins if it rejects a pod."""


class Ending(NamedTuple):
    """How a pod has ended."""

    row: rows.Row
    reason: str
    at_ms: int = 0
    """0 if nothing says when."""
    why: str = ""
    """The message of the status."""


def of_ended(observed: Observed, previous: Pod | None, current: Pod) -> list[Observation]:
    """The end of a pod. An end without a date of its own counts from now, and is only a baseline at first."""
    ending = ending_of(current)
    if ending is None or (previous is not None and previous.phase and ending_of(previous) is not None):
        return []
    saw_it_before = observed.whole if previous is None else bool(previous.phase)
    if not ending.at_ms and not saw_it_before:
        return []
    container, end = failing(current)
    if ending.row is rows.JOB_POD_FAILED and current.owner is not None:
        if end is not None and end.reason == OOM_KILLED and _knew(previous, container, end):
            return []  # it was recorded when other containers of the pod were still running
        return [
            _of_job(observed._replace(source="jobs", name=current.owner.name, uid=current.owner.uid), observed, current, ending)
        ]
    parts: tuple[str, ...] = ()
    if ending.row is rows.POD_REJECTED:
        parts = (ending.reason, KUBELET)
    elif ending.row is rows.CANNOT_START and container is not None:
        parts = (container.name,)
    return [
        observation(
            ending.row,
            observed,
            (observed.uid, _when(observed, ending)),
            parts=parts,
            at_ms=ending.at_ms,
            reason=ending.reason,
            description=_description(ending, f"pod {observed.name}", container, end),
            metadata=_metadata(container, end),
            node=current.node,
        )
    ]


def ending_of(pod: Pod) -> Ending | None:
    """How a pod has ended, or will end by somebody's decision; None if it has not ended, or ended well.

    If somebody deletes a pod, its containers are killed. That is no failure.
    """
    if (disrupted := _disrupted(pod)) is not None:
        return disrupted
    container, end = failing(pod)
    if end is not None and is_of_memory(pod):
        return Ending(rows.JOB_POD_FAILED, OOM_KILLED, end.finished_ms)
    if pod.phase != FAILED:
        return None
    if pod.reason and pod.reason != DEADLINE and (end is None or pod.message.startswith(REJECTED)):
        return Ending(rows.POD_REJECTED, pod.reason, pod.started_ms, pod.message)
    if pod.deleting_since_ms or (end is not None and end.reason == OOM_KILLED and not pod.reason):
        return None  # an end for memory is an event already, with its exit code
    at_ms = end.finished_ms if end is not None else 0
    if container is not None and end is not None and end.reason in CANNOT_START:
        return Ending(rows.CANNOT_START, end.reason, at_ms)
    owner = pod.owner.kind if pod.owner is not None else ""
    row = rows.JOB_POD_FAILED if _is_of_job(pod) else rows.POD_REPLACED if owner in REPLACED_BY else rows.POD_FAILED
    return Ending(row, pod.reason or "PodFailed", at_ms, pod.message)


def is_of_memory(pod: Pod) -> bool:
    """Whether a pod of a Job has failed because the container that failed first was killed for memory.

    The kubelet reports the ends of all containers some time before the phase `Failed`.
    """
    container, end = failing(pod)
    if container is None or end is None or end.reason != OOM_KILLED or pod.reason or not _is_of_job(pod):
        return False
    if pod.phase == FAILED:
        return not pod.deleting_since_ms
    is_over = container.kind == "init" or all(one.ends for one in pod.containers if not one.kind)
    return is_over and pod.never and not container.restart_count and not pod.deleting_since_ms


def failing(pod: Pod) -> tuple[Container | None, End | None]:
    """The container that failed first, with its end. Sidecars and debuggers count only if no other container failed."""
    found = [
        (one.kind in ("sidecar", "ephemeral"), one.ends[-1].finished_ms, at)
        for at, one in enumerate(pod.containers)
        if one.ends and one.ends[-1].exit_code
    ]
    if not found:
        return None, None
    container = pod.containers[min(found)[-1]]
    return container, container.ends[-1]


def _disrupted(pod: Pod) -> Ending | None:
    """An end that somebody decided (eviction, preemption, shutdown of the node), or the loss of the node; None otherwise."""
    row = OF_STATUS.get(pod.reason) if pod.phase == FAILED or pod.reason == "NodeLost" else None
    condition = pod.disruption
    if row is None and (condition is None or pod.phase == "Succeeded"):
        return None
    _, end = failing(pod)
    if condition is None:
        at_ms = end.finished_ms if end is not None else pod.started_ms if row is rows.POD_TURNED_AWAY else 0
        return Ending(row or rows.POD_DISRUPTED, pod.reason, at_ms, pod.message)
    why = pod.message or condition.message
    return Ending(row or _of_condition(condition.reason, why), pod.reason or condition.reason, condition.since_ms, why)


def _of_condition(reason: str, message: str) -> rows.Row:
    if reason == BY_KUBELET:
        return rows.POD_SHUT_DOWN if "shutdown" in message else rows.PREEMPTED if "Preempted" in message else rows.EVICTED
    return OF_CONDITION.get(reason) or (rows.PREEMPTED if "preempt" in reason.lower() else rows.POD_DISRUPTED)


def _is_of_job(pod: Pod) -> bool:
    """Whether a Job of Kubernetes owns a pod. Other projects have Jobs of their own."""
    return pod.owner is not None and pod.owner.kind == "Job" and not pod.owner.api_version


def _knew(pod: Pod | None, container: Container | None, end: End) -> bool:
    """Whether a container had ended like this in an earlier state of its pod."""
    named = [one for one in pod.containers if container and one.name == container.name] if pod is not None else []
    return any(one.finished_ms == end.finished_ms for each in named for one in each.ends)


def _of_job(job: Observed, observed: Observed, pod: Pod, ending: Ending) -> Observation:
    """The end of a pod of a Job. All pods that fail with one exit code are one event about the Job."""
    container, end = failing(pod)
    return observation(
        ending.row,
        job,
        (observed.uid, _when(observed, ending)),
        parts=(str(end.exit_code) if end is not None else ending.reason,),
        at_ms=ending.at_ms,
        reason=ending.reason,
        description=_description(ending, f"pod {observed.name} of Job {job.name}", container, end),
        metadata={"pod": observed.name} | _metadata(container, end) | _memory_limit(container, end),
        node=pod.node,
    )


def _when(observed: Observed, ending: Ending) -> str:
    """Distinguishes this end from another end of the same pod."""
    return str(ending.at_ms) if ending.at_ms else observed.version


def _description(ending: Ending, pod: str, container: Container | None, end: End | None) -> str:
    """The cause first, then what has ended."""
    if ending.why:
        return ending.why
    if container is None or end is None:
        return sentence(f"{pod[:1].upper()}{pod[1:]} failed")
    what = f"{about(container)} of {pod}"
    return f"{sentence(cause(end))} {killed(container, what) if end.reason == OOM_KILLED else f'{what} ended'}"


def _memory_limit(container: Container | None, end: End | None) -> dict[str, object]:
    is_known = container is not None and end is not None and end.reason == OOM_KILLED
    return {"memory_limit": container.memory_limit} if container is not None and is_known else {}


def _metadata(container: Container | None, end: End | None) -> dict[str, object]:
    if container is None or end is None:
        return {}
    return {"container": container.name, "exit_code": end.exit_code} | termination(end)
