"""Which row of the table an Event is of, as data: by kind, reason and how the message begins. Never by its type alone."""

from typing import NamedTuple

from kube9_operator.model import rows
from kube9_operator.model.rows import Row
from kube9_operator.watch import messages
from kube9_operator.watch.event_times import EVENT_TTL_MS
from kube9_operator.watch.messages import Facts, Read, Said

COMBINED = "(combined from similar events): "
"""Before the latest message of ten or more that the recorder made one Event of; to be cut before recognition."""
ALL = "*"


class Chosen(NamedTuple):
    """What settings add to the table and leave out of it: by reasons, and by age."""

    include: frozenset[str] = frozenset()
    """With ALL among them everything is recorded."""
    exclude: frozenset[str] = frozenset()
    event_ttl_ms: int = EVENT_TTL_MS
    """How long the API server keeps Events: none says truly that it happened longer before it was written."""


TABLE_ALONE = Chosen()


class Rule(NamedTuple):
    """How an Event of one kind and reason is recognised, and what it becomes."""

    row: Row | None
    """None where another event tells of the same."""
    read: Read = messages.nothing
    begins: str = ""
    """The message begins so; with `anywhere` this is somewhere in it."""
    anywhere: bool = False
    primary: bool = True
    """Otherwise it stands in for a lead, until one is seen."""


class Recognised(NamedTuple):
    """What an Event is."""

    row: Row
    facts: Facts
    primary: bool = True


def recognise(said: Said, event_type: str, chosen: Chosen) -> Recognised | None:
    """The row of an Event with what its message tells, or None where it is not worth recording."""
    if said.reason in chosen.exclude:
        return None
    rules = RULES.get((said.about.kind, said.reason)) or RULES.get(("", said.reason), ())
    unwanted = event_type == "Normal"
    for rule in rules:
        if rule.begins in said.message if rule.anywhere else said.message.startswith(rule.begins):
            if rule.row is not None:
                return Recognised(rule.row, rule.read(said), rule.primary)
            unwanted = True
            break
    if not unwanted:
        return Recognised(rows.OTHER, messages.other(said))
    if said.reason in chosen.include or ALL in chosen.include:
        row = rows.NORMAL if event_type == "Normal" else rows.OTHER
        return Recognised(row, messages.other(said))
    return None


IMAGE_ERRORS = (
    *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
    *("ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"),
)
"""What the kubelet says besides the cause, as `Error: ErrImagePull`."""

RULES: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("Pod", "BackOff"): (
        Rule(rows.RESTARTS, messages.container, "Back-off restarting failed container"),
        Rule(rows.IMAGE_PULL, messages.image, "Back-off pulling image", primary=False),
    ),
    ("Pod", "Failed"): (
        Rule(rows.IMAGE_PULL, messages.image, "Failed to pull image "),
        *(Rule(rows.IMAGE_PULL, messages.image, f"Error: {error}", primary=False) for error in IMAGE_ERRORS),
        Rule(rows.CANNOT_START, messages.container),
    ),
    ("Pod", "InspectFailed"): (Rule(rows.IMAGE_PULL, messages.image),),
    ("Pod", "ErrImageNeverPull"): (Rule(rows.IMAGE_PULL, messages.image),),
    ("Pod", "FailedScheduling"): (Rule(rows.CANNOT_SCHEDULE),),
    ("Pod", "FailedMount"): (Rule(rows.CANNOT_MOUNT, messages.volume),),
    ("Pod", "FailedAttachVolume"): (Rule(rows.CANNOT_MOUNT, messages.volume),),
    ("Pod", "Unhealthy"): (Rule(rows.PROBE_FAILING, messages.probe),),
    ("Pod", "Evicted"): (Rule(rows.EVICTED, messages.removed),),
    ("Pod", "TaintManagerEviction"): (Rule(rows.EVICTED, messages.removed, "Marking for deletion"),),
    ("Pod", "Preempted"): (Rule(rows.PREEMPTED, messages.removed),),
    ("Pod", "Preempting"): (Rule(rows.PREEMPTED, messages.removed),),
    ("Pod", "NodeNotReady"): (Rule(None),),
    ("Node", "NodeNotReady"): (Rule(rows.NODE_NOT_READY),),
    ("Node", "SystemOOM"): (Rule(rows.SYSTEM_OOM, messages.victim),),
    ("Node", "OOMKilling"): (Rule(rows.OOM_KILLING, messages.victim),),
    ("Node", "NodeHasDiskPressure"): (Rule(rows.DISK_PRESSURE, messages.pressure("disk")),),
    ("Node", "NodeHasInsufficientMemory"): (Rule(rows.MEMORY_PRESSURE, messages.pressure("memory")),),
    ("Node", "NodeHasInsufficientPID"): (Rule(rows.PID_PRESSURE, messages.pressure("PID")),),
    ("Node", "EvictionThresholdMet"): (
        Rule(rows.MEMORY_PRESSURE, messages.pressure("memory"), "Attempting to reclaim memory"),
        Rule(rows.DISK_PRESSURE, messages.pressure("disk"), "Attempting to reclaim ephemeral-storage"),
        Rule(rows.DISK_PRESSURE, messages.pressure("disk"), "Attempting to reclaim inodes"),
        Rule(rows.PID_PRESSURE, messages.pressure("PID"), "Attempting to reclaim pids"),
        Rule(rows.OTHER_PRESSURE, messages.reclaimed),
    ),
    ("", "FailedCreate"): (Rule(rows.QUOTA_EXCEEDED, messages.quota, "exceeded quota: ", anywhere=True),),
    ("PersistentVolumeClaim", "FailedBinding"): (Rule(rows.CANNOT_BIND, messages.claim),),
    ("PersistentVolumeClaim", "ProvisioningFailed"): (Rule(rows.CANNOT_BIND, messages.claim),),
    ("HorizontalPodAutoscaler", "SuccessfulRescale"): (Rule(rows.HPA_SCALED, messages.rescaled),),
    **{
        ("Job", reason): (Rule(rows.JOB_FAILED, messages.with_reason),)
        for reason in (
            "BackoffLimitExceeded",
            "DeadlineExceeded",
            "PodFailurePolicy",
            "MaxFailedIndexesExceeded",
            "FailedIndexes",
        )
    },
}
"""By kind of the object involved ('' for any) and reason: the first whose message fits; without one it is any other Event."""
