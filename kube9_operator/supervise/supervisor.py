"""Starts, watches over and stops the child processes. It knows neither Kubernetes nor SQL.

One writer and some watchers make a generation. Any end of a child ends the generation, because a queue does not survive the
death of a process that uses it; the next one goes on from the versions that the writer stored, so nothing is lost.
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
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import MAX_FRAMES_IN_QUEUE
from kube9_operator.supervise import exits, messages
from kube9_operator.supervise.aggregation import Figures
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.operator_events import Diary
from kube9_operator.supervise.problems import Problems
from kube9_operator.supervise.process import Child, Role, multiprocessing_pids
from kube9_operator.supervise.signals import asked_to_stop, signals_held_back

EXIT_OK = 0


class Ending(msgspec.Struct, frozen=True):
    """Why a generation ended; `reason` is '' when a signal asked for it."""

    reason: str
    for_good: bool = False
    process: str = ""
    """Which one ended it."""


class Supervisor:
    """Runs generations until a signal or a reason that will not pass."""

    def __init__(
        self,
        writer: Role,
        watchers: list[Role],
        deadlines: Deadlines,
        log_level: str,
        preload: str,
        health: Health,
        figures: Figures,
        diary: Diary,
    ) -> None:
        self._writer_role = writer
        self._watcher_roles = watchers
        self._deadlines = deadlines
        self._log_level = log_level
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([preload])
        self._health = health
        self._figures = figures
        self._diary = diary
        self._log = logs.get()
        self._problems = Problems(2 * deadlines.beat)
        self._signals: set[int] = set()
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._children: list[Child] = []
        self._writer_is_ready = False
        self._queue: Any = None

    def run(self) -> int:
        """Runs until SIGTERM, SIGINT or SIGHUP; returns the exit code."""
        self._note_signals()
        wait = self._deadlines.restart_first
        while True:
            began = time.monotonic()
            ending = self._start() or self._watch_over()
            self._end(ending)
            if not ending.reason:
                self._log.info("operator.stopped")
                return EXIT_OK
            if ending.for_good:
                self._log.error("operator.cannot_run", reason=ending.reason)
                return exits.EXIT_FOR_GOOD
            if time.monotonic() - began > self._deadlines.healthy_after:
                wait = self._deadlines.restart_first
            self._log.warning("generation.ended", reason=ending.reason, again_in_seconds=wait)
            self._diary.ended(ending.process, ending.reason)
            if self._sleep(wait):
                self._log.info("operator.stopped")
                return EXIT_OK
            wait = min(wait * 2, self._deadlines.restart_most)

    # Signals are only noted; the loops below act on them.

    def _note_signals(self) -> None:
        self._wakeup.setblocking(False)
        self._wakeup_writer.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        for number in asked_to_stop():
            signal.signal(number, lambda noted, _frame: self._signals.add(noted))
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes the loop, which looks for orphans

    def _wait(self, others: Iterable[Any], seconds: float) -> list[Any]:
        """Waits for one of these, for so many seconds at most, and no longer than a beat, so that the loop turns."""
        ready = connection.wait([self._wakeup, *others], min(max(0.0, seconds), self._deadlines.beat))
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(4096)
        self._reap_orphans()
        self._health.turned()
        self._diary.look()
        return [one for one in ready if one is not self._wakeup]

    def _sleep(self, seconds: float) -> bool:
        """Waits, and says whether a signal asked to stop meanwhile."""
        until = time.monotonic() + seconds
        while not self._signals and time.monotonic() < until:
            self._wait([], until - time.monotonic())
        return bool(self._signals)

    def _reap_orphans(self) -> None:
        """As PID 1 this process inherits what others leave behind; what multiprocessing waits for is left to it."""
        if os.getpid() != 1:
            return
        ours = {one.process.pid for one in self._children} | multiprocessing_pids()
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in ours:
                return
            os.waitpid(found.si_pid, 0)

    # A generation

    def _start(self) -> Ending | None:
        """Starts the writer; the watchers follow when it has said from where they go on."""
        try:
            with signals_held_back():
                self._queue = self._context.Queue(MAX_FRAMES_IN_QUEUE)
        except OSError as error:  # multiprocessing's resource tracker has died this very moment; the next try has a new one
            self._queue = None
            return Ending(f"a queue cannot be made: {logs.one_line(error)}")
        return self._spawn([self._writer_role])

    def _spawn(self, roles: list[Role], *first: Any) -> Ending | None:
        """Starts processes, each with the queue and `first` before its own arguments; an Ending where that fails."""
        for role in roles:
            try:
                with signals_held_back():
                    arguments = (self._queue, *first, *role.arguments)
                    started = Child(role, arguments, self._deadlines, self._log_level, self._context)
            except (OSError, EOFError) as error:  # the fork server has died in the midst
                return Ending(f"{role.name} cannot be started: {logs.one_line(error)}", process=role.name)
            self._children.append(started)
            self._figures.started(role.name)
            self._log.debug("process.started", name=role.name, pid=started.process.pid)
        self._health.began([one.name for one in self._children])
        return None

    def _watch_over(self) -> Ending:
        """Returns when the generation has to end."""
        while True:
            if self._signals:
                return Ending("")
            now = time.monotonic()
            for one in self._children:
                if now > one.expected_by:
                    return Ending(f"{one.name} hangs in phase {one.phase!r}", process=one.name)
            self._tell()
            for line in self._problems.look(now):
                (self._log.info if line.is_over else self._log.warning)(line.event, **line.fields)
            next_deadline = min(one.expected_by for one in self._children)
            waited_for: dict[Any, Child] = {one.pipe: one for one in self._children if not one.pipe.closed}
            waited_for |= {one.process.sentinel: one for one in self._children}
            ready = self._wait(waited_for, next_deadline - now)
            for one in {waited_for[which].name: waited_for[which] for which in ready}.values():
                ending = self._listen(one)
                if ending:
                    return ending

    def _listen(self, one: Child) -> Ending | None:
        """Takes what the child said; says whether the generation ends by it."""
        with contextlib.suppress(EOFError, OSError):
            while one.pipe.poll():
                message = messages.decode(one.pipe.recv_bytes())
                self._health.heard(one.name, message)
                self._figures.heard(one.name, message)
                self._problems.heard(message, time.monotonic())
                match message:
                    case messages.Beat() as beat:
                        one.heard(beat)
                        if one.is_told:
                            one.tell(self._health.told())
                    case messages.Recording(told=number):
                        self._diary.committed(number)
                    case messages.Failed(reason):
                        one.failure = f": {reason}"
                    case messages.Ready() as ready:
                        self._diary.writer_is_ready(ready.last_word_ms)
                        self._writer_is_ready = True
                        failed = self._spawn(self._watcher_roles, ready)
                        if failed:
                            return failed
                    case messages.Fatal(reason):
                        return Ending(reason, for_good=True)
        if one.process.is_alive():
            return None
        code = one.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return Ending(f"{one.name} {how}{one.failure}", process=one.name)

    def _tell(self, hurry: bool = False) -> None:
        """Tells the writer what the diary has for it. Never blocks: one telling at a time is less than the pipe takes."""
        told = self._diary.next(hurry) if self._writer_is_ready else None
        if told:
            self._children[0].say(messages.encode(told))

    def _end(self, ending: Ending) -> None:
        """Ends the generation. The order is the point: every step has a deadline, and none waits for the one after it."""
        asked = not ending.reason
        word = messages.FLUSH if asked else messages.ABANDON
        writer, watchers = self._children[:1], self._children[1:]
        # 1. The watchers stop reading and hand over what they have.
        for one in watchers:
            one.say(word)
        self._join(watchers, self._deadlines.stop_watchers)
        # 2. Those that did not are killed: nothing new comes from here on.
        self._kill(watchers)
        # 3. The writer commits what came, also that the operator stops, and closes the database.
        if asked:
            self._diary.stops()
            self._tell(hurry=True)
        for one in writer:
            one.say(word)
        self._join(writer, self._deadlines.flush)
        # 4. Or is killed: what it has not committed is read again from the API server by the next generation.
        self._kill(writer)
        # 5. Pipes and queue go: whoever still lives ends itself by the closed pipe.
        for one in self._children:
            one.pipe.close()
        if self._queue is not None:
            self._queue.close()
            self._queue.join_thread()
        self._children, self._writer_is_ready = [], False

    def _join(self, children: list[Child], seconds: float) -> None:
        until = time.monotonic() + seconds
        while (alive := [one for one in children if one.process.is_alive()]) and time.monotonic() < until:
            # Reading goes on, so that no child blocks on a full pipe, and what it counted to its end is not lost.
            self._wait([one.process.sentinel for one in alive], min(0.2, until - time.monotonic()))
            for one in alive:
                with contextlib.suppress(EOFError, OSError):
                    while one.pipe.poll():
                        self._figures.heard(one.name, messages.decode(one.pipe.recv_bytes()))

    def _kill(self, children: list[Child]) -> None:
        for one in children:
            if one.process.is_alive():
                self._log.warning("process.killed", name=one.name, phase=one.phase)
            one.kill()
        self._join(children, self._deadlines.kill)
        for one in children:
            with contextlib.suppress(ValueError):
                one.process.join(0)
