"""What every child process does: says that it lives, ends when asked or when the supervisor is gone, and why it failed."""

import importlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from kube9_operator import interpreter, logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import Observation
from kube9_operator.model.tally import Tallied, Tally

EXIT_DONE = 0
EXIT_FAILED = 1
"""The generation ends and another begins."""
EXIT_FOR_GOOD = 78
"""EX_CONFIG of sysexits.h: it will not pass, the pod stops with the reason."""
EXIT_ORPHANED = 79

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


class CannotStart(Exception):
    """Raised by a child for a reason that will not pass by starting again; its text is for the user."""


class BeginAgain(Exception):
    """Raised by a child for a reason that is understood and that the next generation does not meet."""


def decode(data: bytes) -> Message:
    """A message that a child sent."""
    return _decoder.decode(data)


def encode_batch(told: OutboxBatch) -> bytes:
    """The bytes of a telling, for the pipe of the writer."""
    return _encoder.encode(told)


class Link:
    """A child's end of its control pipe. `stop` is set when it is to end; `abandon` says that nothing is worth flushing."""

    def __init__(self, connection: Connection, deadlines: Deadlines) -> None:
        self.stop = threading.Event()
        self.abandon = False
        self.tally = Tally()
        """What this process counts for /metrics; goes with every beat."""
        self._sending = threading.Lock()
        self.told: queue.SimpleQueue[OutboxBatch] = queue.SimpleQueue()
        """What the supervisor has told so far and nobody has taken."""
        self._connection = connection
        self._deadlines = deadlines
        self._last = Beat("", deadlines.hang)
        self._last_beat = 0.0
        threading.Thread(target=self._listen, name="control", daemon=True).start()

    def beat(self, phase: str = "running", deadline: float | None = None, report: Callable[[], Message] | None = None) -> None:
        """Says that the loop turns; to be called every turn, sends no more than needed. What `report` gives goes with it."""
        now = time.monotonic()
        if phase == self._last.phase and now - self._last_beat < self._deadlines.beat:
            return
        self._last, self._last_beat = Beat(phase, self._deadlines.hang if deadline is None else deadline), now
        self.send(self._last)
        self.send(self.tally.report())
        if report is not None:
            self.send(report())

    def again(self, report: Message | None = None) -> None:
        """From another thread: says that the loop, which is at something long, makes progress."""
        if time.monotonic() - self._last_beat >= self._deadlines.beat:
            self.send(self._last)
            if report is not None:
                self.send(report)

    def send(self, message: Message) -> None:
        """Sends a message to the supervisor; one that has gone ends this process by `_listen`, not here."""
        try:
            with self._sending:
                self._connection.send_bytes(_encoder.encode(message))
        except OSError:
            self.stop.set()

    def _listen(self) -> None:
        try:
            while (word := self._connection.recv_bytes()) not in (FLUSH, ABANDON):
                self.told.put(_batch_decoder.decode(word))
            self.abandon = word == ABANDON
            self.stop.set()
            if not self.abandon:
                self._connection.recv_bytes()
        except (EOFError, OSError):
            pass
        # Nothing is worth flushing, or the pipe is closed because the supervisor has died: this process may be stuck in a
        # queue that another's death has damaged, and must end all the same.
        self.abandon = True
        self.stop.set()
        time.sleep(self._deadlines.orphan_exit)
        os._exit(EXIT_ORPHANED)


def run(
    target: str,
    name: str,
    connection: Connection,
    deadlines: Deadlines,
    log_level: str,
    safe_path: bool,
    arguments: tuple[Any, ...],
) -> None:
    """The body of every child: calls `target` ("module:function") with a Link and the arguments, and ends the process.

    `safe_path` says whether the user has set PYTHONSAFEPATH.
    """
    interpreter.set_up_child(safe_path)
    logs.configure(log_level, name)
    link = Link(connection, deadlines)
    module, _, function = target.partition(":")
    try:
        getattr(importlib.import_module(module), function)(link, *arguments)
    except CannotStart as error:
        link.send(Fatal(str(error)))
        sys.exit(EXIT_FOR_GOOD)
    except ImportError as error:
        link.send(Fatal(interpreter.incomplete(error)))
        sys.exit(EXIT_FOR_GOOD)
    except Exception as error:
        logs.get().error("process.failed", error=logs.one_line(error))
        link.send(Failed(logs.one_line(error)))
        logs.get().debug("process.failed.traceback", exc_info=True)
        sys.exit(EXIT_FAILED)
    finally:
        link.send(link.tally.report())
    sys.exit(EXIT_DONE)
