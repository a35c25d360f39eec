"""Watches a running operator throughout a test: health is red when, and only when, the Events watch is not confirmed."""

import threading
import time
from collections import deque
from typing import Any

import apsw

from tests.operator import Operator

LATE_SECONDS = 1.0
"""What the writer has committed, health may know so much later: some beats, on a busy machine."""
BEAT_MS = 200
"""A confirmation may be counted from when the writer reports it."""
PAUSE_SECONDS = 0.02
NOT_CONFIRMED = "not been confirmed"
"""In the reason of health for a source that is not confirmed."""


class Observer:
    """Samples /healthz, and the confirmations in the database before and after, during the `with` block; then it judges."""

    def __init__(self, operator: Operator, confirmation_seconds: float) -> None:
        self._operator = operator
        self._confirmation_ms = int(confirmation_seconds * 1000)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_all, name="observer")
        self.samples = 0
        self.seen: set[str] = set()
        """Each status that health had."""
        self.wrong: list[str] = []

    def __enter__(self) -> "Observer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def judge(self) -> None:
        """Fails where health was wrong at any moment."""
        assert self.samples > 0
        assert not self.wrong, f"{len(self.wrong)} of {self.samples} samples: {self.wrong[:3]}"

    def _sample_all(self) -> None:
        self._operator.port()
        path = f"file:{self._operator.data / 'kube9.db'}?mode=ro"
        connection = apsw.Connection(path, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        began_ms = _now_ms()
        known: deque[tuple[int, int]] = deque([(began_ms, began_ms)])
        while not self._done.wait(PAUSE_SECONDS):
            before_ms, confirmed_before_ms = _now_ms(), _confirmed_ms(connection)
            try:
                document = self._operator.health()[1]
            except OSError as error:
                self.wrong.append(f"no answer: {error}")
                continue
            confirmed_after_ms, after_ms = _confirmed_ms(connection), _now_ms()
            known.append((after_ms, max(confirmed_after_ms, began_ms)))
            while len(known) > 1 and known[1][0] < before_ms - LATE_SECONDS * 1000:
                known.popleft()
            self._note(document, before_ms - max(confirmed_before_ms, confirmed_after_ms, began_ms), after_ms - known[0][1])
        connection.close()

    def _note(self, document: dict[str, Any], least_ms: int, most_ms: int) -> None:
        """The last confirmation is at least so old, and at most so old the last that health must know of."""
        self.samples += 1
        self.seen.add(document["status"])
        red = not document["watches"]["events"]["confirmed"]
        if red and document["status"] != "unhealthy":
            self.wrong.append(f"{document['status']} though the Events watch is not confirmed")
        if document["status"] == "unhealthy" and not any(NOT_CONFIRMED in one for one in document["reasons"]):
            self.wrong.append(f"red for {document['reasons']}")
        if red and most_ms < self._confirmation_ms:
            self.wrong.append(f"red though the watch was confirmed {most_ms} ms ago")
        if not red and least_ms > self._confirmation_ms + BEAT_MS:
            self.wrong.append(f"not red though the watch was not confirmed for {least_ms} ms")


def _confirmed_ms(connection: apsw.Connection) -> int:
    found = connection.execute("SELECT proved_until_ms FROM sources WHERE source = 'events'").fetchone()
    return int(found[0] or 0) if found else 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
