"""The streams and signals of the process."""

import _signal  # type: ignore[import-not-found]  # see kube9_cli/__init__.py
import gc
import io
import os
import sys

from kube9_cli.render.output import HELD_BYTES, Output

COLLECTED_AFTER = 100_000
"""So many objects must be new before Python looks for cycles. An answer has none, and looking takes 1.5 ms of a start."""


def reader_is_gone() -> bool:
    """Whether nobody reads stdout any more. Nothing is written to find that out."""
    import select  # only where it is needed

    poll = select.poll()
    poll.register(1, 0)
    return any(found & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, found in poll.poll(0))


def prepare() -> Output | None:
    """Prepares the process for a command; returns what stdout writes to, None if stdout is closed.

    A reader that goes away, or Ctrl-C, ends the process without a message.
    """
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    gc.set_threshold(COLLECTED_AFTER)
    _open_closed()
    if sys.stderr is None:  # closed by the caller
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        return None
    sys.stdout.flush()
    output = Output(sys.stdout.fileno())
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output, HELD_BYTES), encoding="utf-8", errors="replace", line_buffering=output.isatty()
    )
    return output


def _open_closed() -> None:
    """Opens /dev/null for each of stdin, stdout and stderr that is closed. Otherwise the database would get its number, and an
    error message would be written into whatever has the number 2.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
