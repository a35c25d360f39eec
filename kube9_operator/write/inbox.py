"""Takes frames from the queue, as many as make a batch."""

import contextlib
import queue
import time
from collections import Counter
from typing import Any

from kube9_operator.model.frame import Frame, decode
from kube9_operator.supervise.exits import BeginAgain

MAX_FRAMES = 200


class Inbox:
    """The writer's end of the queue of frames."""

    def __init__(self, frames: Any, commit_wait: float) -> None:
        self._frames = frames
        self._commit_wait = commit_wait
        self._sequences: Counter[str] = Counter()
        self.is_drained = True
        """Whether nothing waited in the queue when the last batch was complete."""

    def take(self, wait_seconds: float, most: int) -> list[Frame]:
        """Returns a batch: waits `wait_seconds` for a first frame, then `commit_wait` for more, up to `most` items.

        Raises BeginAgain if a frame is missing.
        """
        batch: list[Frame] = []
        items = 0
        until = time.monotonic() + wait_seconds
        self.is_drained = True
        with contextlib.suppress(queue.Empty):
            while items < most and len(batch) < MAX_FRAMES:
                frame = decode(self._frames.get(True, max(0.0, until - time.monotonic())))
                self._in_sequence(frame)
                if not batch:
                    until = time.monotonic() + self._commit_wait
                batch.append(frame)
                items += len(frame.items)
            self.is_drained = False
        return batch

    def _in_sequence(self, frame: Frame) -> None:
        """Raises BeginAgain if a frame is missing: the next worker generation goes on from the version before it."""
        self._sequences[frame.source] += 1
        if frame.sequence != self._sequences[frame.source]:
            raise BeginAgain(
                f"frame {self._sequences[frame.source]} of {frame.source} is missing, {frame.sequence} came instead"
            )
