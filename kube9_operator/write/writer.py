"""The writer process: takes frames from the queue and commits them in batches. No other process writes the database."""

import contextlib
import time
from collections import Counter
from functools import partial
from typing import Any, NamedTuple

import msgspec

from kube9_operator import logs
from kube9_operator.backoff import Backoff
from kube9_operator.clock import now_ms
from kube9_operator.model.assessment import AssessmentFrame
from kube9_operator.model.collection import CollectionFrame
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import (
    Absent,
    ArgoCdFound,
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
from kube9_operator.model.insight import InsightFrame
from kube9_operator.model.observation import Observation
from kube9_operator.model.registration import RegistrationFrame
from kube9_operator.model.sources import APPLICATIONS
from kube9_operator.settings import Settings
from kube9_operator.supervise import exits, messages
from kube9_operator.supervise.link import Link
from kube9_operator.write import counters
from kube9_operator.write.argocd import ArgoCd
from kube9_operator.write.assessments import Assessments
from kube9_operator.write.collections import Collections
from kube9_operator.write.counters import BatchCounts
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.missed import MissedEvents
from kube9_operator.write.events.store import Store
from kube9_operator.write.findings import Findings
from kube9_operator.write.housekeeping import Housekeeping
from kube9_operator.write.inbox import Inbox
from kube9_operator.write.insights import Insights
from kube9_operator.write.pace import Pace, beating
from kube9_operator.write.recovery import inspection, quarantine
from kube9_operator.write.recovery.opening import opened
from kube9_operator.write.registration import Registrations
from kube9_operator.write.resources import states
from kube9_operator.write.resources.enrichment import Enrichment
from kube9_operator.write.resources.owners import Owners
from kube9_operator.write.resources.recorder import Recorded, Recorder
from kube9_operator.write.resources.states import States
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Session
from kube9_schema.gaps import DELETED_FOR_SIZE
from kube9_schema.intervals import ALIVE_SECONDS

ROOM_SECONDS = 0.05


def run(link: Link, frames: Any, settings: Settings, deadlines: Deadlines) -> None:
    """Opens the database, tells the supervisor from which versions the watches go on, and writes until the link says stop.

    Raises exits.CannotStart if the database cannot be written, is newer, or is locked by another process for long.
    """
    with opened(link, settings, deadlines) as connection:
        writer = Writer(link, frames, connection, settings, deadlines)
        coverage = writer.coverage
        try:
            with beating(link, connection, deadlines.beat, writer.report_again):
                last_commit_ms = writer.lifecycle.last_commit_ms()
                writer.begin(settings)
                assessments = writer.assessments
                link.send(assessments.report())
                link.send(writer.collections.report())
                link.send(
                    messages.Ready(
                        coverage.versions(),
                        coverage.cluster(),
                        coverage.event_ttl_ms(),
                        last_commit_ms,
                        assessments.last_scheduled_ms(),
                        assessments.unfinished(),
                        writer.collections.collected_ms(),
                        writer.registrations.until_ms(),
                    )
                )
                writer.write_until_stopped()
        finally:
            writer.housekeeping.close()
        if not link.abandon:
            writer.end()


class BatchResult(NamedTuple):
    """What a batch did. It becomes true with the commit."""

    counts: BatchCounts
    redacted: list[Observation]
    """Observations that had secrets."""
    confirmed_ms: dict[str, int]
    """Until when each source is confirmed."""


class Writer:
    """Commits each batch of frames in one transaction, so that a frame's items and its version are never apart."""

    def __init__(
        self, link: Link, frames: Any, connection: database.Connection, settings: Settings, deadlines: Deadlines
    ) -> None:
        self._link = link
        self._frames = frames
        self._deadlines = deadlines
        self._session = Session(connection)
        self._bounds = Bounds(settings.database_max_mib * 2**20, link.tally)
        self._store = Store(self._session, settings.quiet_minutes * 60_000, self._bounds, link.tally)
        self.coverage = Coverage(self._session, self._store, settings.event_ttl_seconds * 1000)
        self.lifecycle = Lifecycle(connection, self.coverage)
        owners = Owners(self._session, self._store.names, self._store.filing)
        enrichment = Enrichment(connection, self._store)
        self._recorder = Recorder(self._session, self._store, self.coverage, owners, enrichment)
        times = states.times(settings, deadlines)
        self._states = States(self._session, self._store, owners, enrichment, self._recorder, times)
        self._missed = MissedEvents(self._store, deadlines.compare_patience)
        max_bytes = settings.database_max_mib * 2**20
        self._journal = Journal(
            self._session, self._store.changed, settings.database_folder, max_bytes, wanted=bool(settings.sink_url)
        )
        self.housekeeping = Housekeeping(
            self._session, self._store, self.coverage, settings, deadlines, link.tally, self._journal
        )
        self._inbox = Inbox(frames, deadlines.commit_wait)
        self.assessments = Assessments(self._session, settings, link)
        self._argo_cd = ArgoCd(self._session, link)
        self._insights = Insights(connection, settings.database_max_mib * 2**20)
        self.collections = Collections(self._session, settings.database_max_mib * 2**20, link)
        self.registrations = Registrations(self._session, link.tally)
        self._findings = Findings(
            link,
            self._session,
            self.coverage,
            {
                AssessmentFrame: self.assessments.apply,
                CollectionFrame: self.collections.apply,
                InsightFrame: self._insights.apply,
                RegistrationFrame: self.registrations.apply,
            },
        )
        self._pace = Pace(deadlines)
        self._alive_at = 0.0
        self._confirmed_ms = self.coverage.confirmed_ms()
        self._committed = 0
        self._written_ms = 0
        self._unwritable_since_ms = 0
        self._operator_events: list[messages.OutboxBatch] = []
        """From the supervisor; they wait for the next commit."""
        self._acknowledged = 0
        """The number of the last of them that is committed."""
        self._accounting: dict[str, dict[str, int]] = {}
        self._reported: messages.WriterReport | None = None
        self._blocked_since = 0.0
        """When it was logged that nothing can be written for a lack of room; 0 if there is room."""
        self._log = logs.get()

    def begin(self, settings: Settings) -> None:
        """Stores the start, as soon as there is room for that."""
        backoff = self._backoff()
        tries = 0
        while not self._link.abandon:
            now = now_ms()
            try:
                with self._session.transaction(now):
                    self._journal.begin(now)
                    self.housekeeping.restore.begin(now)
                    self.lifecycle.started(now)
                    self.lifecycle.rules(settings, now)
                    self._insights.begin(now)
                    self.lifecycle.retention(*states.lives(settings))
                    self._states.forget_all_but(settings.watched())
                    if APPLICATIONS not in settings.watched():
                        self._argo_cd.ignored(now)
                return
            except database.DAMAGE:
                raise
            except database.TROUBLE as error:
                if isinstance(error, database.FULL):
                    quarantine.give_way(settings.database_folder)
                tries += 1
                self._wait_for_database(error, tries, backoff.next(), [])
                self._link.abandon = self._link.stop.is_set()

    def end(self) -> None:
        """Stores that the writer ended because it was asked to."""
        now = now_ms()
        with self._session.transaction(now):
            self.lifecycle.stopped(now)

    def write_until_stopped(self) -> None:
        """Returns when the link says stop and, unless it says abandon, the queue is empty."""
        stopped_at = 0.0
        while not self._link.abandon:
            self._link.beat(report=self._report)
            stopping = self._link.stop.is_set()
            stopped_at = stopped_at or (time.monotonic() if stopping else 0.0)
            if stopping and time.monotonic() - stopped_at > self._deadlines.flush / 2:
                self._log_not_flushed([])
                self._link.abandon = self._link.abandon or self.housekeeping.blocked()
                return
            is_busy = self.housekeeping.busy() or self._findings.are_waiting()
            patience = 0.1 if stopping else 0.01 if is_busy else min(0.5, self._deadlines.beat)
            full = self.housekeeping.full()
            if self.housekeeping.blocked():
                self._wait_for_room()
                continue
            self._log_unblocked()
            most = min(self._pace.most, self.housekeeping.most())
            batch = [] if full and not stopping else self._inbox.take(patience, most)
            while not self._link.batches.empty():
                self._operator_events.append(self._link.batches.get())
            if not batch and not self._operator_events and stopping:
                return
            alive_is_due = time.monotonic() - self._alive_at > ALIVE_SECONDS
            has_findings = not full and not stopping and self._findings.take()
            if batch or self._operator_events or has_findings or alive_is_due or self._states_are_due():
                self._commit(batch)
            if self._inbox.is_drained and not full:
                self._record_missed()
            if not stopping:
                self.housekeeping.step(self._inbox.is_drained)

    # Committing a batch

    def _commit(self, batch: list[Frame]) -> None:
        """Commits a batch, however often it has to try: the batch is kept until it is committed or abandoned."""
        tries, began, backoff = 0, time.monotonic(), self._backoff()
        self._recorder.use_savepoints = False
        self.housekeeping.check_files()
        while not self._link.abandon:
            now = now_ms()
            try:
                with self._pace.commit(), self._session.transaction(now):
                    result = self._apply(batch, now)
                break
            except (*database.DAMAGE, MemoryError):
                raise
            except Exception as error:
                if not database.is_of_content(error):
                    tries += 1
                    self._wait_for_database(error, tries, backoff.next(), batch)
                    if self._link.stop.is_set() and time.monotonic() - began > self._deadlines.flush / 2:
                        self._log_not_flushed(batch)
                        self._link.abandon = True
                elif self._recorder.use_savepoints:
                    raise  # the error is not in the content of an item
                else:
                    self._raise_if_damaged(error)
                    self._recorder.use_savepoints = True
        else:
            return
        self._alive_at, self._written_ms, self._unwritable_since_ms = time.monotonic(), now_ms(), 0
        self._confirmed_ms = result.confirmed_ms
        self._acknowledged = self._operator_events[-1].number if self._operator_events else self._acknowledged
        self._operator_events.clear()
        self._findings.committed()
        result.counts.publish(self._link.tally, self._alive_at - began, self._written_ms)
        self._log_redacted(result.redacted)
        self._committed += sum(len(frame.items) for frame in batch if not isinstance(frame, StateFrame))
        for frame in batch:
            if isinstance(frame, ControlFrame) and isinstance(frame.control, ServerTime):
                self.housekeeping.retention.server_says(frame.control.server_ms)
        if tries:
            self._log.info("database.restored", tries=tries, seconds=round(time.monotonic() - began, 1))

    def _apply(self, batch: list[Frame], now: int) -> BatchResult:
        """Applies a batch, and the operator events and findings that wait, in the transaction of the caller."""
        recorded: list[Recorded] = []
        counts = BatchCounts()
        if self._unwritable_since_ms:
            self.coverage.was_unwritable(self._unwritable_since_ms, now)
        for frame in batch:
            recorded += self._apply_frame(frame, now)
            if not isinstance(frame, ControlFrame):
                counts.redacted(frame.counts.redacted)
        for operator_events in self._operator_events:
            for observation in operator_events.observations:
                counts.applied(observation, self.coverage.record_operator_event(observation))
            self.coverage.operator_events_dropped(operator_events.dropped)
            self.lifecycle.health(operator_events.health)
        for observation, outcome in self._findings.apply(now):
            counts.applied(observation, outcome)
        recorded += self._states.tick(now)
        if gap := self._store.eviction_floor.take_gap():
            self.coverage.add_gap_of_all(*gap, DELETED_FOR_SIZE)
        self.lifecycle.alive(now)
        done = [each for each in recorded if each.outcome != "refused"]
        for each in done:
            counts.applied(each.observation, each.outcome)
        redacted = [each.observation for each in done if each.observation.redacted]
        return BatchResult(counts, redacted, self.coverage.confirmed_ms())

    def _apply_frame(self, frame: Frame, now: int) -> list[Recorded]:
        if isinstance(frame, EventFrame):
            return self._apply_events(frame, now)
        if isinstance(frame, StateFrame):
            return self._apply_states(frame, now)
        return self._apply_control(frame, now)

    def _apply_events(self, frame: EventFrame, now: int) -> list[Recorded]:
        """Records the observations of a frame, then what it says about its source."""
        recorded = [self._recorder.record(frame.source, observation) for observation in frame.observations]
        self._states.scaled(frame.scalings)
        self._missed.delivered(frame.source, frame.version)
        self.coverage.update(frame, Counter[str](each.outcome for each in recorded), now)
        return recorded

    def _apply_states(self, frame: StateFrame, now: int) -> list[Recorded]:
        """Compares the states of a frame with the stored ones, then stores what the frame says about its source."""
        source, whole = frame.source, bool(frame.states) and self._states.has_baseline(frame.source)
        compared = [
            self._recorder.contain(source, state, partial(self._states.apply, source, state, now, whole), states.REFUSED)
            for state in frame.states
        ]
        if source == APPLICATIONS and frame.states:
            self._argo_cd.changed()
        if frame.confirmed_ms:
            self._states.confirmed(source, now)
        self.coverage.update(frame, Counter[str](each.outcome for each in compared if each.outcome), now)
        return [recorded for each in compared for recorded in each.recorded]

    def _apply_control(self, frame: ControlFrame, now: int) -> list[Recorded]:
        """Handles what a watch says about itself. At the end of a list, stored objects that it has not shown are gone."""
        source, control, recorded = frame.source, frame.control, list[Recorded]()
        if isinstance(control, Compare):
            self.coverage.compared(source, len(control.observations) - self._missed.take(source, control))
            return recorded
        if isinstance(control, ArgoCdFound):
            self._argo_cd.found(control)
        if source == APPLICATIONS:
            self._argo_cd.changed()
        if source in states.SOURCES:
            if isinstance(control, ListBegins):
                self._states.list_begins(source, control.cluster, now)
            elif isinstance(control, ListEnds):
                recorded = self._states.list_ends(source, control.cluster, now)
            elif isinstance(control, Absent):
                recorded = self._states.absent(source, now)
            elif isinstance(control, ServerTime):
                self._states.checked(source, control)
            if isinstance(control, ListEnds | Confirmed | Absent):
                self._states.confirmed(source, now)
        self.coverage.update(frame, {}, now)
        return recorded

    def _record_missed(self) -> None:
        """Records what a watch has missed, and has the watch replaced: raises BeginAgain, which ends the generation."""
        missed = self._missed.missed()
        for source, observations in missed.items():
            self._log.error("watch.missed", source=source, events=len(observations))
            counters.count_missed(self._link.tally, len(observations))
            self._commit([EventFrame(source, Counts(received=len(observations)), observations)])
            with self._session.transaction(now_ms()):
                self.coverage.forget_version(source)
        if missed:
            raise exits.BeginAgain(f"the watch of {', '.join(missed)} has missed Events that a list shows")

    def _states_are_due(self) -> bool:
        """Whether time alone causes something to write."""
        with contextlib.suppress(*database.TROUBLE):  # the next commit meets the trouble too, and reports it
            return self._states.due(now_ms())
        return False

    # Trouble

    def _raise_if_damaged(self, error: Exception) -> None:
        """Looks for damage behind an unexpected error. Raises Damaged if there is any."""
        if not isinstance(error, database.REFUSED):
            self._log.error("batch.failed", error=logs.one_line(error))
            self._log.debug("batch.failed.traceback", exc_info=True)
            if found := inspection.check(self._session.connection.filename, self._link):
                raise database.Damaged(found) from error

    def _backoff(self) -> Backoff:
        """The waits for the database, without jitter: no other process waits for it."""
        return Backoff(self._deadlines.database_retry_first, self._deadlines.database_retry_most, jitter=(1.0, 1.0))

    def _wait_for_database(self, error: Exception, tries: int, seconds: float, batch: list[Frame]) -> None:
        """Waits after the n-th failure to commit a batch."""
        why = logs.one_line(error)
        if tries == 1:
            self._unwritable_since_ms = self._unwritable_since_ms or now_ms()
            self._log.error("database.failed", error=why, frames=len(batch))
        counters.count_rollback(self._link.tally)
        self.housekeeping.make_room()
        self._link.beat("waiting for the database", report=lambda: self._report(why))
        time.sleep(seconds)

    def _wait_for_room(self) -> None:
        """Waits a moment while nothing can be written, and logs it if that lasts."""
        why = self.housekeeping.trouble()
        if why and not self._blocked_since:
            self._blocked_since = time.monotonic()
            self._log.warning("database.blocked", why=why)
        self._unwritable_since_ms = self._unwritable_since_ms or (now_ms() if why else 0)
        time.sleep(ROOM_SECONDS)
        self.housekeeping.check_files()

    def _log_unblocked(self) -> None:
        if self._blocked_since:
            self._log.info("database.unblocked", seconds=round(time.monotonic() - self._blocked_since, 1))
        self._blocked_since = 0.0

    # Reporting

    def _report(self, trouble: str = "") -> messages.WriterReport:
        trouble = trouble or self.housekeeping.trouble()
        if not trouble:
            with contextlib.suppress(*database.TROUBLE):  # the next commit meets the trouble too, and reports it
                self._accounting = self.coverage.accounting()
        done = (self._committed, self._written_ms, self._accounting, self._acknowledged)
        notes = (self.housekeeping.restore.notice(), self._bounds.reasons(), self._pace.slow(), self._bounds.notes())
        findings = self._findings.acknowledged()
        self._reported = messages.WriterReport(self._confirmed_ms, trouble, *done, *notes, findings)
        return self._reported

    def report_again(self) -> messages.WriterReport | None:
        """The last report, with what is known about a commit that is under way. May be called from any thread."""
        reported = self._reported
        return None if reported is None else msgspec.structs.replace(reported, slow=self._pace.slow())

    def _log_redacted(self, observations: list[Observation]) -> None:
        """Logs each observation that had secrets, as many as its namespace may have log lines."""
        for each in observations:
            if self._bounds.may_log(each.namespace):
                about = f"{each.kind}/{each.namespace}/{each.name}"
                self._log.info("event.redacted", object=about, row=each.row, secrets=each.redacted)

    def _log_not_flushed(self, batch: list[Frame]) -> None:
        """Logs what is not committed at the end: this batch, and the frames in the queue. It is read again after the start.

        The frames are not read from the queue: if a watcher was killed while it wrote one, reading would never end.
        """
        waiting = self._frames.qsize()
        if batch or waiting:
            observations = sum(len(frame.items) for frame in batch)
            left = {"frames": len(batch), "observations": observations, "frames_in_queue": waiting}
            self._log.error("shutdown.not_flushed", **left, why=logs.READ_AGAIN)
