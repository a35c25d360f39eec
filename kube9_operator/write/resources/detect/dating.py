"""When a change of a resource was made, and by whom. Pure; times in ms since 1970.

A comparison shows that something changed between two states. When it changed is said, best first, by recorded Events of that
time, by the creation of the ReplicaSet with the new template, and by managedFields. Each is used only where it leaves no doubt.
Otherwise the change lies in a range: from the last time at which the object was known unchanged until it was noticed.
"""

from collections.abc import Collection
from typing import NamedTuple

from kube9_operator.model.changes import Writer

TOLERANCE_MS = 2_000
"""The API server's times are whole seconds, and its clock is not ours."""
SECOND_MS = 1_000
POINT_MS = 1_000
"""A shorter range is a point."""


class Window(NamedTuple):
    """Between which times, and in how many writes, an object changed."""

    noticed_ms: int
    """When the change was noticed."""
    unchanged_ms: int = 0
    """Until when the object is known to have been as it was stored; 0 if that is unknown."""
    live: bool = True
    """The change was noticed at once, because a watch was up to date."""
    one_write: bool = True
    """Exactly one write lies between the two states: a watch delivers them all. A list shows only what they came to."""
    writes: int = 0
    """How often what is asked for was written in between, by metadata.generation; 0 if that is unknown."""
    untimed: int = 0
    """How many of these writes have no time in managedFields, at the least."""
    ahead_ms: int = 0
    """How far the API server's clock is ahead of ours."""

    def holds(self, time_ms: int) -> bool:
        """Whether a time of the API server's clock lies where the change does."""
        begin_ms, end_ms = self.unchanged_ms + self.ahead_ms, self.noticed_ms + self.ahead_ms
        return begin_ms - TOLERANCE_MS <= time_ms <= end_ms + TOLERANCE_MS


class Made(NamedTuple):
    """When a change was made: at one moment, or at some moment between two."""

    first_ms: int
    last_ms: int
    by: str = ""
    """The field manager; '' if nobody says it."""

    @property
    def is_range(self) -> bool:
        """Whether the moment is not known."""
        return self.first_ms != self.last_ms


class Known(NamedTuple):
    """The evidence for the changes of one object."""

    writers: Collection[Writer] = ()
    """Of its managedFields."""
    events_ms: Collection[int] = ()
    """When recorded Events say that this was done."""
    replicasets_ms: Collection[int] = ()
    """When the ReplicaSets were created that came in between, if the last of them is the one of the new template."""
    asserted_ms: int = 0
    """The object's own date of the change, such as deletionTimestamp; 0 for none."""


NOTHING_KNOWN = Known()


def author(window: Window, paths: Collection[str], writers: Collection[Writer]) -> Writer | None:
    """The only manager that owns any of these paths and wrote when they changed; None if there are several, or none.

    Who removes a field does not own it afterwards, so a path may have no owner.
    """
    wrote = [one for one in writers if not one.time_ms or window.holds(one.time_ms)]
    found = [one for one in wrote if not set(paths).isdisjoint(one.paths)]
    if window.one_write and len(found) > 1:  # who made the only write wrote last
        found = [one for one in found if one.time_ms == max(each.time_ms for each in found)]
    return found[0] if len(found) == 1 else None


def made(window: Window, paths: Collection[str], known: Known, of_template: bool = False) -> Made:
    """When these paths were changed together, and by whom. `of_template`: the change made a new ReplicaSet."""
    writer = author(window, paths, known.writers)
    by = writer.name if writer is not None else ""
    if known.asserted_ms:
        return Made(known.asserted_ms, known.asserted_ms, by)
    timed = writer if writer is not None and writer.time_ms else None
    if timed is not None and window.one_write:
        return _at(window, timed.time_ms, by)
    if not window.live:
        for times in (known.events_ms, known.replicasets_ms if of_template else ()):
            inside = [time for time in times if window.holds(time)]
            if len(inside) == 1:
                return _at(window, inside[0], by)
    if timed is not None and _wrote_once(window, timed, known.writers):
        return _at(window, timed.time_ms, by)
    if window.live or not window.unchanged_ms or window.noticed_ms - window.unchanged_ms <= POINT_MS:
        return Made(window.noticed_ms, window.noticed_ms, by)
    return Made(window.unchanged_ms, window.noticed_ms, by)


def _wrote_once(window: Window, writer: Writer, writers: Collection[Writer]) -> bool:
    """Whether a manager has written only once since the object was known unchanged: then its time is that of the change.

    Through the subresource `scale` it can have changed nothing but the number of replicas. Otherwise the generation says how
    often what is asked for was written: once, or by as many managers as there were writes.
    """
    if writer.subresource == "scale":
        return True
    timed = sum(bool(one.paths) and window.holds(one.time_ms) for one in writers)
    return window.writes == 1 or window.writes == timed + window.untimed


def _at(window: Window, time_ms: int, by: str) -> Made:
    """A moment that is known to the second: the moment of that second that is nearest to when the change was noticed."""
    moment = min(max(window.noticed_ms + window.ahead_ms, time_ms), time_ms + SECOND_MS - 1)
    return Made(moment, moment, by)
