"""A batch: what one read of a list or watch gave."""

import msgspec

from kube9_operator.model.changes import Scaling
from kube9_operator.model.frame import Counts
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.watch.unreadable import Unreadable


class Batch(msgspec.Struct):
    """The observations and states of a page, of a piece of a list, or of some lines of a watch."""

    observations: list[Observation] = msgspec.field(default_factory=list)
    states: list[State] = msgspec.field(default_factory=list)
    counts: Counts = msgspec.field(default_factory=Counts)
    types: dict[str, int] = msgspec.field(default_factory=dict)
    """How many Events of each type were received, by Normal, Warning and other."""
    version: str = ""
    """The version of the last line; '' if no line has one, and in a list."""
    lines: int = 0
    """Lines of the watch."""
    bookmarks: int = 0
    """How many of the lines were bookmarks."""
    scalings: list[Scaling] = msgspec.field(default_factory=list)
    """When Deployments were scaled."""
    gone: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """For each deleted Event its namespace, and when it was last written, in ms since 1970."""
    unreadable: list[Unreadable] = msgspec.field(default_factory=list)
    """The objects that are counted as undecodable."""
    server_ms: int = 0
    """The time of the API server's clock, in ms since 1970; 0 if it is not known."""
