"""The streams and signals of the process."""

import _signal  # type: ignore[import-not-found]  # see kube9_cli/__init__.py
import gc
import io
import os
import sys

from kube9_cli.render.output import HELD_BYTES, Output

HUNG_UP = 128 + 1
"""The exit code that a shell shows for a process whose terminal went away (128 + SIGHUP)."""
COLLECTED_AFTER = 100_000
"""So many objects must be new before Python looks for cycles. An answer has none, and looking takes 1.5 ms of a start."""


def reader_is_gone() -> bool:
    """Whether nobody reads stdout any more. Nothing is written to find that out."""
    import select  # only where it is needed

    poll = select.poll()
    poll.register(1, 0)
    return any(found & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, found in poll.poll(0))


def end_with_stdin() -> None:
    """Lets the end of stdin end the process at once, without a message. What comes from stdin until then is thrown away.

    `kubectl exec -i` closes the stdin of the command in the pod when kubectl ends. Nothing else there shows that it has ended:
    containerd keeps stdout open.
    """
    import _thread  # not threading: that takes 2 ms to import

    _thread.start_new_thread(_wait_for_end_of_stdin, ())


def _wait_for_end_of_stdin() -> None:
    import select  # only where it is needed

    poll = select.poll()
    poll.register(0, select.POLLIN)
    with_data = True
    while with_data:
        poll.poll()
        try:
            with_data = bool(os.read(0, 4096))
        except BlockingIOError:  # somebody else has read it
            continue
        except OSError:
            break
    os._exit(HUNG_UP)


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
