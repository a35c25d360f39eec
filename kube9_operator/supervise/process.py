"""A child process as the supervisor sees it: how it is started, asked to end and killed."""

import contextlib
import os
import signal
import sys
import time
from multiprocessing import context
from typing import Any

import msgspec

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise import child, messages


class Role(msgspec.Struct, frozen=True):
    """A child process: its name in logs, the function ("module:function") and what that is given besides link and queue."""

    name: str
    target: str
    arguments: tuple[Any, ...]
    is_told: bool = False
    """It hears how all are, whenever that changes."""


class Child:
    """A running child process and this side of its control pipe."""

    def __init__(
        self, role: Role, arguments: tuple[Any, ...], deadlines: Deadlines, level: str, ctx: context.ForkServerContext
    ) -> None:
        self.name = role.name
        self.is_told = role.is_told
        self._told: messages.OutboxBatch | None = None
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
        """What it says that it ends of."""
        self.expected_by = time.monotonic() + deadlines.hang

    def heard(self, beat: messages.Beat) -> None:
        """Notes that the child lives."""
        self.phase = beat.phase
        self.expected_by = time.monotonic() + beat.deadline

    def tell(self, health: messages.OutboxBatch) -> None:
        """Says how all are, where that has changed. Rare and short, so that the pipe to a child that hangs never fills."""
        if health != self._told:
            self._told = health
            self.say(msgspec.msgpack.encode(health))

    def say(self, word: bytes) -> None:
        """Tells the child something, or asks it to end; one that is gone already needs no telling."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(word)

    def kill(self) -> None:
        """Ends the child at once. By its id: multiprocessing takes the children of a dead fork server for dead."""
        if self.process.pid is not None and self.process.exitcode in (None, 255):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)


def multiprocessing_pids() -> set[int | None]:
    """The fork server and the resource tracker: no public name tells their ids."""
    from multiprocessing import forkserver, resource_tracker

    server: Any = forkserver._forkserver
    tracker: Any = resource_tracker._resource_tracker
    return {server._forkserver_pid, tracker._pid}
