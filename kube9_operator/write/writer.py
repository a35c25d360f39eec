"""The writer process: takes frames from the queue and commits them in batches. It alone owns the connection."""

import contextlib
import time
from collections import Counter
from functools import partial
from typing import Any

import msgspec

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import (
    Compare,
    Confirmed,
    ControlFrame,
    Counts,
    EventFrame,
    Frame,
    ListBegins,
    ListEnds,
    ServerTime,
    StateFrame,
)
from kube9_operator.model.observation import Observation
from kube9_operator.settings import Settings
from kube9_operator.supervise import exits, messages
from kube9_operator.supervise.link import Link
from kube9_operator.write import unflushed
from kube9_operator.write.counters import Counted
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.coverage import Ledger
from kube9_operator.write.events.deletion import REASON_SIZE
from kube9_operator.write.events.missed import Comparison
from kube9_operator.write.events.store import Store
from kube9_operator.write.housekeeping import Housekeeping
from kube9_operator.write.inbox import Inbox
from kube9_operator.write.pace import Pace, beating
from kube9_operator.write.recovery import inspection, quarantine
from kube9_operator.write.recovery.opening import opened
from kube9_operator.write.resources import states
from kube9_operator.write.resources.states import States
from kube9_operator.write.savepoints import Careful
from kube9_operator.write.sqlite import database
from kube9_schema.intervals import ALIVE_SECONDS

ROOM_SECONDS = 0.05


def run(link: Link, frames: Any, settings: Settings, deadlines: Deadlines) -> None:
    """Opens the database, tells the supervisor from which versions the watches go on, and writes until the link says stop.

    Raises exits.CannotStart where the database may not be written, is newer, or is held by another for long.
    """
    with opened(link, settings, deadlines) as connection:
        writer = Writer(link, frames, connection, settings, deadlines)
        ledger = writer.ledger
        try:
            with beating(link, connection, deadlines.beat, writer.report_again):
                last_word_ms = ledger.last_word_ms()
                writer.begin(settings)
                link.send(messages.Ready(ledger.versions(), ledger.cluster(), ledger.event_ttl_ms(), last_word_ms))
                writer.write_until_stopped()
        finally:
            writer.housekeeping.close()
        if not link.abandon:
            with database.transaction(connection):
                ledger.stopped(now_ms())


class Writer:
    """Batches of frames, each in one transaction: what a frame brings and what it says of its source are never apart."""

    def __init__(
        self, link: Link, frames: Any, connection: database.Connection, settings: Settings, deadlines: Deadlines
    ) -> None:
        self._link = link
        self._frames = frames
        self._connection = connection
        self._deadlines = deadlines
        self._bounds = Bounds(settings.database_max_mib * 2**20, link.tally)
        self._store = Store(connection, settings.quiet_minutes * 60_000, self._bounds)
        self.ledger = Ledger(connection, self._store, settings.event_ttl_seconds * 1000)
        self._states = States(connection, self._store, self._record, states.times(settings, deadlines))
        self._comparison = Comparison(self._store, deadlines.compare_patience)
        self.housekeeping = Housekeeping(connection, self._store, self.ledger, settings, deadlines, link.tally)
        self._inbox = Inbox(frames, deadlines.commit_wait)
        self._alive_at = 0.0
        self._confirmed_ms = self._confirming_ms = self.ledger.confirmed_ms()
        self._committed = 0
        self._unwritten_since_ms = 0
        self._told: list[messages.OutboxBatch] = []
        self._told_committed = 0
        self._written_ms = 0
        self._accounting: dict[str, dict[str, int]] = {}
        self._pace = Pace(deadlines)
        self._reported: messages.WriterReport | None = None
        self._careful = Careful(connection, self._store, self.ledger)
        self._counted = Counted(link.tally)
        self._waits_since = 0.0
        """When the log said that nothing may be written; 0 where it may."""
        self._redacted: list[Observation] = []
        """Of the transaction at hand."""
        self._log = logs.get()

    def begin(self, settings: Settings) -> None:
        """Notes the start, as soon as there is room for that."""
        tries = 0
        while not self._link.abandon:
            try:
                with database.transaction(self._connection):
                    self.housekeeping.rescue.begin()
                    self.ledger.started(now_ms())
                    self.ledger.keeps(*states.lives(settings))
                return
            except database.DAMAGE:
                raise
            except database.TROUBLE as error:
                self._forget()
                if isinstance(error, database.FULL):
                    quarantine.give_way(settings.database_folder)
                tries += 1
                self._wait_for_database(error, tries, [])
                self._link.abandon = self._link.stop.is_set()

    def write_until_stopped(self) -> None:
        """Returns when the link says stop and, unless it says abandon, the queue is empty."""
        stopped_at = 0.0
        while not self._link.abandon:
            self._link.beat(report=self._report)
            stopping = self._link.stop.is_set()
            stopped_at = stopped_at or (time.monotonic() if stopping else 0.0)
            if stopping and time.monotonic() - stopped_at > self._deadlines.flush / 2:
                unflushed.say([], self._frames)
                self._link.abandon = self._link.abandon or self.housekeeping.crowded()
                return
            patience = 0.1 if stopping else 0.01 if self.housekeeping.busy() else min(0.5, self._deadlines.beat)
            waits = self.housekeeping.full()
            if self.housekeeping.crowded():
                self._wait_for_room()
                continue
            self._goes_on()
            most = min(self._pace.most, self.housekeeping.most())
            batch = [] if waits and not stopping else self._inbox.take(patience, most)
            while not self._link.batches.empty():  # waits for a commit as a batch does
                self._told.append(self._link.batches.get())
            if not batch and not self._told and stopping:
                return
            if not batch and not waits:
                self._decide_what_is_missed()
            if batch or self._told or time.monotonic() - self._alive_at > ALIVE_SECONDS or self._is_due():
                self._commit(batch)
            if not stopping:
                self.housekeeping.step()

    def _wait_for_room(self) -> None:
        """While nothing may be written: waits a moment. Says so when it lasts."""
        if not self._waits_since and (why := self.housekeeping.trouble()):
            self._waits_since = time.monotonic()
            self._log.warning("database.waits", why=why)
        self._unwritten_since_ms = self._unwritten_since_ms or (now_ms() if self.housekeeping.trouble() else 0)
        time.sleep(ROOM_SECONDS)
        self.housekeeping.look_at_files()

    def _goes_on(self) -> None:
        """There is room."""
        if self._waits_since:
            self._log.info("database.goes_on", seconds=round(time.monotonic() - self._waits_since, 1))
        self._waits_since = 0.0

    def _is_due(self) -> bool:
        """Whether time alone gives something to write."""
        with contextlib.suppress(*database.TROUBLE):  # the next commit finds it too, and says so
            return self._states.due(now_ms())
        return False

    def _report(self, trouble: str = "") -> messages.WriterReport:
        trouble = trouble or self.housekeeping.trouble()
        if not trouble:
            with contextlib.suppress(*database.TROUBLE):  # the next commit finds it too, and says so
                self._accounting = self.ledger.accounting()
        done = (self._committed, self._written_ms, self._accounting, self._told_committed)
        notes = (self.housekeeping.rescue.notice(), self._bounds.reasons(), self._pace.slow(), self._bounds.notes())
        self._reported = messages.WriterReport(self._confirmed_ms, trouble, *done, *notes)
        return self._reported

    def report_again(self) -> messages.WriterReport | None:
        """What was reported last, with what has become known since in a commit that is under way. From any thread."""
        reported = self._reported
        return None if reported is None else msgspec.structs.replace(reported, slow=self._pace.slow())

    def _commit(self, batch: list[Frame]) -> None:
        """Commits the batch, whatever it takes: it is kept and tried again until it is committed or abandoned."""
        tries, careful, began = 0, False, time.monotonic()
        self.housekeeping.look_at_files()
        while not self._link.abandon:
            try:
                with self._pace.commit(), database.transaction(self._connection):
                    self._apply(batch, careful)
                break
            except (*database.DAMAGE, MemoryError):
                raise
            except Exception as error:
                self._forget()
                if not database.is_of_content(error):
                    tries += 1
                    self._wait_for_database(error, tries, batch)
                    if self._link.stop.is_set() and time.monotonic() - began > self._deadlines.flush / 2:
                        unflushed.say(batch, self._frames)
                        self._link.abandon = True
                elif careful:
                    raise  # not for an observation's content
                else:
                    self._look_behind(error)
                    careful = True
        else:
            return
        self._alive_at, self._written_ms, self._unwritten_since_ms = time.monotonic(), now_ms(), 0
        self._confirmed_ms = self._confirming_ms
        self._told_committed = self._told[-1].number if self._told else self._told_committed
        self._told.clear()
        self._counted.committed(self._alive_at - began, self._written_ms)
        self._log_redacted()
        self._committed += sum(len(frame.items) for frame in batch if not isinstance(frame, StateFrame))
        for frame in batch:
            if isinstance(frame, ControlFrame) and isinstance(frame.control, ServerTime):
                self.housekeeping.retention.server_says(frame.control.server_ms)
        if tries:
            self._log.info("database.restored", tries=tries, seconds=round(time.monotonic() - began, 1))

    def _look_behind(self, error: Exception) -> None:
        """An error that nobody thought of may come of damage. Raises Damaged where there is any."""
        if not isinstance(error, database.REFUSED):
            self._log.error("batch.failed", error=logs.one_line(error))
            self._log.debug("batch.failed.traceback", exc_info=True)
            if found := inspection.look(self._connection.filename, self._link):
                raise database.Damaged(found) from error

    def _wait_for_database(self, error: Exception, tries: int, batch: list[Frame]) -> None:
        """After the n-th failure to commit a batch: waits a while."""
        if tries == 1:
            self._unwritten_since_ms = self._unwritten_since_ms or now_ms()
            self._log.error("database.trouble", error=logs.one_line(error), frames=len(batch))
        self._counted.failed()
        self.housekeeping.help()
        self._link.beat("waiting for the database", report=partial(self._report, logs.one_line(error)))
        time.sleep(min(self._deadlines.database_retry_first * 2 ** min(tries - 1, 20), self._deadlines.database_retry_most))

    def _apply(self, batch: list[Frame], careful: bool) -> None:
        """A batch in the transaction at hand. Careful: each observation by itself, so that one refused costs itself only."""
        now = now_ms()
        self._redacted.clear()
        self._careful.on = careful
        self._store.begin(now)
        self._states.begin()
        self._counted.begin()
        if self._unwritten_since_ms:
            self.ledger.unwritten(self._unwritten_since_ms, now)
        for frame in batch:
            outcomes: Counter[str] = Counter()
            if isinstance(frame, ControlFrame):
                if isinstance(frame.control, Compare):
                    missing = self._comparison.take(frame.source, frame.items)
                    self.ledger.compared(frame.source, len(frame.items) - missing)
                    continue
                if frame.source in states.SOURCES:
                    self._control(frame, now)
            else:
                if isinstance(frame, EventFrame):
                    outcomes = Counter(self._record(frame.source, observation) for observation in frame.observations)
                else:
                    outcomes = self._compare(frame, now)
                self._counted.received(frame.counts)
            self.ledger.took(frame, outcomes, now)
        for told in self._told:
            for observation in told.observations:
                self._counted.applied(observation, self.ledger.happened(observation))
            self.ledger.forwent(told.dropped)
            self.ledger.health(told.health)
        self._states.tick(now)
        if unstated := self._store.given_up.unstated():
            self.ledger.deleted(*unstated, REASON_SIZE)
        self._store.finish()
        self.ledger.alive(now)
        self._confirming_ms = self.ledger.confirmed_ms()

    def _control(self, frame: ControlFrame, now: int) -> None:
        """Tells the comparison of states what a watch says about itself."""
        control = frame.control
        if isinstance(control, ListBegins):
            self._states.list_begins(frame.source, control.cluster)
        elif isinstance(control, ListEnds):
            self._states.list_ends(frame.source, control.cluster, now)
        elif isinstance(control, ServerTime):
            self._states.checked(frame.source, control)
        if isinstance(control, ListEnds | Confirmed):
            self._states.heard(frame.source, now)

    def _compare(self, frame: StateFrame, now: int) -> Counter[str]:
        """What became of the states of a frame."""
        whole = bool(frame.states) and self._states.is_whole(frame.source)
        made = Counter(
            outcome
            for state in frame.states
            if (
                outcome := self._careful.record(
                    frame.source, state, partial(self._states.apply, frame.source, state, now, whole)
                )
            )
        )
        if frame.confirmed_ms:
            self._states.heard(frame.source, now)
        return made

    def _forget(self) -> None:
        """After a rollback."""
        self._store.forget()
        self._states.forget()

    def _decide_what_is_missed(self) -> None:
        """Records what a watch has missed, and has it replaced: raises BeginAgain, which ends the generation."""
        missed = self._comparison.missed()
        for source, observations in missed.items():
            self._log.error("watch.missed", source=source, events=len(observations))
            self._counted.missed(len(observations))
            self._commit([EventFrame(source, Counts(received=len(observations)), observations)])
            with database.transaction(self._connection):
                self.ledger.lost(source)
        if missed:
            raise exits.BeginAgain(f"the watch of {', '.join(missed)} has missed what a list shows")

    def _record(self, source: str, observation: Observation) -> str:
        """What became of an observation."""
        return self._careful.record(source, observation, partial(self._apply_one, observation))

    def _apply_one(self, observation: Observation) -> str:
        outcome = self._store.apply(observation)
        self._counted.applied(observation, outcome)
        if outcome == "stored":
            self._states.described.stored(observation, self._store.last_id)
            self._states.owners.befell(observation, self._store.last_id)
        if observation.redacted:
            self._redacted.append(observation)
        return outcome

    def _log_redacted(self) -> None:
        """Once for each, when it is committed; no more lines than a namespace may have."""
        for one in self._redacted:
            if self._bounds.may_log(one.namespace):
                about = f"{one.kind}/{one.namespace}/{one.name}"
                self._log.info("event.redacted", object=about, row=one.row, secrets=one.redacted)
        self._redacted.clear()
