"""Reads findings from the pipes of side processes, and records them. Nothing that comes from there holds up the writer."""

import queue
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import msgspec

from kube9_operator import logs
from kube9_operator.model.findings import MAX_FINDING_BYTES, Finding, Numbered, decode
from kube9_operator.model.observation import Observation
from kube9_operator.supervise.link import GivenPipe, Link
from kube9_operator.supervise.messages import FindingsRefused, NewPipe
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Outcome
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Session

MAX_IN_BATCH = 4
"""So many findings may a transaction have, at most MAX_FINDING_BYTES each: some milliseconds."""
MAX_READ = 2
"""So many are read ahead from a pipe. The others wait in the pipe, and then in their process."""

Apply = Callable[[Any, int], list[Observation]]
"""Applies a finding at a time in ms, and returns the events to record with it. The caller has a transaction."""


class Pipe:
    """One pipe of a side process, read by a thread: a process that stops in the middle of a finding holds up only that."""

    def __init__(self, given: GivenPipe) -> None:
        self.order: NewPipe = given.order
        self.refused = ""
        """Why it is not read any further."""
        self.committed = 0
        """The number of the last finding that is committed."""
        self._connection = Connection(given.descriptor, writable=False)
        self._read: queue.Queue[Numbered] = queue.Queue(MAX_READ)
        self._thread = threading.Thread(target=self._read_all, name=f"findings of {given.order.process}", daemon=True)
        self._thread.start()

    def next(self) -> Numbered | None:
        """Returns the next finding, if there is one now."""
        try:
            return self._read.get_nowait()
        except queue.Empty:
            return None

    def is_waiting(self) -> bool:
        """Returns whether there is a finding now."""
        return not self._read.empty()

    def has_ended(self) -> bool:
        """Returns whether nothing will come any more."""
        return not self._thread.is_alive() and self._read.empty()

    def _read_all(self) -> None:
        """Reads until the process is gone, or sends what is no finding."""
        try:
            while True:
                self._read.put(decode(self._connection.recv_bytes(MAX_FINDING_BYTES)))
        except EOFError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:  # OSError: it is longer, or cut off
            self.refused = logs.one_line(error)
        finally:
            self._connection.close()


class Taken(NamedTuple):
    """A finding that waits for the commit."""

    pipe: Pipe
    numbered: Numbered


class Findings:
    """The writer's end of all such pipes."""

    def __init__(self, link: Link, session: Session, coverage: Coverage, apply: Mapping[type[Finding], Apply]) -> None:
        """`apply` has for each kind of finding what applies it."""
        self._link = link
        self._session = session
        self._coverage = coverage
        self._pipes: list[Pipe] = []
        self._taken: list[Taken] = []
        self._apply = apply

    def are_waiting(self) -> bool:
        """Returns whether there are findings to take."""
        return any(pipe.is_waiting() for pipe in self._pipes)

    def take(self) -> bool:
        """Takes findings for the next transaction, a few, and never waits. Returns whether there are any."""
        while not self._link.pipes.empty():
            given = self._link.pipes.get()
            if isinstance(given, GivenPipe):
                self._pipes.append(Pipe(given))
        for pipe in [pipe for pipe in self._pipes if pipe.has_ended()]:
            self._end(pipe)
        while len(self._taken) < MAX_IN_BATCH:
            found = [Taken(pipe, numbered) for pipe in self._first_of_each() if (numbered := pipe.next())]
            if not found:
                break
            self._taken += found
        return bool(self._taken)

    def apply(self, now_ms: int) -> list[tuple[Observation, Outcome]]:
        """Applies what was taken, in the transaction of the caller, and returns the events with what became of them."""
        recorded = []
        for taken in self._taken:
            try:
                with self._session.savepoint():
                    observations = self._apply[type(taken.numbered.finding)](taken.numbered.finding, now_ms)
                    recorded += [(one, self._coverage.record_operator_event(one)) for one in observations]
            except Exception as error:
                if not database.is_of_content(error):
                    raise
                process = taken.pipe.order.process
                logs.get().error("finding.refused", process=process, error=logs.one_line(error))
                logs.get().debug("finding.traceback", exc_info=True)
        return recorded

    def committed(self) -> None:
        """Notes that the transaction with what was taken is durable."""
        for taken in self._taken:
            taken.pipe.committed = taken.numbered.number
        self._taken.clear()

    def acknowledged(self) -> dict[str, tuple[int, int]]:
        """Returns for each process its newest pipe, and the number of the last finding from there that is committed."""
        return {pipe.order.process: (pipe.order.pipe, pipe.committed) for pipe in self._pipes}

    def _first_of_each(self) -> list[Pipe]:
        """Returns the oldest pipe of each process: what a process found before it was replaced is applied first."""
        return list({pipe.order.process: pipe for pipe in reversed(self._pipes)}.values())

    def _end(self, pipe: Pipe) -> None:
        self._pipes.remove(pipe)
        if pipe.refused:
            self._link.send(FindingsRefused(pipe.order.process, pipe.order.pipe, pipe.refused))
