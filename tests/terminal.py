"""Runs commands on a terminal of their own."""

import os
import pty
from collections.abc import Mapping


def on_a_terminal(command: list[str], columns: int, environment: Mapping[str, str] | None = None) -> str:
    """What a command says on a terminal with so many columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("sh", ["sh", "-c", f'stty cols {columns} && exec "$@"', "sh", *command], environment or os.environ)
    text = b""
    try:
        while piece := os.read(terminal, 65536):
            text += piece
    except OSError:
        pass  # the end of a terminal's output
    os.close(terminal)
    os.waitpid(pid, 0)
    return text.decode().replace("\r\n", "\n")
