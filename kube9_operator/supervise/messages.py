"""The messages between the supervisor and its children, and their encoding. No I/O."""

import msgspec

from kube9_operator.model.observation import Observation
from kube9_operator.model.tally import Labels, TallyReport

FLUSH = b"flush"
"""Order to a child: hand over or commit what you have, then end."""
ABANDON = b"abandon"
"""Order to a child: end without flushing."""


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """The main loop of the child runs. The next heartbeat comes within `deadline` seconds."""

    phase: str
    deadline: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From the writer: the database is open. The watches continue from here."""

    versions: dict[str, str]
    """The resourceVersion of each source. A source without one lists first."""
    cluster: str
    """The uid of the cluster that the versions belong to; '' if unknown."""
    event_ttl_ms: int
    """The Event TTL."""
    last_alive_ms: int = 0
    """When the previous writer was last known to be alive, in ms since 1970; 0 if there was none."""
    assessed_ms: int = 0
    """When the schedule last requested an assessment, in ms since 1970; 0 for never."""
    unfinished: list[str] = []
    """The ids of assessments that have not ended."""
    collected_ms: dict[str, int] = {}
    """When each type of collection was last made, in ms since 1970. Types that never were are absent."""
    registered_until_ms: int = 0
    """Until when the cluster is registered with a kube9 server, in ms since 1970; 0 if it is not."""


class Fatal(msgspec.Struct, frozen=True, tag=True):
    """The child cannot work, and a restart cannot help."""

    reason: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The child ends because of an unexpected error."""

    reason: str


class WriterReport(msgspec.Struct, frozen=True, tag=True):
    """From the writer, with each heartbeat: what it has committed."""

    confirmed_ms: dict[str, int]
    """Until when each source is confirmed, in ms since 1970."""
    trouble: str
    """Why the database cannot be written now; '' if it can."""
    observations: int
    """Committed since the start of the writer."""
    last_commit_ms: int = 0
    """When the last transaction was committed, in ms since 1970. There is one at least every 30 s."""
    accounting: dict[str, dict[str, int]] = {}
    """For each source, the number received and the number of each outcome, as the database keeps them."""
    acknowledged: int = 0
    """The number of the last OutboxBatch that is committed."""
    damage: str = ""
    """The damage that was found in the database; '' for none."""
    limited: list[str] = []
    """Namespaces that recently reached a limit, and a size limit that could not be kept. Health is degraded."""
    slow: str = ""
    """Why recording is late; '' if it is not."""
    notes: list[str] = []
    """Namespaces that recently reached a limit of the log. Everything is recorded, so health does not change."""
    findings: dict[str, tuple[int, int]] = {}
    """For each side process, the number of its pipe, and of the last finding from there that is committed."""


class AssessmentReport(msgspec.Struct, frozen=True, tag=True):
    """From the writer, at its start and when an assessment has ended."""

    block: str
    """The block `assessment` of the status ConfigMap, as JSON."""
    ended_ms: int
    """When the newest assessment ended, in ms since 1970; 0 for never."""
    score: float
    """The part of its checks that pass."""


class ArgoCdReport(msgspec.Struct, frozen=True, tag=True):
    """From the writer, at its start and when something about Argo CD or its Applications has changed."""

    block: str
    """The block `argocd` of the status ConfigMap, as JSON."""


class AssessmentProgress(msgspec.Struct, frozen=True, tag=True):
    """From the assessor: how far an assessment is."""

    assessment: str
    checks_done: int
    checks_total: int
    reading: str
    """The kind that is being listed; '' between the lists."""
    objects: int
    """How many objects of it have been read."""


class CollectionReport(msgspec.Struct, frozen=True, tag=True):
    """From the writer, at its start and when a collection was stored or has failed."""

    stats: str
    """The block `collectionStats` of the status ConfigMap, as JSON."""
    succeeded_ms: dict[str, int]
    """When each type was last collected, in ms since 1970; 0 for never."""


class CollectionsFailed(msgspec.Struct, frozen=True, tag=True):
    """From the collector, at the end of a run."""

    types: list[str]
    """Of the collections that failed."""


class RegistrationSaid(msgspec.Struct, frozen=True, tag=True):
    """From the registrar: what became of a registration. It is in the database."""

    outcome: str
    wait_ms: int
    """After this time it is tried again, or made again; 0 for as usual."""


class FindingsRefused(msgspec.Struct, frozen=True, tag=True):
    """From the writer: it reads a pipe of findings no longer, because of what came from there."""

    process: str
    pipe: int
    """The number of the pipe."""
    reason: str


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a watch, for the log."""

    why: str
    error: str
    of_all: bool
    """The cause is the server or the operator, not the resource: all watches have it, or will have it."""


class WatcherReport(msgspec.Struct, frozen=True, tag=True):
    """From a watcher, with each heartbeat: the state of each of its sources."""

    troubles: dict[str, str]
    """What is wrong with each source now; '' for nothing."""
    waiting: dict[str, int] = {}
    """Observations in the outbox of each source."""
    dropped: dict[str, int] = {}
    """Observations dropped since the process started."""
    failures: dict[str, int] = {}
    """Requests and streams that failed since the process started."""
    undecodable: dict[str, list[str]] = {}
    """The latest objects that could not be decoded: namespace, name and version."""
    problems: dict[str, Problem | None] = {}
    """The problem of each source for the log, None for none. Sources whose state is unknown yet are absent."""


class AnalyzerReport(msgspec.Struct, frozen=True, tag=True):
    """From the analyzer, with each heartbeat while it waits."""

    analyzed_ms: int
    """When it last looked at the record, in ms since 1970; 0 if it has not yet."""
    unresolved: dict[Labels, int]
    """How many insights are active or quiet, by category and severity."""


class SinkReport(msgspec.Struct, frozen=True, tag=True):
    """From the sink, with each heartbeat: how far it is. Times are in ms since 1970; 0 for never."""

    lag_seconds: float
    """Since when there was always something left to send; 0 if there is nothing."""
    pending: int
    """About how many changes and events are left to send."""
    settled_ms: int
    trouble: str
    """Why nothing can be sent; '' if it can, or if that may pass soon."""


class OutboxBatch(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor: events about the operator, for the writer. The watcher of the status ConfigMap gets health only."""

    number: int
    """1, 2, 3, …; the writer acknowledges it after the commit."""
    observations: list[Observation]
    dropped: int
    """How many observations were dropped before these."""
    health: str
    """The current health as JSON: {"status", "reasons"}, for the writer with {"troubles"} by source if there are any."""


class NewPipe(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor: one end of a pipe of findings, for the writer or for a side process. The file descriptor follows."""

    process: str
    """The side process."""
    pipe: int
    """1, 2, 3, …; the number of the pipe."""


class Acknowledged(msgspec.Struct, frozen=True, tag=True):
    """From the supervisor to a side process: its findings up to this number are committed."""

    number: int


class StatusMapReport(msgspec.Struct, frozen=True, tag=True):
    """From the watcher that keeps the status ConfigMap."""

    last_written_ms: int
    """When the ConfigMap was last written, in ms since 1970; 0 if never."""
    trouble: str
    """Why it cannot be written now; '' if it can."""
    permanent: bool
    """The trouble does not end by itself."""


Message = (
    Heartbeat
    | Ready
    | Fatal
    | Failed
    | WriterReport
    | AssessmentReport
    | ArgoCdReport
    | AssessmentProgress
    | CollectionReport
    | CollectionsFailed
    | RegistrationSaid
    | FindingsRefused
    | WatcherReport
    | AnalyzerReport
    | SinkReport
    | TallyReport
    | StatusMapReport
)
"""From a child."""
Order = OutboxBatch | NewPipe | Acknowledged
"""From the supervisor, beside FLUSH and ABANDON."""
_encoder = msgspec.msgpack.Encoder()
_order_decoder: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message | Order) -> bytes:
    """Encodes a message as msgpack."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """Decodes a message of a child."""
    return _decoder.decode(data)


def decode_order(data: bytes) -> Order:
    """Decodes a message of the supervisor, which is neither FLUSH nor ABANDON."""
    return _order_decoder.decode(data)
