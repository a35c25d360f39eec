"""What changes with pods: containers that restart, loop, or are killed for memory, and pods that have ended."""

from typing import Any

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Container, End, Pod
from kube9_operator.write.resources.detect.causes import OOM_KILLED, about, cause, exit_codes, sentence, termination
from kube9_operator.write.resources.detect.ended import of_ended
from kube9_operator.write.resources.detect.observed import Seen, observation

LOOP_RESTARTS = 5
"""A container that waits in CrashLoopBackOff after so many restarts is in a crash loop."""


def of_pod(seen: Seen, previous: Pod | None, current: Pod | None) -> list[Observation]:
    """Of each container its ends for memory, its restarts, and that it is in a crash loop; and that the pod has ended."""
    found: list[Observation] = []
    if current is None:
        return found
    before = {one.name: one for one in previous.containers} if previous is not None else {}
    was_there = previous is not None or seen.whole
    for container in current.containers:
        if container.restart_count or container.ends:
            # A container that is not in a pod that is kept, or that has a pod which was not there before, began at 0.
            known = before.get(container.name) or (Container() if was_there else None)
            found += _killed_for_memory(seen, current, known, container)
            found += _restarts(seen, current, known, container)
    return found + of_ended(seen, previous, current)


def lasting_of_pod(state: Pod) -> dict[int, int]:
    """Crash loops last, and that no node can be found."""
    found = {}
    if state.unschedulable_since_ms:
        found[rows.key(rows.CANNOT_SCHEDULE)] = state.unschedulable_since_ms
    for container in state.containers:
        if _is_looping(container):
            found[rows.key(rows.CRASH_LOOP, container.name)] = container.ends[-1].finished_ms if container.ends else 0
    return found


def _is_looping(container: Container) -> bool:
    return container.waiting_reason == rows.CRASH_LOOP_REASON and container.restart_count >= LOOP_RESTARTS


def _killed_for_memory(seen: Seen, pod: Pod, known: Container | None, container: Container) -> list[Observation]:
    """Each end for memory that was not known. One without a date is only a baseline at first."""
    done = {one.finished_ms for one in known.ends} if known else set()
    found = []
    for end in container.ends:
        if end.reason != OOM_KILLED or (end.finished_ms in done if end.finished_ms else known is None):
            continue
        found.append(
            observation(
                rows.CONTAINER_OOM,
                seen,
                (seen.uid, container.name, str(end.finished_ms) if end.finished_ms else seen.version),
                parts=(container.name,),
                at_ms=end.finished_ms,
                reason=OOM_KILLED,
                description=_killed(container),
                metadata={
                    "container": container.name,
                    "restart_count": container.restart_count,
                    "memory_limit": container.memory_limit,
                    "last_exit_code": end.exit_code,
                    "termination_message": termination(end)["termination_message"],
                },
                node=pod.node,
            )
        )
    return found


def _restarts(seen: Seen, pod: Pod, known: Container | None, container: Container) -> list[Observation]:
    """The rise of the restart count since the kept state; the crash loop when it begins to wait again.

    Without a kept state it is not known how much it rose; of a crash loop the last restart has a date.
    """
    looping = _is_looping(container)
    rise = container.restart_count - known.restart_count if known else int(looping and bool(container.ends))
    if rise > 0:
        return [_restarted(seen, pod, container, rise, looping)]
    if looping and not (known and _is_looping(known)):
        # It stands in: the restart that led to this wait is counted, the next one has not come yet.
        end = container.ends[-1] if container.ends else None
        text = _caused(end, f"{about(container)} waits in {rows.CRASH_LOOP_REASON} after {container.restart_count} restarts")
        return [_of_row(rows.CRASH_LOOP, seen, pod, container, end, text, primary=False)]
    return []


def _restarted(seen: Seen, pod: Pod, container: Container, rise: int, looping: bool) -> Observation:
    # lastState is the end that led to the restart; state, where that is an end too, is what came of it.
    end = container.ends[0] if container.ends else None
    times = f" {rise} times" if rise > 1 else ""
    text = _caused(end, f"{about(container)} restarted{times}")
    return _of_row(rows.CRASH_LOOP if looping else rows.RESTARTED, seen, pod, container, end, text, count=rise)


def _of_row(
    row: rows.Row,
    seen: Seen,
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
        seen,
        (role, seen.uid, container.name, str(container.restart_count)),
        parts=(container.name,),
        at_ms=end.finished_ms if end else 0,
        count=count,
        primary=primary,
        reason=rows.CRASH_LOOP_REASON if row is rows.CRASH_LOOP else "ContainerRestarted",
        description=description,
        metadata={
            "container": container.name,
            "restart_count": container.restart_count,
            **_of_end(end, seen.now_ms if primary else 0),
        },
        node=pod.node,
    )


def _of_end(end: End | None, seen_ms: int) -> dict[str, Any]:
    """What the metadata keep of the end that led to a restart; with `seen_ms` it counts among the exit codes."""
    if end is None:
        return {}
    counted = {"exit_codes": exit_codes(end, seen_ms)} if seen_ms else {}
    return {"last_exit_code": end.exit_code} | termination(end) | counted


def _caused(end: End | None, what: str) -> str:
    """What happened, after its cause where that is known."""
    return f"{sentence(cause(end))} {what}" if end is not None else what


def _killed(container: Container) -> str:
    """Which memory was used up: without a limit of its own a container is killed when its node has none left."""
    if container.memory_limit:
        return f"{about(container)} was killed at its memory limit of {container.memory_limit}"
    return f"{about(container)} was killed because its node ran out of memory; the container has no memory limit"
