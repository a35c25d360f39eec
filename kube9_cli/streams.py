"""The streams and signals of the process."""

import io
import os
import select
import signal
import sys

from kube9_cli.render.output import HELD_BYTES, Output


def reader_is_gone() -> bool:
    """Whether nobody reads stdout any more. Nothing is written to find that out."""
    poll = select.poll()
    poll.register(1, 0)
    return any(found & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, found in poll.poll(0))


def prepare() -> Output | None:
    """Prepares the process for a command; returns what stdout writes to, None if stdout is closed.

    A reader that goes away, or Ctrl-C, ends the process without a message.
    """
    for number in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return None
    output = Output(sys.stdout.fileno())
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output, HELD_BYTES), encoding="utf-8", errors="replace", line_buffering=output.isatty()
    )
    return output
