"""What travels from the watchers to the writer: its Structs, limits and encoding. It knows neither Kubernetes nor SQL.

Both ends are always of one version of the program, so fields may change freely: no frame outlives its generation.
"""

import hashlib
from typing import Literal

import msgspec

from kube9_operator.model.resource_states import State
from kube9_schema.codes import CLUSTER as CLUSTER
from kube9_schema.codes import CRITICAL as CRITICAL
from kube9_schema.codes import ERROR as ERROR
from kube9_schema.codes import EVENT_TYPES as EVENT_TYPES
from kube9_schema.codes import INFO as INFO
from kube9_schema.codes import SEVERITIES as SEVERITIES
from kube9_schema.codes import WARNING as WARNING
from kube9_schema.intervals import MS_IN_HOUR as MS_IN_HOUR

MAX_OBSERVATIONS_IN_FRAME = 500
MAX_FRAMES_IN_QUEUE = 16

MAX_TITLE_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 1_000
MAX_NAME_CHARACTERS = 253
"""Kubernetes' own limit of an object's name; longer kinds, reasons and nodes are cut to it too."""
MAX_METADATA_BYTES = 10 * 1024 - 512
"""10 KiB less what the reader adds: reason, count and times."""


class Observation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One list item or watch line that is worth recording: a contributor to a happening, as far as it is known by then."""

    kind: str
    namespace: str
    name: str
    uid: str
    key: int
    """64 bits of the happening's key besides the object: the row of the table and what it adds."""
    contributor: int
    """64 bits of the contributor's identity."""
    contributor_hour: int
    """The hour of the contributor's first time as its source gives it, since 1970: with the hash it finds the contributor."""
    contributor_name: str
    primary: bool
    from_status: bool
    count: int
    first_ms: int
    last_ms: int
    event_type: int
    severity: int
    title: str
    description: str
    metadata: str
    """A JSON object."""
    reason: str
    node: str
    text_hash: int
    """32 bits of title, description, metadata and contributor_name."""
    row: str = ""
    """The name of its row of the table, see rows.BY_NAME; '' for the operator's own."""
    redacted: int = 0
    """How many secrets were taken out of its texts."""


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


def hash64(*parts: str) -> int:
    """A signed 64-bit hash of the parts, the same in every process and release: it is kept in the database."""
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
