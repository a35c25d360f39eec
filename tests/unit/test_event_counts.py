"""What is counted of events: each that a committed transaction began or updated, whoever recorded it."""

from collections.abc import Iterator

import apsw
import pytest

from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, WARNING
from kube9_operator.model.tally import Tally
from kube9_operator.write.counters import OPERATIONS
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session
from tests.unit.test_merge import START, seen

HOUR = 3_600_000


class Counted:
    """A database in memory, and what is counted of it."""

    def __init__(self) -> None:
        self.connection = database.Connection(":memory:")
        migrations.migrate(self.connection, migrations.known())
        self.session = Session(self.connection)
        self.tally = Tally()
        self.store = Store(self.session, HOUR, tally=self.tally)
        self.coverage = Coverage(self.session, self.store, HOUR)

    def events(self) -> dict[tuple[str, ...], int]:
        """`kube9_events_total`, by type and severity."""
        return self.tally.report().counts.get("kube9_events_total", {})

    def operations(self) -> dict[str, int]:
        """`kube9_database_operations_total`, without what is 0."""
        return {name: number for (name,), number in self.tally.report().counts.get(OPERATIONS, {}).items() if number}


@pytest.fixture
def counted() -> Iterator[Counted]:
    found = Counted()
    yield found
    found.connection.close()


def fail(counted: Counted, error: Exception) -> None:
    """Begins an event and updates one before it fails."""
    counted.store.apply(seen("b", key=1, severity=CRITICAL))
    counted.store.apply(seen("b", count=2, last=1, key=1, severity=CRITICAL))
    raise error


def test_events_of_the_operator_count_as_well(counted: Counted) -> None:
    with counted.session.transaction(START):
        counted.store.apply(seen())
        counted.coverage.add_gap("events", START, START + 1, "a test")
        damaged = operator_event.observation("DatabaseDamaged", CRITICAL, "", "", START, None, operator_event.SYSTEM)
        counted.coverage.record_operator_event(damaged)
    assert counted.events() == {("cluster", "warning"): 1, ("operator", "warning"): 1, ("system", "critical"): 1}
    with counted.session.transaction(START):
        counted.store.apply(seen(count=2, last=1))
        counted.coverage.add_gap("events", START + 1, START + 2, "a test")
        counted.store.apply(seen(count=2, last=1))
    assert counted.events() == {("cluster", "warning"): 1, ("operator", "warning"): 1, ("system", "critical"): 1}
    assert counted.operations() == {"insert": 3, "update": 2, "commit": 2}


def test_only_what_is_committed_counts(counted: Counted) -> None:
    with pytest.raises(apsw.IOError), counted.session.transaction(START):
        fail(counted, apsw.IOError())
    assert (counted.events(), counted.operations()) == ({}, {})
    with counted.session.transaction(START):
        counted.store.apply(seen())
        with pytest.raises(apsw.ConstraintError), counted.session.savepoint():
            fail(counted, apsw.ConstraintError())
    assert counted.events() == {("cluster", "warning"): 1}
    assert counted.operations() == {"insert": 1, "commit": 1}


def test_an_event_counts_with_the_severity_that_it_begins_with(counted: Counted) -> None:
    with counted.session.transaction(START):
        counted.store.apply(seen(severity=WARNING))
        counted.store.apply(seen(count=2, last=1, severity=CRITICAL))
    assert counted.events() == {("cluster", "warning"): 1}
