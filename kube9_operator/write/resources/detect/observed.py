"""An object as a watch observed it, and the observations that are made of its changes. Pure."""

from collections.abc import Collection
from typing import Any, NamedTuple
from zlib import crc32

from kube9_operator.clock import iso
from kube9_operator.model import rows
from kube9_operator.model.changes import Writer
from kube9_operator.model.observation import CLUSTER, ERROR, MS_IN_HOUR, Observation, hash64
from kube9_operator.model.resource_states import KINDS
from kube9_operator.model.sources import EVERY
from kube9_operator.text import limits
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_TITLE_CHARACTERS
from kube9_operator.write.resources.detect import dating
from kube9_operator.write.resources.detect.dating import Known, Window


class Lives(NamedTuple):
    """How long events are kept, in ms. A fact that is older than this when it is first observed is not recorded."""

    info_warning_ms: int
    error_critical_ms: int

    def of(self, severity: int) -> int:
        """How long an event of this severity is kept."""
        return self.error_critical_ms if severity >= ERROR else self.info_warning_ms


class Observed(NamedTuple):
    """Which object was observed, and how."""

    source: str
    namespace: str
    name: str
    uid: str
    version: str
    now_ms: int
    """When it was observed, by our own clock. A change without a date of its own gets this time."""
    whole: bool
    """A baseline of the source is stored, so an object that is not stored is new. Otherwise this is the baseline."""
    listing: bool = False
    """It was observed in a list, so what it was in between is not known."""
    ongoing: dict[int, int] = {}  # noqa: RUF012  (never changed)
    """The keys of the object's ongoing problems, and since when they last, in ms since 1970."""
    change: Window = Window(0)
    """When it may have changed. Without `noticed_ms`, it changed just now."""
    writers: Collection[Writer] = ()
    """The managers in its managedFields."""
    scaled_ms: Collection[int] = ()
    """When recorded Events say that it was scaled to its number of replicas."""
    replicasets_ms: Collection[int] = ()
    """As in dating.Known."""
    deleted_ms: int = 0
    """Its deletionTimestamp; 0 for none."""
    created_ms: int = 0
    """Its creationTimestamp, if it was not stored; 0 for none."""
    api_version: str = ""
    """The apiVersion of a custom resource; '' for that of the source."""

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return KINDS[self.source]

    @property
    def window(self) -> Window:
        """When it may have changed."""
        return self.change if self.change.noticed_ms else Window(self.now_ms)


def observation(
    row: rows.Row,
    observed: Observed,
    identity: tuple[str, ...],
    *,
    parts: tuple[str, ...] = (),
    at_ms: int = 0,
    until_ms: int = 0,
    count: int = 1,
    primary: bool = True,
    reason: str = "",
    description: str = "",
    metadata: dict[str, Any] | None = None,
    node: str = "",
) -> Observation:
    """Makes an observation of a fact from a status, for an event of this row.

    `identity` distinguishes the fact from others of its row (object's uid first). `parts` is what the row's key asks for.
    `at_ms` is the fact's date; without one it happened now. With `until_ms` it happened at some time between the two. Empty
    metadata are left out.
    """
    when_ms = at_ms or observed.now_ms
    title, _ = limits.line(rows.title(row, observed.kind, reason), MAX_TITLE_CHARACTERS)
    description, in_description = limits.line(description, MAX_DESCRIPTION_CHARACTERS)
    known = {key: value for key, value in (metadata or {}).items() if value not in ("", None, [], {})}
    encoded, in_metadata = limits.metadata(known)
    return Observation(
        kind=observed.kind,
        namespace=observed.namespace,
        name=observed.name,
        uid="" if observed.source == "nodes" else observed.uid,  # as in Events: a node is known by its name alone
        key=rows.key(row, *parts),
        contributor=hash64("status", row.name, *identity),
        contributor_hour=when_ms // MS_IN_HOUR,
        contributor_name="",
        primary=primary,
        from_status=True,
        count=count,
        first_ms=when_ms,
        last_ms=max(when_ms, until_ms),
        event_type=CLUSTER,
        severity=row.severity,
        title=title,
        description=description,
        metadata=encoded,
        reason=reason,
        node=node,
        text_hash=crc32("\0".join((title, description, encoded)).encode("utf-8", "replace")),
        row=row.name,
        redacted=in_description + in_metadata,
        api_version=observed.api_version or EVERY[observed.source].api_version,
    )


def step(
    row: rows.Row,
    observed: Observed,
    *,
    parts: tuple[str, ...] = (),
    at_ms: int = 0,
    paths: Collection[str] = (),
    of_template: bool = False,
    known: Known | None = None,
    reason: str,
    description: str,
    metadata: dict[str, Any] | None = None,
    node: str = "",
) -> Observation:
    """Makes an observation of a change that is always an event of its own.

    It is identified by the object's uid and its own date `at_ms`, or without one by the version at which it was observed.
    A change without a date of its own is dated by evidence: `paths` are the fields that changed, `of_template` says that the
    change made a new ReplicaSet, and `known` replaces what the object's managedFields and ReplicaSets say.
    """
    identity = (*parts, observed.uid, str(at_ms) if at_ms else observed.version)
    known = known or Known(observed.writers, (), observed.replicasets_ms)
    made = dating.made(observed.window, paths, known._replace(asserted_ms=at_ms or known.asserted_ms), of_template)
    added = {"changed_by": made.by, "noticed_at": iso(made.last_ms) if made.is_range else ""}
    return observation(
        row,
        observed,
        identity,
        parts=identity,
        at_ms=made.first_ms,
        until_ms=made.last_ms,
        reason=reason,
        description=description,
        metadata=(metadata or {}) | added,
        node=node,
    )


def changed(
    row: rows.Row,
    observed: Observed,
    *,
    parts: tuple[str, ...],
    identity: tuple[str, ...] = (),
    at_ms: int = 0,
    reason: str,
    description: str,
    metadata: dict[str, Any],
) -> Observation:
    """Makes an observation of a change of a status, for a row with `apart`.

    Without `identity`, it is identified by its own date `at_ms`, or without one by the version at which it was observed.
    """
    made = dating.made(observed.window, (), Known(asserted_ms=at_ms))
    return observation(
        row,
        observed,
        (observed.uid, *(identity or (*parts, str(at_ms) if at_ms else observed.version))),
        parts=parts,
        at_ms=made.first_ms,
        until_ms=made.last_ms,
        reason=reason,
        description=description,
        metadata=metadata | ({"noticed_at": iso(made.last_ms)} if made.is_range else {}),
    )


def duration(seconds: int) -> str:
    """A time for people: 42s, 5m 12s, 3h 7m, 2d 4h."""
    for size, unit, smaller, below in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // smaller}{below}"
    return f"{max(0, seconds)}s"
