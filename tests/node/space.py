"""A space of its own on this machine: process, mount and network namespaces that vanish whole with their first process.

Whatever is run in it (containers with their shims, mounts, networks, iptables) dies with it, also where the test that made
it is killed: its first process ends with the pipe from here. Control groups are all that is left, and removed by name.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tests.operator import until

PREFIX = "kube9-node"
"""With a number, the name of a space's network link and control group."""
LOCKS = Path("/run")
MOST = 250
"""Spaces at a time on one machine."""
FIRST = Path(__file__).parent / "first.py"
CONTROL_GROUPS = Path("/sys/fs/cgroup")
STOP_SECONDS = 10.0


class Space:
    """Lasts as long as the `with` block. Needs root. Several may exist at a time: each has a number of its own."""

    def __init__(self, folder: Path) -> None:
        """What is usually in /var/lib and /var/log is below `folder`; so are the logs of what is run."""
        self.folder = folder
        number, self._lock = _claim_number()
        self.name = f"{PREFIX}{number}"
        """Of its network link on this side, and of its control group."""
        self.here, self.address = f"198.18.{number}.1", f"198.18.{number}.2"
        """The two ends of the only way in: addresses for tests of networks, which nobody has (RFC 2544)."""
        self._first: subprocess.Popen[bytes] | None = None
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Space":
        try:
            self._make()
        except BaseException:
            self._vanish()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._vanish()

    def inside(self, *namespaces: str) -> tuple[str, ...]:
        """The command that runs another one in these namespaces: of `net`, `mount` and `pid`."""
        assert self._first
        first = children_of(self._first.pid)[0]
        return ("nsenter", f"--target={first}", *(f"--{one}" for one in namespaces), "--")

    def call(self, *command: object) -> str:
        """Runs a command in the space to its end; what it says. Raises AssertionError where it fails."""
        words = [*self.inside("net", "mount", "pid"), *map(str, command)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, *command: object, name: str = "") -> None:
        """Starts a program in the space, with a log of its name (its file's, where none is given)."""
        name = name or Path(str(command[0])).name
        with (self.folder / f"{name}.log").open("ab") as log:
            words = [*self.inside("net", "mount", "pid"), *map(str, command)]
            self._running[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_running(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """Stops a program that was started, and waits for its end."""
        process = self._running.pop(name, None)
        if process is None:
            return
        for child in children_of(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for child in children_of(process.pid):
                os.kill(child, signal.SIGKILL)
            process.wait()

    def _make(self) -> None:
        remove_control_groups(self.name)
        for hierarchy in hierarchies():
            group = hierarchy / self.name
            group.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one of version 1
                if (hierarchy / name).exists() and (group / name).exists():
                    (group / name).write_text((hierarchy / name).read_text(encoding="ascii"), encoding="ascii")
        namespaces = ("--net", "--mount", "--pid", "--mount-proc", "--propagation=private", "--fork", "--kill-child")
        command = ["unshare", *namespaces, "--", sys.executable, "-S", "-E", str(FIRST), str(self.folder)]
        self._first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._first.stdout
        said = self._first.stdout.readline()
        assert said == b"ready\n", f"the space could not be made: {said!r}"
        first = children_of(self._first.pid)[0]
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", first)
        run("ip", "address", "add", f"{self.here}/30", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        self.call("ip", "address", "add", f"{self.address}/30", "dev", "eth0")
        self.call("ip", "link", "set", "eth0", "up")
        # Kubernetes wants one; nothing of the node finds a way off this machine.
        self.call("ip", "route", "add", "default", "via", self.here)

    def _vanish(self) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)
        if self._first:
            assert self._first.stdin
            assert self._first.stdout
            self._first.stdin.close()
            self._first.wait()
            self._first.stdout.close()
        until(lambda: not (Path("/sys/class/net") / self.name).exists(), "the network to be gone")
        remove_control_groups(self.name)
        self._lock.close()


def _claim_number() -> tuple[int, TextIO]:
    """A number that no living space has, and the lock file that says so for as long as it is open.

    Networks and control groups are those of the machine, so the locks do not depend on TMPDIR.
    """
    for number in range(1, MOST + 1):
        lock = (LOCKS / f"{PREFIX}{number}.lock").open("w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return number, lock
    raise AssertionError(f"{MOST} spaces exist already: see {LOCKS}/{PREFIX}*.lock")


def hierarchies() -> list[Path]:
    """The mounted hierarchies of control groups: one of version 2, several of version 1."""
    if (CONTROL_GROUPS / "cgroup.controllers").exists():
        return [CONTROL_GROUPS]
    return [one for one in CONTROL_GROUPS.iterdir() if one.is_dir() and not one.is_symlink()]


def remove_control_groups(name: str) -> None:
    """Removes the control groups of this name; a group whose last process is just ending is busy for a moment."""
    deadline = time.monotonic() + STOP_SECONDS
    for hierarchy in hierarchies():
        top = hierarchy / name
        while top.exists():
            for path, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            assert time.monotonic() < deadline, f"{top} cannot be removed"
            time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    """The ids of a process' living children."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
