"""A child process as the supervisor sees it: starts it, sends to it, and kills it."""

import contextlib
import os
import signal
import sys
import time
from multiprocessing import context, reduction
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise import child
from kube9_operator.supervise.messages import Heartbeat, NewPipe, OutboxBatch, encode


class Role(msgspec.Struct, frozen=True):
    """What a child process is: its name in logs, its function ("module:function") and the arguments after link and queue."""

    name: str
    target: str
    arguments: tuple[Any, ...]
    receives_health: bool = False
    """It is sent the health whenever that changes."""


class ChildProcess:
    """A running child process and the supervisor's end of its control pipe."""

    def __init__(
        self, role: Role, arguments: tuple[Any, ...], deadlines: Deadlines, level: str, ctx: context.ForkServerContext
    ) -> None:
        self.name = role.name
        self.receives_health = role.receives_health
        self._last_health: OutboxBatch | None = None
        self.pipe, theirs = ctx.Pipe()
        self.process = ctx.Process(
            target=child.run,
            name=role.name,
            args=(role.target, role.name, theirs, deadlines, level, bool(sys.flags.safe_path), arguments),
        )
        self.process.start()
        theirs.close()
        self.phase = "starting"
        self.failure = ""
        """The error that the child reported before it ended."""
        self.expected_by = time.monotonic() + deadlines.hang
        """When the next heartbeat is due, by the monotonic clock."""

    def note_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Extends the time by which the next heartbeat is due."""
        self.phase = heartbeat.phase
        self.expected_by = time.monotonic() + heartbeat.deadline

    def send_health(self, health: OutboxBatch) -> None:
        """Sends the health if it has changed. This is rare and short, so the pipe to a child that hangs never fills."""
        if health != self._last_health:
            self._last_health = health
            self.send(encode(health))

    def send(self, data: bytes) -> None:
        """Sends an order or a batch. Does nothing if the child is gone."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(data)

    def send_pipe(self, order: NewPipe, end: Connection) -> None:
        """Sends one end of a pipe, which the child receives with a descriptor of its own. Does nothing if the child is gone."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(encode(order))
            reduction.send_handle(self.pipe, end.fileno(), self.process.pid)

    def how_it_ended(self) -> str:
        """Returns how it ended, as the end of a sentence that begins with its name."""
        code = self.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{how}{self.failure}"

    def kill(self) -> None:
        """Kills the child by its pid. After the death of the fork server, multiprocessing would believe that it is dead."""
        if self.process.pid is not None and self.process.exitcode in (None, 255):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)


def multiprocessing_pids() -> set[int | None]:
    """Returns the pids of the fork server and the resource tracker. Python has no public name for them."""
    from multiprocessing import forkserver, resource_tracker

    server: Any = forkserver._forkserver
    tracker: Any = resource_tracker._resource_tracker
    return {server._forkserver_pid, tracker._pid}
