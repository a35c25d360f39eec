"""Only one operator writes a database: a lock on its folder and one on a file in it, both held until the process ends.

The file names who holds it. It can be removed, and then another could lock a new one, so the folder is locked too.
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from kube9_operator import logs
from kube9_operator.supervise.exits import BeginAgain, CannotStart
from kube9_operator.write.sqlite.database import FILE_NAME, LASTING, not_writable, refuse_all_but_files

LOCK_NAME = f"{FILE_NAME}.lock"
POLL_SECONDS = 0.1

_held: dict[str, list[int]] = {}
"""Of each lock file the descriptors of its folder and of itself. They stay open, so that the locks are held."""


def hold(folder: str, wait_seconds: float, beat: Callable[[], None]) -> None:
    """Takes the locks, for life. Waits up to `wait_seconds` for another holder, and calls `beat` meanwhile.

    Raises CannotStart, naming the holder, or where the file can never be written; OSError where it may be later.
    """
    path = Path(folder) / LOCK_NAME
    refuse_all_but_files(path, ("",))
    try:
        of_file = _open(path)
        of_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in LASTING:
            raise
        raise CannotStart(not_writable(path, error.strerror or "")) from None
    until, told = time.monotonic() + wait_seconds, False
    while not (_lock_folder(of_folder) and _lock(of_file)):
        holder = os.pread(of_file, 200, 0).decode(errors="replace").strip() or "another process"
        if not told:
            logs.get().warning("database.held", path=str(path), holder=holder, waiting_seconds=wait_seconds)
        told = True
        if time.monotonic() > until:
            _close(of_file, of_folder)
            raise CannotStart(f"{path} is held by {holder}: only one operator may write a database")
        beat()
        time.sleep(POLL_SECONDS)
    _held[str(path)] = [of_folder, of_file]
    _name_holder(of_file)


def release(folder: str) -> None:
    """Lets another have it: for a process that goes on without a database."""
    _close(*_held.pop(str(Path(folder) / LOCK_NAME)))


def look() -> None:
    """Takes a lock file anew that has been removed. Raises BeginAgain where another operator has done so already, which can
    only be on a file system that cannot lock a folder.
    """
    for path, descriptors in _held.items():
        with contextlib.suppress(OSError):  # it cannot be said just now, or there is no room
            if _is_at(path, descriptors[-1]):
                continue
            again = _open(Path(path))
            if not _lock(again):
                _close(again)
                raise BeginAgain(f"{path} was removed, and another operator holds the new one")
            descriptors.append(again)
            _name_holder(again)
            logs.get().warning("database.lock.restored", path=path)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_folder(descriptor: int) -> bool:
    """Whether nobody else has it. There are network file systems where nobody can lock a folder."""
    try:
        return _lock(descriptor)
    except OSError:
        return True


def _name_holder(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # a full disk: then nobody learns who holds it, but it is held
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def _close(*descriptors: int) -> None:
    for one in descriptors:
        os.close(one)


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
