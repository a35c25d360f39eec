"""A process that looks whether the database is damaged (quick_check), not in the writer's way; and who starts it."""

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
from kube9_operator.write.sqlite.file_identity import Place

EXIT_DAMAGED = 3
NICE = 10
WAIT_SECONDS = 0.05


class Inspector:
    """Has the database looked at soon after the start, and then daily."""

    def __init__(self, path: str, deadlines: Deadlines) -> None:
        self._path = path
        self._place = Place(path)
        self._deadlines = deadlines
        self._at = time.monotonic() + deadlines.inspect_first
        self._process: subprocess.Popen[bytes] | None = None

    def step(self) -> None:
        """To be called between batches. Raises Damaged where damage was found or the file has been removed, Replaced where
        there is another.
        """
        self._place.look()
        if self._process is not None and self._process.poll() is not None:
            ended, self._process = self._process, None
            found = _found(ended)
            if found:
                raise Damaged(found)
            if ended.returncode:
                self._at = time.monotonic() + self._deadlines.inspect_retry
        if self._process is None and time.monotonic() >= self._at:
            self._at = time.monotonic() + self._deadlines.inspect
            self._process = _begun(self._path)

    def close(self) -> None:
        """Ends what is under way."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def look(path: str, link: Link, thoroughly: bool = False) -> str:
    """Looks for damage now and waits for it; returns what was found, '' for nothing. Thoroughly: indexes must agree too."""
    process = _begun(path, *(["integrity_check"] if thoroughly else []))
    while process.poll() is None:
        link.beat("looking for damage")
        time.sleep(WAIT_SECONDS)
    return _found(process)


def _begun(path: str, *check: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, *HELPER, "kube9_operator.write.recovery.inspection", path, *check]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # noqa: S603


def _found(process: subprocess.Popen[bytes]) -> str:
    """What a process that has ended has found, '' for nothing."""
    said = (process.communicate()[0] or b"").decode(errors="replace").strip()
    logs.get().debug("database.inspected", exit_code=process.returncode, said=said)
    return said if process.returncode == EXIT_DAMAGED else ""


def main() -> int:
    """Says the first thing that is wrong with the database whose path is the argument; returns the exit code."""
    end_with_parent()
    os.nice(NICE)
    try:
        found = str(open_readonly(sys.argv[1]).pragma(sys.argv[2] if len(sys.argv) > 2 else "quick_check", 1))
    except DAMAGE as error:
        found = logs.one_line(error)
    except TROUBLE as error:  # locked, or moved away meanwhile: the writer sees that itself
        sys.stdout.write(logs.one_line(error))
        return 1
    sys.stdout.write(found)
    return 0 if found == "ok" else EXIT_DAMAGED


if __name__ == "__main__":
    sys.exit(main())
