"""What changes with pods: containers that restart, loop, or are killed for memory."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Container, End, Pod
from kube9_operator.write.resources.detect.observed import Seen, observation

OOM_KILLED = "OOMKilled"
LOOP_RESTARTS = 5
"""A container that waits in CrashLoopBackOff after so many restarts is in a crash loop."""
KINDS = {"init": "Init container", "sidecar": "Sidecar container", "ephemeral": "Ephemeral container"}


def of_pod(seen: Seen, previous: Pod | None, current: Pod | None) -> list[Observation]:
    """Of each container its ends for memory, its restarts, and that it is in a crash loop."""
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
    return found


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
        limit = f" of {container.memory_limit}" if container.memory_limit else ""
        found.append(
            observation(
                rows.CONTAINER_OOM,
                seen,
                (seen.uid, container.name, str(end.finished_ms) if end.finished_ms else seen.version),
                parts=(container.name,),
                at_ms=end.finished_ms,
                reason=OOM_KILLED,
                description=f"{_named(container)} was killed at its memory limit{limit}",
                metadata={
                    "container": container.name,
                    "restart_count": container.restart_count,
                    "memory_limit": container.memory_limit,
                    "last_exit_code": end.exit_code,
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
        waits = f"{_named(container)} waits in {rows.CRASH_LOOP_REASON}"
        text = f"{waits} after {container.restart_count} restarts{_why(end, 'and')}"
        return [_of_row(rows.CRASH_LOOP, seen, pod, container, end, text, primary=False)]
    return []


def _restarted(seen: Seen, pod: Pod, container: Container, rise: int, looping: bool) -> Observation:
    # lastState is the end that led to the restart; state, where that is an end too, is what came of it.
    end = container.ends[0] if container.ends else None
    times = f" {rise} times" if rise > 1 else ""
    text = f"{_named(container)} restarted{times}{_why(end)}"
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
            "last_exit_code": end.exit_code if end else None,
        },
        node=pod.node,
    )


def _named(container: Container) -> str:
    return f"{KINDS.get(container.kind, 'Container')} {container.name}"


def _why(end: End | None, word: str = "after") -> str:
    """Exit code, reason and termination message of an end."""
    if end is None:
        return ""
    reason = f" ({end.reason})" if end.reason else ""
    return f" {word} exit code {end.exit_code}{reason}" + (f": {end.message}" if end.message else "")
