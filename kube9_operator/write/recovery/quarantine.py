"""Quarantine: moves a damaged database aside with its WAL, so that recording goes on in a new one. No SQL, no salvage."""

import contextlib
import time
from pathlib import Path

import msgspec

from kube9_operator import logs
from kube9_operator.write.sqlite.database import FILE_NAME
from kube9_operator.write.sqlite.file_identity import PARTS, WAL_PARTS
from kube9_schema.files import open_file, refuse_others

MARK = ".corrupt-"
NOTE = ".json"
KEPT = 2
MAX_NOTE_BYTES = 64 * 1024


class Note(msgspec.Struct, frozen=True):
    """A file beside a database that was moved aside. The new database may be damaged before everything is restored."""

    why: str = "it was found damaged"
    moved: bool = False
    """All files of the database were moved."""
    salvaged: bool = False
    """What could be read of it was restored."""


def set_aside(folder: str, why: str) -> Path:
    """Moves the database to `kube9.db.corrupt-<time>`; returns the new path. The newest of the earlier ones is kept, too.

    If the file was removed, only a note is left, because a WAL alone is worth nothing.
    """
    path = Path(folder) / FILE_NAME
    moved = path.with_name(f"{FILE_NAME}{MARK}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    while moved in all_aside(folder):
        moved = moved.with_name(moved.name + "x")
    keep_note(moved, Note(why))
    if path.exists():
        _move(path, moved)
        keep_note(moved, Note(why, moved=True))
        logs.get().error("database.damaged", why=why, moved_to=str(moved))
    else:
        _remove(path, WAL_PARTS)
        logs.get().error("database.lost", why=why, path=str(path))
    for old in [one for one in all_aside(folder) if one.exists()][:-KEPT]:
        remove(old)
    return moved


def finish(folder: str) -> None:
    """Finishes a `set_aside` during which the process died: a new database must not find an old WAL."""
    path = Path(folder) / FILE_NAME
    aside = all_aside(folder)
    if aside and not path.exists():
        if not note(aside[-1]).moved and aside[-1].exists():
            _move(path, aside[-1])
        _remove(path, WAL_PARTS)


def remove_wal(folder: str) -> None:
    """Deletes a WAL that makes no sense, and its index."""
    _remove(Path(folder) / FILE_NAME, WAL_PARTS)


def all_aside(folder: str) -> list[Path]:
    """The databases that were moved aside, the oldest first. Of a removed one there is only a note."""
    found = {one.with_name(one.name.removesuffix(NOTE)) for one in Path(folder).glob(f"{FILE_NAME}{MARK}*")}
    return sorted(one for one in found if not one.name.endswith(WAL_PARTS))


def note(path: Path) -> Note:
    """The note beside a database that was moved aside."""
    with contextlib.suppress(OSError, msgspec.MsgspecError), open(open_file(_note(path)), "rb") as file:
        return msgspec.json.decode(file.read(MAX_NOTE_BYTES), type=Note)
    return Note()


def keep_note(path: Path, note: Note) -> None:
    """Writes the note, if the disk allows it: nothing depends on it."""
    with contextlib.suppress(OSError):
        refuse_others(_note(path))
        _note(path).write_bytes(msgspec.json.encode(note))


def remove(path: Path) -> None:
    """Deletes a database that was moved aside, with its note."""
    if path.exists():
        logs.get().warning("quarantine.removed", path=str(path))
    _remove(path, (*PARTS, NOTE))


def give_way(folder: str) -> None:
    """Deletes the oldest database that was moved aside, because the volume is full: recording comes first.

    If it was not restored, its note stays, so that the next database records the damage.
    """
    for one in [path for path in all_aside(folder) if path.exists()][:1]:
        if note(one).salvaged:
            remove(one)
        else:
            logs.get().warning("quarantine.removed", path=str(one), why="no room on the volume")
            keep_note(one, msgspec.structs.replace(note(one), moved=True))
            _remove(one, PARTS)


def _note(path: Path) -> Path:
    return path.with_name(path.name + NOTE)


def _move(path: Path, target: Path) -> None:
    for part in PARTS:
        one = path.with_name(path.name + part)
        if one.exists():
            one.rename(target.with_name(target.name + part))


def _remove(path: Path, parts: tuple[str, ...]) -> None:
    for part in parts:
        path.with_name(path.name + part).unlink(missing_ok=True)
