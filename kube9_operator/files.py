"""Opens only what is a file: a pipe, a device or a socket in its place would be waited for, or read without end."""

import errno
import os
import stat


class NotAFile(OSError):
    """There is something else in its place: that does not pass by itself."""


def open_file(path: str | os.PathLike[str]) -> int:
    """A descriptor to read a regular file. Raises OSError, for what is none NotAFile."""
    refuse_others(path)
    # Another may be there by now: it is not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse(path, os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def refuse_others(path: str | os.PathLike[str]) -> None:
    """Raises NotAFile where something is at the path that is no regular file, another OSError where that cannot be said."""
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
