"""The texts of verdicts: which offenders a message names, and remediations that fit. Pure."""

import shlex
from typing import Any

import msgspec

from kube9_operator.assess.cluster import DAEMONSET, DEPLOYMENT, STATEFULSET, Workload
from kube9_operator.assess.model import MAX_OFFENDERS, MAX_TEXT_CHARACTERS, Verdict
from kube9_operator.text.limits import cut

SHOWN_OF_MANY = 3
"""How many offenders a message names if it cannot name all."""
RUN = "Run:"
"""After the sentence of a remediation, unless that ends with a colon."""
TEMPLATED = (DEPLOYMENT, STATEFULSET, DAEMONSET)
"""Kinds whose pods are replaced when their template is changed."""


class Offenders:
    """Counts the offenders of one check, and keeps the first few."""

    def __init__(self) -> None:
        self.total = 0
        self.first: list[str] = []
        self._subject: Any = None

    def add(self, shown: str, subject: Any) -> None:
        """Adds one. The `subject` of the first is what the remediation is made for."""
        if not self.total:
            self._subject = subject
        self.total += 1
        if len(self.first) < MAX_OFFENDERS:
            self.first.append(shown)

    def __bool__(self) -> bool:
        return self.total > 0

    @property
    def subject(self) -> Any:
        """The subject of the first offender."""
        return self._subject

    def verdict(self, status: str, what: str, remediation: str) -> Verdict:
        """Says what is wrong with the offenders."""
        if self.total <= MAX_OFFENDERS:
            message = f"{what}: {'; '.join(self.first)}."
        else:
            message = f"{what} ({self.total}): {'; '.join(self.first[:SHOWN_OF_MANY])}; and {self.total - SHOWN_OF_MANY} more."
        return Verdict(status, short(message), tuple(map(short, self.first)), self.total, remediation)


def short(text: str) -> str:
    """Cuts a message."""
    return cut(text, MAX_TEXT_CHARACTERS)


def advice(sentence: str, *commands: str) -> str:
    """Returns a remediation: a sentence, and each command on a line of its own. Half a command would be worse than none, so
    what does not fit is left out.

    The extension shows spaces instead of line breaks. So a command has no line breaks, and `&&` is between two of them.
    """
    text, begins = short(sentence), "\n" if sentence.endswith(":") else f" {RUN}\n"
    for command in commands:
        if len(text) + len(begins) + len(command) > MAX_TEXT_CHARACTERS:
            return text
        text, begins = f"{text}{begins}{command}", " &&\n"
    return text


def quote(text: str) -> str:
    """Quotes a word for a shell, where that is needed."""
    return shlex.quote(text)


def kubectl(namespace: str, *parts: str) -> str:
    """Returns a command in a namespace, '' for none. Its parts are quoted already."""
    return " ".join(("kubectl", *(("-n", quote(namespace)) if namespace else ()), *parts))


def reference(workload: Workload) -> str:
    """A workload as kubectl takes it: `deployment/web`."""
    return f"{workload.kind.lower()}/{quote(workload.name)}"


def apply(namespace: str, manifest: dict[str, Any]) -> str:
    """Returns the command that makes an object in a namespace."""
    return f"echo {quote(msgspec.json.encode(manifest).decode())} | {kubectl(namespace, 'apply', '-f', '-')}"


def patch(kind: str, namespace: str, name: str, body: dict[str, Any]) -> str:
    """Returns the command that merges `body` into an object."""
    return kubectl(namespace, "patch", kind.lower(), quote(name), "-p", quote(msgspec.json.encode(body).decode()))


def patch_pods(workload: Workload, spec: dict[str, Any]) -> str:
    """Returns the command that merges `spec` into the template of a workload's pods."""
    return patch(workload.kind, workload.namespace, workload.name, {"spec": {"template": {"spec": spec}}})
