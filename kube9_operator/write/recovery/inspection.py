"""Damage detection: a process of its own runs quick_check, so that the writer does not wait; and the class that starts it."""

import os
import subprocess
import sys
import time

from kube9_operator import logs
from kube9_operator.interpreter import HELPER
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link
from kube9_operator.write.recovery.salvage import end_with_parent
from kube9_operator.write.sqlite.database import DAMAGE, TROUBLE, Damaged, open_readonly
from kube9_operator.write.sqlite.file_identity import FileIdentity

EXIT_DAMAGED = 3
NICE = 10
WAIT_SECONDS = 0.05


class Inspector:
    """Checks the database soon after the start, and then daily."""

    def __init__(self, path: str, deadlines: Deadlines) -> None:
        self._path = path
        self._identity = FileIdentity(path)
        self._deadlines = deadlines
        self._at = time.monotonic() + deadlines.inspect_first
        self._process: subprocess.Popen[bytes] | None = None

    def step(self) -> None:
        """Checks if it is due. Raises Damaged if damage was found or the file was removed, Replaced if it was replaced."""
        self._identity.check()
        if self._process is not None and self._process.poll() is not None:
            ended, self._process = self._process, None
            found = _found(ended)
            if found:
                raise Damaged(found)
            if ended.returncode:
                self._at = time.monotonic() + self._deadlines.inspect_retry
        if self._process is None and time.monotonic() >= self._at:
            self._at = time.monotonic() + self._deadlines.inspect
            self._process = _start(self._path)

    def close(self) -> None:
        """Ends a check that is under way."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def check(path: str, link: Link, thoroughly: bool = False) -> str:
    """Checks now, and waits for it. Returns the damage, or ''. `thoroughly`: compares indexes with tables, too."""
    process = _start(path, *(["integrity_check"] if thoroughly else []))
    while process.poll() is None:
        link.beat("looking for damage")
        time.sleep(WAIT_SECONDS)
    return _found(process)


def _start(path: str, *pragma: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, *HELPER, "kube9_operator.write.recovery.inspection", path, *pragma]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # noqa: S603


def _found(process: subprocess.Popen[bytes]) -> str:
    """The damage that a process has found, or ''. The process has ended."""
    said = (process.communicate()[0] or b"").decode(errors="replace").strip()
    logs.get().debug("database.inspected", exit_code=process.returncode, said=said)
    return said if process.returncode == EXIT_DAMAGED else ""


def main() -> int:
    """Writes the first damage of the database whose path is the argument; returns the exit code."""
    end_with_parent()
    os.nice(NICE)
    try:
        found = str(open_readonly(sys.argv[1]).pragma(sys.argv[2] if len(sys.argv) > 2 else "quick_check", 1))
    except DAMAGE as error:
        found = logs.one_line(error)
    except TROUBLE as error:  # locked, or moved away meanwhile: the writer notices that itself
        sys.stdout.write(logs.one_line(error))
        return 1
    sys.stdout.write(found)
    return 0 if found == "ok" else EXIT_DAMAGED


if __name__ == "__main__":
    sys.exit(main())
