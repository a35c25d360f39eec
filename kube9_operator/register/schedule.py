"""Decides when the registrar runs: to register, again after a day, and to send collections. No I/O but that of `stamp`."""

from collections.abc import Callable
from typing import Any

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.registration import FAILED, LIMITED, REGISTERED, Deliver, Register
from kube9_operator.supervise.messages import Message, Ready, RegistrationSaid

DAY_MS = 86_400_000
WAITS_MS = (300_000, 600_000, 1_200_000)
"""After so many failures one after the other, it gives up until the next day."""
LIMITED_MS = 3_600_000
"""The wait after a 429 without Retry-After."""
LOOK_MS = 10_000
"""How often it looks whether there is another key."""
MAX_WAITING = 100
"""So many collections wait for a registration. The oldest are left out then; they stay in the database."""
MAX_SENT = 10
"""So many are sent in one run."""
MAX_ATTEMPTS = 3
"""So often the process may die while it sends the same collections."""


class Schedule:
    """Without a key it begins nothing: no process, no request."""

    def __init__(self, stamp: Callable[[], int], deadlines: Deadlines, clock: Clock = SYSTEM) -> None:
        """`stamp` returns a number that changes with the key, 0 if there is none."""
        self._stamp_now = stamp
        self._clock = clock
        self._next_ms = clock.now_ms() + int(deadlines.register_first * 1000)
        """When it registers."""
        self._looked_ms = self._stamp = 0
        self._is_known = self._is_registered = False
        self._failures = self._deaths = 0
        self._waiting: list[str] = []
        self._task: Register | Deliver | None = None

    def writer_ready(self, ready: Ready) -> None:
        """Learns from the first writer until when the cluster is registered. Later writers know no more than this."""
        if not self._is_known:
            now_ms = self._clock.now_ms()
            self._is_known = True
            # A time that lies too far ahead was stored before the clock was set back.
            if now_ms < ready.registered_until_ms <= now_ms + DAY_MS * 7:
                self._is_registered, self._next_ms = True, ready.registered_until_ms

    def collected(self, collections: list[str]) -> None:
        """New collections are stored. They are sent once the cluster is registered."""
        self._waiting = [*self._waiting, *collections][-MAX_WAITING:]

    def due(self) -> tuple[Any, ...] | None:
        """Returns the next task; None if there is none now."""
        if not self._is_known or not self._key():
            return None
        if self._task is None:
            now_ms = self._clock.now_ms()
            if now_ms >= self._next_ms:
                self._task = Register(now_ms)
            elif self._is_registered and self._waiting:
                self._task, self._waiting = Deliver(self._waiting[:MAX_SENT]), self._waiting[MAX_SENT:]
        return None if self._task is None else (self._task,)

    def receive(self, message: Message) -> None:
        """Notes what became of a registration."""
        if not isinstance(message, RegistrationSaid):
            return
        self._task, now_ms = None, self._clock.now_ms()
        self._is_registered = message.outcome == REGISTERED
        if message.outcome == FAILED:
            self._fail(now_ms)
            return
        self._failures = 0
        self._next_ms = now_ms + (message.wait_ms or (LIMITED_MS if message.outcome == LIMITED else DAY_MS))

    def ended(self, failure: str) -> None:
        """The process has ended: `failure` says how, '' if it has done its task."""
        if isinstance(self._task, Register):  # without having said what became of it
            self._task = None
            self._fail(self._clock.now_ms())
        elif isinstance(self._task, Deliver):
            self._deaths = self._deaths + 1 if failure else 0
            if not failure or self._deaths >= MAX_ATTEMPTS:
                self._task, self._deaths = None, 0

    def _fail(self, now_ms: int) -> None:
        self._is_registered = False
        waits = self._failures < len(WAITS_MS)
        self._next_ms = now_ms + (WAITS_MS[self._failures] if waits else DAY_MS)
        self._failures = self._failures + 1 if waits else 0

    def _key(self) -> bool:
        """Whether there is a key. Another key than the last one is tried at once."""
        now_ms = self._clock.now_ms()
        if self._looked_ms and abs(now_ms - self._looked_ms) < LOOK_MS:
            return self._stamp != 0
        stamp, before = self._stamp_now(), self._stamp
        self._looked_ms, self._stamp = now_ms, stamp
        if stamp and before and stamp != before:
            self._next_ms, self._failures = now_ms, 0
        return stamp != 0
