"""The way out of a watch: numbers its frames, keeps them small and waits for room in the queue."""

import queue
import threading
from typing import Protocol

from kube9_operator.frame import MAX_SIGHTINGS_IN_FRAME, Counts, Frame, News, Sighting, encode

WAIT_SECONDS = 0.2


class Queue(Protocol):
    """What is used of a multiprocessing queue."""

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        """Raises queue.Full where there is no room within the time."""


class Stopped(Exception):
    """The process is to end; what has no room is read again from the API server by the next one."""


class Outbox:
    """The frames of one source. Bounded by the queue: whoever puts waits until there is room."""

    def __init__(self, source: str, frames: Queue, stop: threading.Event) -> None:
        self._source = source
        self._frames = frames
        self._stop = stop
        self._sequence = 0

    def put(self, sightings: list[Sighting], counts: Counts, news: News) -> None:
        """Hands one read over, in several frames where it is large; only the last carries the news.

        Raises Stopped where the process is to end and there is no room.
        """
        while len(sightings) > MAX_SIGHTINGS_IN_FRAME:
            head, sightings = sightings[:MAX_SIGHTINGS_IN_FRAME], sightings[MAX_SIGHTINGS_IN_FRAME:]
            counts = Counts(counts.received - len(head), counts.filtered, counts.undecodable)
            self._send(head, Counts(received=len(head)), News())
        self._send(sightings, counts, news)

    def _send(self, sightings: list[Sighting], counts: Counts, news: News) -> None:
        self._sequence += 1
        data = encode(Frame(self._source, self._sequence, news, counts, sightings))
        while True:
            try:
                return self._frames.put(data, True, WAIT_SECONDS)
            except queue.Full:
                if self._stop.is_set():
                    raise Stopped from None
