"""The streams and signals of the process."""

import io
import os
import signal
import sys

from kube9_cli.render.output import HELD_BYTES, Output


def prepare() -> Output | None:
    """What stdout goes to, None where there is none; a reader that has gone, or Ctrl-C, ends the process quietly."""
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
