"""The cause of an event in one line, so that events of one cause are one group. Pure.

The cause is the reason, until an exit code, an image or the message says more. Whatever differs between two events of one cause
is left out or becomes `*`: numbers, addresses, uids, times, and the part of a pod's name that Kubernetes makes up.
"""

import functools
import re
from typing import Any, NamedTuple

from kube9_schema.codes import INFO

READ_CHARACTERS = 2_000
"""Of a message; the operator stores at most 1,000."""
MAX_CHARACTERS = 120
"""Of what the message says."""
LEAST_CHARACTERS = 20
"""The end of a longer message is kept if it has at least so many. Otherwise its beginning is kept."""
OOM_KILLED = "OOMKilled"
USUAL = ("", "Error", "Completed")
"""Termination reasons that say no more than the exit code."""
WITHOUT_MESSAGE = frozenset(("BackOff", "ContainerRestarted", "CrashLoopBackOff"))
"""Reasons whose messages only repeat that a container starts again. Why it ended is in the metadata, or unknown."""

_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes names of: SafeEncodeString in k8s.io/apimachinery/pkg/util/rand."""
_VARIABLE = re.compile(
    rf"""
    [0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}                              # a uid
    | \b\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)? # a time
    | (?P<address>(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}|\[[0-9a-f]*:[0-9a-f:.]+\])(?::(?P<port>\d+))?
    | (?<=-)(?:{_LETTERS}{{8,10}}-{_LETTERS}{{5}}|(?=[a-z]*\d){_LETTERS}{{8,10}}|{_LETTERS}{{5}})(?![\w-])
    | \b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{{7,}}\b                                  # the hash of an image or container
    | (?<=\bnode\ )[\w.-]*\d[\w.-]*
    | (?<![\w.])(?<!\d[,:/])\d++(?:[.,:/]\d++)*+(?:%|[A-Za-z]{{1,3}})?(?!\w)         # a number, with its unit
    """,
    re.VERBOSE,
)
_KEPT_BEFORE = re.compile(r"(?:code|status|signal|errno|error|http)\W{0,3}$", re.IGNORECASE)
"""What is before a number that is part of the cause, such as `statuscode: 503`."""
_PORT_BEFORE = re.compile(r"[a-z*]:$")
EPHEMERAL_PORT = 32_768
"""From here on, Linux gives a client any free port (net.ipv4.ip_local_port_range)."""
_NOISE = re.compile(
    r'rpc error: code = \w+ desc = |(?:Get|Head|Post) "[^"]*": |dial (?:tcp|udp|unix) [^ ]*: |lookup \S+ on \S+: '
)
"""What wraps the cause in the errors of Go programs."""
_BEGINNING = re.compile(
    r'^(?:error: |error creating: |\w+\.\w+ failed for volume "[^"]*" ?: '
    r"|node condition \S+ is now: \w+, reason: \w+(?:, message: )?)+",
    re.IGNORECASE,
)
"""What the reason says already."""
_SENTENCE_END = re.compile(r"[.!] +(?=[A-Z])|\.? preemption: |\. no new claims |[\r\n]")
_NODES = " nodes are available: "


class Recorded(NamedTuple):
    """What the cause of an event is read from."""

    reason: str
    severity: int
    kind: str
    namespace: str
    name: str
    node: str
    description: str
    metadata: dict[str, Any]


def cause_of(event: Recorded) -> str:
    """The cause: `exit code 3: FATAL: cannot reach postgres`, `cannot pull image shop/web:2.4`, `Evicted: The node …`."""
    reason = event.reason
    if event.metadata:
        reason = _text(event.metadata, "reason") or reason
        if reason != OOM_KILLED and (known := _of_metadata(event.metadata, reason)):
            return known
    if reason == OOM_KILLED:
        limited = "memory limit" in event.description and "no memory limit" not in event.description
        return "killed at its memory limit" if limited else "killed because its node ran out of memory"
    if event.severity == INFO or reason in WITHOUT_MESSAGE:
        return reason
    said = _says(event, reason)
    return f"{reason}: {said}" if said else reason


def _of_metadata(metadata: dict[str, Any], reason: str) -> str:
    """The cause if the metadata have it, otherwise ''."""
    if image := _text(metadata, "image"):
        return f"cannot pull image {_cut(image)}"
    code = metadata.get("last_exit_code", metadata.get("exit_code"))
    if type(code) is int:
        return _ended(code, _text(metadata, "termination_reason"), _text(metadata, "termination_message"))
    if resource := _text(metadata, "resource"):
        return f"quota exceeded: {resource}" if "quota_limit" in metadata else f"{reason}: not enough {resource}"
    if process := _text(metadata, "process"):
        return f"{reason}: process {process} was killed"
    return ""


def says_more(metadata: str) -> bool:
    """Whether the cause depends on the metadata, which are JSON. Those of most events only say who wrote the Event."""
    # As a loop over these texts it takes three times as long.
    return (
        "exit_code" in metadata
        or '"image"' in metadata
        or '"reason"' in metadata
        or '"resource"' in metadata
        or '"process"' in metadata
    )


def _text(metadata: dict[str, Any], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def _ended(code: int, why: str, message: str) -> str:
    """How a container ended, in the words of its description."""
    said = "" if why in USUAL else f" ({why})"
    message = constant(_first(message)).removeprefix("* ")  # a log line often begins with its time
    return f"exit code {code}{said}" + (f": {message}" if message else "")


def _says(event: Recorded, reason: str) -> str:
    """What the message says besides the reason; '' for nothing."""
    text = event.description
    for name in (f"{event.namespace}/{event.name}", event.name):
        # `Service web lost 1 of 3 endpoints` says what the reason says. After a colon there may be more.
        if event.name and text.startswith(f"{event.kind} {name} "):
            text = text.partition(": ")[2]
            break
    for name in (event.name, event.node):
        if name and not name.isalpha():  # another name may be an ordinary word
            text = text.replace(name, "*")
    return _said(text, reason)


@functools.lru_cache(maxsize=2_000)
def _said(text: str, reason: str) -> str:
    """What a message says besides the reason. Without the object's name, many messages are the same."""
    if _NODES in text:
        return _shortages(text.partition(_NODES)[2])
    text = constant(_first(_BEGINNING.sub("", text)))
    if text.startswith('"') and text.endswith('"') and text.count('"') == len('""'):
        text = text[1:-1]
    return "" if text.lower().endswith(reason.lower()) and len(text.split()) < 2 else text


def _shortages(text: str) -> str:
    """What nodes lack for a pod, without how many of them lack it: `insufficient cpu, node(s) had untolerated taint {…}`."""
    parts = {constant(re.sub(r"^\d+ ", "", part)) for part in _first(text).split(", ")}
    return _cut(", ".join(sorted(part[:1].lower() + part[1:] for part in parts if part)))


def _first(text: str) -> str:
    """The first sentence, without what wraps the cause."""
    return _SENTENCE_END.split(_NOISE.sub("", text[:READ_CHARACTERS].strip()), maxsplit=1)[0]


@functools.lru_cache(maxsize=2_000)
def constant(text: str) -> str:
    """The text with `*` in place of whatever differs between two events of one cause, cut to MAX_CHARACTERS."""
    return _cut(_VARIABLE.sub(_shown, text).strip(" .:;,"))


def _shown(found: "re.Match[str]") -> str:
    if found["address"]:
        port = found["port"]
        return "*" if port is None else f"*:{port}" if int(port) < EPHEMERAL_PORT else "*:*"
    before, given = found.string[max(0, found.start() - 12) : found.start()], found[0]
    if given.isdigit() and len(given) <= len("65535"):
        if len(given) <= len("503") and _KEPT_BEFORE.search(before):
            return given
        if _PORT_BEFORE.search(before) and int(given) < EPHEMERAL_PORT:
            return given
    return "*"


def _cut(text: str) -> str:
    """At most MAX_CHARACTERS. In `A: B: C`, as programs wrap their errors, the end says the most."""
    whole = text
    while len(text) > MAX_CHARACTERS and len(rest := text.partition(": ")[2]) >= LEAST_CHARACTERS:
        text = rest
    if len(text) > MAX_CHARACTERS:
        return f"{whole[: MAX_CHARACTERS - 1].rstrip()}…"
    return text
