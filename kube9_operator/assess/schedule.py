"""Decides when the assessor runs, and what it does: for the schedule, for a user, and to end what was broken off. No I/O."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.assessment import Request, scheduled
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.supervise.messages import AssessmentProgress, Message, Ready

MAX_ATTEMPTS = 3
"""So often an assessment is started in all, if its process dies."""
STOPPED = "the operator stopped before the assessment had ended"


class Lost(msgspec.Struct, frozen=True):
    """An assessment that is given up."""

    id: str
    reason: str
    request: Request | None = None
    """None if its beginning is stored."""


class Prepare(msgspec.Struct, frozen=True):
    """A task of the assessor: to store which checks there are, and to end what is given up."""

    lost: list[Lost]


class Outcome(msgspec.Struct, frozen=True):
    """What became of an assessment: it is in the database. `failure` is why its process did not end it, '' if it did."""

    id: str
    failure: str


Tell = Callable[[AssessmentProgress | Outcome], None]
"""Tells somebody who waits. It must not block."""


class Schedule:
    """Keeps one assessment at a time going, until it is stored how it has ended.

    The supervisor's loop calls everything but `ask`, which may be called from any thread.
    """

    def __init__(self, settings: Settings, deadlines: Deadlines, clock: Clock = SYSTEM) -> None:
        self._settings = settings
        self._clock = clock
        self._first_ms = clock.now_ms() + int(deadlines.assess_first * 1000)
        """Before this time the schedule begins none."""
        self._last_ms = 0
        """When the schedule last began one; 0 for never."""
        self.is_known = threading.Event()
        """A writer has opened the database, and has said what is stored."""
        self._is_prepared = False
        self._lost: list[Lost] = []
        self._current: Request | None = None
        self._attempts = 0
        self._task: Prepare | Request | None = None
        """What the process does now, or did last."""
        self._tell: dict[str, Tell] = {}
        self._lock = threading.Lock()

    def writer_ready(self, ready: Ready) -> None:
        """Learns from the first writer what is stored. Later writers know no more than this."""
        with self._lock:
            if not self.is_known.is_set():
                self._last_ms = ready.assessed_ms
                self.is_known.set()
                self._lost += [Lost(assessment, STOPPED) for assessment in ready.unfinished]

    def ask(self, request: Request, tell: Tell) -> str:
        """Accepts the request of a user, who is told how it goes on, and returns ''.

        If an assessment is running or about to run, returns its id instead.
        """
        with self._lock:
            if self._current is not None:
                return self._current.id
            self._begin(request)
            self._tell[request.id] = tell
            return ""

    def due(self) -> tuple[Any, ...] | None:
        """Returns the next task of the assessor; None if there is none now."""
        with self._lock:
            if not self._is_prepared or self._lost:
                self._task = Prepare(list(self._lost))
            else:
                if self._current is None and self._is_due():
                    settings, now_ms = self._settings, self._clock.now_ms()
                    self._last_ms = now_ms
                    timeout = settings.assessment_timeout_seconds
                    self._begin(scheduled(settings.assessment_mode, settings.assessment_pillar, timeout, now_ms))
                self._task = self._current
            return None if self._task is None else (self._task,)

    def receive(self, message: Message) -> None:
        """Passes on how far the assessment is."""
        if isinstance(message, AssessmentProgress):
            with self._lock:
                tell = self._tell.get(message.assessment)
            if tell:
                tell(message)

    def ended(self, failure: str) -> None:
        """The process has ended: `failure` says how, '' if it has done its task."""
        with self._lock:
            task, outcomes = self._task, list[Outcome]()
            if isinstance(task, Prepare) and not failure:
                self._is_prepared = True
                self._lost = [lost for lost in self._lost if lost not in task.lost]
                outcomes = [Outcome(lost.id, lost.reason) for lost in task.lost]
            elif isinstance(task, Request) and not failure:
                self._current = None
                outcomes = [Outcome(task.id, "")]
            elif isinstance(task, Request):
                self._attempts += 1
                if self._attempts >= MAX_ATTEMPTS:
                    self._current = None
                    self._lost.append(Lost(task.id, f"its process failed {self._attempts} times; at last it {failure}", task))
            told = [(self._tell.pop(outcome.id, None), outcome) for outcome in outcomes]
        for tell, outcome in told:
            if tell:
                tell(outcome)

    def _begin(self, request: Request) -> None:
        self._current, self._attempts = request, 0

    def _is_due(self) -> bool:
        if not self._settings.assessment_enabled:
            return False
        now_ms, interval_ms = self._clock.now_ms(), self._settings.assessment_interval_seconds * 1000
        # A time that has not come yet was stored before the clock was set back.
        next_ms = min(self._last_ms, now_ms) + interval_ms if self._last_ms else 0
        return now_ms >= max(self._first_ms, next_ms)
