"""What was read at once, of a list or of a watch: observations and states, their part of the books, the version after them."""

import msgspec

from kube9_operator.model.frame import Counts
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.watch.unreadable import Unreadable


class Batch(msgspec.Struct):
    """What a page, a piece of a list or some lines gave. `version` is that of the last line, '' where no line has one."""

    observations: list[Observation] = msgspec.field(default_factory=list)
    states: list[State] = msgspec.field(default_factory=list)
    counts: Counts = msgspec.field(default_factory=Counts)
    types: dict[str, int] = msgspec.field(default_factory=dict)
    """How many Events of each type were received: Normal, Warning, other."""
    version: str = ""
    lines: int = 0
    bookmarks: int = 0
    """So many of the lines said nothing but how far the server is."""
    gone: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """Of Events that were deleted their namespace, and when they were last written, in ms since 1970."""
    unreadable: list[Unreadable] = msgspec.field(default_factory=list)
    """The objects that are counted as undecodable."""
    server_ms: int = 0
    """How late it is at most by the API server's clock, in ms since 1970; 0 where nobody knows."""
