"""Why a container ended, in words and as metadata. The cause comes first, so that it survives when a line is cut."""

from typing import Any

from kube9_operator.clock import iso
from kube9_operator.model.resource_states import Container, End
from kube9_operator.text import limits

OOM_KILLED = "OOMKilled"
MAX_MESSAGE_CHARACTERS = 500
"""The limit of a termination message. It is redacted and on one line already."""
KINDS = {"init": "Init container", "sidecar": "Sidecar container", "ephemeral": "Ephemeral container"}
USUAL = ("", "Error", "Completed")
"""Reasons of an end that say no more than its exit code."""


def about(container: Container) -> str:
    """Kind and name of a container, for the beginning of a sentence."""
    return f"{KINDS.get(container.kind, 'Container')} {container.name}"


def cause(end: End) -> str:
    """Exit code, reason and termination message of an end: `exit code 3: FATAL: cannot reach postgres`."""
    reason = "" if end.reason in USUAL else f" ({end.reason})"
    message = _message(end)
    return f"exit code {end.exit_code}{reason}" + (f": {message}" if message else "")


def killed(container: Container, what: str) -> str:
    """Which memory was used up. A container without a limit of its own is killed when its node has no memory left."""
    if container.memory_limit:
        return f"{what} was killed at its memory limit of {container.memory_limit}"
    return f"{what} was killed because its node ran out of memory; the container has no memory limit"


def sentence(text: str) -> str:
    """The text with a full stop at its end, unless it has one."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def termination(end: End) -> dict[str, Any]:
    """The metadata of an end that every event about it has."""
    return {"termination_reason": end.reason, "termination_message": _message(end)}


def exit_codes(end: End, observed_ms: int) -> dict[str, Any]:
    """One end in the form of `exit_codes`. The store adds these up: how often each code was seen, first and last."""
    when = iso(end.finished_ms or observed_ms)
    return {str(end.exit_code): {"count": 1, "first": when, "last": when}}


def _message(end: End) -> str:
    return limits.cut(end.message, MAX_MESSAGE_CHARACTERS)
