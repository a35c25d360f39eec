"""Which errors of the file stop the operator, and which are tried again."""

import errno
import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.supervise.exits import CannotStart
from kube9_operator.write.sqlite import database, lock

MAY_PASS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENOMEM)


@pytest.fixture(params=[*MAY_PASS, *database.PERMANENT], ids=errno.errorcode.get)
def number(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the system says of every file that is to be opened."""

    def refuse(path: Any, *_: Any) -> int:
        raise OSError(request.param, os.strerror(request.param), str(path))

    monkeypatch.setattr(database.os, "open", refuse)
    found: int = request.param
    return found


def test_the_lock(number: int, tmp_path: Path) -> None:
    with pytest.raises(CannotStart if number in database.PERMANENT else OSError):
        lock.hold(str(tmp_path), 0.0, lambda: None)


def test_the_database(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite cannot open it either, and does not say why."""

    def refuse(*_: Any, **__: Any) -> None:
        raise apsw.CantOpenError("unable to open database file")

    monkeypatch.setattr(database.apsw, "Connection", refuse)
    with pytest.raises(CannotStart if number in database.PERMANENT else apsw.CantOpenError):
        database.connect(str(tmp_path), 0.0)
