"""What Events say in words: facts read out of messages. Searches for literals alone, so linear. What a message does not say is
left out. The messages of Kubernetes are those of 1.24 to 1.37.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from kube9_operator.text import limits
from kube9_operator.text.limits import MAX_NAME_CHARACTERS

MAX_VALUE_CHARACTERS = 500
"""Of one value of metadata; image names have up to some 300."""


class Reference(NamedTuple):
    """An object that an Event names."""

    kind: str
    namespace: str
    name: str
    uid: str
    path: str = ""
    """fieldPath: spec.containers{app}."""
    api_version: str = ""

    def container(self) -> str:
        """The container that the path names, if it names one."""
        return _between(self.path, "{", "}") if self.path else ""


class Said(NamedTuple):
    """What the rule of an Event depends on; the message is on one line."""

    about: Reference
    reason: str
    emitter: str
    message: str
    related: Reference | None = None
    type: str = "Warning"
    occurrences: int = 1
    seconds: float = 0
    """Last time less first time."""


class Facts(NamedTuple):
    """What a message told."""

    metadata: dict[str, Any]
    key: Mapping[str, str] = MappingProxyType({})
    """What only tells events apart, besides the metadata."""
    about: Reference | None = None
    """The object, where that is not the one that the Event is about."""


class Reader(NamedTuple):
    """A function that reads facts, and the names of what it may find."""

    fields: tuple[str, ...]
    read: Callable[[Said], Facts]
    only_key: tuple[str, ...] = ()
    """What it finds for the key alone."""


def nothing(_said: Said) -> Facts:
    """For rules that need no more than the object."""
    return Facts({})


def container(said: Said) -> Facts:
    """The container that the Event or its message names."""
    return Facts(_present(container=_container(said)))


def image(said: Said) -> Facts:
    """The image that cannot be pulled, and the container that needs it."""
    reason = "ImagePullBackOff" if said.message.startswith("Failed to pull image ") else said.reason
    return Facts(_present(container=_container(said), image=_quoted(said.message), reason=reason))


def process(said: Said) -> Facts:
    """The process that was killed: `victim process: P, pid: N` of the kubelet, `Killed process N (P)` of the kernel."""
    name = _between(said.message, "victim process: ", ", pid: ")
    if not name:
        _, _, rest = said.message.partition("Killed process ")
        name = _between(rest, " (", ")") if rest[:1].isdigit() else ""
    return Facts(_present(process=name))


RECLAIMED = {"memory": "memory", "ephemeral-storage": "disk", "inodes": "disk", "pids": "PID"}
PRESSURES = {"NodeHasDiskPressure": "disk", "NodeHasInsufficientMemory": "memory", "NodeHasInsufficientPID": "PID"}
UNKNOWN_PRESSURE = "node pressure"


def pressure(said: Said) -> Facts:
    """What a node is short of: `memory`, `disk` or `PID`. Taken from the reason, or from what the kubelet reclaims."""
    which = PRESSURES.get(said.reason, "")
    if not which:
        reclaimed = said.message.partition("Attempting to reclaim ")[2]
        which = next((what for begin, what in RECLAIMED.items() if reclaimed.startswith(begin)), reclaimed)
    return Facts({}, {"which": which[:MAX_VALUE_CHARACTERS] or UNKNOWN_PRESSURE})


def quota(said: Said) -> Facts:
    """`exceeded quota: Q, requested: pods=1, used: pods=3, limited: pods=3`. The event is about Q, not about the controller.

    The controller is the object of the Event, which could not create pods.

    With one resource the figures are plain; with several they are as Kubernetes writes them.
    """
    _, _, rest = said.message.partition("xceeded quota: ")
    name, _, rest = rest.partition(", requested: ")
    name, _ = limits.line(name, MAX_NAME_CHARACTERS)  # whoever writes Events may write anything there
    requested, _, rest = rest.partition(", used: ")
    used, _, limited = rest.partition(", limited: ")
    resources = ",".join(one.partition("=")[0] for one in requested[:MAX_VALUE_CHARACTERS].split(","))
    if "," not in resources:
        requested, used, limited = (one.partition("=")[2] or one for one in (requested, used, limited))
    by = said.about
    figures = _present(resource=resources, requested=requested, used=used, quota_limit=limited)
    controller = _present(kind=by.kind, name=by.name, uid=by.uid)
    return Facts(
        {**figures, "controller": controller},
        {"quota": name, "controller": f"{by.kind}/{by.name}/{by.uid}"},
        Reference("ResourceQuota", by.namespace, name, "", "", "v1"),
    )


def claim(said: Said) -> Facts:
    """The storage class, if the message names it. Otherwise the operator takes it from the claim."""
    message = said.message
    begin = max(message.find('storageclass.storage.k8s.io "'), message.find('StorageClass "'))
    return Facts(_present(storage_class=_quoted(message[begin:]) if begin >= 0 else ""))


def rescale(said: Said) -> Facts:
    """`New size: 5; reason: cpu resource utilization (percentage of request) above target`."""
    size, _, why = said.message.removeprefix("New size: ").partition("; reason: ")
    metric = why.removesuffix(" above target") if why.endswith(" above target") else ""
    made = _present(metric=metric)
    if size.isascii() and size.isdigit() and len(size) < 10:
        made["new"] = int(size)
    return Facts(made)


def volume(said: Said) -> Facts:
    """The volume in `… for volume "v" …`, or all volumes in `unmounted volumes=[a b], …`."""
    message = said.message
    begin = message.find('volume "')
    unmounted = _between(message, "unmounted volumes=[", "]")
    name = ",".join(sorted(unmounted.split())) if unmounted else _quoted(message[begin:]) if begin >= 0 else ""
    return Facts(_present(volume=name))


def probe(said: Said) -> Facts:
    """`Readiness probe failed: …`, `… probe errored: …`, `… probe errored and resulted in unknown state: …`."""
    kind, found, _ = said.message.partition(" probe ")
    kind = kind.lower() if found and kind in ("Readiness", "Liveness", "Startup") else ""
    return Facts(_present(container=_container(said), probe=kind))


def preemptor(said: Said) -> Facts:
    """The pod that preempted this one: the related object of the Event, or the name or uid in the message."""
    by = _between(said.message, "Preempted by ", " on node ").rpartition(" ")[2]
    if said.related and said.related.name:
        by = "/".join(part for part in (said.related.namespace, said.related.name) if part)
    return Facts(_present(preemptor="" if by in ("pod", "a") else by))


def condition(said: Said) -> Facts:
    """`Node condition KernelDeadlock is now: True, reason: DockerHung, message: "…"` of node-problem-detector."""
    name, found, rest = said.message.removeprefix("Node condition ").partition(" is now: ")
    if not found:
        return Facts({})
    return Facts(_present(condition=name, status=rest.partition(",")[0]))


def health(said: Said) -> Facts:
    """`Updated health status: Healthy -> Degraded` and `Updated sync status: Synced -> OutOfSync` of Argo CD."""
    previous, found, current = said.message.partition(": ")[2].partition(" -> ")
    return Facts(_present(previous=previous, current=current) if found else {})


def operation(said: Said) -> Facts:
    """`Sync operation to 0f3e1d succeeded` and `Partial sync operation to 0f3e1d failed: …` of Argo CD."""
    _, _, rest = said.message.partition("ync operation to ")
    revision = rest.partition(" ")[0]
    return Facts(_present(phase="succeeded" if said.type == "Normal" else "failed", revision=revision))


def shortage(said: Said) -> Facts:
    """`Node didn't have enough resource: cpu, requested: 5000, used: 1450, capacity: 4000` of the kubelet."""
    text = f"{said.message.partition('enough resource: ')[2]},"
    found = {name: _between(text, f"{name}: ", ",") for name in ("requested", "used", "capacity")}
    return Facts(_present(resource=text.partition(",")[0], **found))


def exit_code(said: Said) -> Facts:
    """`Container main for pod shop/x failed with exit code 42 matching FailJob rule at index 0` of the Job controller."""
    code = said.message.partition("exit code ")[2].partition(" ")[0].rstrip(".,")
    made = _present(container=_container(said) or _between(said.message, "Container ", " for pod "))
    if code.isascii() and code.isdigit() and len(code) < 10:
        made["exit_code"] = int(code)
    return Facts(made)


READERS: dict[str, Reader] = {
    "container": Reader(("container",), container),
    "image": Reader(("container", "image"), image),
    "process": Reader(("process",), process),
    "pressure": Reader((), pressure, ("which",)),
    "quota": Reader(("resource", "requested", "used", "quota_limit", "controller"), quota, ("quota",)),
    "claim": Reader(("storage_class",), claim),
    "rescale": Reader(("new", "metric"), rescale),
    "volume": Reader(("volume",), volume),
    "probe": Reader(("container", "probe"), probe),
    "preemptor": Reader(("preemptor",), preemptor),
    "condition": Reader(("condition", "status"), condition),
    "health": Reader(("previous", "current"), health),
    "operation": Reader(("phase", "revision"), operation),
    "shortage": Reader(("resource", "requested", "used", "capacity"), shortage),
    "exit_code": Reader(("container", "exit_code"), exit_code),
}
"""By the name that rules have for it."""


def _container(said: Said) -> str:
    return said.about.container() or _between(said.message, "Back-off restarting failed container ", " in pod ")


def _quoted(text: str) -> str:
    """The first text in double quotes, as Go's %q writes it."""
    return _between(text, '"', '"')


def _between(text: str, before: str, after: str) -> str:
    """What stands between the first of one and the next of the other; '' where they are not both there."""
    _, found, rest = text.partition(before)
    inner, ended, _ = rest.partition(after) if found else ("", "", "")
    return inner[:MAX_VALUE_CHARACTERS] if ended else ""


def _present(**values: str) -> dict[str, Any]:
    return {key: value[:MAX_VALUE_CHARACTERS] for key, value in values.items() if value}
