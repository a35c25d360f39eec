"""The way out of a watch, bounded in number and bytes: a list waits for room, and so does a watch of states; a watch of Events
waits a while, and then the least severe and oldest gives way. What was given up is counted, and what follows carries no version
until a list has healed it.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from kube9_operator import logs
from kube9_operator.model.frame import MAX_OBSERVATIONS_IN_FRAME, Counts, Frame, News, encode
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import UNREADABLE, State
from kube9_operator.watch.batch import Batch

WAIT_SECONDS = 0.2
IDLE_SECONDS = 10.0
"""Whoever puts something in, or closes, wakes the sender. Each source has one: at WAIT_SECONDS they would be seen in the CPU
time of an operator with nothing to do.
"""
MAX_FRAME_BYTES = 256 * 1024
MAX_BYTES = 8 * 1024 * 1024
"""Of all that waits in an outbox."""
OBSERVATION_BYTES = 700
"""Of an observation besides its description and metadata, as they are held in memory."""
STATE_BYTES = 400
"""Of a state besides what it is reduced to."""


class Queue(Protocol):
    """What is used of a multiprocessing queue."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        """Raises queue.Full where there is no room within the time."""


class Stopped(Exception):
    """The process is to end; what has no room is read again from the API server by the next one."""


class Parcel(msgspec.Struct):
    """A frame that waits to be sent."""

    observations: list[Observation]
    states: list[State]
    counts: Counts
    news: News


class Outbox:
    """The frames of one source. `put` may be called from several threads; a thread of its own sends."""

    def __init__(self, source: str, frames: Queue, stop: threading.Event, max_items: int, patience_seconds: float) -> None:
        self._source = source
        self._frames = frames
        self._stop = stop
        self._max_items = max_items
        self._patience_seconds = patience_seconds
        self._parcels: list[Parcel] = []
        self._items = 0
        self._in_hand = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._sequence = 0
        self._lossy = False
        self._dropped_before = 0
        self.waits = False
        """Whether somebody waits for room at the moment."""
        self.dropped = 0
        """Given up since the process began."""
        self.on_room: Callable[[], None] = lambda: None
        """Called when all is sent after something was given up: time to list again."""
        self._sender = threading.Thread(target=self._send_all, name=f"outbox-{source}", daemon=True)
        self._sender.start()

    def lossy(self) -> bool:
        """Whether something was given up since the last list began."""
        return self._lossy

    def waiting(self) -> int:
        """Observations and states that wait to be sent."""
        return self._items

    def put(self, batch: Batch, news: News, patient: bool = True) -> None:
        """Takes one read, in parcels of a bounded size, of which the last carries the news. Waits for room: a patient caller
        for as long as it takes, another for a while only.

        Raises Stopped where the process is to end and there is no room.
        """
        assert not (batch.observations and batch.states), "a source has one of them"
        *before, last = [
            *(Parcel([], part, Counts(), News()) for part in _parts(batch.states)),
            *(Parcel(part, [], Counts(), News()) for part in _parts(batch.observations)),
        ] or [Parcel([], [], Counts(), News())]
        rest = batch.counts.received
        for parcel in before:
            parcel.counts.received = _accounted(parcel)
            rest -= parcel.counts.received
            self._put(parcel, patient)
        last.counts, last.news = batch.counts, news
        last.counts.received = rest
        self._put(last, patient)

    def close(self, wait_seconds: float) -> None:
        """Waits until all is sent, no longer than this; to be called when the process is to end. Says what is not."""
        with self._changed:
            self._changed.notify_all()
        self._sender.join(wait_seconds)
        left = self._items + self._in_hand
        if left:
            logs.get().error("shutdown.not_flushed", source=self._source, observations=left, why=logs.READ_AGAIN)

    def _put(self, parcel: Parcel, patient: bool) -> None:
        deadline = time.monotonic() + self._patience_seconds
        with self._changed:
            if parcel.news.mark == "list begins":
                self._end_dropping()
            while not self._fits(parcel):
                self.waits = True
                if self._stop.is_set():
                    raise Stopped
                if not patient and (self._lossy or time.monotonic() > deadline):
                    self._begin_dropping()
                    self._make_room(parcel)
                    break
                self._changed.wait(WAIT_SECONDS)
            self.waits = False
            if self._lossy:
                parcel.news = _without_version(parcel.news)
            self._parcels.append(parcel)
            self._items += _number(parcel)
            self._bytes += _bytes(parcel)
            self._changed.notify_all()

    def _begin_dropping(self) -> None:
        if not self._lossy:
            self._lossy, self._dropped_before = True, self.dropped
            logs.get().warning("drops.began", source=self._source, waited_seconds=self._patience_seconds)

    def _end_dropping(self) -> None:
        if self._lossy:
            self._lossy = False
            logs.get().info("drops.ended", source=self._source, dropped=self.dropped - self._dropped_before)

    def _fits(self, parcel: Parcel) -> bool:
        """Whether there is room; an empty outbox takes anything."""
        if not self._parcels:
            return True
        return self._items + _number(parcel) <= self._max_items and self._bytes + _bytes(parcel) <= MAX_BYTES

    def _make_room(self, newest: Parcel) -> None:
        """Gives up the least severe observations, of these the oldest, until all fits; each is counted in its own parcel."""
        waiting = [*self._parcels, newest]
        order = sorted(
            ((one.severity, age, at) for age, parcel in enumerate(waiting) for at, one in enumerate(parcel.observations)),
        )
        items, size = sum(_number(parcel) for parcel in waiting), sum(_bytes(parcel) for parcel in waiting)
        gone: dict[int, set[int]] = {}
        for _, age, at in order:
            if items <= self._max_items and size <= MAX_BYTES:
                break
            gone.setdefault(age, set()).add(at)
            items, size = items - 1, size - _size(waiting[age].observations[at])
        for age, places in gone.items():
            parcel = waiting[age]
            parcel.observations = [one for at, one in enumerate(parcel.observations) if at not in places]
            parcel.counts.dropped += len(places)
            self.dropped += len(places)
        for parcel in waiting:
            parcel.news = _without_version(parcel.news)
        self._items = sum(_number(parcel) for parcel in self._parcels)
        self._bytes = sum(_bytes(parcel) for parcel in self._parcels)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._parcels:
                    if self._stop.is_set():
                        return
                    if self._lossy:
                        self.on_room()
                    self._changed.wait(WAIT_SECONDS if self._lossy else IDLE_SECONDS)
                parcel = self._parcels.pop(0)
                self._in_hand = _number(parcel)
                self._items -= self._in_hand
                self._bytes -= _bytes(parcel)
                self._changed.notify_all()
            self._sequence += 1
            data = encode(Frame(self._source, self._sequence, parcel.news, parcel.counts, parcel.observations, parcel.states))
            while True:
                with contextlib.suppress(queue.Full):
                    self._frames.put(data, True, WAIT_SECONDS)
                    self._in_hand = 0
                    break
                if self._stop.is_set():
                    return


def _without_version(news: News) -> News:
    """What may still be said after something was given up: it can be had again from the version before it, or by a list."""
    return News(life_ms=news.life_ms, unavailable=news.unavailable, server_ms=news.server_ms)


def _parts(items: list[Any]) -> list[list[Any]]:
    """The items in lists of a bounded number and size; none for none."""
    parts: list[list[Any]] = []
    size = 0
    for one in items:
        size += _size(one)
        if not parts or len(parts[-1]) == MAX_OBSERVATIONS_IN_FRAME or size > MAX_FRAME_BYTES:
            parts.append([])
            size = _size(one)
        parts[-1].append(one)
    return parts


def _number(parcel: Parcel) -> int:
    return len(parcel.observations) + len(parcel.states)


def _accounted(parcel: Parcel) -> int:
    """Of how many the writer says what became of them; those that cannot be read are counted with their batch."""
    return len(parcel.observations) + sum(one.reduced != UNREADABLE for one in parcel.states)


def _bytes(parcel: Parcel) -> int:
    """About what is in it takes."""
    return sum(map(_size, parcel.observations)) + sum(map(_size, parcel.states))


def _size(item: Observation | State) -> int:
    """About what it takes."""
    if isinstance(item, State):
        return STATE_BYTES + len(item.reduced)
    return OBSERVATION_BYTES + len(item.description) + len(item.metadata)
