"""Frames: the messages from the watchers to the writer. It knows neither Kubernetes nor SQL.

There are three kinds: observations of Events, states of resources, and what a watch says about itself (control).
Both ends are always of the same version of the program, so fields may change freely: no frame outlives its worker generation.
"""

from typing import Literal

import msgspec

from kube9_operator.model.changes import Scaling
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State

MAX_OBSERVATIONS_IN_FRAME = 500
MAX_FRAMES_IN_QUEUE = 16

ListReason = Literal["", "expired", "dropped", "behind", "another cluster", "installed"]
"""Why a source lists again: its version has expired, observations were dropped, the server went back to an earlier version, or
it belongs to another cluster; a custom resource was absent before, and now is installed. '' for the first list.
"""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """The accounting of one frame, in list items and watch lines. The writer counts what becomes of the observations."""

    received: int = 0
    filtered: int = 0
    undecodable: int = 0
    dropped: int = 0
    redacted: int = 0
    """Secrets removed from states. Not part of the balance. Those of an observation are in the observation."""


class EventFrame(msgspec.Struct, array_like=True, gc=False, tag=True):
    """What one read of a list or watch of Events gave."""

    source: str
    counts: Counts
    observations: list[Observation]
    version: str = ""
    """The resourceVersion to go on from after this frame; '' if this read has none."""
    confirmed_ms: int = 0
    """Until when the source is complete after this frame, in ms since 1970; 0 if this read confirms nothing."""
    sequence: int = 0
    """1, 2, 3, … for each source and worker generation; set when the frame is sent."""
    scalings: list[Scaling] = []
    """When Deployments were scaled, by Events that are not worth recording."""

    @property
    def items(self) -> list[Observation]:
        """The observations."""
        return self.observations


class StateFrame(msgspec.Struct, array_like=True, gc=False, tag=True):
    """What one read of a list or watch of a resource gave: states, which the writer compares with the stored ones.

    The other fields are those of an EventFrame.
    """

    source: str
    counts: Counts
    states: list[State]
    version: str = ""
    confirmed_ms: int = 0
    sequence: int = 0

    @property
    def items(self) -> list[State]:
        """The states."""
        return self.states


class ListBegins(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """A complete list follows. If it breaks off, another ListBegins starts it again."""

    cluster: str = ""
    """The uid of the namespace kube-system, which identifies the cluster; '' if it may not be read."""


class ListEnds(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The list was complete."""

    version: str
    """The resourceVersion to go on from."""
    confirmed_ms: int
    """When the list began: until then the source is complete."""
    shown_ms: int = 0
    """The list shows what existed at some moment before this time; 0 for `confirmed_ms`."""
    reason: ListReason = ""
    cluster: str = ""
    """As in ListBegins."""


class Confirmed(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The source is complete until this time, although nothing was received: a watch has ended cleanly."""

    confirmed_ms: int


class ServerTime(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The time of the API server's clock, in ms since 1970, at a freshness check."""

    server_ms: int
    version: str = ""
    """The server's version then: what a watch shows up to this version happened before the check."""
    checked_ms: int = 0
    """The same time by our own clock."""


class Unavailable(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The source can be neither listed nor watched."""

    why: str


class Absent(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The API server does not have this custom resource: until this time, in ms since 1970, there was no object of it."""

    confirmed_ms: int


class ArgoCdFound(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """Whether Argo CD is installed. It comes with the frames of Applications."""

    detected: bool = False
    namespace: str = ""
    version: str = ""
    checked_ms: int = 0
    capable: bool | None = None
    """Whether its API answers with the token that is configured; None if none is."""
    error_code: str = ""
    error_message: str = ""
    """Why it does not."""


class EventTtlLearned(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """Events disappear after this time, in ms: the Event TTL."""

    event_ttl_ms: int


class Compare(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """Observations of a list that is only compared with what is recorded: see write/events/missed.py."""

    observations: list[Observation]
    version: str = ""
    """The resourceVersion of the list; '' if it is not known yet."""


Control = ListBegins | ListEnds | Confirmed | Absent | ArgoCdFound | ServerTime | Unavailable | EventTtlLearned | Compare


class ControlFrame(msgspec.Struct, array_like=True, gc=False, tag=True):
    """What a watch says about itself, in order with its other frames."""

    source: str
    control: Control
    sequence: int = 0
    """As in an EventFrame."""

    @property
    def items(self) -> list[Observation]:
        """The observations that are to be compared; none for any other control."""
        return self.control.observations if isinstance(self.control, Compare) else []


Frame = EventFrame | StateFrame | ControlFrame

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """The frame as msgpack."""
    return _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """The frame of `encode`. Raises msgspec.ValidationError for anything else."""
    return _decoder.decode(data)
