"""What the signals that ask the operator to stop do, at each stage of its life. Imports little: `main` begins with it."""

import contextlib
import os
import signal
from collections.abc import Iterator

ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The last comes where the terminal is closed in which it runs."""


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """What is started inherits that these signals are blocked: a terminal or a supervisor of ours sends them to the whole
    group, but what they mean is decided here. They reach this process afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKED_TO_STOP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def asked_to_stop() -> tuple[int, ...]:
    """The signals that ask this process to stop. SIGHUP does not where whoever started it has it ignored, as nohup does."""
    return tuple(one for one in ASKED_TO_STOP if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN)


def end_at_once() -> None:
    """From here on a signal ends this process: nothing is started yet that has to be stopped. The supervisor takes over later.

    The kernel discards signals to PID 1 that have no handler, so that the pod would live on until it is killed.
    """
    for number in asked_to_stop():
        signal.signal(number, lambda _number, _frame: os._exit(0))
