"""For every n the n-th statement fails while a damaged database is salvaged: in the end the same is there as without, once.

`make test` takes some n, as test_every_call.py does.
"""

import contextlib
import functools
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_operator.model.frame import ControlFrame, ListBegins, ListEnds
from kube9_operator.model.observation import Observation
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery import quarantine, restore, salvage
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session
from kube9_schema.facts import SALVAGE
from tests.bench import database as made
from tests.faults.test_every_call import ERRORS, STRIDE

EVENTS, AGAIN = 12, 3
STEPS = 30
NOW = 1_795_000_000_000


class Read:
    """A file that is read at once."""

    def __init__(self, path: str) -> None:
        self._left: list[salvage.Message] = []
        salvage.salvage(path, self._left.append)
        self.ended, self.whole = False, True

    def read(self) -> list[salvage.Message]:
        said, self._left = self._left[:5], self._left[5:]
        self.ended = not said
        return said

    def close(self) -> None:
        pass


@functools.cache
def happened() -> list[Observation]:
    return list(made.observations(EVENTS))


def opened(folder: Path) -> tuple[Session, Store, Coverage]:
    connection = database.connect(str(folder), 1.0)
    database.prepare(connection)
    migrations.migrate(connection, migrations.known())
    session = Session(connection)
    store = Store(session, 3_600_000)
    return session, store, Coverage(session, store, 3_600_000)


def begin(session: Session, store: Store, coverage: Coverage, seen: list[Observation]) -> None:
    """In a transaction: what the first batches bring."""
    Lifecycle(session.connection, coverage).started(NOW)
    coverage.update(ControlFrame("events", ListBegins("c")), {}, NOW)
    for one in seen:
        store.apply(one)
    coverage.update(ControlFrame("events", ListEnds("7", NOW, cluster="c")), {}, NOW)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a database that was moved aside."""
    folder = tmp_path / "old"
    folder.mkdir()
    session, store, coverage = opened(folder)
    with session.transaction(NOW):
        begin(session, store, coverage, happened())
    session.connection.close()
    quarantine.set_aside(str(folder), "by this test")
    return folder


def bring_in(folder: Path, fail_at: int) -> tuple[dict[str, list[tuple[Any, ...]]], bool]:
    """Salvages into a new database in which some is recorded anew; what is there then, and whether a statement had failed."""
    session, store, coverage = opened(folder)
    connection = session.connection
    one = restore.Restore(session, store, coverage, str(folder))
    now_ms = time.time_ns() // 1_000_000
    with session.transaction(now_ms):
        one.begin(now_ms)
        begin(session, store, coverage, [msgspec.structs.replace(seen, count=2) for seen in happened()[:AGAIN]])
    left = fail_at

    def fail(_cursor: object, _sql: str, _values: object) -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            raise ERRORS[fail_at % len(ERRORS)]
        return True

    connection.exec_trace = fail
    for _ in range(STEPS):
        one._check_at = 0.0
        with contextlib.suppress(*database.TROUBLE):
            one.step()
    connection.exec_trace = None
    fresh_from = restore._fresh_from(msgspec.json.decode(Facts(connection).get(SALVAGE), type=restore.State))
    found = {
        "events": f"""SELECT o.name, e.count, e.id < {fresh_from} FROM events e JOIN objects o ON o.id = e.object
            WHERE e.type = 0 OR o.name <> '' ORDER BY 1""",
        "contributors": "SELECT c.hash, c.count FROM contributors c JOIN events e ON e.id = c.event WHERE type = 0 ORDER BY 1",
        "told": f"SELECT replace(description, '{folder}', '') FROM texts JOIN events ON event = id WHERE severity = 3",
        "gaps": "SELECT source, reason FROM gaps",
        "check": "PRAGMA integrity_check",
    }
    answers = {name: connection.execute(sql).fetchall() for name, sql in found.items()}
    connection.close()
    return answers, left <= 0


def test_every_statement(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "SalvageProcess", Read)
    expected, _ = bring_in(Path(shutil.copytree(old, tmp_path / "without")), 0)
    assert sorted(row[1] for row in expected["events"]) == [1] * (EVENTS - AGAIN) + [2] * AGAIN
    assert all(row[2] for row in expected["events"]), "each under the id that it had"
    assert [row for row in expected["told"] if "12 events of it were saved, nothing else was found in it" in row[0]]
    failed, n = True, 1 - STRIDE
    while failed:
        n += STRIDE
        folder = Path(shutil.copytree(old, tmp_path / str(n)))
        found, failed = bring_in(folder, n)
        assert found == expected, n
        shutil.rmtree(folder)
    assert n > 100
