"""Runs kube9-cli in a fork of this process: with streams, an end and memory of its own, without the time that a start takes.
What may hang, or end its process, is asked here; tests.cli asks in the process of the test.
"""

import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kube9_cli.main import run
from tests.operator import until

LONGEST_SECONDS = 120.0
"""What has not ended by then hangs: it is killed, and the test fails."""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str
    grown_bytes: int
    """How much more memory it took at its most than when it began; 0 where it was ended from outside."""


def kube9_cli(*arguments: str, environment: Mapping[str, str] | None = None, before: Callable[[], None] = lambda: None) -> Done:
    """Runs a command line to its end; `before` may change the forked process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as grown:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a thread of another test may be there
            pid = os.fork()
        if pid == 0:
            _become(arguments, environment or {}, before, (out.fileno(), err.fileno(), grown.fileno()))
        code = _wait(pid)
        for file in (out, err, grown):
            file.seek(0)
        return Done(code, out.read().decode(), err.read().decode(), int(grown.read() or 0))


def _become(
    arguments: tuple[str, ...], environment: Mapping[str, str], before: Callable[[], None], files: tuple[int, int, int]
) -> None:
    code = 70
    try:
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", 1, closefd=False)
        os.environ.update(environment)
        began = _memory_bytes("VmRSS")
        before()
        code = run(list(arguments), "kube9-cli")  # what it has not flushed itself would not reach a reader either
        os.write(files[2], str(_memory_bytes("VmHWM") - began).encode())
    except BaseException as error:
        os.write(2, f"Traceback: {error!r}\n".encode())
    finally:
        os._exit(code)


def _memory_bytes(name: str) -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def _wait(pid: int) -> int:
    ended: list[int] = []

    def look() -> bool:
        found, status = os.waitpid(pid, os.WNOHANG)
        ended.extend([os.waitstatus_to_exitcode(status)] if found else [])
        return bool(ended)

    try:
        until(look, "the command to end", LONGEST_SECONDS)
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return ended[0]
