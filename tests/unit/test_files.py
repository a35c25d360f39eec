"""What is no file in the place of one: it is named, and neither waited for nor read without end."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.exits import CannotStart
from kube9_operator.supervise.volume import Volume
from kube9_operator.write.recovery import quarantine
from kube9_operator.write.recovery.btree_pages import Pages
from kube9_operator.write.sqlite import database, lock
from kube9_schema.files import NotAFile, open_file

PARTS = ("", "-wal", "-shm", "-journal")


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    yield
    os.chdir(before)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one, _in(path.parent):  # the path of a socket may be no longer than 107 bytes
        one.bind(path.name)


KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a socket": _socket,
}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return KINDS[request.param]


@pytest.mark.parametrize("part", PARTS)
def test_the_writer_does_not_start_with_it(tmp_path: Path, make: Callable[[Path], None], part: str) -> None:
    database.connect(str(tmp_path), 1).close()
    odd = tmp_path / f"kube9.db{part}"
    odd.unlink(missing_ok=True)
    make(odd)
    with pytest.raises(CannotStart, match=rf"^{odd} cannot be opened: not a file"):
        database.connect(str(tmp_path), 1)
    with pytest.raises(NotAFile):
        database.open_readonly(str(tmp_path / "kube9.db"))


def test_nor_takes_it_for_its_lock(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "kube9.db.lock")
    with pytest.raises(CannotStart, match=r"kube9\.db\.lock cannot be opened: not a file"):
        lock.hold(str(tmp_path), 0, lambda: None)


def test_what_is_noted_of_a_damaged_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    aside = tmp_path / "kube9.db.corrupt-20261124T103045Z"
    make(tmp_path / f"{aside.name}.json")
    assert quarantine.note(aside) == quarantine.Note()
    quarantine.keep_note(aside, quarantine.Note("why"))
    assert quarantine.note(aside) == quarantine.Note()


def test_a_damaged_file_itself(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "damaged")
    with pytest.raises(NotAFile):
        Pages(str(tmp_path / "damaged"))
    (tmp_path / "whole").write_bytes(bytes(8_192))
    make(tmp_path / "whole-wal")
    pages = Pages(str(tmp_path / "whole"))
    assert len(pages.page(1)) == 4_096, "without its write-ahead log"
    pages.close()


def test_health_says_so(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "kube9.db")
    volume = Volume(tmp_path / "kube9.db", 1, Deadlines())
    volume.check()
    assert volume.unreadable().startswith("not a file")


def test_a_file_that_is_swapped_meanwhile_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    real = os.stat

    def swapped(path: object, *rest: object, **more: object) -> os.stat_result:
        found = real(path)  # type: ignore[arg-type]
        (tmp_path / "file").unlink()
        os.mkfifo(tmp_path / "file")
        return found

    monkeypatch.setattr(os, "stat", swapped)
    with pytest.raises(NotAFile):
        open_file(tmp_path / "file")
