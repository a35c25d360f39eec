"""A VFS through which everything of this process goes to the disk, and of which the n-th call of a kind fails."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw


class Failing(apsw.VFS):
    """The default one, with a plan. https://rogerbinns.github.io/apsw/vfs.html"""

    def __init__(self) -> None:
        self.kind, self.left, self.error = "", 0, apsw.IOError("disk I/O error")
        """Of which calls the how manieth from now on is to fail, and with what."""
        super().__init__("failing", "", makedefault=True)

    def plan(self, kind: str, n: int, error: apsw.Error) -> None:
        self.kind, self.left, self.error = kind, n, error

    def failed(self) -> bool:
        """Whether what is planned has happened; then no more is."""
        happened, self.kind = self.left <= 0, ""
        return happened

    def call(self, kind: str) -> None:
        if kind == self.kind:
            self.left -= 1
            if self.left == 0:
                raise self.error

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "File":  # noqa: N802
        return File(self, name, flags)


class File(apsw.VFSFile):
    """Each method asks first whether it is to fail."""

    def __init__(self, vfs: Failing, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("unix", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.call("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._vfs.call("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._vfs.call("sync")
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._vfs.call("truncate")
        super().xTruncate(size)

    def xFileSize(self) -> int:  # noqa: N802
        self._vfs.call("size")
        return super().xFileSize()


@contextmanager
def failing() -> Iterator[Failing]:
    """The default VFS, as long as the block."""
    vfs = Failing()
    try:
        yield vfs
    finally:
        vfs.unregister()
