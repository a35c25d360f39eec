"""Starts, watches and stops the child processes. It knows neither Kubernetes nor SQL.

The writer and the watchers are a *worker generation*. When one of them ends, the supervisor stops all of them and starts new
ones, because a multiprocessing queue does not survive the death of a process that uses it. The new ones continue from the
versions that the writer committed, so nothing is lost. Side processes do not use the queue: supervise/sides.py keeps them.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterable
from multiprocessing import connection, get_context
from typing import Any

import msgspec

from kube9_operator import logs
from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import MAX_FRAMES_IN_QUEUE
from kube9_operator.supervise import exits, messages
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.operator_events import OperatorEvents
from kube9_operator.supervise.problems import ProblemLog
from kube9_operator.supervise.process import ChildProcess, Role, multiprocessing_pids
from kube9_operator.supervise.sides import SideProcesses, SideRole
from kube9_operator.supervise.signals import asked_to_stop, signals_held_back

EXIT_OK = 0


class Ending(msgspec.Struct, frozen=True):
    """Why a worker generation ended; `reason` is '' if a signal asked for it."""

    reason: str
    for_good: bool = False
    """A restart cannot help."""
    process: str = ""
    """The process that ended or hung."""


class Supervisor:
    """Runs worker generations until a signal stops it, or until a restart cannot help."""

    def __init__(
        self,
        writer: Role,
        watchers: list[Role],
        sides: list[SideRole],
        deadlines: Deadlines,
        log_level: str,
        preload: str,
        health: Health,
        metrics: MetricTotals,
        operator_events: OperatorEvents,
    ) -> None:
        self._writer_role = writer
        self._watcher_roles = watchers
        self._deadlines = deadlines
        self._log_level = log_level
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([preload])
        self._health = health
        self._metrics = metrics
        self._operator_events = operator_events
        self._log = logs.get()
        self._problems = ProblemLog(2 * deadlines.beat)
        self._signals: set[int] = set()
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._children: list[ChildProcess] = []
        """The writer first."""
        self._writer_is_ready = False
        self._queue: Any = None
        self._sides = SideProcesses(sides, deadlines, log_level, self._context, health, metrics, operator_events)

    def run(self) -> int:
        """Runs until SIGTERM, SIGINT or SIGHUP. Returns the exit code."""
        self._note_signals()
        try:
            return self._run()
        finally:
            self._stop_sides(self._deadlines.kill)

    def _run(self) -> int:
        backoff = Backoff(self._deadlines.restart_first, self._deadlines.restart_most, jitter=(1.0, 1.0))
        while True:
            began = time.monotonic()
            ending = self._start_writer() or self._supervise()
            self._stop_children(ending)
            if not ending.reason:
                self._log.info("operator.stopped")
                return EXIT_OK
            if ending.for_good:
                self._log.error("operator.cannot_run", reason=ending.reason)
                return exits.EXIT_FOR_GOOD
            if time.monotonic() - began > self._deadlines.healthy_after:
                backoff.reset()
            wait = backoff.next()
            self._log.warning("workers.restarting", reason=ending.reason, wait_seconds=wait)
            self._operator_events.note_failure(ending.process, ending.reason)
            if self._sleep(wait):
                self._log.info("operator.stopped")
                return EXIT_OK

    # Signals: the handlers only note them, and the loops below act on them.

    def _note_signals(self) -> None:
        self._wakeup.setblocking(False)
        self._wakeup_writer.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        for number in asked_to_stop():
            signal.signal(number, lambda noted, _frame: self._signals.add(noted))
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes the loop, which looks for orphans

    def _wait(self, objects: Iterable[Any], seconds: float) -> list[Any]:
        """Waits until one of the objects is ready. Returns after `seconds`, and after one heartbeat interval at most."""
        wanted = set(objects)
        ready = connection.wait(
            [self._wakeup, *wanted.union(self._sides.waited_for())], min(max(0.0, seconds), self._deadlines.beat)
        )
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(4096)
        self._reap_orphans()
        self._sides.turn()
        self._health.note_loop()
        self._operator_events.note_health_changes()
        return [found for found in ready if found in wanted]

    def _sleep(self, seconds: float) -> bool:
        """Waits. Returns whether a signal asked the operator to stop."""
        until = time.monotonic() + seconds
        while not self._signals and time.monotonic() < until:
            self._wait([], until - time.monotonic())
        return bool(self._signals)

    def _reap_orphans(self) -> None:
        """Reaps orphans, which PID 1 inherits. Leaves the processes that multiprocessing waits for."""
        if os.getpid() != 1:
            return
        ours = {child.process.pid for child in self._children + self._sides.children()} | multiprocessing_pids()
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in ours:
                return
            os.waitpid(found.si_pid, 0)

    # A worker generation

    def _start_writer(self) -> Ending | None:
        """Starts the writer. The watchers start when it says from which versions they continue."""
        try:
            with signals_held_back():
                self._queue = self._context.Queue(MAX_FRAMES_IN_QUEUE)
        except OSError as error:  # the resource tracker of multiprocessing has just died; the next attempt starts a new one
            self._queue = None
            return Ending(f"a queue cannot be made: {logs.one_line(error)}")
        return self._spawn([self._writer_role])

    def _spawn(self, roles: list[Role], *first: Any) -> Ending | None:
        """Starts processes. Each gets the queue and `first` before its own arguments. Returns an Ending if that fails."""
        for role in roles:
            try:
                with signals_held_back():
                    arguments = (self._queue, *first, *role.arguments)
                    started = ChildProcess(role, arguments, self._deadlines, self._log_level, self._context)
            except (OSError, EOFError) as error:  # the fork server died meanwhile
                return Ending(f"{role.name} cannot be started: {logs.one_line(error)}", process=role.name)
            self._children.append(started)
            self._metrics.process_started(role.name)
            self._log.debug("process.started", name=role.name, pid=started.process.pid)
        self._health.set_processes([child.name for child in self._children])
        return None

    def _supervise(self) -> Ending:
        """Runs the main loop until the worker generation must end."""
        while True:
            if self._signals:
                return Ending("")
            if self._sides.cannot_run:
                return Ending(self._sides.cannot_run, for_good=True)
            now = time.monotonic()
            for child in self._children:
                if now > child.expected_by:
                    return Ending(f"{child.name} hangs in phase {child.phase!r}", process=child.name)
            self._send_operator_events()
            for line in self._problems.new_lines(now):
                (self._log.info if line.is_over else self._log.warning)(line.event, **line.fields)
            next_deadline = min(child.expected_by for child in self._children)
            waited_for: dict[Any, ChildProcess] = {child.pipe: child for child in self._children if not child.pipe.closed}
            waited_for |= {child.process.sentinel: child for child in self._children}
            ready = self._wait(waited_for, next_deadline - now)
            for child in {waited_for[which].name: waited_for[which] for which in ready}.values():
                ending = self._receive(child)
                if ending:
                    return ending

    def _receive(self, child: ChildProcess) -> Ending | None:
        """Handles the messages of a child. Returns an Ending if the worker generation must end."""
        with contextlib.suppress(EOFError, OSError):
            while child.pipe.poll():
                ending = self._receive_message(child, messages.decode(child.pipe.recv_bytes()))
                if ending:
                    return ending
        if child.process.is_alive():
            return None
        return Ending(f"{child.name} {child.how_it_ended()}", process=child.name)

    def _receive_message(self, child: ChildProcess, message: messages.Message) -> Ending | None:
        """Handles one message. Returns an Ending if the worker generation must end."""
        self._health.receive(child.name, message)
        self._metrics.receive(child.name, message)
        self._problems.receive(message, time.monotonic())
        match message:
            case messages.Heartbeat() as heartbeat:
                child.note_heartbeat(heartbeat)
                if child.receives_health:
                    child.send_health(self._health.for_status_map())
            case messages.WriterReport(acknowledged=number, findings=committed):
                self._operator_events.acknowledge(number)
                self._sides.acknowledge(committed)
            case messages.FindingsRefused() as refused:
                self._sides.refuse(refused)
            case messages.Failed(reason):
                child.failure = f": {reason}"
            case messages.Ready() as ready:
                self._operator_events.note_writer_ready(ready.last_alive_ms)
                self._writer_is_ready = True
                self._sides.writer_ready(child, ready)
                return self._spawn(self._watcher_roles, ready)
            case messages.Fatal(reason):
                return Ending(reason, for_good=True)
        return None

    def _send_operator_events(self, final: bool = False) -> None:
        """Sends the writer a batch of operator events, if there is one. Never blocks: one batch is smaller than the pipe."""
        batch = self._operator_events.next_batch(final) if self._writer_is_ready else None
        if batch:
            self._children[0].send(messages.encode(batch))

    def _stop_children(self, ending: Ending) -> None:
        """Ends the worker generation. Every step has a deadline, and no step waits for a later one."""
        asked = not ending.reason
        order = messages.FLUSH if asked else messages.ABANDON
        writer, watchers = self._children[:1], self._children[1:]
        # 1. The watchers stop reading and hand over what they have. Side processes end only if everything does.
        self._sides.writer_ends()
        first = watchers + (self._sides.children() if asked else [])
        for child in first:
            child.send(order)
        self._join(first, self._deadlines.stop_watchers)
        # 2. Those that are late are killed: from here on, nothing new arrives.
        self._kill(first)
        # 3. The writer commits what arrived, and that the operator stops. Then it closes the database.
        if asked:
            self._operator_events.note_stop()
            self._send_operator_events(final=True)
        for child in writer:
            child.send(order)
        self._join(writer, self._deadlines.flush)
        # 4. A writer that is late is killed. The next one reads what is not committed from the API server again.
        self._kill(writer)
        # 5. Pipes and queue are closed. A child that is still alive ends itself when its pipe closes.
        for child in self._children:
            child.pipe.close()
        if self._queue is not None:
            self._queue.close()
            self._queue.join_thread()
        self._children, self._writer_is_ready = [], False

    def _stop_sides(self, seconds: float) -> None:
        """Ends the side processes: an order first, and after `seconds` by force. What they find, they find again."""
        self._sides.writer_ends()
        for child in self._sides.children():
            child.send(messages.ABANDON)
        self._join(self._sides.children(), seconds)
        self._kill(self._sides.children())

    def _join(self, children: list[ChildProcess], seconds: float) -> None:
        until = time.monotonic() + seconds
        while (alive := [child for child in children if child.process.is_alive()]) and time.monotonic() < until:
            # Messages are read meanwhile, so that no child blocks on a full pipe, and its last counts are not lost.
            self._wait([child.process.sentinel for child in alive], min(0.2, until - time.monotonic()))
            for child in alive:
                with contextlib.suppress(EOFError, OSError):
                    while child.pipe.poll():
                        self._metrics.receive(child.name, messages.decode(child.pipe.recv_bytes()))

    def _kill(self, children: list[ChildProcess]) -> None:
        for child in children:
            if child.process.is_alive():
                self._log.warning("process.killed", name=child.name, phase=child.phase)
            child.kill()
        self._join(children, self._deadlines.kill)
        for child in children:
            with contextlib.suppress(ValueError):
                child.process.join(0)
