"""A writer whose disk is as slow as a file says: seconds a write, read anew at each. TARGET is its entry for the supervisor."""

import os
import time
from pathlib import Path
from typing import Any

import apsw

from kube9_operator.write import writer

PACE = "KUBE9_TEST_SECONDS_A_WRITE"
TARGET = "tests.faults.slow:run"


class Slow(apsw.VFS):
    """The default one. https://rogerbinns.github.io/apsw/vfs.html"""

    def __init__(self) -> None:
        super().__init__("slow", "", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "File":  # noqa: N802
        return File(name, flags)


class File(apsw.VFSFile):
    """Takes its time over each write."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        time.sleep(float(Path(os.environ[PACE]).read_text(encoding="ascii")))


def run(*arguments: Any) -> None:
    """The writer."""
    disk = Slow()
    writer.run(*arguments)
    disk.unregister()
