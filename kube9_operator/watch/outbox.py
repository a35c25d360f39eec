"""Sends the frames of one watch to the writer, bounded in number and bytes.

A list waits for room, and so does a watch of states. A watch of Events waits a while; then the least severe observations, and
of these the oldest, are dropped and counted. Later frames carry no version until a list has recovered what was dropped.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from kube9_operator import logs
from kube9_operator.model.frame import (
    MAX_OBSERVATIONS_IN_FRAME,
    Compare,
    Control,
    ControlFrame,
    Counts,
    EventFrame,
    EventTtlLearned,
    Frame,
    ListBegins,
    ServerTime,
    StateFrame,
    Unavailable,
    encode,
)
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import OF_SOURCE, UNREADABLE, State
from kube9_operator.watch.batch import Batch

WAIT_SECONDS = 0.2
IDLE_SECONDS = 10.0
"""How often the sender of an idle outbox wakes up by itself. If all senders woke up every WAIT_SECONDS, that would show in the
CPU time of an idle operator.
"""
MAX_FRAME_BYTES = 256 * 1024
MAX_BYTES = 8 * 1024 * 1024
"""The most memory that the frames waiting in an outbox may take."""
OBSERVATION_BYTES = 700
"""How much memory an observation takes besides its description and metadata."""
STATE_BYTES = 400
"""How much memory a state takes besides its reduced form."""


class Queue(Protocol):
    """The method of a multiprocessing queue that is used."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        """Raises queue.Full if there is no room in time."""


class Stopped(Exception):
    """The process is to end. The next one reads again from the API server what has no room now."""


class Outbox:
    """The frames of one source. `put` and `send` may be called from several threads; another thread sends."""

    def __init__(self, source: str, frames: Queue, stop: threading.Event, max_items: int, patience_seconds: float) -> None:
        self._source = source
        self._frames = frames
        self._stop = stop
        self._max_items = max_items
        self._patience_seconds = patience_seconds
        self._of_states = source in OF_SOURCE
        self._waiting: list[Frame] = []
        self._items = 0
        self._in_hand = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._sequence = 0
        self._lossy = False
        self._dropped_before = 0
        self.waits = False
        """Whether a caller waits for room at the moment."""
        self.dropped = 0
        """Observations dropped since the process began."""
        self.on_room: Callable[[], None] = lambda: None
        """Called when all frames are sent after something was dropped: it is time to list again."""
        self._sender = threading.Thread(target=self._send_all, name=f"outbox-{source}", daemon=True)
        self._sender.start()

    def lossy(self) -> bool:
        """Returns whether something was dropped since the last list began."""
        return self._lossy

    def waiting(self) -> int:
        """Returns how many observations and states wait to be sent."""
        return self._items

    def put(self, batch: Batch, confirmed_ms: int = 0, patient: bool = True) -> None:
        """Takes one read, as frames of bounded size; the last one carries the version and the rest of the accounting.

        Waits for room: as long as it takes if `patient`, otherwise only for a while. Raises Stopped if the process is to end
        and there is no room.
        """
        assert not (batch.observations and batch.states), "a source has one of them"
        if not (batch.counts.received or batch.version or confirmed_ms):
            return  # a piece of a list without an item
        parts = _parts(batch.states if self._of_states else batch.observations) or [[]]
        rest = batch.counts.received
        for part in parts[:-1]:
            counts = Counts(received=_accounted(part))
            rest -= counts.received
            self._put(self._frame(counts, part), patient)
        batch.counts.received = rest
        last = self._frame(batch.counts, parts[-1])
        last.version, last.confirmed_ms = batch.version, confirmed_ms
        if isinstance(last, EventFrame):
            last.scalings = batch.scalings
        self._put(last, patient)

    def send(self, control: Control, patient: bool = True) -> None:
        """Takes what a watch says about itself. Raises Stopped as `put` does."""
        if isinstance(control, Compare):
            for part in _parts(control.observations):
                self._put(ControlFrame(self._source, Compare(part, control.version)), patient)
        else:
            self._put(ControlFrame(self._source, control), patient)

    def _frame(self, counts: Counts, items: list[Any]) -> EventFrame | StateFrame:
        return StateFrame(self._source, counts, items) if self._of_states else EventFrame(self._source, counts, items)

    def close(self, wait_seconds: float) -> None:
        """Waits until all frames are sent, at most this long, when the process is to end. Logs how much was not sent."""
        with self._changed:
            self._changed.notify_all()
        self._sender.join(wait_seconds)
        left = self._items + self._in_hand
        if left:
            logs.get().error("shutdown.not_flushed", source=self._source, observations=left, why=logs.READ_AGAIN)

    def _put(self, frame: Frame, patient: bool) -> None:
        deadline = time.monotonic() + self._patience_seconds
        with self._changed:
            if isinstance(frame, ControlFrame) and isinstance(frame.control, ListBegins):
                self._end_dropping()
            while not self._fits(frame):
                self.waits = True
                if self._stop.is_set():
                    raise Stopped
                if not patient and (self._lossy or time.monotonic() > deadline):
                    self._begin_dropping()
                    self._make_room(frame)
                    break
                self._changed.wait(WAIT_SECONDS)
            self.waits = False
            kept = _without_version(frame) if self._lossy else frame
            if kept is None:
                return
            self._waiting.append(kept)
            self._items += len(kept.items)
            self._bytes += _bytes(kept)
            self._changed.notify_all()

    def _begin_dropping(self) -> None:
        if not self._lossy:
            self._lossy, self._dropped_before = True, self.dropped
            logs.get().warning("drops.began", source=self._source, waited_seconds=self._patience_seconds)

    def _end_dropping(self) -> None:
        if self._lossy:
            self._lossy = False
            logs.get().info("drops.ended", source=self._source, dropped=self.dropped - self._dropped_before)

    def _fits(self, frame: Frame) -> bool:
        """Returns whether there is room; an empty outbox takes anything."""
        if not self._waiting:
            return True
        return self._items + len(frame.items) <= self._max_items and self._bytes + _bytes(frame) <= MAX_BYTES

    def _make_room(self, newest: Frame) -> None:
        """Drops the least severe observations, of these the oldest, until all fits; each is counted in its own frame."""
        self._waiting = [kept for frame in self._waiting if (kept := _without_version(frame)) is not None]
        frames = [frame for frame in (*self._waiting, newest) if isinstance(frame, EventFrame)]
        order = sorted(
            ((one.severity, age, at) for age, frame in enumerate(frames) for at, one in enumerate(frame.observations)),
        )
        items, size = sum(len(frame.items) for frame in frames), sum(map(_bytes, frames))
        dropped: dict[int, set[int]] = {}
        for _, age, at in order:
            if items <= self._max_items and size <= MAX_BYTES:
                break
            dropped.setdefault(age, set()).add(at)
            items, size = items - 1, size - _size(frames[age].observations[at])
        for age, places in dropped.items():
            frame = frames[age]
            frame.observations = [one for at, one in enumerate(frame.observations) if at not in places]
            frame.counts.dropped += len(places)
            self.dropped += len(places)
        self._items = sum(len(frame.items) for frame in self._waiting)
        self._bytes = sum(map(_bytes, self._waiting))

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._stop.is_set():
                        return
                    if self._lossy:
                        self.on_room()
                    self._changed.wait(WAIT_SECONDS if self._lossy else IDLE_SECONDS)
                frame = self._waiting.pop(0)
                self._in_hand = len(frame.items)
                self._items -= self._in_hand
                self._bytes -= _bytes(frame)
                self._changed.notify_all()
            self._sequence += 1
            frame.sequence = self._sequence
            data = encode(frame)
            while True:
                with contextlib.suppress(queue.Full):
                    self._frames.put(data, True, WAIT_SECONDS)
                    self._in_hand = 0
                    break
                if self._stop.is_set():
                    return


def _without_version(frame: Frame) -> Frame | None:
    """Returns what may still be sent of a frame after something was dropped, None for nothing.

    That is everything but versions and confirmations, so that the watch goes on from before the loss, or lists.
    """
    if not isinstance(frame, ControlFrame):
        frame.version, frame.confirmed_ms = "", 0
        return frame
    if isinstance(frame.control, Compare):  # otherwise the watch would seem to have missed what was dropped
        return EventFrame(frame.source, Counts(received=len(frame.items)), frame.control.observations)
    return frame if isinstance(frame.control, EventTtlLearned | ServerTime | Unavailable) else None


def _parts(items: list[Any]) -> list[list[Any]]:
    """Splits items into lists of bounded number and size. Returns no list for no items."""
    parts: list[list[Any]] = []
    size = 0
    for one in items:
        size += _size(one)
        if not parts or len(parts[-1]) == MAX_OBSERVATIONS_IN_FRAME or size > MAX_FRAME_BYTES:
            parts.append([])
            size = _size(one)
        parts[-1].append(one)
    return parts


def _accounted(items: list[Any]) -> int:
    """Returns for how many items the writer counts an outcome. Those that cannot be decoded are counted with their batch."""
    return sum(not (isinstance(one, State) and one.reduced == UNREADABLE) for one in items)


def _bytes(frame: Frame) -> int:
    """Returns about how much memory the items of a frame take."""
    return sum(map(_size, frame.items))


def _size(item: Observation | State) -> int:
    """Returns about how much memory an item takes."""
    if isinstance(item, State):
        return STATE_BYTES + len(item.reduced)
    return OBSERVATION_BYTES + len(item.description) + len(item.metadata)
