"""Checks of the pillar security that look at running pods."""

from collections.abc import Callable
from typing import Any

from kube9_operator.assess import text
from kube9_operator.assess.cluster import Cluster, Pod, PodContainer
from kube9_operator.assess.model import CRITICAL, FAILING, HIGH, PASSING, SECURITY, Check, Verdict

NON_ROOT_USER = 1000
"""Any but 0 will do. An image whose files belong to another user needs that one."""

Subject = tuple[Pod, PodContainer]


def run_as_non_root(cluster: Cluster) -> Verdict:
    """Fails for containers that may run as root."""
    found = _offenders(cluster, lambda one: not one.non_root)
    if not found:
        return Verdict(PASSING, "All containers must run as a user other than root.")
    pod, container = found.subject
    context: dict[str, Any] = {"runAsNonRoot": True, "runAsUser": NON_ROOT_USER}
    if container.refuses_non_root or container.field == "ephemeralContainers":
        spec = _of_container(container, context)
    else:
        spec = {"securityContext": context}
    said = "Set runAsNonRoot, and a user that the image can run as."
    return found.verdict(FAILING, "Containers that may run as root", _remedy(pod, container, said, spec))


def privileged_containers(cluster: Cluster) -> Verdict:
    """Fails for privileged containers."""
    found = _offenders(cluster, lambda one: one.privileged)
    if not found:
        return Verdict(PASSING, "No container is privileged.")
    pod, container = found.subject
    said = "Take the privilege away. If the container needs a capability, add that one alone."
    spec = _of_container(container, {"privileged": False})
    return found.verdict(FAILING, "Privileged containers", _remedy(pod, container, said, spec))


def capabilities_validation(cluster: Cluster) -> Verdict:
    """Fails for containers that add a dangerous capability without dropping all others."""
    found = _offenders(cluster, lambda one: bool(one.dangerous), lambda one: ", ".join(one.dangerous))
    if not found:
        return Verdict(PASSING, "No container adds a dangerous capability without dropping all others.")
    pod, container = found.subject
    said = "Drop all capabilities, and add only those that the container needs."
    spec = _of_container(container, {"capabilities": {"add": None, "drop": ["ALL"]}})
    return found.verdict(FAILING, "Containers with dangerous capabilities", _remedy(pod, container, said, spec))


def _offenders(
    cluster: Cluster,
    offends: Callable[[PodContainer], bool],
    more: Callable[[PodContainer], str] = lambda _: "",
) -> text.Offenders:
    """The containers that offend, each once however many pods of its owner run."""
    found, seen = text.Offenders(), set[tuple[str, str]]()
    for pod in cluster.pods:
        for container in () if pod.builtin else pod.containers:
            key = (pod.owner, container.name)
            if offends(container) and key not in seen:
                seen.add(key)
                said = more(container)
                found.add(f"{pod.owner} (container {container.name}{f': {said}' if said else ''})", (pod, container))
    return found


def _of_container(container: PodContainer, context: dict[str, Any]) -> dict[str, Any]:
    return {container.field: [{"name": container.name, "securityContext": context}]}


def _remedy(pod: Pod, container: PodContainer, said: str, spec: dict[str, Any]) -> str:
    if container.field == "ephemeralContainers":
        return text.advice(
            "An ephemeral container stays as it is as long as its pod lives. Delete the pod, so that it is replaced.",
            text.kubectl(pod.namespace, "delete", "pod", text.quote(pod.name)),
        )
    if pod.owner_kind in text.TEMPLATED:
        body = {"spec": {"template": {"spec": spec}}}
        return text.advice(said, text.patch(pod.owner_kind, pod.namespace, pod.owner_name, body))
    if pod.owner_kind == "Pod":
        changed = text.patch("pod", pod.namespace, pod.name, {"spec": spec})
        again = text.kubectl("", "replace", "--force", "-f", "-")
        return text.advice(f"{said} This deletes the pod and makes it again.", f"{changed} --dry-run=client -o yaml | {again}")
    return text.advice(f"{said} Change the pod template of {pod.owner}, or of what creates it, and let it make new pods.")


CHECKS = (
    Check("security.run-as-non-root", "Run as Non-Root", SECURITY, HIGH, ("pods",), run_as_non_root),
    Check(
        "security.privileged-containers",
        "No Privileged Containers",
        SECURITY,
        CRITICAL,
        ("pods",),
        privileged_containers,
    ),
    Check(
        "security.capabilities-validation",
        "Capabilities Validation",
        SECURITY,
        HIGH,
        ("pods",),
        capabilities_validation,
    ),
)
