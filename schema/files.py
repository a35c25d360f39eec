"""Opens regular files only. A pipe, a device or a socket in the place of a file would block the reader, or never end."""

import errno
import os
import stat


class NotAFile(OSError):
    """Something else is in the place of a file. Waiting does not help."""


def open_file(path: str | os.PathLike[str]) -> int:
    """A descriptor for reading a regular file. Raises OSError; NotAFile for anything that is not a file."""
    refuse_others(path)
    # Something else may be there by now: NONBLOCK keeps a pipe from blocking.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse(path, os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def refuse_others(path: str | os.PathLike[str]) -> None:
    """Raises NotAFile if something other than a regular file is at the path, and OSError if that cannot be found out.

    It is called before a file is opened, because opening some devices already acts on them.
    """
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
