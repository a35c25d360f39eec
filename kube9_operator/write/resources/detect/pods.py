"""Changes of pods: containers that restart, are in a crash loop, or are killed for memory, and pods that have ended."""

from typing import Any

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Container, End, Pod
from kube9_operator.write.resources.detect.causes import OOM_KILLED, about, cause, exit_codes, killed, sentence, termination
from kube9_operator.write.resources.detect.ended import failing, is_of_memory, of_ended
from kube9_operator.write.resources.detect.observed import Observed, observation

LOOP_RESTARTS = 5
"""A container that waits in CrashLoopBackOff after this many restarts is in a crash loop."""


def of_pod(observed: Observed, previous: Pod | None, current: Pod | None) -> list[Observation]:
    """For each container its ends for memory, its restarts, and the beginning of a crash loop; then the end of the pod."""
    found: list[Observation] = []
    if current is None:
        return found
    before = {one.name: one for one in previous.containers} if previous is not None else {}
    was_there = previous is not None or observed.whole
    for container in current.containers:
        if container.restart_count or container.ends:
            # A container that is missing in the stored pod, or whose pod is new, began at 0.
            known = before.get(container.name) or (Container() if was_there else None)
            found += _killed_for_memory(observed, current, known, container)
            found += _restarts(observed, current, known, container)
    return found + of_ended(observed, previous, current)


def ongoing_in_pod(state: Pod) -> dict[int, int]:
    """A crash loop, and a pod that fits on no node, are ongoing problems."""
    found = {}
    if state.unschedulable_since_ms:
        found[rows.key(rows.CANNOT_SCHEDULE)] = state.unschedulable_since_ms
    for container in state.containers:
        if _is_looping(container):
            found[rows.key(rows.CRASH_LOOP, container.name)] = container.ends[-1].finished_ms if container.ends else 0
    return found


def _is_looping(container: Container) -> bool:
    return container.waiting_reason == rows.CRASH_LOOP_REASON and container.restart_count >= LOOP_RESTARTS


def _killed_for_memory(observed: Observed, pod: Pod, known: Container | None, container: Container) -> list[Observation]:
    """Each end for memory that was not known. The first one without a date is only a baseline.

    The end of a Job's pod is recorded for the Job instead: see `ended`.
    """
    done = {one.finished_ms for one in known.ends} if known else set()
    of_job = failing(pod)[1] if is_of_memory(pod) else None
    found = []
    for end in container.ends:
        if end.reason != OOM_KILLED or end is of_job or (end.finished_ms in done if end.finished_ms else known is None):
            continue
        for_good = pod.never and container.kind != "sidecar" and not container.restart_count
        found.append(
            observation(
                rows.CONTAINER_OOM,
                observed,
                (observed.uid, container.name, str(end.finished_ms) if end.finished_ms else observed.version),
                parts=(container.name,),
                at_ms=end.finished_ms,
                reason=OOM_KILLED,
                description=_killed(container, for_good),
                metadata={
                    "container": container.name,
                    "restart_count": container.restart_count,
                    "memory_limit": container.memory_limit,
                    "last_exit_code": end.exit_code,
                    "exit_code": end.exit_code if for_good else "",
                    "termination_message": termination(end)["termination_message"],
                },
                node=pod.node,
            )
        )
    return found


ENDED = ("Failed", "Succeeded")
NOT_FOUND = "ContainerStatusUnknown"
"""The kubelet's reason if it no longer finds a container of a pod that has ended, such as an evicted one. It also raises the
restart count by one (convertToAPIContainerStatuses in pkg/kubelet/kubelet_pods.go), although nothing starts again.
"""


def _restarts(observed: Observed, pod: Pod, known: Container | None, container: Container) -> list[Observation]:
    """The rise of the restart count since the stored state; the crash loop when the container begins to wait again.

    Without a stored state the rise is not known. In a crash loop the last restart has a date, so it counts as one.
    """
    looping = _is_looping(container)
    rise = container.restart_count - known.restart_count if known else int(looping and bool(container.ends))
    if pod.phase in ENDED and container.ends and container.ends[-1].reason == NOT_FOUND:
        rise -= 1
    if rise > 0:
        return [_restarted(observed, pod, container, rise, looping)]
    if looping and not (known and _is_looping(known)):
        # Secondary: the restart that led to this wait is counted already, the next one has not happened yet.
        end = container.ends[-1] if container.ends else None
        text = _caused(end, f"{about(container)} waits in {rows.CRASH_LOOP_REASON} after {container.restart_count} restarts")
        return [_of_row(rows.CRASH_LOOP, observed, pod, container, end, text, primary=False)]
    return []


def _restarted(observed: Observed, pod: Pod, container: Container, rise: int, looping: bool) -> Observation:
    # lastState is the end that led to the restart; state, where that is an end too, is what came of it.
    end = container.ends[0] if container.ends else None
    times = f" {rise} times" if rise > 1 else ""
    text = _caused(end, f"{about(container)} restarted{times}")
    return _of_row(rows.CRASH_LOOP if looping else rows.RESTARTED, observed, pod, container, end, text, count=rise)


def _of_row(
    row: rows.Row,
    observed: Observed,
    pod: Pod,
    container: Container,
    end: End | None,
    description: str,
    count: int = 1,
    primary: bool = True,
) -> Observation:
    role = "restart" if primary else "loop"
    return observation(
        row,
        observed,
        (role, observed.uid, container.name, str(container.restart_count)),
        parts=(container.name,),
        at_ms=end.finished_ms if end else 0,
        count=count,
        primary=primary,
        reason=rows.CRASH_LOOP_REASON if row is rows.CRASH_LOOP else "ContainerRestarted",
        description=description,
        metadata={
            "container": container.name,
            "restart_count": container.restart_count,
            **_of_end(end, observed.now_ms if primary else 0),
        },
        node=pod.node,
    )


def _of_end(end: End | None, observed_ms: int) -> dict[str, Any]:
    """The metadata of the end that led to a restart. With `observed_ms` it counts among the exit codes."""
    if end is None:
        return {}
    counted = {"exit_codes": exit_codes(end, observed_ms)} if observed_ms else {}
    return {"last_exit_code": end.exit_code} | termination(end) | counted


def _caused(end: End | None, what: str) -> str:
    """What happened, after its cause if that is known."""
    return f"{sentence(cause(end))} {what}" if end is not None else what


def _killed(container: Container, for_good: bool) -> str:
    text = killed(container, about(container))
    return f"{sentence(text)} It is not started again" if for_good else text
