"""The signals that stop the operator, and what they do at each stage of its life."""

import contextlib
import os
import signal
from collections.abc import Iterator

ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGHUP is sent when the terminal is closed."""


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Blocks these signals while a process is started, which inherits the mask.

    A terminal sends a signal to the whole process group, but only the supervisor may act on it. It receives the signal when the
    block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_STOP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def asked_to_stop() -> tuple[int, ...]:
    """Returns the signals that stop this process. SIGHUP is left out if it is ignored, as nohup does."""
    return tuple(found for found in ASKED_TO_STOP if found != signal.SIGHUP or signal.getsignal(found) is not signal.SIG_IGN)


def end_at_once() -> None:
    """Makes these signals end the process at once, until the supervisor takes over. No process has been started yet.

    The kernel discards signals to PID 1 that have no handler, so without this the pod would run until it is killed.
    """
    for number in asked_to_stop():
        signal.signal(number, lambda _number, _frame: os._exit(0))
