"""Starts Python programs as forks of a process that has imported what they import, which takes a tenth of the processor time.

The operator's fork server is prepared as well: it is a fork of the program before that runs, and waits until it is started.
What is started so has pids, parents, pipes, signals and an end of its own, like any other process. A test that is about the
start itself, or measures memory, starts a new Python: `Operator.prepared`.
"""

import array
import contextlib
import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
AT_START = ("GLIBC_", "LANG", "LC_", "LD_", "MALLOC_", "PYTHON", "TZ")
"""Variables that begin so have an effect when Python starts: whoever is given others of them cannot be prepared."""
MAX_BYTES = 2**17
IMPORTED = (
    *("kube9_operator.preload", "kube9_operator.supervise.supervisor", "kube9_operator.supervise.volume"),
    *("kube9_operator.settings", "kube9_operator.assess.schedule", "kube9_operator.collect.schedule"),
    *("kube9_operator.register.schedule", "kube9_operator.http.pages", "kube9_operator.http.prometheus"),
    *("kube9_operator.http.server", "kube9_operator.assess.assessor", "kube9_operator.collect.collector"),
    *("kube9_operator.register.registrar", "kube9_operator.sink.process", "tests.standin.server"),
)


# In the process of the tests


class Started:
    """A process that was started, as far as tests use a `subprocess.Popen`."""

    def __init__(self, answers: int) -> None:
        self._answers = answers
        self.pid = _number(os.read(answers, 8))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; raises subprocess.TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], seconds)[0]:
            self.returncode = os.waitstatus_to_exitcode(_number(os.read(self._answers, 8)))
            os.close(self._answers)
        return self.returncode


class Template:
    """The process that has imported everything."""

    def __init__(self) -> None:
        self.used = False
        """Whether there is to be one: tests have one, and measurements have none."""
        self._environment = _at_start(os.environ)
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, code: str, environment: dict[str, str], files: tuple[int, int, int]) -> Started | None:
        """Runs code as `python -c` does, with these standard streams; returns None if it needs a new Python."""
        if not self.used or _at_start(environment) != self._environment:
            return None
        answers, theirs = os.pipe()
        asked = json.dumps({"code": code, "environment": environment, "folder": str(Path.cwd())}).encode()
        with self._lock:
            _send(self._running(), asked, [*files, theirs])
        os.close(theirs)
        return Started(answers)

    def _running(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-c", f"from tests import prepared; exec(prepared.serve({theirs.fileno()}))"]
            others = {name: value for name, value in os.environ.items() if not name.startswith(AT_START)}
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "pass_fds": [theirs.fileno()]}
            self._process = subprocess.Popen(command, cwd=ROOT, env=others | self._environment, **streams)
            theirs.close()
        return self._socket

    def end(self) -> None:
        """Ends it; what it has started goes on."""
        self.used = False
        if self._socket is not None and self._process is not None:
            self._socket.shutdown(socket.SHUT_RDWR)  # a fork of the tests may have it too
            self._socket.close()
            self._process.wait()
            self._socket = self._process = None


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(AT_START)}


TEMPLATE = Template()


# In the template


def serve(number: int) -> str:
    """Forks whenever that is asked for; returns only in a fork: the code to run."""
    for name in IMPORTED:
        __import__(name)
    wakeup, wakeup_writer = socket.socketpair()
    for one in (wakeup, wakeup_writer):
        one.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakeup_writer.fileno())
    asking = socket.socket(fileno=number)
    gc.freeze()
    running: dict[int, int] = {}
    while True:
        ready = select.select([asking, wakeup], [], [])[0]
        with contextlib.suppress(BlockingIOError):
            wakeup.recv(4096)
        _tell_ends(running)
        if asking not in ready:
            continue
        asked, files = _receive(asking)
        if not asked:
            sys.exit()  # the tests have ended
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for inherited in (asking, wakeup, wakeup_writer):
                inherited.close()
            for one in (files.pop(), *running.values()):
                os.close(one)
            return _become(json.loads(asked), files)
        _tell(files[3], pid)
        for one in files[:3]:
            os.close(one)
        running[pid] = files[3]


def _tell_ends(running: dict[int, int]) -> None:
    while running:
        pid, ended = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell(running[pid], ended)
        os.close(running.pop(pid))


def _tell(answers: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(answers, number.to_bytes(8, "little"))


def _become(asked: dict[str, Any], files: list[int]) -> str:
    """Makes of a fork what `python -c` would be before it runs the code; returns the code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _number_as(files, [0, 1, 2])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["-c"]
    code: str = asked["code"]
    return _with_fork_server(code) if "kube9_operator" in code else code


def _with_fork_server(code: str) -> str:
    """Forks the fork server to be; returns the code that it runs when it is started, or that of the program."""
    from multiprocessing import util

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        return _wait_to_start(theirs)
    theirs.close()
    start_new, waiting = util.spawnv_passfds, [ours]

    def spawn(path: Any, arguments: list[Any], passed: list[int]) -> int:
        if not (waiting and "forkserver" in str(arguments[-1])):
            return start_new(path, arguments, passed)  # a second fork server, or the resource tracker
        blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
        asked = {"code": arguments[-1], "environment": dict(os.environ), "passed": list(passed), "blocked": blocked}
        with waiting.pop() as asking:
            try:
                _send(asking, json.dumps(asked).encode(), list(passed))
            except OSError:  # it was killed
                os.waitpid(pid, 0)
                return start_new(path, arguments, passed)
        return pid

    util.spawnv_passfds = spawn
    return code


def _wait_to_start(asking: socket.socket) -> str:
    """Waits until this fork server is started, and returns its code; ends if the program ends before."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # a signal to all of a group is not for it
    text, files = _receive(asking)
    if not text:
        os._exit(0)
    asked = json.loads(text)
    signal.pthread_sigmask(signal.SIG_SETMASK, asked["blocked"])
    asking.close()
    _number_as(files, asked["passed"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    code: str = asked["code"]
    return code


def _number_as(files: list[int], wanted: list[int]) -> None:
    """Gives open files the numbers by which a program expects them."""
    above = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, max(wanted) + 1) for one in files]
    for one in files:
        os.close(one)
    for one, number in zip(above, wanted, strict=True):
        os.dup2(one, number)
        os.close(one)


# Of both


def _number(text: bytes) -> int:
    assert len(text) == 8, "the process that starts others has ended"
    return int.from_bytes(text, "little")


def _send(to: socket.socket, text: bytes, files: list[int]) -> None:
    assert len(text) < MAX_BYTES
    to.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])


def _receive(asking: socket.socket) -> tuple[bytes, list[int]]:
    files = array.array("i")
    text, more, _, _ = asking.recvmsg(MAX_BYTES, socket.CMSG_LEN(16 * files.itemsize))
    for _, _, data in more:
        files.frombytes(data)
    return text, list(files)
