"""What rules of insights know, and what they find. Neither SQL nor Kubernetes; times in ms since 1970."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.model.ref import Ref as Ref
from kube9_operator.model.resource_states import Pod, Reduced, ReplicaSet
from kube9_schema.intervals import MS_IN_HOUR

WINDOW_MS = 24 * MS_IN_HOUR
"""How far back a window reaches. Rules ask `History` for what is older."""


NOTHING = Ref()

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
INFO_REASONS = frozenset(
    [f"{kind}{what}" for kind in WORKLOADS for what in ("Scaled", "ImageChanged", "ConfigurationChanged")]
    + ["ConfigMapChanged", "NodeAdded", "NodeRemoved", "NodeReady", "NodeCordoned", "NodeUncordoned", "NamespaceCreated"]
    + ["SuccessfulRescale", "TriggeredScaleUp", "OperationCompleted"]
)
"""Reasons of events of severity info that rules read: changes, and what a control is."""


class Record(msgspec.Struct, frozen=True):
    """An event of the record, as rules see it."""

    id: str
    type: str
    """A word of kube9_schema.codes.EVENT_TYPES."""
    severity: str
    """A word of kube9_schema.codes.SEVERITIES."""
    reason: str
    title: str
    description: str
    source: str
    """The component that reported it."""
    object: Ref
    owner: Ref
    """The top owner; the object itself if it has none, or none is known."""
    controller: Ref
    """The direct owner, such as the ReplicaSet of a pod; NOTHING if it has none."""
    node: str
    container: str
    first_ms: int
    last_ms: int
    count: int
    occurrences: tuple[tuple[int, int], ...]
    """Each time with the count up to then, ascending. The last count is `count`."""
    cause: str
    """kube9_schema.causes.cause_of"""
    metadata: dict[str, Any]
    """As in JSON: changed, changed_by, exit_codes, image, noticed_at, …"""
    ongoing: bool = False
    """The record says that it still lasts (table lasting). `last_ms` is then when that was last confirmed."""


def is_wanted(severity: str, reason: str) -> bool:
    """Whether an event belongs into a window. Other infos say nothing that a rule asks for."""
    return severity != "info" or reason in INFO_REASONS


class States(Protocol):
    """What is known of objects now. Each question reads a bounded number of stored states."""

    def of(self, ref: Ref) -> Reduced | None:
        """The state of an object as model/resource_states.py has it; None if none is stored under this name and uid."""

    def is_gone(self, ref: Ref) -> bool:
        """Whether the object does not exist any more: its kind is watched completely, and has no such name, or another uid."""

    def pods_of(self, owner: Ref) -> list[tuple[Ref, Pod]]:
        """The pods of a top owner that exist, in the order of their names; at most a thousand."""

    def replicasets_of(self, deployment: Ref) -> list[tuple[Ref, ReplicaSet]]:
        """The ReplicaSets of a Deployment that exist, in the order of their revisions."""

    def pods_behind(self, service: Ref) -> list[Ref]:
        """The pods behind a service, ready or not."""

    def ready_endpoints(self, service: Ref) -> int:
        """How many endpoints of a service are ready."""


class History(Protocol):
    """Narrow questions to the record before the window. Each answer is bounded."""

    def of_owner(self, owner: Ref, since_ms: int, until_ms: int, most: int) -> list[Record]:
        """Events of a top owner and of what it owned that touch [since, until), the latest first. Changes are among them."""

    def has_reason(self, namespace: str, reason: str, since_ms: int, until_ms: int) -> bool:
        """Whether an event of a namespace with this reason touches [since, until)."""

    def covers(self, source: str, since_ms: int, until_ms: int) -> bool:
        """Whether the record has all of a source in [since, until): it had begun, nothing is deleted, and no gap touches it."""


class Window(msgspec.Struct):
    """Everything a rule may know at `now_ms`."""

    now_ms: int
    begin_ms: int
    """When the record began: that of the database, not of the process."""
    records: list[Record]
    """Of type cluster, touching the last WINDOW_MS: warnings and worse, and the infos of `is_wanted`. In any order."""
    gaps: dict[str, list[tuple[int, int]]]
    """By source, in the window: what may have been missed, what is not confirmed yet up to now, what retention has deleted, and
    what was left out of `records` because there was too much. A source that is not available has a gap over the whole window.
    """
    states: States
    history: History
    rules_since_ms: int = 0
    """Since when Events are recorded by the present rules, as far as is known: the last start of another version, or with other
    rules.
    """


class Evidence(msgspec.Struct, frozen=True):
    """An event that an insight rests on."""

    event_id: str
    role: str
    """CAUSE, EFFECT, CONTROL or AGAINST"""


CAUSE, EFFECT, CONTROL, AGAINST = "cause", "effect", "control", "against"
ISSUE, OPTIMIZATION, SECURITY = "issue", "optimization", "security"
CATEGORIES = (ISSUE, OPTIMIZATION, SECURITY)
RECOVERED, DELETED = "recovered", "deleted"
QUIET_MS, CRASH_QUIET_MS = 5 * 60_000, 10 * 60_000
"""A crash loop waits for up to five minutes between two starts."""


class Finding(msgspec.Struct, kw_only=True):
    """What one rule says about one thing at the window's `now_ms`.

    Rule, owner, container and cause identify it, with the number of the episode.
    """

    rule: str
    owner: Ref
    """A top owner, or what else the rule groups by: a node, a namespace, an image (kind `Image`) or registry (`Registry`)."""
    container: str = ""
    cause: str
    """The class of cause, never with counts or names of pods."""
    category: str = ISSUE
    severity: str
    title: str
    text: str
    """What is the matter, in two sentences."""
    recommendation: str
    object: Ref
    """What the insight is shown for."""
    evidence: list[Evidence]
    figures: dict[str, Any]
    """Numbers and texts that the text is made of."""
    first_ms: int
    """Of the evidence: the onset."""
    last_ms: int
    """Of the evidence: when it was last seen. It is now for what still lasts."""
    ended: str = ""
    """RECOVERED or DELETED if the rule knows it; '' if it goes on, or nobody can tell."""
    quiet_ms: int = QUIET_MS
    """After how long without evidence it is quiet. Longer for crashes, and for what is rare, such as a CronJob."""
    unknown: list[str] = []
    """Sentences about what could not be told: gaps, the order of times."""


Rule = Callable[[Window, Thresholds], Iterator[Finding]]
"""A pure function. It knows no clock, no database and no earlier insights. The order of records does not matter."""
