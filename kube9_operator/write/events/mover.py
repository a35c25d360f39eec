"""Moves the events of an earlier release into the tables of this one: slice by slice, between the writer's batches.

Each slice is a short transaction that also stores how far it is, so the process may be killed at any point. Until all events
are moved, kube9-cli searches the table `events` row by row.
"""

import time

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.write.events import stored
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.events.filing import HALF_DAY_MS, PERIOD_EVENTS, Filing
from kube9_operator.write.sqlite.database import rows
from kube9_operator.write.sqlite.session import Session
from kube9_schema import facts

STEP_SECONDS = 0.02
MOVED_AT_ONCE = 100
"""Events in one transaction, some 5 ms."""
READ_AT_ONCE = 2_000
EVERY = 20
"""One of so many events is looked at to find out when they happened."""

TIMES = "SELECT id, last_ms FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
WAITING = "SELECT id, series IS NULL FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"


class Mover:
    """Does nothing if there is nothing to move."""

    def __init__(self, session: Session, filing: Filing) -> None:
        self._session = session
        self._connection = session.connection
        self._filing = filing
        self._facts = Facts(session.connection)
        until, moved = self._facts.get(facts.MOVE_UNTIL), self._facts.get(facts.MOVED_UNTIL)
        self._until = None if until is None else stored.number(until)
        self._moved = None if moved is None else stored.number(moved)
        """None until the periods are known."""
        self._read = -1
        self._times: list[int] = []
        self._began = time.monotonic()

    def busy(self) -> bool:
        """Whether there is more to move."""
        return self._until is not None

    def step(self) -> None:
        """Moves more, for some 20 ms."""
        ends = time.monotonic() + STEP_SECONDS
        while self.busy() and time.monotonic() < ends:
            self.move_some()

    def move_some(self) -> None:
        """Moves one slice."""
        if self._until is None:
            return
        if self._moved is None:
            self._read_times(self._until)
        else:
            self._move(self._moved, self._until)

    def _read_times(self, until: int) -> None:
        """Reads when some of the events happened; when it has seen all, it divides the time into periods."""
        found = rows(self._connection, TIMES, (self._read, until, READ_AT_ONCE))
        self._times += [last_ms for _, last_ms in found[::EVERY]]
        if found:
            self._read = found[-1][0]
            return
        self._times.sort()
        with self._session.transaction(now_ms()):
            half_days = {at // HALF_DAY_MS * HALF_DAY_MS for at in self._times}
            self._filing.divide({*self._times[:: PERIOD_EVENTS // EVERY], *half_days})
            self._facts.set(facts.MOVED_UNTIL, -1)
        self._moved, self._times = -1, []

    def _move(self, moved: int, until: int) -> None:
        """Moves some events, and notes how far it is in the same transaction."""
        with self._session.transaction(now_ms()):
            found = rows(self._connection, WAITING, (moved, until, MOVED_AT_ONCE))
            self._filing.file(event for event, waits in found if waits)
            if found:
                self._facts.set(facts.MOVED_UNTIL, found[-1][0])
            else:
                self._connection.execute("DELETE FROM facts WHERE name IN (?, ?)", (facts.MOVE_UNTIL, facts.MOVED_UNTIL))
        if found:
            self._moved = found[-1][0]
            return
        self._until = None
        logs.get().info("move.done", seconds=round(time.monotonic() - self._began, 1))
