"""An object as a watch of resources has seen it, and the observations that are made of what is different. Pure."""

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
    """How long events are kept, in ms: a fact that is older than that when it is first seen is not worth recording."""

    info_warning_ms: int
    error_critical_ms: int

    def of(self, severity: int) -> int:
        """How long an event of this severity is kept."""
        return self.error_critical_ms if severity >= ERROR else self.info_warning_ms


class Seen(NamedTuple):
    """Which object was seen, and how."""

    source: str
    namespace: str
    name: str
    uid: str
    version: str
    now_ms: int
    """When it was seen, by our own clock: the time of what has no date of its own."""
    whole: bool
    """All objects of the source are kept: one that is not was not there before. Otherwise this is the baseline."""
    listing: bool = False
    """It was seen in a list: what it was in between is not known."""
    lasting: dict[int, int] = {}  # noqa: RUF012  (never changed)
    """Of what lasts with the object, by its key since when, in ms since 1970."""
    change: Window = Window(0)
    """Where the change lies; without `noticed_ms` it is now."""
    writers: Collection[Writer] = ()
    """Of its managedFields."""
    scaled_ms: Collection[int] = ()
    """When recorded Events say that it was scaled to this number of replicas."""
    replicasets_ms: Collection[int] = ()
    """As in dating.Known."""
    deleted_ms: int = 0
    """Its deletionTimestamp."""

    @property
    def window(self) -> Window:
        """Where the change lies."""
        return self.change if self.change.noticed_ms else Window(self.now_ms)

    @property
    def kind(self) -> str:
        """Of the object."""
        return KINDS[self.source]


def observation(
    row: rows.Row,
    seen: Seen,
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
    """A fact from a status as a contributor to a happening of the row.

    `identity` is what tells the fact from others of its row (object's uid first), `parts` what the row's key asks for,
    `at_ms` its date; without one it happened now. With `until_ms` it happened at some time between the two. Metadata that is
    empty or None is left out.
    """
    when_ms = at_ms or seen.now_ms
    title = rows.title(row, seen.kind)[:MAX_TITLE_CHARACTERS]
    description, in_description = limits.line(description, MAX_DESCRIPTION_CHARACTERS)
    known = {key: value for key, value in (metadata or {}).items() if value not in ("", None, [], {})}
    encoded, in_metadata = limits.metadata(known)
    return Observation(
        kind=seen.kind,
        namespace=seen.namespace,
        name=seen.name,
        uid="" if seen.source == "nodes" else seen.uid,  # as in Events: a node is known by its name alone
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
        api_version=EVERY[seen.source].api_version,
    )


def step(
    row: rows.Row,
    seen: Seen,
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
    """A change that is an event of its own, whatever came before it. It is told from others by the object's uid and its own
    date `at_ms`, or without a date by the version at which it was seen.

    A change without a date of its own is dated by evidence: `paths` are the fields that changed, `of_template` says that it
    made a new ReplicaSet, and `known` replaces what the object's managedFields and ReplicaSets say.
    """
    told = (*parts, seen.uid, str(at_ms) if at_ms else seen.version)
    known = known or Known(seen.writers, (), seen.replicasets_ms)
    made = dating.made(seen.window, paths, known._replace(asserted_ms=at_ms or known.asserted_ms), of_template)
    added = {"changed_by": made.by, "noticed_at": iso(made.last_ms) if made.is_range else ""}
    return observation(
        row,
        seen,
        told,
        parts=told,
        at_ms=made.first_ms,
        until_ms=made.last_ms,
        reason=reason,
        description=description,
        metadata=(metadata or {}) | added,
        node=node,
    )


def duration(seconds: int) -> str:
    """A time for people: 42s, 5m 12s, 3h 7m, 2d 4h."""
    for size, unit, smaller, below in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // smaller}{below}"
    return f"{max(0, seconds)}s"
