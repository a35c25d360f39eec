"""Opens regular files only. Opening a pipe would wait, and reading a device would never end."""

import errno
import os
import stat


class NotAFile(OSError):
    """The path is not a regular file. A retry does not help."""


def open_file(path: str | os.PathLike[str]) -> int:
    """Opens a regular file for reading and returns its descriptor. Raises NotAFile for anything else, or another OSError."""
    refuse_others(path)
    # Something else may be there by now: O_NONBLOCK does not wait for it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse(path, os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def refuse_others(path: str | os.PathLike[str]) -> None:
    """Raises NotAFile if the path exists and is not a regular file, or another OSError if that cannot be found out."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAFile(errno.ELOOP, "not a file, but a link to itself", os.fspath(path)) from None
        raise
    _refuse(path, found)


def _refuse(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile(errno.EINVAL, "not a file", os.fspath(path))
