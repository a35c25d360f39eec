"""Runs commands on a terminal of their own."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping

LINES = 40


def on_a_terminal(command: list[str], columns: int, environment: Mapping[str, str] | None = None) -> str:
    """What a command says on a terminal with so many columns."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    streams = {"stdin": there, "stdout": there, "stderr": there}
    with subprocess.Popen(command, env=environment, start_new_session=True, **streams):  # type: ignore[call-overload]
        os.close(there)
        text = b""
        try:
            while piece := os.read(here, 65536):
                text += piece
        except OSError:
            pass  # the end of a terminal's output
    os.close(here)
    return text.decode().replace("\r\n", "\n")
