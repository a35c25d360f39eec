"""Starts a process that salvages a damaged database (`salvage`), and reads from it without waiting."""

import contextlib
import os
import subprocess
import sys

from kube9_operator import logs
from kube9_operator.interpreter import HELPER
from kube9_operator.write.recovery import salvage

READ_BYTES = 65_536


class SalvageProcess:
    """Salvages one file, once."""

    def __init__(self, path: str) -> None:
        logs.get().info("salvage.started", path=path)
        command = [sys.executable, *HELPER, "kube9_operator.write.recovery.salvage", path]
        self._path = path
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # noqa: S603
        assert self._process.stdout
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._buffer = b""
        self.ended = False
        self.whole = False
        """The last message has arrived."""

    def read(self) -> list[salvage.Message]:
        """New messages; none if there are none yet, or if the process has ended."""
        messages: list[salvage.Message] = []
        with contextlib.suppress(BlockingIOError):
            while not messages and not self.ended:
                data = os.read(self._out, READ_BYTES)
                self._buffer += data
                messages = self._messages()
                if not data:
                    self.ended = True
                    if self._process.wait() or not self.whole:
                        logs.get().error("salvage.failed", exit_code=self._process.returncode, path=self._path)
        return messages

    def close(self) -> None:
        """Kills the process, if it is still running."""
        self._process.kill()
        self._process.communicate()

    def _messages(self) -> list[salvage.Message]:
        """The messages in the buffer that are complete."""
        found, at = list[salvage.Message](), 0
        while len(self._buffer) - at >= salvage.LENGTH_BYTES:
            begin = at + salvage.LENGTH_BYTES
            end = begin + int.from_bytes(self._buffer[at:begin], "big")
            if len(self._buffer) < end:
                break
            found.append(salvage.decode(self._buffer[begin:end]))
            self.whole = isinstance(found[-1], salvage.Read)
            at = end
        self._buffer = self._buffer[at:]
        return found
