"""Which events say that something failed: of what class, how often, and whether it still fails. Pure.

The class of a failure is what belongs together whatever the pod is called: `exit code 3`, `killed for memory`, `image`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from kube9_operator.analyze.model import Record, Ref, Window
from kube9_operator.analyze.times import last_spell, times
from kube9_operator.model import rows
from kube9_operator.model.resource_states import Container, Pod, ReplicaSet

CRASH, MEMORY, CANNOT_START, IMAGE, MOUNT = "crash", "memory", "cannot start", "image", "mount"
SANDBOX, EVICTED, REJECTED, UNREADY, STUCK, UNSCHEDULABLE = (
    "sandbox",
    "evicted",
    "rejected",
    "unready",
    "stuck",
    "unschedulable",
)
FAILS = (CRASH, MEMORY, CANNOT_START, IMAGE, MOUNT)
"""What keeps a container from running."""
KILLED = "killed for memory"
OOM_KILLED = "OOMKilled"

RESTARTS = frozenset((rows.RESTARTED.title, rows.CRASH_LOOP.title, rows.RESTARTS.title))
ENDED = frozenset(("PodFailed", "DeadlineExceeded"))
KINDS = {
    OOM_KILLED: MEMORY,
    "ContainerRestarted": CRASH,
    rows.CRASH_LOOP_REASON: CRASH,
    "PodFailed": CRASH,
    "Failed": CANNOT_START,
    "StartError": CANNOT_START,
    "ContainerCannotRun": CANNOT_START,
    "FailedMount": MOUNT,
    "FailedAttachVolume": MOUNT,
    "FailedMapVolume": MOUNT,
    "FailedCreatePodSandBox": SANDBOX,
    "FailedCreatePodContainer": SANDBOX,
    "Evicted": EVICTED,
    "TerminationByKubelet": EVICTED,
    "Unhealthy": UNREADY,
    "FailedScheduling": UNSCHEDULABLE,
}
"""By the reason of an event about a pod."""
PHRASES = {
    KILLED: "kills for memory",
    CANNOT_START: "a container that cannot start",
    IMAGE: "an image that cannot be pulled",
    MOUNT: "a volume that cannot be mounted",
    SANDBOX: "a pod whose sandbox cannot be made",
    EVICTED: "evictions",
    REJECTED: "pods that the node rejects",
    STUCK: "a rollout that is stuck",
    UNSCHEDULABLE: "a pod that cannot be scheduled",
}
"""What a sentence says instead of a class that is no noun in English."""
IMAGE_REASONS = frozenset(("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InspectFailed"))
TRANSIENT = frozenset((CANNOT_START, MOUNT))
"""Of these a warning says that something is only late."""
WAITING = {
    CRASH: ("CrashLoopBackOff",),
    MEMORY: ("CrashLoopBackOff",),
    IMAGE: ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"),
    CANNOT_START: ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"),
}
"""The reason for which a container waits while it fails like this."""


class Failure(NamedTuple):
    """What one event says about failures of one class."""

    record: Record
    kind: str
    """CRASH, MEMORY, …"""
    cause: str
    """Its class."""
    first_ms: int
    last_ms: int
    number: int
    retold: bool = False
    """Another event counts the same: a restart after a kill for memory."""

    @property
    def group(self) -> tuple[Ref, str, str]:
        """Owner, container and class."""
        return self.record.owner, self.record.container, self.cause

    def moments(self, since_ms: int = 0) -> list[int]:
        """When it happened. Of one exit code among several only the first and the last time are recorded."""
        if (self.first_ms, self.last_ms) == (self.record.first_ms, self.record.last_ms):
            return times(self.record, since_ms)
        return [one for one in sorted({self.first_ms, self.last_ms}) if one >= since_ms]


def failures(records: Iterable[Record], kinds: Iterable[str]) -> list[Failure]:
    """The failures of these kinds in the order of their first times."""
    wanted = frozenset(kinds)
    found = [one for record in records for one in failures_of(record) if one.kind in wanted]
    return sorted(found, key=lambda one: (one.first_ms, one.record.id, one.cause))


def failures_of(record: Record) -> list[Failure]:
    """What a record says: nothing, one failure, or one for each exit code."""
    kind = kind_of(record)
    if not kind:
        return []
    if kind == CRASH and not record.metadata.get("image"):
        return _ends(record)
    return [Failure(record, kind, _class(record, kind), record.first_ms, record.last_ms, record.count)]


def kind_of(record: Record) -> str:
    """The kind of failure that a record is about; '' for none."""
    if record.type != "cluster" or record.severity == "info" or record.object.group:
        return ""
    if record.object.kind == "Deployment":
        return STUCK if record.reason == "ProgressDeadlineExceeded" else ""
    if record.object.kind == "Job":
        return _of_job(record)
    if record.object.kind != "Pod":
        return ""
    if record.reason in IMAGE_REASONS or (record.metadata.get("image") and record.severity == "error"):
        return IMAGE
    if record.title == rows.POD_REJECTED.title:
        return REJECTED
    if record.reason == "BackOff":
        return CRASH if record.title in RESTARTS else ""
    kind = KINDS.get(record.reason, "")
    if kind == EVICTED and "shut" in f"{record.title} {record.description}".lower():
        return ""
    return "" if kind in TRANSIENT and record.severity == "warning" else kind


def phrase(cause: str) -> str:
    """A class of failures in a sentence: "exit code 3", "an image that cannot be pulled", "a failing readiness probe"."""
    return PHRASES.get(cause) or (f"a failing {cause}" if cause.endswith(" probe") else cause)


def pods(found: Iterable[Failure]) -> list[Ref]:
    """The pods that failed, in the order of their names."""
    return sorted({one.record.object for one in found if one.record.object.kind == "Pod"}, key=lambda ref: (ref.name, ref.uid))


def total(found: Iterable[Failure]) -> int:
    """How often it failed. What is told twice counts once."""
    found = list(found)
    counted = [one for one in found if not one.retold]
    places = {(one.record.object, one.record.container) for one in counted}
    return sum(one.number for one in counted) + sum(
        one.number for one in found if one.retold and (one.record.object, one.record.container) not in places
    )


def goes_on(window: Window, failure: Failure) -> bool:
    """Whether the state of the object says that it fails now, or the record says that it lasts."""
    if failure.record.ongoing and failure.last_ms >= failure.record.last_ms:
        return True
    state = window.states.of(failure.record.object) if failure.record.object.kind == "Pod" else None
    if not isinstance(state, Pod) or failure.kind not in WAITING:
        return False
    return any(
        one.waiting_reason in WAITING[failure.kind] and failure.record.container in ("", one.name) and _ended_so(one, failure)
        for one in state.containers
    )


def started_ms(window: Window, pod: Ref) -> int:
    """When a pod was created, as its state says; 0 if it is gone or nobody says it."""
    state = window.states.of(pod)
    return state.created_ms if isinstance(state, Pod) else 0


def revision_ms(window: Window, record: Record) -> int:
    """When the ReplicaSet of a pod was created; 0 if it has none, or that is not known."""
    state = window.states.of(record.controller) if record.controller.kind == "ReplicaSet" else None
    return state.created_ms if isinstance(state, ReplicaSet) else 0


def run_clean(pods: Iterable[tuple[Ref, Pod]], causes: Iterable[str], records: Iterable[Record]) -> list[Ref]:
    """Of pods those that run and have no failure of these classes in the records."""
    wanted = frozenset(causes)
    failing = {record.object for record in records for one in failures_of(record) if one.cause in wanted}
    return [ref for ref, pod in pods if ref not in failing and is_running(pod)]


def is_running(pod: Pod) -> bool:
    """Whether a pod runs, is to stay, and none of its containers waits."""
    return pod.phase == "Running" and not pod.deleting_since_ms and not any(one.waiting_reason for one in pod.containers)


def spell(found: Iterable[Failure], until_ms: int) -> list[Failure]:
    """Of failures in the order of time those of the latest spell: none of the others is less than 80 minutes before it."""
    found = [one for one in found if one.first_ms <= until_ms]
    moments = last_spell(moment for one in found for moment in (one.moments() or [one.first_ms, one.last_ms]))
    return [one for one in found if one.last_ms >= moments[0]] if moments else []


def _ended_so(container: Container, failure: Failure) -> bool:
    """Whether the last end of a container that waits is of the class of a failure."""
    if failure.kind not in (CRASH, MEMORY) or not container.ends:
        return True
    end = container.ends[-1]
    return failure.cause == (KILLED if end.reason == OOM_KILLED else exit_class(end.exit_code))


def exit_class(code: int) -> str:
    """The class of an end by its exit code."""
    return f"exit code {code}"


def _of_job(record: Record) -> str:
    if record.reason == OOM_KILLED:
        return MEMORY
    return CRASH if record.title == rows.JOB_POD_FAILED.title else ""


def _class(record: Record, kind: str) -> str:
    if kind == MEMORY:
        return KILLED
    if kind == UNREADY:
        return f"{record.metadata.get('probe') or 'some'} probe"
    return kind


def _ends(record: Record) -> list[Failure]:
    """Failures by exit code. One that was a kill for memory is retold: the kill has an event of its own."""
    told = record.metadata.get("exit_codes")
    codes = {code: seen for code, seen in told.items() if isinstance(seen, dict)} if isinstance(told, dict) else {}
    was_killed = record.metadata.get("termination_reason") == OOM_KILLED
    last = record.metadata.get("last_exit_code", record.metadata.get("exit_code"))
    if not codes:
        cause = KILLED if was_killed else exit_class(last) if isinstance(last, int) else CRASH
        kind = MEMORY if was_killed else CRASH
        return [Failure(record, kind, cause, record.first_ms, record.last_ms, record.count, was_killed)]
    found = []
    for code, seen in sorted(codes.items()):
        killed = was_killed and code == str(last)
        if len(codes) == 1:  # restarts that nobody saw are only in the count
            first_ms, last_ms, count = record.first_ms, record.last_ms, record.count
        else:
            first_ms, last_ms, count = _ms(seen.get("first")), _ms(seen.get("last")), _count(seen.get("count"))
            if str(last) == code:
                last_ms = max(last_ms, record.last_ms)
        cause = KILLED if killed else f"exit code {code}"
        found.append(Failure(record, MEMORY if killed else CRASH, cause, first_ms, last_ms, count, killed))
    return found


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def _ms(text: object) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0
