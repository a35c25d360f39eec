"""The way out of a watch, bounded in number and bytes: a list waits for room; a watch waits a while, and then the least severe
and oldest gives way. What was given up is counted, and what follows carries no version until a list has healed it.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from kube9_operator import logs
from kube9_operator.frame import MAX_SIGHTINGS_IN_FRAME, Counts, Frame, News, Sighting, encode

WAIT_SECONDS = 0.2
MAX_FRAME_BYTES = 256 * 1024
MAX_BYTES = 8 * 1024 * 1024
"""Of all that waits in an outbox."""
SIGHTING_BYTES = 700
"""Of a sighting besides its description and metadata, as they are held in memory."""


class Queue(Protocol):
    """What is used of a multiprocessing queue."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        """Raises queue.Full where there is no room within the time."""


class Stopped(Exception):
    """The process is to end; what has no room is read again from the API server by the next one."""


class Parcel(msgspec.Struct):
    """A frame that waits to be sent."""

    sightings: list[Sighting]
    counts: Counts
    news: News


class Outbox:
    """The frames of one source. `put` may be called from several threads; a thread of its own sends."""

    def __init__(self, source: str, frames: Queue, stop: threading.Event, max_sightings: int, patience_seconds: float) -> None:
        self._source = source
        self._frames = frames
        self._stop = stop
        self._max_sightings = max_sightings
        self._patience_seconds = patience_seconds
        self._parcels: list[Parcel] = []
        self._sightings = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._sequence = 0
        self._lossy = False
        self._dropped_before = 0
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
        """Sightings that wait to be sent."""
        return self._sightings

    def put(self, sightings: list[Sighting], counts: Counts, news: News, patient: bool = True) -> None:
        """Takes one read, in parcels of a bounded size, of which the last carries the news. Waits for room: a patient caller
        for as long as it takes, another for a while only.

        Raises Stopped where the process is to end and there is no room.
        """
        *before, last = _parts(sightings)
        for part in before:
            self._put(Parcel(part, Counts(received=len(part)), News()), patient)
        rest = counts.received - len(sightings) + len(last)
        self._put(Parcel(last, Counts(rest, counts.filtered, counts.undecodable), news), patient)

    def close(self, wait_seconds: float) -> None:
        """Waits until all is sent, no longer than this."""
        self._sender.join(wait_seconds)

    def _put(self, parcel: Parcel, patient: bool) -> None:
        deadline = time.monotonic() + self._patience_seconds
        with self._changed:
            if parcel.news.mark == "list begins":
                self._end_dropping()
            while not self._fits(parcel):
                if self._stop.is_set():
                    raise Stopped
                if not patient and (self._lossy or time.monotonic() > deadline):
                    self._begin_dropping()
                    self._make_room(parcel)
                    break
                self._changed.wait(WAIT_SECONDS)
            if self._lossy:
                parcel.news = _without_version(parcel.news)
            self._parcels.append(parcel)
            self._sightings += len(parcel.sightings)
            self._bytes += _bytes(parcel.sightings)
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
        number = self._sightings + len(parcel.sightings)
        return number <= self._max_sightings and self._bytes + _bytes(parcel.sightings) <= MAX_BYTES

    def _make_room(self, newest: Parcel) -> None:
        """Gives up the least severe, of these the oldest, until all fits; each is counted in its own parcel."""
        waiting = [*self._parcels, newest]
        order = sorted(
            ((one.severity, age, at) for age, parcel in enumerate(waiting) for at, one in enumerate(parcel.sightings)),
        )
        sightings, size = sum(len(parcel.sightings) for parcel in waiting), sum(_bytes(one.sightings) for one in waiting)
        gone: dict[int, set[int]] = {}
        for _, age, at in order:
            if sightings <= self._max_sightings and size <= MAX_BYTES:
                break
            gone.setdefault(age, set()).add(at)
            sightings, size = sightings - 1, size - _bytes([waiting[age].sightings[at]])
        for age, places in gone.items():
            parcel = waiting[age]
            parcel.sightings = [one for at, one in enumerate(parcel.sightings) if at not in places]
            parcel.counts.dropped += len(places)
            self.dropped += len(places)
        for parcel in waiting:
            parcel.news = _without_version(parcel.news)
        self._sightings = sum(len(parcel.sightings) for parcel in self._parcels)
        self._bytes = sum(_bytes(parcel.sightings) for parcel in self._parcels)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._parcels:
                    if self._stop.is_set():
                        return
                    if self._lossy:
                        self.on_room()
                    self._changed.wait(WAIT_SECONDS)
                parcel = self._parcels.pop(0)
                self._sightings -= len(parcel.sightings)
                self._bytes -= _bytes(parcel.sightings)
                self._changed.notify_all()
            self._sequence += 1
            data = encode(Frame(self._source, self._sequence, parcel.news, parcel.counts, parcel.sightings))
            while True:
                with contextlib.suppress(queue.Full):
                    self._frames.put(data, True, WAIT_SECONDS)
                    break
                if self._stop.is_set():
                    return


def _without_version(news: News) -> News:
    """What may still be said after something was given up: it can be had again from the version before it, or by a list."""
    return News(life_ms=news.life_ms, unavailable=news.unavailable, server_ms=news.server_ms)


def _parts(sightings: list[Sighting]) -> list[list[Sighting]]:
    """The sightings in lists of a bounded number and size; at least one list."""
    parts: list[list[Sighting]] = [[]]
    size = 0
    for one in sightings:
        size += _bytes([one])
        if len(parts[-1]) == MAX_SIGHTINGS_IN_FRAME or (size > MAX_FRAME_BYTES and parts[-1]):
            parts.append([])
            size = _bytes([one])
        parts[-1].append(one)
    return parts


def _bytes(sightings: list[Sighting]) -> int:
    """About what they take."""
    return sum(SIGHTING_BYTES + len(one.description) + len(one.metadata) for one in sightings)
