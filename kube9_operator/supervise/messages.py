"""The messages between the supervisor and its children, and their encoding. No I/O."""

import msgspec

from kube9_operator.model.frame import Observation
from kube9_operator.model.tally import Tallied

FLUSH = b"flush"
ABANDON = b"abandon"


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The child's loop turns; `deadline` is how many seconds may pass until the next."""

    phase: str
    deadline: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The writer has the database open, and this is what the watches go on from."""

    versions: dict[str, str]
    """Of each source the resourceVersion; those that have none list first."""
    cluster: str
    """The uid of the cluster that the versions are of; '' where it is not known."""
    event_ttl_ms: int
    """How long Events live."""
    last_word_ms: int = 0
    """When the writer before said last that it lived, in ms since 1970; 0 where there was none."""


class Fatal(msgspec.Struct, frozen=True, tag=True):
    """Why the child cannot work, now or later."""

    reason: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """What the child ends of, unexpectedly."""

    reason: str


class Recording(msgspec.Struct, frozen=True, tag=True):
    """From the writer, with each beat: what it has committed."""

    confirmed_ms: dict[str, int]
    """Until when each source is proved, in ms since 1970."""
    trouble: str
    """Why the database cannot be written at the moment; '' where it can."""
    observations: int
    """Committed since its start."""
    written_ms: int = 0
    """When a transaction was last committed, in ms since 1970; one is at least every half minute."""
    accounting: dict[str, dict[str, int]] = {}
    """By source what became of what was received, as the database keeps it: since its first start."""
    told: int = 0
    """The number of the last telling that is committed."""
    damage: str = ""
    """What there is to know of damage that was found, '' where there is nothing."""
    limited: list[str] = []
    """Which namespaces have reached a bound of late, and what else the size limit could not keep; for health."""
    slow: str = ""
    """Why recording lags, '' where it does not."""
    notes: list[str] = []
    """Which bounds of the log namespaces have reached of late; no matter for what is recorded."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a watch, for the log."""

    why: str
    error: str
    of_all: bool
    """It is the server's or ours, not the resource's: all watches have it, or will."""


class Watching(msgspec.Struct, frozen=True, tag=True):
    """From a watcher, with each beat: of each of its sources what is wrong at the moment, '' where nothing is."""

    troubles: dict[str, str]
    waiting: dict[str, int] = {}
    """Observations that wait in each source's outbox."""
    dropped: dict[str, int] = {}
    """Given up since the process began."""
    failures: dict[str, int] = {}
    """Requests and streams that failed since the process began."""
    undecodable: dict[str, list[str]] = {}
    """The latest objects that could not be decoded, by namespace, name and version."""
    problems: dict[str, Problem | None] = {}
    """What the log is to say of each source, None for nothing; without those of which nothing is known yet."""


class OutboxBatch(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor to the writer: events of its own; to the watcher that publishes it: health alone."""

    number: int
    """1, 2, 3, …; the writer gives it back when it has committed them."""
    observations: list[Observation]
    dropped: int
    """So many were given up before these."""
    health: str
    """As it is now: JSON, {"status", "reasons"}."""


class Published(msgspec.Struct, frozen=True, tag=True):
    """From the watcher that keeps the status ConfigMap."""

    written_ms: int
    """When it was last written, in ms since 1970; 0 for not yet."""
    trouble: str
    """Why it cannot be written at the moment; '' where it can."""
    lasting: bool
    """That does not pass by itself."""


Message = Beat | Ready | Fatal | Failed | Recording | Watching | Tallied | Published
_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(OutboxBatch)
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message | OutboxBatch) -> bytes:
    """The message as msgpack."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """A message that a child sent."""
    return _decoder.decode(data)


def decode_batch(data: bytes) -> OutboxBatch:
    """A batch that the supervisor sent."""
    return _batch_decoder.decode(data)
