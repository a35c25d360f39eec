"""A damaged database is moved aside with its WAL, so that recording goes on in a new one. Files only: no SQL, no salvage."""

import time
from pathlib import Path

from kube9_operator import logs
from kube9_operator.write.database import FILE_NAME

PARTS = ("", "-wal", "-shm")
"""What belongs to a database file. It goes first: a WAL that stays behind is moved after it by `finish`."""
MARK = ".corrupt-"
KEPT = 2


def set_aside(folder: str, why: str) -> Path:
    """Moves the database away, to `kube9.db.corrupt-<time>`; returns its new path. Of earlier ones the newest is kept too."""
    moved = Path(folder) / f"{FILE_NAME}{MARK}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    while moved.exists():
        moved = moved.with_name(moved.name + "x")
    _move(Path(folder) / FILE_NAME, moved)
    logs.get().error("database.damaged", why=why, moved_to=str(moved))
    for old in all_aside(folder)[:-KEPT]:
        remove(old)
    return moved


def finish(folder: str) -> None:
    """Moves what an earlier `set_aside` left behind when its process died: a new database must not find an old WAL."""
    path = Path(folder) / FILE_NAME
    aside = all_aside(folder)
    if aside and not path.exists():
        _move(path, aside[-1])


def all_aside(folder: str) -> list[Path]:
    """The databases that were moved aside, the oldest first."""
    return sorted(one for one in Path(folder).glob(f"{FILE_NAME}{MARK}*") if not one.name.endswith(PARTS[1:]))


def remove(path: Path) -> None:
    """Deletes a database that was moved aside."""
    logs.get().warning("database.damaged.removed", path=str(path))
    for part in PARTS:
        path.with_name(path.name + part).unlink(missing_ok=True)


def _move(path: Path, target: Path) -> None:
    for part in PARTS:
        one = path.with_name(path.name + part)
        if one.exists():
            one.rename(target.with_name(target.name + part))
