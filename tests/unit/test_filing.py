"""Where events are filed: by half days of a burst, and by the first of many objects of one name."""

import contextlib
from collections.abc import Iterator

import apsw
import pytest
from msgspec.structs import replace

from kube9_operator.model.observation import Observation
from kube9_operator.write.events import names
from kube9_operator.write.events.filing import HALF_DAY_MS, UPDATE
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import migrations
from kube9_operator.write.sqlite.session import Session
from tests.filed import assert_filed
from tests.unit.test_merge import seen

NOON = 1_764_676_800_000


@pytest.fixture
def session() -> Iterator[Session]:
    connection = apsw.Connection(":memory:")
    migrations.migrate(connection, migrations.known())
    yield Session(connection)
    connection.close()


def at(ms: int, name: str = "web", uid: str = "u1", contributor: int = 0, key: int = 0) -> Observation:
    """A warning about a pod at a moment."""
    return replace(seen(), name=name, uid=uid, contributor=contributor, key=key, first_ms=ms, last_ms=ms)


def starts(session: Session) -> list[int]:
    return [row[0] for row in session.connection.execute("SELECT start_ms FROM periods ORDER BY start_ms")]


def test_events_of_several_half_days_are_filed_once(session: Session) -> None:
    store = Store(session, quiet_ms=60_000)
    statements: list[str] = []

    def note(_cursor: object, sql: str, _values: object) -> bool:
        statements.append(sql)
        return True

    session.connection.exec_trace = note
    with session.transaction(NOON + 2 * HALF_DAY_MS):
        for number in range(24):
            store.apply(at(NOON + number * HALF_DAY_MS // 12, f"web-{number}", contributor=number))
    session.connection.exec_trace = None
    assert UPDATE not in statements
    assert starts(session) == [0, NOON, NOON + HALF_DAY_MS]
    assert_filed(session.connection)


def test_a_half_day_that_has_not_come_yet_has_no_period(session: Session) -> None:
    store = Store(session, quiet_ms=60_000)
    with session.transaction(NOON):
        store.apply(at(NOON + 5 * HALF_DAY_MS, contributor=1))
    assert starts(session) == [0, NOON]
    with session.transaction(NOON + 5 * HALF_DAY_MS):
        store.apply(at(NOON + 5 * HALF_DAY_MS, "web-2", contributor=2))
    assert starts(session) == [0, NOON, NOON + 5 * HALF_DAY_MS]
    assert_filed(session.connection)


def test_a_period_that_begins_in_a_savepoint_is_undone_with_it(session: Session) -> None:
    store = Store(session, quiet_ms=60_000)
    with session.transaction(NOON + HALF_DAY_MS):
        store.apply(at(NOON, contributor=1))
        with contextlib.suppress(apsw.ConstraintError), session.savepoint():
            store.apply(at(NOON + HALF_DAY_MS, "web-2", contributor=2))
            raise apsw.ConstraintError("refused")
        store.apply(at(NOON + 1, "web-3", contributor=3))
    assert starts(session) == [0, NOON]
    assert_filed(session.connection)


@pytest.mark.parametrize("number", [names.MOST_OF_NAME - 1, names.MOST_OF_NAME, names.MOST_OF_NAME + 1, 40])
def test_of_many_objects_of_one_name_the_first_stands_for_all(session: Session, number: int) -> None:
    store = Store(session, quiet_ms=60_000)
    for turn in range(2):  # in the second, all of them are known
        with session.transaction(NOON + turn):
            for one in range(number):
                pod = at(NOON, "web-0", f"uid-{one}", contributor=2 * one + turn, key=turn)
                assert store.apply(pod).outcome == "stored"
    connection = session.connection
    assert connection.execute("SELECT count(*) FROM objects").fetchone() == (number,)
    assert connection.execute("SELECT count(DISTINCT root), count(*) FROM events").fetchone() == (1, 2 * number)
    assert_filed(connection)
