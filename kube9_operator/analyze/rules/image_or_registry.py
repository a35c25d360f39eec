"""An image that several workloads cannot pull, or a registry that fails for several images alike."""

import re
from collections.abc import Iterator

from kube9_operator.analyze import failures, found
from kube9_operator.analyze.coverage import OF_PODS, missing
from kube9_operator.analyze.failures import IMAGE, WAITING, Failure
from kube9_operator.analyze.model import DELETED, EFFECT, RECOVERED, Finding, Ref, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.analyze.times import SECOND_MS
from kube9_operator.analyze.wording import clock, counted, listed, quoted
from kube9_operator.model.resource_states import Pod

RULE = "image-or-registry"
AUTHENTICATION, LIMIT, UNREACHABLE = "no permission", "rate limit", "unreachable"
CLASSES = (
    (LIMIT, re.compile(r"\b429\b|toomanyrequests|too many requests|rate limit", re.IGNORECASE)),
    (
        AUTHENTICATION,
        re.compile(r"\b40[13]\b|unauthorized|forbidden|denied|no basic auth|authentication required", re.IGNORECASE),
    ),
    (
        UNREACHABLE,
        re.compile(
            r"dial tcp|i/o timeout|no such host|connection (?:refused|reset)|deadline exceeded|tls handshake|x509|\b50[0234]\b"
            r"|network is unreachable|no route to host",
            re.IGNORECASE,
        ),
    ),
)
"""What a registry says or does to everybody. That an image is not found is a matter of its name."""
NAMES = re.compile(r'"[^"]*"|\b\w+://\S+|\breading manifest \S+')
"""Images and addresses in a message: a tag may be 429."""
AMBIGUOUS = re.compile(r"repository does not exist or may require", re.IGNORECASE)
"""Docker Hub says the same of a wrong name as of a missing permission."""
ADVICE = {
    AUTHENTICATION: "Check the pull secrets and whether their credentials have expired.",
    LIMIT: "Wait, pull with an account, or use a mirror of the registry.",
    UNREACHABLE: "Check from a node whether the registry answers: its name, the network, a proxy, its certificate.",
    "": "Check the name and the tag of the image, and the pull secret of each workload.",
}
DEFAULT_REGISTRY = "docker.io"


def image_or_registry(window: Window, thresholds: Thresholds) -> Iterator[Finding]:
    """One finding for each image, and for each registry and class."""
    pulls = [one for one in failures.failures(window.records, (IMAGE,)) if one.record.metadata.get("image")]
    lasting = [one for one in pulls if _lasts(window, thresholds, one)]
    images: dict[str, list[Failure]] = {}
    registries: dict[tuple[str, str], list[Failure]] = {}
    for one in lasting:
        images.setdefault(image(one), []).append(one)
        if kind := class_of(one):
            registries.setdefault((registry(image(one)), kind), []).append(one)
    for name, group in sorted(images.items()):
        group = _together(window, thresholds, group)
        if len(_owners(group)) >= thresholds.image_owners:
            yield _finding(window, Ref(kind="Image", name=name), class_of(group[-1]), group, pulls)
    for (name, kind), group in sorted(registries.items()):
        group = _together(window, thresholds, group)
        has_images = len({image(one) for one in group}) >= thresholds.image_registry_images
        if has_images and len(_owners(group)) >= thresholds.image_registry_owners:
            yield _finding(window, Ref(kind="Registry", name=name), kind, group, pulls)


def image(one: Failure) -> str:
    """The image that cannot be pulled."""
    return str(one.record.metadata["image"])


def registry(name: str) -> str:
    """The registry of an image: what is before the first slash, if that is a host (as in distribution/reference)."""
    first, slash, _ = name.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else DEFAULT_REGISTRY


def class_of(one: Failure) -> str:
    """Why a registry does not give an image; '' if it is the image's own matter."""
    text = NAMES.sub("", one.record.description).replace(image(one), "")
    if AMBIGUOUS.search(text):
        return ""
    return next((kind for kind, pattern in CLASSES if pattern.search(text)), "")


def _lasts(window: Window, thresholds: Thresholds, one: Failure) -> bool:
    until_ms = window.now_ms if failures.goes_on(window, one) else one.last_ms
    return until_ms - one.first_ms >= thresholds.image_failing_s * SECOND_MS


def _together(window: Window, thresholds: Thresholds, group: list[Failure]) -> list[Failure]:
    """Of the latest spell those that began within the time of the first that have enough company."""
    group = failures.spell(group, window.now_ms)
    within_ms = thresholds.image_within_s * SECOND_MS
    sets = [[one for one in group if first.first_ms <= one.first_ms <= first.first_ms + within_ms] for first in group]
    return max(sets, key=lambda some: (len(_owners(some)), -some[0].first_ms), default=[])


def _owners(group: list[Failure]) -> set[Ref]:
    return {one.record.owner for one in group}


def _ended(window: Window, alike: list[Failure]) -> str:
    """RECOVERED if a pod that failed has its image now, or others run in their place; DELETED if no pod is left."""
    pods = failures.pods(alike)
    states = [state for pod in pods if isinstance(state := window.states.of(pod), Pod)]
    if any(one.waiting_reason in WAITING[IMAGE] for state in states for one in state.containers):
        return ""
    are_gone = bool(pods) and all(window.states.is_gone(pod) for pod in pods)
    if are_gone:
        states = [state for owner in _owners(alike) for _, state in window.states.pods_of(owner)]
    if any(state.phase == "Running" for state in states):
        return RECOVERED
    return DELETED if are_gone else ""


def _finding(window: Window, about: Ref, kind: str, group: list[Failure], pulls: list[Failure]) -> Finding:
    first_ms = min(one.first_ms for one in group)
    owners = sorted(_owners(group), key=lambda ref: (ref.namespace, ref.name))
    images = sorted({image(one) for one in group})
    latest = max(group, key=lambda one: (one.last_ms, one.record.id))
    who = f"{listed([f'{ref.namespace}/{ref.name}' for ref in owners])} have failed to pull"
    subject = f"Image {about.name}" if about.kind == "Image" else f"Images from {about.name}"
    what = images[0] if about.kind == "Image" else f"{counted(len(images), 'image')} from {about.name}"
    # A pod in the place of one that failed may have begun to fail too late for the group.
    alike = [one for one in pulls if image(one) in images and one.record.owner in owners]
    return Finding(
        rule=RULE,
        owner=about,
        cause=kind or "cannot be pulled",
        severity=found.worst(one.record for one in group),
        title=f"{subject} cannot be pulled by several workloads{f': {kind}' if kind else ''}",
        text=f"{who} {what} since {clock(first_ms)}. The last answer was: {quoted(latest.record.description)}.",
        recommendation=ADVICE[kind],
        object=about,
        evidence=found.evidence(EFFECT, (one.record for one in group)),
        figures={"workloads": len(owners), "images": images[:10], "pods": len(failures.pods(group)), "class": kind},
        first_ms=first_ms,
        last_ms=found.last_ms(window, alike),
        ended=_ended(window, alike),
        unknown=missing(window, OF_PODS, first_ms, window.now_ms),
    )
