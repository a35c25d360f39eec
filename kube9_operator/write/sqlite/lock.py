"""Only one operator writes a database: it locks the folder and a file in it until its process ends.

The file names the holder. Because it can be removed, and another operator could lock a new one, the folder is locked too.
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
from kube9_operator.write.sqlite.database import FILE_NAME, PERMANENT, not_writable, refuse_all_but_files

LOCK_NAME = f"{FILE_NAME}.lock"
POLL_SECONDS = 0.1

_held: dict[str, list[int]] = {}
"""For each lock file the descriptors of its folder and of itself. They stay open, so that the locks are held."""


def hold(folder: str, wait_seconds: float, beat: Callable[[], None]) -> None:
    """Takes the locks until the process ends. Waits up to `wait_seconds` for another holder, and calls `beat` meanwhile.

    Raises CannotStart, which names the holder, or if the file can never be written; OSError if it may be written later.
    """
    path = Path(folder) / LOCK_NAME
    refuse_all_but_files(path, ("",))
    try:
        of_file = _open(path)
        of_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in PERMANENT:
            raise
        raise CannotStart(not_writable(path, error.strerror or "")) from None
    until, logged = time.monotonic() + wait_seconds, False
    while not (_lock_folder(of_folder) and _lock(of_file)):
        holder = os.pread(of_file, 200, 0).decode(errors="replace").strip() or "another process"
        if not logged:
            logs.get().warning("lock.waiting", path=str(path), holder=holder, waiting_seconds=wait_seconds)
        logged = True
        if time.monotonic() > until:
            _close(of_file, of_folder)
            raise CannotStart(f"{path} is held by {holder}: only one operator may write a database")
        beat()
        time.sleep(POLL_SECONDS)
    _held[str(path)] = [of_folder, of_file]
    _name_holder(of_file)


def release(folder: str) -> None:
    """Gives the locks back, for a process that goes on without a database."""
    _close(*_held.pop(str(Path(folder) / LOCK_NAME)))


def check() -> None:
    """Creates and locks a lock file again that was removed.

    Raises BeginAgain if another operator has done so already, which is possible only if the file system cannot lock a folder.
    """
    for path, descriptors in _held.items():
        with contextlib.suppress(OSError):  # not known at the moment, or there is no room
            if _is_at(path, descriptors[-1]):
                continue
            again = _open(Path(path))
            if not _lock(again):
                _close(again)
                raise BeginAgain(f"{path} was removed, and another operator holds the new one")
            descriptors.append(again)
            _name_holder(again)
            logs.get().warning("lock.restored", path=path)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_folder(descriptor: int) -> bool:
    """Locks the folder; False if another process has it. True on network file systems that cannot lock a folder."""
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
