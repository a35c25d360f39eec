"""Starts and watches the side processes, whose death ends nothing but themselves: analyzer, assessor and sink.

Each sends its findings to the writer over a pipe of its own. When a side process ends, it gets a new pipe with its next start.
When the writer ends, all side processes go on, and get a pipe to the next writer.
"""

import contextlib
import time
from multiprocessing import context
from typing import Any, Protocol

import msgspec

from kube9_operator import logs
from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import TallyReport
from kube9_operator.supervise import messages
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.exits import EXIT_DONE
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.operator_events import OperatorEvents
from kube9_operator.supervise.process import ChildProcess, Role
from kube9_operator.supervise.signals import signals_held_back

MAX_MESSAGES = 50
"""So many messages of a side process are handled in one turn of the supervisor's loop. The others wait in the pipe."""


class Runs(Protocol):
    """Decides when a side process runs, and is told what happens to it."""

    def writer_ready(self, ready: messages.Ready) -> None:
        """A writer has opened the database: here is what is stored."""

    def due(self) -> tuple[Any, ...] | None:
        """Is asked while the process does not run: returns the arguments of a run that is to begin now, None for no run."""

    def receive(self, message: messages.Message) -> None:
        """The process says something that only concerns its work."""

    def ended(self, failure: str) -> None:
        """The process has ended: `failure` says how, '' if it has done its work."""


class Always:
    """A side process that runs all the time, without arguments for this run."""

    def writer_ready(self, ready: messages.Ready) -> None:
        """Does nothing."""

    def due(self) -> tuple[Any, ...]:
        """Returns no arguments."""
        return ()

    def receive(self, message: messages.Message) -> None:
        """Does nothing."""

    def ended(self, failure: str) -> None:
        """Does nothing."""


class SideRole(msgspec.Struct, frozen=True):
    """What a side process is, and when it runs."""

    role: Role
    """Its function is called with the link, the end of its pipe, the arguments of the run, and those of the role."""
    runs: Runs = Always()


class SideProcess:
    """One side process, running or not."""

    def __init__(self, role: SideRole, deadlines: Deadlines) -> None:
        self.role = role.role
        self.name = role.role.name
        self.runs = role.runs
        self.child: ChildProcess | None = None
        self.pipe = 0
        """The number of its pipe."""
        self.acknowledged = 0
        """The number of the last finding that it knows to be committed."""
        self.began = 0.0
        self.not_before = 0.0
        """When it may start, by the monotonic clock."""
        self.why_killed = ""
        """Why it is being ended; '' if it is not."""
        self.failure = ""
        """How it failed last; '' once it has worked for a while."""
        self.failing_since = 0.0
        """When it failed for the first time since it has worked."""
        self.backoff = Backoff(deadlines.side_first, deadlines.side_most, jitter=(1.0, 1.0))


class SideProcesses:
    """All of them. Nothing here waits, and nothing raises."""

    def __init__(
        self,
        roles: list[SideRole],
        deadlines: Deadlines,
        log_level: str,
        ctx: context.ForkServerContext,
        health: Health,
        metrics: MetricTotals,
        operator_events: OperatorEvents,
    ) -> None:
        self._sides = [SideProcess(role, deadlines) for role in roles]
        self._deadlines = deadlines
        self._log_level = log_level
        self._context = ctx
        self._health = health
        self._metrics = metrics
        self._operator_events = operator_events
        self._log = logs.get()
        self._writer: ChildProcess | None = None
        self._pipes = 0
        self.cannot_run = ""
        """Why a restart cannot help, such as a missing module: it ends the operator, as with all other processes."""

    def children(self) -> list[ChildProcess]:
        """Returns those that run."""
        return [side.child for side in self._sides if side.child]

    def waited_for(self) -> list[Any]:
        """Returns what becomes ready when `turn` has something to do."""
        children = self.children()
        return [child.pipe for child in children if not child.pipe.closed] + [child.process.sentinel for child in children]

    def writer_ready(self, writer: ChildProcess, ready: messages.Ready) -> None:
        """A new writer can be sent findings: each process that runs gets a pipe to it, and others may start."""
        self._writer = writer
        for side in self._sides:
            side.runs.writer_ready(ready)
            if side.child:
                with contextlib.suppress(OSError):  # without a pipe it waits for the next writer
                    self._connect(side, writer, side.child)

    def writer_ends(self) -> None:
        """The writer ends: nothing is started until there is another one."""
        self._writer = None

    def turn(self) -> None:
        """Reads messages, notes which processes have ended, ends those that hang, and starts those that are due."""
        for side in self._sides:
            if side.child:
                self._look_at(side, side.child)
            if side.child is None and self._writer and not self.cannot_run and time.monotonic() >= side.not_before:
                arguments = side.runs.due()
                if arguments is not None:
                    self._start(side, self._writer, arguments)
        self._health.set_side_processes(self._phases(), self._lasting_failures())

    def acknowledge(self, committed: dict[str, tuple[int, int]]) -> None:
        """Tells each process which of its findings are committed: the numbers of its pipe, and of the last finding."""
        for side in self._sides:
            pipe, number = committed.get(side.name, (0, 0))
            if side.child and pipe == side.pipe and number > side.acknowledged:
                side.acknowledged = number
                side.child.send(messages.encode(messages.Acknowledged(number)))

    def refuse(self, refused: messages.FindingsRefused) -> None:
        """Ends a process that has sent what is no finding."""
        for side in self._sides:
            if side.child and refused.pipe == side.pipe:
                self._end(side, side.child, f"sent an invalid finding: {refused.reason}")

    # One process

    def _start(self, side: SideProcess, writer: ChildProcess, arguments: tuple[Any, ...]) -> None:
        try:
            with signals_held_back():
                reader, end = self._context.Pipe(duplex=False)
                with reader, end:
                    given = (end, *arguments, *side.role.arguments)
                    child = ChildProcess(side.role, given, self._deadlines, self._log_level, self._context)
                    side.pipe = self._next_pipe()
                    writer.send_pipe(messages.NewPipe(side.name, side.pipe), reader)
        except (OSError, EOFError) as error:  # the fork server died meanwhile, for example
            self._failed(side, f"cannot be started: {logs.one_line(error)}")
            return
        side.child, side.acknowledged, side.why_killed, side.began = child, 0, "", time.monotonic()
        self._metrics.process_started(side.name, is_restart=bool(side.failure))
        self._log.debug("process.started", name=side.name, pid=child.process.pid)

    def _connect(self, side: SideProcess, writer: ChildProcess, child: ChildProcess) -> None:
        """Gives a running process a pipe to a new writer. Raises OSError."""
        reader, end = self._context.Pipe(duplex=False)
        with reader, end:
            side.pipe = self._next_pipe()
            order = messages.NewPipe(side.name, side.pipe)
            writer.send_pipe(order, reader)
            child.send_pipe(order, end)

    def _next_pipe(self) -> int:
        self._pipes += 1
        return self._pipes

    def _look_at(self, side: SideProcess, child: ChildProcess) -> None:
        """Reads what a process says, and notes if it has ended. One that hangs is killed, and has ended at the next look."""
        alive = child.process.is_alive()
        try:
            for _ in range(MAX_MESSAGES):
                if child.pipe.closed or not child.pipe.poll():
                    break
                self._receive(side, child, messages.decode(child.pipe.recv_bytes()))
        except (EOFError, OSError):
            child.pipe.close()
        except msgspec.MsgspecError as error:
            self._end(side, child, f"sent an invalid message: {logs.one_line(error)}")
        if not alive:
            self._ended(side, child)
        elif time.monotonic() > child.expected_by and not side.why_killed:
            self._end(side, child, f"hangs in phase {child.phase!r}")

    def _receive(self, side: SideProcess, child: ChildProcess, message: messages.Message) -> None:
        match message:
            case messages.Heartbeat() as heartbeat:
                child.note_heartbeat(heartbeat)
                if side.failure and time.monotonic() - side.began > self._deadlines.healthy_after:
                    self._works(side)
            case TallyReport() | messages.AnalyzerReport():
                self._metrics.receive(side.name, message)
            case messages.SinkReport():
                self._metrics.receive(side.name, message)
                self._health.note_sink(message.trouble)
            case messages.Fatal(reason):
                self.cannot_run = reason
            case messages.Failed(reason):
                child.failure = f": {reason}"
            case _:
                side.runs.receive(message)

    def _end(self, side: SideProcess, child: ChildProcess, why: str) -> None:
        """Kills a process. That it has ended is noted by `_look_at`."""
        side.why_killed = why
        child.kill()

    def _ended(self, side: SideProcess, child: ChildProcess) -> None:
        child.kill()  # if only the fork server has died, it still runs
        child.pipe.close()
        is_done = child.process.exitcode == EXIT_DONE and not side.why_killed
        side.child = None
        if self.cannot_run:
            return
        if is_done or time.monotonic() - side.began > self._deadlines.healthy_after:
            self._works(side)
        if is_done:
            side.runs.ended("")
            side.not_before = time.monotonic() + self._deadlines.side_first
            return
        self._failed(side, side.why_killed or child.how_it_ended())

    def _works(self, side: SideProcess) -> None:
        """Forgets the failures of a process that has ended in order, or has run for a while."""
        side.failure = ""
        side.backoff.reset()

    def _failed(self, side: SideProcess, why: str) -> None:
        """Notes a failure, and when to try again."""
        now = time.monotonic()
        wait = side.backoff.next()
        side.not_before = now + wait
        side.failing_since = side.failing_since if side.failure else now
        side.failure = why
        side.runs.ended(why)
        self._log.warning("process.failed", name=side.name, reason=why, wait_seconds=wait)
        self._operator_events.note_side_failure(side.name, f"{side.name} {why}")

    # Health

    def _phases(self) -> dict[str, str]:
        """Returns what each process does that runs, or has failed."""
        running = {side.name: side.child.phase for side in self._sides if side.child}
        return {side.name: "waiting to be started again" for side in self._sides if side.failure} | running

    def _lasting_failures(self) -> list[str]:
        now = time.monotonic()
        return [
            f"the {side.name} has failed again and again for {int(now - side.failing_since) // 60} minutes: it {side.failure}"
            for side in self._sides
            if side.failure and now - side.failing_since > self._deadlines.side_patience
        ]
