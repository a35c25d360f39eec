"""Says what a writer leaves behind where it has to end before all is committed. It is read again at the next start."""

from typing import Any

from kube9_operator import logs
from kube9_operator.model.frame import Frame


def say(batch: list[Frame], frames: Any) -> None:
    """Logs how much: the batch at hand, and the frames that wait in the queue, into which nothing comes any more.

    These are not read: where a watcher was killed in the midst of one, that would never end.
    """
    waiting = frames.qsize()
    if batch or waiting:
        observations = sum(len(frame.items) for frame in batch)
        left = {"frames": len(batch), "observations": observations, "frames_in_queue": waiting}
        logs.get().error("shutdown.not_flushed", **left, why=logs.READ_AGAIN)
