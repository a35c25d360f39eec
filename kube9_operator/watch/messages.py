"""What Events say in words: facts read out of messages of Kubernetes 1.24 to 1.37. Searches for literals alone, so linear; what
a message does not say is left out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.model.rows import OTHER_PRESSURE
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
    """As the Event gives it, `apps/v1`; '' if it is unknown."""


class Said(NamedTuple):
    """What is recognised of an Event; the message is on one line."""

    about: Reference
    reason: str
    emitter: str
    message: str
    related: Reference | None


class Facts(NamedTuple):
    """What a message told: the parts of the row's key, metadata, and the object where that is not the one involved."""

    key: tuple[str, ...]
    metadata: dict[str, Any]
    about: Reference | None = None


Read = Callable[[Said], Facts]


def nothing(_said: Said) -> Facts:
    """Rows that need no more than the object."""
    return Facts((), {})


def other(said: Said) -> Facts:
    """What belongs together has one reason and one emitter."""
    return Facts((said.reason, said.emitter), {})


def container(said: Said) -> Facts:
    """The container, by the path of the field or, before 1.27 without one, by the message."""
    name = _container(said)
    return Facts((name,), _present(container=name))


def image(said: Said) -> Facts:
    """The image that cannot be pulled, and for which container."""
    name = _container(said)
    reason = "ImagePullBackOff" if said.message.startswith("Failed to pull image ") else said.reason
    return Facts((name,), _present(container=name, image=_quoted(said.message), reason=reason))


def victim(said: Said) -> Facts:
    """Which process was killed: `victim process: P, pid: N` of the kubelet, `Killed process N (P)` of the kernel."""
    process = _between(said.message, "victim process: ", ", pid: ")
    if not process:
        _, _, rest = said.message.partition("Killed process ")
        process = _between(rest, " (", ")") if rest[:1].isdigit() else ""
    return Facts((said.reason,), _present(process=process))


def pressure(which: str) -> Read:
    """The pressure of this kind."""
    return lambda said: Facts((which,), {"reason": said.reason})


def reclaimed(said: Said) -> Facts:
    """A pressure of a kind not known today, by what the kubelet reclaims."""
    which = said.message.partition("Attempting to reclaim ")[2][:MAX_VALUE_CHARACTERS]
    return Facts((which or OTHER_PRESSURE.name,), {"reason": said.reason})


def quota(said: Said) -> Facts:
    """`exceeded quota: Q, requested: pods=1, used: pods=3, limited: pods=3`: of the ResourceQuota, by this controller.

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
        (name, f"{by.kind}/{by.name}/{by.uid}"),
        {**figures, "controller": controller},
        Reference("ResourceQuota", by.namespace, name, "", "", "v1"),
    )


def claim(said: Said) -> Facts:
    """The storage class, where the message names it; what the claim asks for is in its watch."""
    message = said.message
    begin = max(message.find('storageclass.storage.k8s.io "'), message.find('StorageClass "'))
    storage_class = _quoted(message[begin:]) if begin >= 0 else ""
    return Facts((), _present(storage_class=storage_class, reason=said.reason))


def rescaled(said: Said) -> Facts:
    """`New size: 5; reason: cpu resource utilization (percentage of request) above target`."""
    size, _, why = said.message.removeprefix("New size: ").partition("; reason: ")
    metric = why.removesuffix(" above target") if why.endswith(" above target") else ""
    made = _present(metric=metric)
    if size.isascii() and size.isdigit() and len(size) < 10:
        made["new"] = int(size)
    return Facts((), made)


def volume(said: Said) -> Facts:
    """The volume, or those that are waited for: `… for volume "v" …`, `unmounted volumes=[a b], …`."""
    message = said.message
    begin = message.find('volume "')
    unmounted = _between(message, "unmounted volumes=[", "]")
    name = ",".join(sorted(unmounted.split())) if unmounted else _quoted(message[begin:]) if begin >= 0 else ""
    return Facts((name,), _present(volume=name, reason=said.reason))


def probe(said: Said) -> Facts:
    """`Readiness probe failed: …`, `… probe errored: …`, `… probe errored and resulted in unknown state: …`."""
    name = _container(said)
    kind, found, _ = said.message.partition(" probe ")
    kind = kind.lower() if found and kind in ("Readiness", "Liveness", "Startup") else ""
    return Facts((name, kind), _present(container=name, probe=kind))


def removed(said: Said) -> Facts:
    """For whom the pod had to go: the object related, or what the message names, by name or by uid."""
    by = _between(said.message, "Preempted by ", " on node ").rpartition(" ")[2]
    if said.related and said.related.name:
        by = "/".join(part for part in (said.related.namespace, said.related.name) if part)
    return Facts((), _present(preemptor="" if by in ("pod", "a") else by, reason=said.reason))


def with_reason(said: Said) -> Facts:
    """Rows of several reasons, so that the reason shown is that of the latest."""
    return Facts((), {"reason": said.reason})


def _container(said: Said) -> str:
    name = _between(said.about.path, "{", "}")
    return name or _between(said.message, "Back-off restarting failed container ", " in pod ")


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
