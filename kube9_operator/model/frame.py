"""What travels from the watchers to the writer: its Structs, limits and encoding. It knows neither Kubernetes nor SQL.

Both ends are always of one version of the program, so fields may change freely: no frame outlives its generation.
"""

from typing import Literal

import msgspec

from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State

MAX_OBSERVATIONS_IN_FRAME = 500
MAX_FRAMES_IN_QUEUE = 16


class Counts(msgspec.Struct, array_like=True, gc=False):
    """A frame's part of the books, in list items and watch lines. What becomes of the observations, the writer counts."""

    received: int = 0
    filtered: int = 0
    undecodable: int = 0
    dropped: int = 0
    redacted: int = 0
    """Secrets taken out of states. No part of the balance; those of an observation are in the observation."""


Mark = Literal["", "list begins", "list ends", "compare"]
"""`compare`: of a list that is only compared with what is recorded, see write.comparison."""
Hole = Literal["", "expired", "dropped", "behind", "another cluster"]


class News(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a frame says of its source, besides observations; what is empty or 0 is not said."""

    mark: Mark = ""
    version: str = ""
    """The resourceVersion to go on from after this frame."""
    confirmed_ms: int = 0
    """Until when the source is whole after this frame."""
    shown_ms: int = 0
    """With the end of a list: it shows what was there at some moment before this time."""
    hole: Hole = ""
    """With the end of a list: why the source could not go on from its version."""
    cluster: str = ""
    """With both marks of a list, the uid of the namespace kube-system: which cluster this is. '' where it may not be read."""
    life_ms: int = 0
    """Events have been seen to go after this time already."""
    unavailable: str = ""
    """Why the source can be neither listed nor watched."""
    server_ms: int = 0
    """How late it is by the API server's clock."""


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one read of a watch gave. A frame may carry nothing but a version or a proof."""

    source: str
    sequence: int
    """1, 2, 3, … for each source and generation."""
    news: News
    counts: Counts
    observations: list[Observation]
    states: list[State] = []
    """Of a watch of resources: what the writer compares with the states that it keeps."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """The frame as msgpack."""
    return _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """The frame of `encode`. Raises msgspec.ValidationError for anything else."""
    return _decoder.decode(data)
