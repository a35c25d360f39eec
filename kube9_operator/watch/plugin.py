"""Runs a credential plug-in of a kubeconfig, bounded in time and output. It ends with the operator."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import IO

from kube9_operator.text import redact

MOST_BYTES = 1024 * 1024
"""The longest output. A token and two certificates take some KB."""
MOST_ERROR_BYTES = 4096
MOST_ERROR_CHARACTERS = 300
POLL_SECONDS = 0.05
# The kernel kills the plug-in when the thread that started it ends for any reason: PR_SET_PDEATHSIG, SIGKILL.
# The plug-in gets the default signal handling of a shell: this process blocks some signals, and Python ignores others.
LAUNCHER = """
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
    import signal
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(str(error))
"""
_running: set[int] = set()


class Unusable(Exception):
    """There are no usable credentials. The text says why, without secrets."""


def run(command: list[str], environment: dict[str, str], folder: str | None, seconds: float) -> bytes:
    """Runs a command and returns its output. Raises Unusable if it fails, takes longer, or prints more than MOST_BYTES."""
    name = os.path.basename(command[0])
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
    pipe = subprocess.PIPE
    try:
        # In a process group of its own, so that what it starts ends with it. The user chooses what runs, as with kubectl.
        process = subprocess.Popen(  # noqa: S603
            launched, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd=folder, env=environment, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise Unusable(f"the plug-in {name} cannot be started: {type(error).__name__}") from None
    _running.add(process.pid)
    try:
        printed, said = _read(process, name, time.monotonic() + seconds)
    finally:
        _kill(process.pid)  # before waiting for it: its id cannot belong to another process yet
        _running.discard(process.pid)
        with process:
            pass
    if process.returncode:
        text, _ = redact.text(" ".join(said.decode("utf-8", "replace").split()), MOST_ERROR_CHARACTERS)
        raise Unusable(f"the plug-in {name} ended with {process.returncode}: {text[:MOST_ERROR_CHARACTERS]}")
    return printed


def end_all() -> None:
    """Ends all running plug-ins, because the process is to end."""
    for pid in list(_running):
        _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _read(process: "subprocess.Popen[bytes]", name: str, until: float) -> tuple[bytes, bytes]:
    """Returns the complete output and the beginning of the error output, after the process has ended."""
    assert process.stdout is not None
    assert process.stderr is not None
    read: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in read:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and not (_has_ended(process.pid) and not selector.select(0)):
            if time.monotonic() > until:
                raise Unusable(f"the plug-in {name} did not end in time")
            for key, _ in selector.select(POLL_SECONDS):
                chunk = os.read(key.fd, 65_536)
                if not chunk:
                    selector.unregister(key.fileobj)
                got = read[key.fileobj]  # type: ignore[index]
                got += chunk
                if key.fileobj is process.stderr:
                    del got[MOST_ERROR_BYTES:]
                elif len(got) > MOST_BYTES:
                    raise Unusable(f"the plug-in {name} prints more than {MOST_BYTES // 2**20} MiB")
    while not _has_ended(process.pid):
        if time.monotonic() > until:
            raise Unusable(f"the plug-in {name} did not end in time")
        time.sleep(POLL_SECONDS)
    return bytes(read[process.stdout]), bytes(read[process.stderr])


def _has_ended(pid: int) -> bool:
    """Returns whether the process has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
